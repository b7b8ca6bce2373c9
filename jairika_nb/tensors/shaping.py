"""Functions that rearrange: reshape, permute, expand, flip; views, so they cost nothing."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources, views
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.arguments import on_tensors, whole_numbers
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


def _triangle(x: Tensor, k: int, op: str) -> Tensor:
    if x.ndim < 2:
        raise ShapeError(f"{x.shape} has no two axes to take a triangle of")
    rows = views.reshape(sources.iota(x.shape[-2], x.device), (x.shape[-2], 1))
    columns = sources.iota(x.shape[-1], x.device)
    k = builtins.max(-x.shape[-2] - 1, builtins.min(k, x.shape[-1] + 1))
    nothing = False if x.dtype.kind == "bool" else 0
    return Tensor(e.where(e.apply(op, columns, e.add(rows, k)), x.node, nothing))


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
