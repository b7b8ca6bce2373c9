"""Making tensors: from data, filled, ramps."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes, run
from jairika_nb.engine.device import Device
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources, views
from jairika_nb.errors import NotShareable, ShapeError
from jairika_nb.tensors.arguments import on_tensors, whole_numbers
from jairika_nb.tensors.tensor import Tensor, host_array

Where = str | Device | None


def chosen_device(device: Where) -> Device:
    """The named device, or the default one."""
    return devices.default() if device is None else devices.find(device)


def chosen_shape(shape: int | tuple[int, ...]) -> tuple[int, ...]:
    """``shape`` as a tuple of sizes, none of them negative."""
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
    return Tensor(run.from_numpy(*host_array(data, chosen), chosen_device(device)))


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
        and (device is None or chosen_device(device) is obj.device)
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
    value = sources.const(fill_value, chosen, chosen_device(device))
    return Tensor(views.broadcast_to(value, chosen_shape(shape)))


def zeros(shape: int | tuple[int, ...], *, dtype: Any = None, device: Where = None) -> Tensor:
    """A tensor of zeros, float32 unless asked otherwise."""
    return full(shape, 0, dtype=dtype or dtypes.float32, device=device)


def ones(shape: int | tuple[int, ...], *, dtype: Any = None, device: Where = None) -> Tensor:
    """A tensor of ones, float32 unless asked otherwise."""
    return full(shape, 1, dtype=dtype or dtypes.float32, device=device)


def empty(shape: int | tuple[int, ...], *, dtype: Any = None, device: Where = None) -> Tensor:
    """A tensor whose values do not matter; here zeros, which cost nothing until used."""
    return zeros(shape, dtype=dtype, device=device)


@on_tensors
def full_like(x: Tensor, /, fill_value: Any, *, dtype: Any = None, device: Where = None) -> Tensor:
    """As :func:`full` with the shape, dtype and device of ``x``."""
    return full(x.shape, fill_value, dtype=dtype or x.dtype, device=device or x.device)


@on_tensors
def empty_like(x: Tensor, /, *, dtype: Any = None, device: Where = None) -> Tensor:
    """As :func:`empty` with the shape, dtype and device of ``x``."""
    return zeros_like(x, dtype=dtype, device=device)


@on_tensors
def zeros_like(x: Tensor, /, *, dtype: Any = None, device: Where = None) -> Tensor:
    """Zeros with the shape, dtype and device of ``x``."""
    return full_like(x, 0, dtype=dtype, device=device)


@on_tensors
def ones_like(x: Tensor, /, *, dtype: Any = None, device: Where = None) -> Tensor:
    """Ones with the shape, dtype and device of ``x``."""
    return full_like(x, 1, dtype=dtype, device=device)


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
    where = chosen_device(device)
    height, width = chosen_shape((n_rows, n_rows if n_cols is None else n_cols))
    rows = views.reshape(sources.iota(height, where), (height, 1))
    columns = sources.iota(width, where)
    # A diagonal outside has the same zeros wherever it is, and its number may be no int32.
    near = max(-height, min(k, width))
    hit = e.apply("equal", e.add(rows, near), columns)
    return Tensor(e.cast(hit, dtypes.dtype_of(dtype or dtypes.float32)))
