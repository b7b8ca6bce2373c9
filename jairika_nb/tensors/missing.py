"""Numbers that are missing or without bound: NaN and infinity replaced, skipped and found."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine.dtypes import float32, is_float
from jairika_nb.errors import DTypeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.dtypes import finfo
from jairika_nb.tensors.elementwise import (
    astype,
    equal,
    isnan,
    logical_not,
    maximum,
    minimum,
    where,
)
from jairika_nb.tensors.linear import tensors
from jairika_nb.tensors.reductions import sum
from jairika_nb.tensors.tensor import Axes, Tensor


@on_tensors
def nan_to_num(
    x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """``x`` with NaN and infinities replaced; these by the dtype's largest and smallest numbers.

    >>> import jairika_nb as jrk
    >>> jrk.nan_to_num(jrk.tensor([jrk.nan, -jrk.inf, 2.0]), neginf=-1.0).tolist()
    [0.0, -1.0, 2.0]
    """
    if not is_float(x.dtype):
        return x
    limits = finfo(x.dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    found = where(isnan(x), nan, x)
    return where(isposinf(x), high, where(isneginf(x), low, found))


@on_tensors
def isposinf(x: Tensor, /) -> Tensor:
    """Elementwise: is it infinity?"""
    return equal(x, float("inf")) if is_float(x.dtype) else _never("isposinf", x)


@on_tensors
def isneginf(x: Tensor, /) -> Tensor:
    """Elementwise: is it minus infinity?"""
    return equal(x, -float("inf")) if is_float(x.dtype) else _never("isneginf", x)


def _never(name: str, x: Tensor) -> Tensor:
    if x.dtype.kind == "complex":
        raise DTypeError(f"{name}: {x.dtype.name} has no sign")
    return x != x


def fmax(x1: Any, x2: Any, /) -> Tensor:
    """The larger of two; where one is NaN, the other."""
    a, b = tensors(x1, x2)
    return where(isnan(a), b, where(isnan(b), a, maximum(a, b)))


def fmin(x1: Any, x2: Any, /) -> Tensor:
    """The smaller of two; where one is NaN, the other."""
    a, b = tensors(x1, x2)
    return where(isnan(a), b, where(isnan(b), a, minimum(a, b)))


@on_tensors
def nansum(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The sum over ``axis`` of what is not NaN."""
    return sum(where(isnan(x), 0, x), axis=axis, keepdims=keepdims)


@on_tensors
def nanmean(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The mean over ``axis`` of what is not NaN; NaN where nothing is left."""
    values = x if is_float(x.dtype) else astype(x, float32)
    there = astype(logical_not(isnan(values)), values.dtype)
    count = sum(there, axis=axis, keepdims=keepdims)
    return nansum(values, axis=axis, keepdims=keepdims) / count
