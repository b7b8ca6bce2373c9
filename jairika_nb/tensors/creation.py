"""Making tensors: from data, filled, ramps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes, run
from jairika_nb.engine.device import Device
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources, views
from jairika_nb.errors import DeviceError, DTypeError, ShapeError
from jairika_nb.tensors.tensor import Tensor, python_dtype

Where = str | Device | None


def _device(device: Where) -> Device:
    return devices.default() if device is None else devices.find(device)


def _shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, int) else tuple(int(n) for n in shape)
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
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ShapeError(f"tensor: {error}; rows must have equal lengths") from None
    wanted = python_dtype(data, array) if dtype is None else dtypes.dtype_of(dtype)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"tensor: data of NumPy dtype {array.dtype} is not numeric")
    return Tensor(run.from_numpy(array, wanted, _device(device)))


def asarray(
    obj: Any, /, *, dtype: Any = None, device: Where = None, copy: bool | None = None
) -> Tensor:
    """As :func:`tensor`, but a tensor that already fits is returned as it is.

    ``copy=True`` makes a handle of its own of that one too. ``copy=False`` raises DeviceError for
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
        raise DeviceError(
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
    """start, start + step, ... below ``stop``; one argument counts from 0."""
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ShapeError(f"arange({start}, {stop}, {step}): the step must not be 0")
    count = max(0, math.ceil((stop - start) / step))
    whole = all(isinstance(v, int) for v in (start, stop, step))
    chosen = dtypes.dtype_of(dtype or (int if whole else float))
    ramp = e.cast(sources.iota(count, _device(device)), chosen)
    scaled = ramp if step == 1 else e.mul(ramp, step)
    return Tensor(scaled if start == 0 else e.add(scaled, start))


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
    """``num`` evenly spaced values from ``start`` to ``stop``."""
    values = np.linspace(start, stop, num, endpoint=endpoint)
    return tensor(values, dtype or dtypes.float32, device)


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
    rows = views.reshape(sources.iota(n_rows, where), (n_rows, 1))
    columns = sources.iota(n_rows if n_cols is None else n_cols, where)
    hit = e.apply("equal", e.add(rows, k), columns)
    return Tensor(e.cast(hit, dtypes.dtype_of(dtype or dtypes.float32)))
