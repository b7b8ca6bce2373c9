"""Ramps: evenly spaced numbers, lazy and rounded only once."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources
from jairika_nb.errors import ArgumentError, DeviceError, DTypeError, ShapeError
from jairika_nb.tensors.creation import Where, chosen_device, chosen_shape, tensor
from jairika_nb.tensors.tensor import Tensor


def arange(
    start: int | float,
    /,
    stop: int | float | None = None,
    step: int | float = 1,
    *,
    dtype: Any = None,
    device: Where = None,
) -> Tensor:
    """start, start + step, ... below ``stop``; one argument counts from 0.

    Integers make int32, floats float32; the values are those of exact arithmetic, rounded once.

    >>> import jairika_nb as jrk
    >>> jrk.arange(2, 8, 3).tolist()
    [2, 5]
    """
    start, stop = (0, start) if stop is None else (start, stop)
    start, stop, step = (_number("arange", v) for v in (start, stop, step))
    if step == 0:
        raise ShapeError(f"arange({start}, {stop}, {step}): the step must not be 0")
    whole = all(isinstance(v, int) for v in (start, stop, step))
    chosen = dtypes.dtype_of(dtype or (int if whole else float))
    count = _steps(start, stop, step)
    if whole:
        return Tensor(_whole_ramp(count, int(start), int(step), chosen, chosen_device(device)))
    return _ramp(count, float(start), float(step), None, chosen, chosen_device(device))


def _number(name: str, value: Any) -> int | float:
    """A Python number for one of NumPy's, a tensor's or Python's own."""
    try:
        return operator.index(value)
    except TypeError:
        pass
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name}: {value!r} is no number") from None


def _steps(start: Any, stop: Any, step: Any) -> int:
    """How many steps there are from ``start`` to before ``stop``."""
    if all(isinstance(v, int) for v in (start, stop, step)):
        return max(0, -((start - stop) // step))
    count = (stop - start) / step
    if not math.isfinite(count):
        raise ShapeError(f"arange({start}, {stop}, {step}): the number of steps is not finite")
    return max(0, math.ceil(count))


def _whole_ramp(count: int, start: int, step: int, dtype: DType, where: Device) -> Node:
    """start + step * i in integers; integer results wrap at their own width."""
    last = start + step * max(count - 1, 0)
    exact = dtype
    if not dtypes.is_integer(dtype):
        exact = dtypes.int32 if max(abs(start), abs(step), abs(last)) < 2**31 else dtypes.int64
    elif count and not all(_fits(v, dtype) for v in (start, last)):
        raise DTypeError(f"arange: {start} to {last} do not fit {dtype.name}; use a wider dtype")
    node = e.cast(sources.iota(count, where), exact)
    if step != 1:
        node = e.mul(node, sources.const(_wrapped(step, exact), exact, where))
    if start:
        node = e.add(node, sources.const(_wrapped(start, exact), exact, where))
    return e.cast(node, dtype)


def _fits(value: int, dtype: DType) -> bool:
    low, high = dtypes.limits(dtype)
    return low <= value <= high


def _wrapped(value: int, dtype: DType) -> int:
    """``value`` modulo the dtype's width: integers wrap, so a product or sum stays right."""
    bits = 8 * dtype.itemsize
    value &= (1 << bits) - 1
    return value - (1 << bits) if dtype.kind == "int" and value >> (bits - 1) else value


def _computes(device: Device, dtype: DType) -> bool:
    try:
        device.check_dtype(dtype)
    except DeviceError:
        return False
    return True


def _ramp(
    count: int, start: float, step: float, last: float | None, dtype: DType, where: Device
) -> Tensor:
    """start + step * i, in float64 and then rounded; the last value is ``last`` where given."""
    if not _computes(where, dtypes.float64):
        values = start + step * np.arange(count)
        values[count - 1 :] = values[count - 1 :] if last is None else last
        return tensor(values, dtype, where)
    place = sources.iota(count, where)
    node = e.add(e.mul(e.cast(place, dtypes.float64), step), start)
    if last is not None:
        node = e.where(e.apply("equal", place, count - 1), last, node)
    return Tensor(e.cast(node, dtype))


def linspace(
    start: float,
    stop: float,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: Where = None,
    endpoint: bool = True,
) -> Tensor:
    """``num`` evenly spaced values from ``start`` to ``stop``, which ``endpoint=False`` leaves out.

    The values are computed in float64 and rounded once; both ends are exact.

    >>> import jairika_nb as jrk
    >>> jrk.linspace(0, 1, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    (num,) = chosen_shape(num)
    start, stop = (float(_number("linspace", v)) for v in (start, stop))
    gaps = num - 1 if endpoint else num
    # Halves first: the whole span of two large numbers may overflow.
    step = (stop / 2 - start / 2) / gaps * 2 if gaps > 0 else 0.0
    chosen = dtypes.dtype_of(dtype or dtypes.float32)
    last = stop if endpoint and num > 1 else None
    return _ramp(num, start, step, last, chosen, chosen_device(device))
