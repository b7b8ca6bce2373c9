"""Data types: names, kinds, how NumPy and OpenCL C spell them, and how they promote.

Within a kind promotion follows the array API standard; across kinds the JAX table: a float meets
an integer at the float's width, and Python scalars never widen an array.

float16 and bfloat16 are two bytes in memory and float32 in registers. Every operation rounds its
result to the type, so a value does not depend on how kernels are cut; sums and matrix products
accumulate in float32 and round once, at their end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from jairika_nb.errors import DTypeError

KINDS = ("bool", "int", "float", "complex")


@dataclass(frozen=True, eq=False)
class DType:
    """One data type; compare with ``==`` or ``is``, there is one object for each."""

    name: str
    kind: str  # "bool", "int", "uint", "float" or "complex"
    itemsize: int
    numpy: np.dtype
    opencl: str  # the OpenCL C type of an element in memory
    lane: str  # and of a value in a register or a lane of a vector

    def __repr__(self) -> str:
        return f"jairika_nb.{self.name}"

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, DType) else self.numpy == other

    __hash__ = object.__hash__

    def __deepcopy__(self, memo: dict) -> DType:
        return self  # known by identity


def _row(name: str, kind: str, itemsize: int, opencl: str, lane: str) -> DType:
    numpy = np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
    return DType(name, kind, itemsize, numpy, opencl, lane)


# Lanes have four bytes or eight, so that most comparisons, selects and conversions fit together.
bool_ = _row("bool", "bool", 1, "uchar", "int")
int8 = _row("int8", "int", 1, "char", "int")
int16 = _row("int16", "int", 2, "short", "int")
int32 = _row("int32", "int", 4, "int", "int")
int64 = _row("int64", "int", 8, "long", "long")
uint8 = _row("uint8", "uint", 1, "uchar", "uint")
uint16 = _row("uint16", "uint", 2, "ushort", "uint")
uint32 = _row("uint32", "uint", 4, "uint", "uint")
uint64 = _row("uint64", "uint", 8, "ulong", "ulong")
float16 = _row("float16", "float", 2, "half", "float")
bfloat16 = _row("bfloat16", "float", 2, "ushort", "float")
float32 = _row("float32", "float", 4, "float", "float")
float64 = _row("float64", "float", 8, "double", "double")
complex64 = _row("complex64", "complex", 8, "float2", "float2")
complex128 = _row("complex128", "complex", 16, "double2", "double2")

ALL = (
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64,
    float16, bfloat16, float32, float64, complex64, complex128,
)  # fmt: skip
BY_NAME = {dtype.name: dtype for dtype in ALL}
UNSUPPORTED = (complex64, complex128)
# Two bytes in memory, computed in float32.
NARROW = (float16, bfloat16)
# What NumPy calls the types of registers; a scalar is handed to kernels as one of these.
REGISTERS: dict[str, Any] = {
    "int": np.int32, "uint": np.uint32, "long": np.int64, "ulong": np.uint64,
    "float": np.float32, "double": np.float64,
}  # fmt: skip
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
        if a in NARROW and b in NARROW:
            return float32  # neither holds the other
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


def convert(values: np.ndarray, dtype: DType) -> np.ndarray:
    """``values`` in another type, by the rule that all devices follow.

    A float becomes an integer by dropping its fraction; beyond the integer's range it becomes the
    nearest one, and NaN becomes 0 (OpenCL's ``convert_sat``). An integer that does not fit another
    integer wraps around. What becomes a float is rounded to the nearest one, ties to even.

    >>> convert(np.array([-1.5, 300, np.nan]), uint8).tolist()
    [0, 255, 0]
    >>> convert(np.array([-1, 300]), uint8).tolist()
    [255, 44]
    """
    if values.dtype == dtype.numpy:
        return values
    values = widened(values)
    with np.errstate(all="ignore"):
        if is_integer(dtype) and values.dtype.kind == "f":
            return _saturated(values.astype(np.float64), dtype)
        if dtype is bfloat16 and values.dtype.itemsize > 2 and values.dtype != np.float32:
            values = _to_odd(values)
        return values.astype(dtype.numpy)


def _saturated(values: np.ndarray, dtype: DType) -> np.ndarray:
    low, high = limits(dtype)
    inside = (values > low) & (values < high)
    out = np.where(inside, values, 0).astype(dtype.numpy)
    out[values >= high] = high
    out[values <= low] = low
    return out


def _to_odd(values: np.ndarray) -> np.ndarray:
    # Rounding twice, to float32 and on, errs at ties; an odd last bit in between keeps the rest's
    # side of the tie (S. Boldo, G. Melquiond, "When double rounding is odd", 2005).
    near = values.astype(np.float32)
    back = near.astype(np.float64) if values.dtype.kind == "f" else near.astype(np.longdouble)
    beyond = np.abs(back) > np.abs(values.astype(back.dtype))
    towards_zero = np.where(beyond, np.nextafter(near, np.float32(0)), near)
    bits = towards_zero.astype(np.float32).view(np.uint32)
    return np.where(back == values, bits, bits | 1).astype(np.uint32).view(np.float32)


def widened(values: np.ndarray) -> np.ndarray:
    """float16 and bfloat16 arrays as float32, in which they are computed; others as they are."""
    narrow = values.dtype in (float16.numpy, bfloat16.numpy)
    return values.astype(np.float32) if narrow else values


def number(value: bool | int | float, dtype: DType) -> bool | int | float:
    """A Python scalar as a type holds it.

    >>> number(0.1, float16), number(300, uint8)
    (0.0999755859375, 44)
    """
    return widened(convert(np.asarray(value), dtype)).item()


def argument(value: bool | int | float, dtype: DType) -> np.generic:
    """A scalar of a type as kernels take it.

    >>> argument(0.1, float16)
    np.float32(0.099975586)
    """
    stored = convert(np.asarray(value), dtype)
    return REGISTERS[dtype.lane](stored)


def limits(dtype: DType) -> tuple[float, float]:
    """The smallest and largest value of a type; infinities for floats."""
    if dtype.kind == "float":
        return -np.inf, np.inf
    if dtype.kind == "bool":
        return 0, 1
    info = np.iinfo(dtype.numpy)
    return int(info.min), int(info.max)
