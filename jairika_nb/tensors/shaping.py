"""Functions that rearrange: reshape, permute, join, repeat; views wherever that is possible."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes, run
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather, sources, views
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.arguments import all_tensors, on_tensors, whole_numbers
from jairika_nb.tensors.dtypes import result_type
from jairika_nb.tensors.elementwise import astype
from jairika_nb.tensors.tensor import Axes, Tensor, attach


def normal_axes(name: str, axis: Axes, shape: tuple[int, ...]) -> tuple[int, ...]:
    """``axis`` as ascending non-negative axes of ``shape``; None means all."""
    rank = len(shape)
    if axis is None:
        return tuple(range(rank))
    wanted = whole_numbers(name, "axis", axis)
    for a in wanted:
        if not -rank <= a < rank:
            raise OutOfRange(f"{name}: axis {a} is outside the {rank} axes of shape {shape}")
    out = tuple(sorted(a % rank for a in wanted))
    if len(set(out)) != len(out):
        raise ShapeError(f"{name}: axes {wanted} name an axis of {shape} twice")
    return out


def _spread_out(sizes: tuple[Any, ...]) -> Any:
    # Methods take x.reshape(2, 3) as well as x.reshape((2, 3)).
    return sizes[0] if len(sizes) == 1 else sizes


@on_tensors
def reshape(x: Tensor, /, shape: int | Sequence[int], *, copy: bool | None = None) -> Tensor:
    """``x`` with another shape of as many elements; one size may be -1.

    ``copy`` changes nothing: tensors are never changed, so none can tell.
    """
    return Tensor(views.reshape(x.node, whole_numbers("reshape", "shape", shape)))


@on_tensors
def permute_dims(x: Tensor, /, axes: Sequence[int]) -> Tensor:
    """``x`` with its axes in the given order."""
    order = whole_numbers("permute_dims", "axes", axes)
    if any(not -x.ndim <= a < x.ndim for a in order):
        raise OutOfRange(f"permute_dims: axes {order} are outside the {x.ndim} axes of {x.shape}")
    return Tensor(views.permute(x.node, tuple(a % x.ndim for a in order)))


@on_tensors
def transpose(x: Tensor, /, axis0: int, axis1: int) -> Tensor:
    """``x`` with two axes swapped."""
    order = list(range(x.ndim))
    (a,), (b,) = (normal_axes("transpose", n, x.shape) for n in (axis0, axis1))
    order[a], order[b] = order[b], order[a]
    return Tensor(views.permute(x.node, tuple(order)))


@on_tensors
def matrix_transpose(x: Tensor, /) -> Tensor:
    """``x`` with its last two axes swapped."""
    if x.ndim < 2:
        raise ShapeError(f"matrix_transpose: {x.shape} has fewer than two axes")
    return transpose(x, -1, -2)


@on_tensors
def broadcast_to(x: Tensor, /, shape: int | Sequence[int]) -> Tensor:
    """``x`` repeated to ``shape`` by NumPy's rule; costs no memory."""
    return Tensor(views.broadcast_to(x.node, whole_numbers("broadcast_to", "shape", shape)))


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """The shape that all the shapes broadcast to; of none, ().

    >>> broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    rows = [whole_numbers("broadcast_shapes", "shape", s) for s in shapes]
    return e.broadcast_shape("broadcast_shapes", *rows) if rows else ()


@on_tensors
def expand_dims(x: Tensor, /, axis: int | Sequence[int] = 0) -> Tensor:
    """``x`` with new axes of size 1 at the places ``axis`` of the result."""
    places = whole_numbers("expand_dims", "axis", axis)
    new = normal_axes("expand_dims", places, (1,) * (x.ndim + len(places)))
    rest = iter(x.shape)
    sizes = tuple(1 if i in new else next(rest) for i in range(x.ndim + len(new)))
    return Tensor(views.reshape(x.node, sizes))


@on_tensors
def squeeze(x: Tensor, /, axis: Axes = None) -> Tensor:
    """``x`` without axes of size 1: the named ones, or all."""
    if axis is None:
        gone = tuple(i for i, n in enumerate(x.shape) if n == 1)
    else:
        gone = normal_axes("squeeze", axis, x.shape)
    if any(x.shape[a] != 1 for a in gone):
        raise ShapeError(f"squeeze: axes {gone} of {x.shape} are not all of size 1")
    return Tensor(views.reshape(x.node, tuple(n for i, n in enumerate(x.shape) if i not in gone)))


@on_tensors
def flatten(x: Tensor, /, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """``x`` with the axes from ``start_axis`` to ``end_axis`` joined into one."""
    if not x.ndim:
        return reshape(x, (1,))
    (a,), (b,) = (normal_axes("flatten", n, x.shape) for n in (start_axis, end_axis))
    return reshape(x, (*x.shape[:a], -1, *x.shape[b + 1 :]))


@on_tensors
def flip(x: Tensor, /, *, axis: Axes = None) -> Tensor:
    """``x`` with the order along the axes reversed."""
    axes = normal_axes("flip", axis, x.shape)
    bounds = tuple((n - 1, n, -1) if i in axes else (0, n, 1) for i, n in enumerate(x.shape))
    return Tensor(views.take_slice(x.node, bounds)) if x.size else x


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
def moveaxis(x: Tensor, source: Axes, destination: Axes, /) -> Tensor:
    """``x`` with the axes ``source`` moved to ``destination``; the others keep their order."""
    pairs = [[a] if isinstance(a, int) else list(a or ()) for a in (source, destination)]
    if len(pairs[0]) != len(pairs[1]):
        raise ShapeError(f"moveaxis: {len(pairs[0])} axes cannot go to {len(pairs[1])} places")
    normal_axes("moveaxis", pairs[0], x.shape), normal_axes("moveaxis", pairs[1], x.shape)
    start, end = ([a % x.ndim for a in axes] for axes in pairs)
    order = [a for a in range(x.ndim) if a not in start]
    for place, a in sorted(zip(end, start, strict=True)):
        order.insert(place, a)
    return permute_dims(x, tuple(order))


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


def _triangle(x: Tensor, k: int, op: str) -> Tensor:
    if x.ndim < 2:
        raise ShapeError(f"{x.shape} has no two axes to take a triangle of")
    rows = views.reshape(sources.iota(x.shape[-2], x.device), (x.shape[-2], 1))
    columns = sources.iota(x.shape[-1], x.device)
    k = builtins.max(-x.shape[-2] - 1, builtins.min(k, x.shape[-1] + 1))
    return Tensor(e.where(e.apply(op, columns, e.add(rows, k)), x.node, 0))


@on_tensors
def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The lower triangle of the last two axes, up to the ``k``-th diagonal; zeros elsewhere."""
    return _triangle(x, k, "less_equal")


@on_tensors
def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """The upper triangle of the last two axes, from the ``k``-th diagonal; zeros elsewhere."""
    return _triangle(x, k, "greater_equal")


def _expand(x: Tensor, *shape: Any) -> Tensor:
    """As :func:`broadcast_to`; a size -1 keeps the axis as it is, as PyTorch's method does."""
    sizes = whole_numbers("expand", "shape", _spread_out(shape))
    own = (0,) * (len(sizes) - x.ndim) + x.shape
    return broadcast_to(x, [o if n == -1 else n for n, o in zip(sizes, own, strict=False)])


for _name, _function in {
    "reshape": lambda x, *shape, copy=None: reshape(x, _spread_out(shape), copy=copy),
    "permute": lambda x, *axes: permute_dims(x, _spread_out(axes)),
    "expand": _expand,
    "flip": lambda x, axis=None: flip(x, axis=axis), "squeeze": squeeze, "transpose": transpose,
    "unsqueeze": expand_dims, "flatten": flatten,
}.items():  # fmt: skip
    attach(_name, _function)
attach("mT", property(matrix_transpose))
attach("T", property(lambda x: permute_dims(x, tuple(reversed(range(x.ndim))))))
