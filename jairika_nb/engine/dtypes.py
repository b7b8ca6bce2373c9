"""Data types: names, kinds, how NumPy and OpenCL C spell them, and how they promote.

Within a kind promotion follows the array API standard; across kinds the JAX table: a float meets
an integer at the float's width, and Python scalars never widen an array.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jairika_nb.errors import DTypeError

KINDS = ("bool", "int", "float", "complex")


@dataclass(frozen=True, eq=False)
class DType:
    """One data type; compare with ``==`` or ``is``, there is one object for each."""

    name: str
    kind: str  # "bool", "int", "uint", "float" or "complex"
    itemsize: int
    numpy: np.dtype | None
    opencl: str  # the type of a stored element

    def __repr__(self) -> str:
        return f"jairika_nb.{self.name}"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self is other
        return self.numpy is not None and self.numpy == other

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict) -> DType:
        return self  # known by identity


def _row(name: str, kind: str, itemsize: int, opencl: str, has_numpy: bool = True) -> DType:
    return DType(name, kind, itemsize, np.dtype(name) if has_numpy else None, opencl)


bool_ = _row("bool", "bool", 1, "uchar")
int8 = _row("int8", "int", 1, "char")
int16 = _row("int16", "int", 2, "short")
int32 = _row("int32", "int", 4, "int")
int64 = _row("int64", "int", 8, "long")
uint8 = _row("uint8", "uint", 1, "uchar")
uint16 = _row("uint16", "uint", 2, "ushort")
uint32 = _row("uint32", "uint", 4, "uint")
uint64 = _row("uint64", "uint", 8, "ulong")
float16 = _row("float16", "float", 2, "half")
bfloat16 = _row("bfloat16", "float", 2, "ushort", has_numpy=False)
float32 = _row("float32", "float", 4, "float")
float64 = _row("float64", "float", 8, "double")
complex64 = _row("complex64", "complex", 8, "float2")
complex128 = _row("complex128", "complex", 16, "double2")

ALL = (
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
    float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
BY_NAME = {dtype.name: dtype for dtype in ALL}
UNSUPPORTED = (bfloat16, complex64, complex128)
# What a Python scalar becomes where it meets no array.
OF_PYTHON = {bool: bool_, int: int32, float: float32}


def dtype_of(value: object) -> DType:
    """The data type that a name, a NumPy dtype, a Python type or one of ours stands for.

    >>> dtype_of("float32"), dtype_of(np.int64), dtype_of(bool)
    (jairika_nb.float32, jairika_nb.int64, jairika_nb.bool)
    """
    found: DType | None
    if isinstance(value, DType):
        found = value
    elif isinstance(value, type) and value in OF_PYTHON:
        found = OF_PYTHON[value]
    else:
        try:
            name = value if isinstance(value, str) else np.dtype(value).name  # type: ignore
        except TypeError:
            name = repr(value)
        found = BY_NAME.get(name)
    if found is None:
        names = ", ".join(d.name for d in ALL if d not in UNSUPPORTED)
        raise DTypeError(f"{value!r} is no data type here; choose one of {names}")
    if found in UNSUPPORTED:
        raise DTypeError(f"{found.name} tensors are not supported; use float32 or float64 instead")
    return found


def is_float(dtype: DType) -> bool:
    """Whether derivatives flow through values of this type."""
    return dtype.kind == "float"


def is_integer(dtype: DType) -> bool:
    """Whether the type is a signed or unsigned integer."""
    return dtype.kind in ("int", "uint")


def promote(a: DType, b: DType) -> DType:
    """The type in which an operation on ``a`` and ``b`` is done.

    >>> promote(int32, float16), promote(uint8, int8), promote(bool_, uint8)
    (jairika_nb.float16, jairika_nb.int16, jairika_nb.uint8)
    """
    if a is b:
        return a
    if a.kind == b.kind:
        return a if a.itemsize >= b.itemsize else b
    for one, other in ((a, b), (b, a)):
        if one.kind == "float" and other.kind != "float":
            return one
        if one.kind == "bool":
            return other
    return _promote_signed(a, b) if a.kind == "int" else _promote_signed(b, a)


def _promote_signed(signed: DType, unsigned: DType) -> DType:
    if signed.itemsize > unsigned.itemsize:
        return signed
    if unsigned.itemsize == 8:
        # Neither 64-bit type holds the other; the JAX table goes to the default float.
        return float32
    return BY_NAME[f"int{unsigned.itemsize * 16}"]


def weak(scalar: bool | int | float, dtype: DType) -> DType:
    """The type of ``array op Python scalar``: the array's, unless the scalar's kind is higher.

    >>> weak(2, uint8), weak(0.5, int32), weak(True, float64)
    (jairika_nb.uint8, jairika_nb.float32, jairika_nb.float64)
    """
    kind = "bool" if isinstance(scalar, bool) else "int" if isinstance(scalar, int) else "float"
    if kind == "float" and dtype.kind != "float":
        return float32
    if kind == "int" and dtype.kind == "bool":
        return int32
    return dtype


def limits(dtype: DType) -> tuple[float, float]:
    """The smallest and largest value of a type; infinities for floats."""
    if dtype.kind == "float":
        return -np.inf, np.inf
    if dtype.kind == "bool":
        return 0, 1
    info = np.iinfo(dtype.numpy)
    return int(info.min), int(info.max)
