"""Making tensors: from data, filled, ramps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes, run
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources, views
from jairika_nb.errors import DeviceError, DTypeError, NotShareable, ShapeError
from jairika_nb.tensors.arguments import whole_numbers
from jairika_nb.tensors.tensor import Tensor, host_array

Where = str | Device | None


def _device(device: Where) -> Device:
    return devices.default() if device is None else devices.find(device)


def _shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    sizes = whole_numbers("shape", "shape", shape)
    if any(n < 0 for n in sizes):
        raise ShapeError(f"shape {sizes} has a negative size")
    return sizes


def tensor(data: Any, dtype: Any = None, device: Where = None) -> Tensor:
    """A tensor with a copy of ``data``: nested lists, NumPy arrays, scalars or tensors.

    Without ``dtype`` Python floats make float32, ints int32, bools bool; arrays keep theirs.

    >>> import jairika_nb as jrk
    >>> jrk.tensor([1, 2, 3]).dtype
    jairika_nb.int32
    """
    if isinstance(data, Tensor):
        moved = data if device is None else data.to(device)
        # A handle of its own: assignment to one of them must not reach the other.
        return Tensor(moved.node if dtype is None else e.cast(moved.node, dtypes.dtype_of(dtype)))
    chosen = None if dtype is None else dtypes.dtype_of(dtype)
    return Tensor(run.from_numpy(*host_array(data, chosen), _device(device)))


def asarray(
    obj: Any, /, *, dtype: Any = None, device: Where = None, copy: bool | None = None
) -> Tensor:
    """As :func:`tensor`, but a tensor that already fits is returned as it is.

    ``copy=True`` makes a handle of its own of that one too. ``copy=False`` raises NotShareable for
    data that is no tensor of this dtype and device yet: tensors never share memory with the host.
    """
    fits = (
        isinstance(obj, Tensor)
        and (dtype is None or dtypes.dtype_of(dtype) is obj.dtype)
        and (device is None or _device(device) is obj.device)
    )
    if fits and not copy:
        return obj
    if copy is False:
        raise NotShareable(
            f"asarray: {type(obj).__name__} cannot become such a tensor without a copy; "
            "leave out copy=False"
        )
    return tensor(obj, dtype, device)


def full(
    shape: int | tuple[int, ...], fill_value: Any, *, dtype: Any = None, device: Where = None
) -> Tensor:
    """A tensor of one value everywhere."""
    if isinstance(fill_value, Tensor):
        fill_value = fill_value.item()
    chosen = dtypes.dtype_of(type(fill_value) if dtype is None else dtype)
    value = sources.const(fill_value, chosen, _device(device))
    return Tensor(views.broadcast_to(value, _shape(shape)))


def zeros(shape: int | tuple[int, ...], *, dtype: Any = None, device: Where = None) -> Tensor:
    """A tensor of zeros, float32 unless asked otherwise."""
    return full(shape, 0, dtype=dtype or dtypes.float32, device=device)


def ones(shape: int | tuple[int, ...], *, dtype: Any = None, device: Where = None) -> Tensor:
    """A tensor of ones, float32 unless asked otherwise."""
    return full(shape, 1, dtype=dtype or dtypes.float32, device=device)


def empty(shape: int | tuple[int, ...], *, dtype: Any = None, device: Where = None) -> Tensor:
    """A tensor whose values do not matter; here zeros, which cost nothing until used."""
    return zeros(shape, dtype=dtype, device=device)


def full_like(x: Tensor, /, fill_value: Any, *, dtype: Any = None, device: Where = None) -> Tensor:
    """As :func:`full` with the shape, dtype and device of ``x``."""
    return full(x.shape, fill_value, dtype=dtype or x.dtype, device=device or x.device)


def empty_like(x: Tensor, /, *, dtype: Any = None, device: Where = None) -> Tensor:
    """As :func:`empty` with the shape, dtype and device of ``x``."""
    return zeros_like(x, dtype=dtype, device=device)


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: Where = None) -> Tensor:
    """Zeros with the shape, dtype and device of ``x``."""
    return full_like(x, 0, dtype=dtype, device=device)


def ones_like(x: Tensor, /, *, dtype: Any = None, device: Where = None) -> Tensor:
    """Ones with the shape, dtype and device of ``x``."""
    return full_like(x, 1, dtype=dtype, device=device)


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
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ShapeError(f"arange({start}, {stop}, {step}): the step must not be 0")
    whole = all(isinstance(v, int) for v in (start, stop, step))
    chosen = dtypes.dtype_of(dtype or (int if whole else float))
    count = _steps(start, stop, step)
    if whole:
        return Tensor(_whole_ramp(count, int(start), int(step), chosen, _device(device)))
    return _ramp(count, float(start), float(step), None, chosen, _device(device))


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
    (num,) = _shape(num)
    gaps = num - 1 if endpoint else num
    # Halves first: the whole span of two large numbers may overflow.
    step = (stop / 2 - start / 2) / gaps * 2 if gaps > 0 else 0.0
    chosen = dtypes.dtype_of(dtype or dtypes.float32)
    last = float(stop) if endpoint and num > 1 else None
    return _ramp(num, float(start), step, last, chosen, _device(device))


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: Where = None,
) -> Tensor:
    """Ones on the ``k``-th diagonal, zeros elsewhere; shape (n_rows, n_cols or n_rows)."""
    where = _device(device)
    height, width = _shape((n_rows, n_rows if n_cols is None else n_cols))
    rows = views.reshape(sources.iota(height, where), (height, 1))
    columns = sources.iota(width, where)
    # A diagonal outside has the same zeros wherever it is, and its number may be no int32.
    near = max(-height, min(k, width))
    hit = e.apply("equal", e.add(rows, near), columns)
    return Tensor(e.cast(hit, dtypes.dtype_of(dtype or dtypes.float32)))
