"""Questions about data types, as the array API standard asks them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.errors import DTypeError
from jairika_nb.tensors.arguments import answering
from jairika_nb.tensors.tensor import Tensor

# A target type can hold every value of a source type, by the standard's promotion graph.
KINDS = {
    "bool": ("bool",),
    "signed integer": ("int",),
    "unsigned integer": ("uint",),
    "integral": ("int", "uint"),
    "real floating": ("float",),
    "complex floating": ("complex",),
    "numeric": ("int", "uint", "float", "complex"),
}


@dataclass(frozen=True)
class FloatInfo:
    """Limits of a floating type: bits, eps, max, min, smallest_normal, dtype."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: DType


@dataclass(frozen=True)
class IntegerInfo:
    """Limits of an integer type: bits, max, min, dtype."""

    bits: int
    max: int
    min: int
    dtype: DType


def _dtype(value: Any) -> DType:
    return value.dtype if isinstance(value, Tensor) else dtypes.dtype_of(value)


def _float_limits(dtype: DType) -> Any:
    if dtype is not dtypes.bfloat16:
        return np.finfo(dtype.numpy)
    import ml_dtypes

    return ml_dtypes.finfo(dtype.numpy)


def finfo(type: Any, /) -> FloatInfo:
    """The limits of a floating type, or of a tensor's.

    >>> import jairika_nb as jrk
    >>> jrk.finfo(jrk.float32).bits
    32
    """
    dtype = _dtype(type)
    if not dtypes.is_float(dtype):
        raise DTypeError(f"finfo: {dtype.name} is no floating type; use iinfo for integers")
    info = _float_limits(dtype)
    eps, most, least, normal = map(float, (info.eps, info.max, info.min, info.smallest_normal))
    return FloatInfo(dtype.itemsize * 8, eps, most, least, normal, dtype)


def iinfo(type: Any, /) -> IntegerInfo:
    """The limits of an integer type, or of a tensor's."""
    dtype = _dtype(type)
    if not dtypes.is_integer(dtype):
        raise DTypeError(f"iinfo: {dtype.name} is no integer type; use finfo for floats")
    info = np.iinfo(dtype.numpy)
    return IntegerInfo(dtype.itemsize * 8, int(info.max), int(info.min), dtype)


def isdtype(dtype: DType, kind: DType | str | tuple[DType | str, ...]) -> bool:
    """Whether a type is of a kind, such as "integral" or "real floating", or one of several."""
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str) and kind not in KINDS:
        raise DTypeError(f"isdtype: unknown kind {kind!r}; choose one of {', '.join(KINDS)}")
    return dtype.kind in KINDS[kind] if isinstance(kind, str) else dtype is kind


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The type in which an operation on these tensors, types and Python scalars is done."""
    scalars = [v for v in arrays_and_dtypes if type(v) in (bool, int, float)]
    known = [_dtype(v) for v in arrays_and_dtypes if type(v) not in (bool, int, float)]
    if not known:
        raise DTypeError("result_type: give at least one tensor or type")
    return reduce(lambda dtype, s: dtypes.weak(s, dtype), scalars, reduce(dtypes.promote, known))


@answering
def can_cast(from_: Any, to: DType, /) -> bool:
    """Whether promotion alone leads from a type (or a tensor's) to another."""
    return dtypes.promote(_dtype(from_), to) is to
