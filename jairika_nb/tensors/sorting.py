"""Sorting, and what is read off a sorted axis: the k largest, medians, quantiles.

Everything is a gather by the order that sorts, so derivatives go where the values came from.
NaN comes last, in ascending and in descending order.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from jairika_nb.engine import dtypes
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather, views
from jairika_nb.engine.ops import reduce as r
from jairika_nb.engine.ops import sort as s
from jairika_nb.errors import ArgumentError, DTypeError, OutOfRange, ShapeError
from jairika_nb.tensors.arguments import on_tensors, whole_numbers
from jairika_nb.tensors.keys import value_node
from jairika_nb.tensors.shaping import flatten, normal_axes
from jairika_nb.tensors.tensor import Tensor, attach


class Sorted(NamedTuple):
    """Values and where along the axis they were."""

    values: Tensor
    indices: Tensor


def _order(name: str, x: Tensor, axis: int, descending: bool) -> tuple[Node, int]:
    (at,) = normal_axes(name, axis, x.shape)
    return s.argsort(x.node, at, descending), at


@on_tensors
def argsort(
    x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Tensor:
    """The indices that sort ``x`` along ``axis``, int32; equal elements always keep their order.

    >>> import jairika_nb as jrk
    >>> jrk.argsort(jrk.tensor([3, 1, 2]), descending=True).tolist()
    [0, 2, 1]
    """
    return Tensor(_order("argsort", x, axis, descending)[0])


@on_tensors
def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """``x`` sorted along ``axis``; for the order itself see :func:`argsort`."""
    order, at = _order("sort", x, axis, descending)
    return Tensor(gather.take_along(x.node, order, at, within=True))


@on_tensors
def msort(x: Tensor, /) -> Tensor:
    """``x`` sorted along its first axis."""
    return sort(x, axis=0)


def _part(x: Node, axis: int, start: int, count: int) -> Node:
    rows = tuple((start, count, 1) if i == axis else (0, n, 1) for i, n in enumerate(x.shape))
    return views.take_slice(x, rows)


@on_tensors
def topk(
    x: Tensor, /, k: int, *, axis: int = -1, largest: bool = True, sorted: bool = True
) -> Sorted:
    """The ``k`` largest (or smallest) elements along ``axis`` in order: (values, indices).

    >>> import jairika_nb as jrk
    >>> values, indices = jrk.topk(jrk.tensor([1.0, 5.0, 3.0]), 2)
    >>> values.tolist(), indices.tolist()
    ([5.0, 3.0], [1, 2])
    """
    if not x.ndim:
        values, places = topk(flatten(x), k, largest=largest)
        return Sorted(values.reshape(()), places.reshape(()))
    (k,) = whole_numbers("topk", "k", k)
    (at,) = normal_axes("topk", axis, x.shape)
    if not 0 <= k <= x.shape[at]:
        raise OutOfRange(f"topk: k={k} of an axis of size {x.shape[at]} in {x.shape}")
    first = s.first_places(x.node, at, largest, k)
    return Sorted(Tensor(gather.take_along(x.node, first, at, within=True)), Tensor(first))


@on_tensors
def kthvalue(x: Tensor, /, k: int, *, axis: int = -1, keepdims: bool = False) -> Sorted:
    """The ``k``-th smallest element along ``axis``, k from 1: (values, indices)."""
    if not x.ndim:
        values, places = kthvalue(flatten(x), k)
        return Sorted(values.reshape(()), places.reshape(()))
    (k,) = whole_numbers("kthvalue", "k", k)
    (at,) = normal_axes("kthvalue", axis, x.shape)
    if not 1 <= k <= x.shape[at]:
        raise OutOfRange(f"kthvalue: k={k} is not 1 to {x.shape[at]}, the axis' size in {x.shape}")
    first = s.first_places(x.node, at, False, k)
    return _read(x, _part(first, at, k - 1, 1), at, keepdims)


def _read(x: Tensor, place: Node, axis: int, keepdims: bool) -> Sorted:
    values = gather.take_along(x.node, place, axis)
    if not keepdims:
        shape = (*place.shape[:axis], *place.shape[axis + 1 :])
        values, place = views.reshape(values, shape), views.reshape(place, shape)
    return Sorted(Tensor(values), Tensor(place))


@on_tensors
def median(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """The lower median along ``axis``: (values, indices); without ``axis`` that of all elements.

    Where an element is NaN, so is the median, as in PyTorch.
    """
    return _median("median", x, axis, keepdims, skip=False)


@on_tensors
def nanmedian(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """As :func:`median` of those elements that are not NaN."""
    return _median("nanmedian", x, axis, keepdims, skip=True)


def _median(name: str, x: Tensor, axis: int | None, keepdims: bool, skip: bool) -> Any:
    if axis is None or not x.ndim:
        values, places = _median(name, flatten(x), 0, False, skip)
        return values if axis is None else Sorted(values, places)
    order, at = _order(name, x, axis, False)
    n = x.shape[at]
    if not n:
        raise ShapeError(f"{name} along axis {at} of {x.shape}: an empty axis has no median")
    if not dtypes.is_float(x.dtype):
        return _read(x, _part(order, at, (n - 1) // 2, 1), at, keepdims)
    missing = e.cast(e.call("isnan", x.node), dtypes.int32)
    count = r.reduce("sum", missing, (at,))
    if skip:
        kept = e.apply("maximum", e.apply("sub", n - 1, count), 0)
        middle = e.apply("bitwise_right_shift", kept, 1)
    else:
        # NaN are last: with any there, the first of them.
        first = e.apply("sub", n, count)
        middle = e.where(e.apply("greater", count, 0), first, (n - 1) // 2)
    return _read(x, gather.take_along(order, middle, at), at, keepdims)


_BETWEEN = ("linear", "lower", "higher", "nearest", "midpoint")


@on_tensors
def quantile(
    x: Tensor,
    q: Any,
    /,
    *,
    axis: int | None = None,
    keepdims: bool = False,
    interpolation: str = "linear",
) -> Tensor:
    """The quantiles ``q`` (0 to 1, a number or 1-d) along ``axis``; those of ``q`` come first.

    ``interpolation`` between neighbours is linear, lower, higher, nearest or midpoint. NaN where
    an element is NaN.
    """
    return _quantile("quantile", x, q, axis, keepdims, interpolation, skip=False)


@on_tensors
def nanquantile(
    x: Tensor,
    q: Any,
    /,
    *,
    axis: int | None = None,
    keepdims: bool = False,
    interpolation: str = "linear",
) -> Tensor:
    """As :func:`quantile` of those elements that are not NaN."""
    return _quantile("nanquantile", x, q, axis, keepdims, interpolation, skip=True)


def _quantile(
    name: str, x: Tensor, q: Any, axis: int | None, keepdims: bool, interpolation: str, skip: bool
) -> Tensor:
    if interpolation not in _BETWEEN:
        raise ArgumentError(f"{name}: interpolation={interpolation!r}; one of {_BETWEEN}")
    if not dtypes.is_float(x.dtype):
        raise DTypeError(f"{name} of {x.dtype.name} {x.shape}; convert it to a float dtype first")
    rank = x.ndim
    if axis is None:
        out = _quantile(name, flatten(x), q, 0, False, interpolation, skip)
        return out.reshape((*out.shape, *(1,) * rank)) if keepdims else out
    order, at = _order(name, x, axis, False)
    n = x.shape[at]
    if not n:
        raise ShapeError(f"{name} along axis {at} of {x.shape}: an empty axis has none")
    asked = value_node(q, x)
    line = views.reshape(asked, tuple(asked.size if i == at else 1 for i in range(rank)))
    spread = views.broadcast_to(line, (*x.shape[:at], asked.size, *x.shape[at + 1 :]))
    ordered = gather.take_along(x.node, order, at)
    missing = r.reduce("sum", e.cast(e.call("isnan", x.node), dtypes.int32), (at,))
    last = e.cast(e.apply("maximum", e.apply("sub", n - 1, missing), 0), x.dtype)
    found = _between(ordered, e.mul(spread, last if skip else float(n - 1)), at, interpolation)
    found = e.where(e.apply("greater_equal", missing, n if skip else 1), math.nan, found)
    moved = views.permute(found, (at, *(i for i in range(rank) if i != at)))
    rest = tuple(1 if i == at else m for i, m in enumerate(x.shape) if keepdims or i != at)
    return Tensor(views.reshape(moved, (*asked.shape, *rest)))


def _between(ordered: Node, place: Node, axis: int, interpolation: str) -> Node:
    n = ordered.shape[axis]
    if interpolation == "nearest":
        return gather.take_along(ordered, _whole(e.call("round", place), n), axis)
    low, high = e.call("floor", place), e.call("ceil", place)
    below, above = (gather.take_along(ordered, _whole(v, n), axis) for v in (low, high))
    share: Any = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}.get(interpolation)
    if share is None:
        share = e.apply("sub", place, low)
    elif share != 0.5:
        return above if share else below
    same = e.apply("equal", below, above)
    return e.where(same, below, e.add(below, e.mul(e.apply("sub", above, below), share)))


def _whole(place: Node, n: int) -> Node:
    limited = e.apply("minimum", e.apply("maximum", place, 0.0), float(n - 1))
    return e.cast(limited, dtypes.int32)


def _method(function: Any) -> Any:
    def method(x: Tensor, axis: int = -1, **options: Any) -> Any:
        return function(x, axis=axis, **options)

    method.__doc__, method.__name__ = function.__doc__, function.__name__
    return method


for _name, _whole_axis in {"sort": sort, "argsort": argsort}.items():
    attach(_name, _method(_whole_axis))
for _name, _function in {
    "topk": topk, "kthvalue": kthvalue, "median": median, "nanmedian": nanmedian,
    "quantile": quantile, "nanquantile": nanquantile,
}.items():  # fmt: skip
    attach(_name, _function)
