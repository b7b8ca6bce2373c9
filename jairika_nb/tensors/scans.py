"""Running sums, products and extremes along an axis."""

from __future__ import annotations

from typing import Any, NamedTuple

from jairika_nb.engine import dtypes
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather, views
from jairika_nb.engine.ops import scan as s
from jairika_nb.errors import ArgumentError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.reductions import _sum_dtype
from jairika_nb.tensors.shaping import flatten, normal_axes
from jairika_nb.tensors.tensor import Tensor, attach, node_of


class Extremes(NamedTuple):
    """Running extremes and where each was met last."""

    values: Tensor
    indices: Tensor


def _running(
    kind: str, name: str, x: Tensor, axis: int | None, dtype: Any, exclusive: bool, reverse: bool
) -> Node:
    if axis is None:
        x, axis = flatten(x), 0
    elif not x.ndim:
        normal_axes(name, axis, (1,))
        return e.cast(x.node, _sum_dtype(x.dtype, dtype))
    (at,) = normal_axes(name, axis, x.shape)
    out = s.scan(kind, e.cast(x.node, _sum_dtype(x.dtype, dtype)), at, reverse)
    return s.shifted(out, at, reverse, {"add": 0, "mul": 1}[kind]) if exclusive else out


@on_tensors
def cumsum(
    x: Tensor,
    /,
    axis: int | None = None,
    *,
    dtype: Any = None,
    exclusive: bool = False,
    reverse: bool = False,
) -> Tensor:
    """The running sum along ``axis``, of ``x`` flattened without one; floats do not drift.

    ``exclusive`` leaves each element out of its own sum, ``reverse`` begins at the end.

    >>> import jairika_nb as jrk
    >>> jrk.cumsum(jrk.tensor([1, 2, 3]), 0, reverse=True).tolist()
    [6, 5, 3]
    """
    return Tensor(_running("add", "cumsum", x, axis, dtype, exclusive, reverse))


@on_tensors
def cumprod(
    x: Tensor,
    /,
    axis: int | None = None,
    *,
    dtype: Any = None,
    exclusive: bool = False,
    reverse: bool = False,
) -> Tensor:
    """The running product along ``axis``; options as in :func:`cumsum`."""
    return Tensor(_running("mul", "cumprod", x, axis, dtype, exclusive, reverse))


def _cumulative(
    kind: str, x: Tensor, axis: int | None, dtype: Any, include_initial: bool
) -> Tensor:
    name = {"add": "cumulative_sum", "mul": "cumulative_prod"}[kind]
    if axis is None and x.ndim > 1:
        raise ArgumentError(f"{name}: x of shape {x.shape} has several axes; name one by axis=")
    (at,) = normal_axes(name, 0 if axis is None else axis, x.shape or (1,))
    out = _running(kind, name, x, at, dtype, False, False)
    if include_initial:
        row = out if x.ndim else views.reshape(out, (1,))
        widths = tuple((int(i == at), 0, 0) for i in range(len(row.shape)))
        out = views.pad(row, widths, {"add": 0, "mul": 1}[kind])
    return Tensor(out)


@on_tensors
def cumulative_sum(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """The running sum along ``axis``, with the empty sum before it if ``include_initial``."""
    return _cumulative("add", x, axis, dtype, include_initial)


@on_tensors
def cumulative_prod(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """The running product along ``axis``, with 1 before it if ``include_initial``."""
    return _cumulative("mul", x, axis, dtype, include_initial)


def _extremes(kind: str, x: Tensor, axis: int) -> Extremes:
    if not x.ndim:
        row = _extremes(kind, flatten(x), axis)
        return Extremes(row.values.reshape(()), row.indices.reshape(()))
    (at,) = normal_axes(f"cum{kind}", axis, x.shape)
    numbers = e.cast(x.node, dtypes.uint8) if x.dtype.kind == "bool" else x.node
    best = s.scan(kind, numbers, at)
    places = s.last_extremes(kind, numbers, best, at, False)
    # Values are read at the places, so that their derivative goes where they came from.
    return Extremes(Tensor(gather.take_along(x.node, places, at)), Tensor(places))


@on_tensors
def cummax(x: Tensor, /, axis: int) -> Extremes:
    """The running maximum along ``axis``: (values, indices), of equal ones the last; NaN wins.

    >>> import jairika_nb as jrk
    >>> jrk.cummax(jrk.tensor([1.0, 3.0, 2.0]), 0).values.tolist()
    [1.0, 3.0, 3.0]
    """
    return _extremes("max", x, axis)


@on_tensors
def cummin(x: Tensor, /, axis: int) -> Extremes:
    """The running minimum along ``axis``: (values, indices), of equal ones the last; NaN wins."""
    return _extremes("min", x, axis)


@on_tensors
def logcumsumexp(x: Tensor, /, axis: int) -> Tensor:
    """The logarithm of the running sum of exponentials along ``axis``, without overflow."""
    node = x.node if dtypes.is_float(x.dtype) else e.cast(x.node, dtypes.float32)
    (at,) = normal_axes("logcumsumexp", axis, x.shape or (1,))
    return Tensor(s.scan("logaddexp", node, at)) if x.ndim else Tensor(node)


@on_tensors
def cumulative_trapezoid(y: Tensor, x: Any = None, /, *, dx: float = 1, axis: int = -1) -> Tensor:
    """The running integral of ``y`` along ``axis`` by trapezoids, one element shorter.

    ``x`` are the places of ``y`` (1-d, or of its shape), else they lie ``dx`` apart.
    """
    (at,) = normal_axes("cumulative_trapezoid", axis, y.shape)
    return cumsum(_trapezoids("cumulative_trapezoid", y, x, dx, at), at)


@on_tensors
def trapezoid(y: Tensor, x: Any = None, /, *, dx: float = 1, axis: int = -1) -> Tensor:
    """The integral of ``y`` along ``axis`` by trapezoids; see :func:`cumulative_trapezoid`.

    >>> import jairika_nb as jrk
    >>> jrk.trapezoid(jrk.tensor([0.0, 1.0, 2.0])).item()
    2.0
    """
    (at,) = normal_axes("trapezoid", axis, y.shape)
    return _trapezoids("trapezoid", y, x, dx, at).sum(axis=at)


def _trapezoids(name: str, y: Tensor, x: Any, dx: float, axis: int) -> Tensor:
    before = (slice(None),) * axis
    low, high = (*before, slice(None, -1)), (*before, slice(1, None))
    if x is None:
        return (y[low] + y[high]) * (dx / 2)
    places = Tensor(node_of(x, y.device))
    if places.ndim == 1:
        places = places.reshape((-1, *(1,) * (y.ndim - axis - 1)))
        return (y[low] + y[high]) * ((places[1:] - places[:-1]) / 2)
    return (y[low] + y[high]) * ((places[high] - places[low]) / 2)


for _function in (cumsum, cumprod, cummax, cummin, logcumsumexp):
    attach(_function.__name__, _function)
