"""Functions that join tensors, part them and repeat them."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes, run
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather, sources, views
from jairika_nb.errors import ShapeError
from jairika_nb.tensors.arguments import all_tensors, on_tensors, whole_numbers
from jairika_nb.tensors.dtypes import result_type
from jairika_nb.tensors.elementwise import astype
from jairika_nb.tensors.shaping import (
    broadcast_shapes,
    broadcast_to,
    expand_dims,
    flatten,
    normal_axes,
    reshape,
)  # fmt: skip
from jairika_nb.tensors.tensor import Axes, Tensor


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """The tensors joined along ``axis``; their other sizes must be equal."""
    given = all_tensors("concat", arrays)
    dtype = result_type(*given)
    rows = [astype(flatten(a) if axis is None else a, dtype) for a in given]
    (at,) = normal_axes("concat", axis or 0, rows[0].shape)
    rest = {(*a.shape[:at], *a.shape[at + 1 :]) for a in rows}
    if len(rest) > 1 or len({a.ndim for a in rows}) > 1:
        shapes = ", ".join(str(a.shape) for a in rows)
        raise ShapeError(f"concat: shapes {shapes} differ elsewhere than along axis {at}")
    total, start, out = sum(a.shape[at] for a in rows), 0, None
    place = _place_along(at, total, rows[0])
    for row in rows:
        n = row.shape[at]
        widths = tuple((start, total - start - n, 0) if i == at else (0, 0, 0)
                       for i in range(row.ndim))  # fmt: skip
        padded = views.pad(row.node, widths)
        later = e.apply("greater_equal", place, start)
        out = padded if out is None else e.where(later, padded, out)
        start += n
    assert out is not None
    return Tensor(out)


def _place_along(axis: int, total: int, like: Tensor) -> Any:
    shape = tuple(total if i == axis else 1 for i in range(like.ndim))
    return views.reshape(sources.iota(total, like.device), shape)


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """The tensors, all of one shape, joined along a new axis."""
    rows = all_tensors("stack", arrays)
    if len({a.shape for a in rows}) > 1:
        shapes = ", ".join(str(a.shape) for a in rows)
        raise ShapeError(f"stack: shapes {shapes} are not equal; pad or broadcast them first")
    return concat([expand_dims(a, axis) for a in rows], axis=axis % (rows[0].ndim + 1))


@on_tensors
def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of ``x`` along ``axis``, without that axis."""
    (at,) = normal_axes("unstack", axis, x.shape)
    before = (slice(None),) * at
    return tuple(x[(*before, i)] for i in range(x.shape[at]))


@on_tensors
def roll(x: Tensor, /, shift: int | tuple[int, ...], *, axis: Axes = None) -> Tensor:
    """``x`` with elements moved along axes; those that leave at one end come in at the other."""
    if axis is None:
        whole = shift if isinstance(shift, int) else builtins.sum(shift)
        return reshape(roll(flatten(x), whole, axis=0), x.shape)
    axes = whole_numbers("roll", "axis", axis)
    shifts = (shift,) * len(axes) if isinstance(shift, int) else tuple(shift)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll: {len(shifts)} shifts for {len(axes)} axes of {x.shape}")
    for by, a in zip(shifts, axes, strict=True):
        (at,) = normal_axes("roll", a, x.shape)
        cut = -by % x.shape[at] if x.shape[at] else 0
        if cut:
            before = (slice(None),) * at
            x = concat([x[(*before, slice(cut, None))], x[(*before, slice(0, cut))]], axis=at)
    return x


@on_tensors
def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """``x`` laid side by side, ``repetitions`` times along each axis."""
    rank = max(x.ndim, len(repetitions))
    shape = (1,) * (rank - x.ndim) + x.shape
    times = (1,) * (rank - len(repetitions)) + tuple(repetitions)
    paired = [n for pair in zip(times, shape, strict=True) for n in pair]
    split = [n for size in shape for n in (1, size)]
    spread = views.expand(views.reshape(x.node, tuple(split)), tuple(paired))
    whole = tuple(a * b for a, b in zip(times, shape, strict=True))
    return Tensor(views.reshape(spread, whole))


@on_tensors
def repeat(x: Tensor, repeats: int | Tensor, /, *, axis: int | None = None) -> Tensor:
    """``x`` with every element along ``axis`` repeated; without ``axis``, flattened first.

    ``repeats`` is one number, or a tensor with one for each element. That tensor is computed at
    once, for it decides the shape.
    """
    if axis is None:
        return repeat(flatten(x), repeats, axis=0)
    (at,) = normal_axes("repeat", axis, x.shape)
    if isinstance(repeats, Tensor):
        return _repeat_each(x, repeats, at)
    times = whole_numbers("repeat", "repeats", repeats)
    if len(times) != 1 or times[0] < 0:
        raise ShapeError(f"repeat: repeats={repeats!r} must be an integer from 0 up, or a tensor")
    split = (*x.shape[: at + 1], 1, *x.shape[at + 1 :])
    wide = (*x.shape[: at + 1], times[0], *x.shape[at + 1 :])
    whole = (*x.shape[:at], x.shape[at] * times[0], *x.shape[at + 1 :])
    return Tensor(views.reshape(views.expand(views.reshape(x.node, split), wide), whole))


def _repeat_each(x: Tensor, repeats: Tensor, axis: int) -> Tensor:
    times, n = repeats.numpy(), x.shape[axis]
    if times.shape not in ((1,), (n,)) or times.dtype.kind not in "iu" or (times < 0).any():
        raise ShapeError(
            f"repeat: repeats of shape {times.shape} and dtype {repeats.dtype.name} for axis "
            f"{axis} of {x.shape}; it must hold {n} integers from 0 up, or one"
        )
    places = np.repeat(np.arange(n, dtype=np.int32), np.broadcast_to(times, (n,)))
    aligned = places.reshape(tuple(-1 if i == axis else 1 for i in range(x.ndim)))
    index = run.from_numpy(aligned, dtypes.int32, x.device)
    shape = tuple(len(places) if i == axis else m for i, m in enumerate(x.shape))
    return Tensor(gather.take_along(x.node, views.broadcast_to(index, shape), axis))


def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """The tensors, all repeated to their common shape."""
    rows = all_tensors("broadcast_arrays", arrays) if arrays else []
    shape = broadcast_shapes(*(a.shape for a in rows))
    return tuple(broadcast_to(a, shape) for a in rows)


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinates of a grid from 1-d tensors; "xy" swaps the first two axes, "ij" does not."""
    if indexing not in ("xy", "ij") or any(a.ndim > 1 for a in arrays):
        raise ShapeError(f"meshgrid: needs 1-d tensors and indexing 'xy' or 'ij', not {indexing!r}")
    swap = indexing == "xy" and len(arrays) > 1
    places = [(1, 0, *range(2, len(arrays)))[i] if swap else i for i in range(len(arrays))]
    shaped = [
        reshape(a, tuple(a.size if d == at else 1 for d in range(len(arrays))))
        for a, at in zip(arrays, places, strict=True)
    ]
    return broadcast_arrays(*shaped)
