"""Finding: where elements are, where values belong, how often they occur."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jairika_nb.engine import dtypes, run
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather, scatter, sources, views
from jairika_nb.engine.ops import sort as s
from jairika_nb.engine.tracing import refuse
from jairika_nb.errors import ArgumentError, DTypeError, OutOfRange, ShapeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import operands
from jairika_nb.tensors.keys import index_node, integers
from jairika_nb.tensors.tensor import Tensor, attach, node_of


class Histogram(NamedTuple):
    """Counts (or densities) of bins, and the bins' edges."""

    hist: Tensor
    bin_edges: Tensor


@on_tensors
def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """For each axis the indices, int32, of the elements that are not zero, in row-major order.

    How many there are depends on the data, so ``x`` is read when the line runs.
    """
    if not x.ndim:
        raise ShapeError("nonzero: a tensor of shape () has no axes; use jrk.reshape(x, (1,))")
    refuse("nonzero")
    return tuple(_on(x, rows) for rows in np.nonzero(x.numpy()))


@on_tensors
def argwhere(x: Tensor, /) -> Tensor:
    """The indices of the elements that are not zero, one a row, shape (count, ndim), int32.

    >>> import jairika_nb as jrk
    >>> jrk.argwhere(jrk.tensor([[0, 1], [1, 0]])).tolist()
    [[0, 1], [1, 0]]
    """
    refuse("argwhere")
    return _on(x, np.argwhere(x.numpy()))


def _on(x: Tensor, found: np.ndarray) -> Tensor:
    return Tensor(run.from_numpy(found.astype(np.int32), dtypes.int32, x.device))


def _comparable(x: Node) -> Node:
    """As a type whose kernel compares it as it is."""
    if x.dtype.kind == "bool":
        return e.cast(x, dtypes.uint8)
    small = x.dtype.kind == "float" and x.dtype.itemsize < 4
    return e.cast(x, dtypes.float32) if small else x


@on_tensors
def searchsorted(
    x1: Tensor, x2: Any, /, *, side: str = "left", sorter: Tensor | None = None
) -> Tensor:
    """Where the values ``x2`` belong in ascending ``x1``, int32, of the shape of ``x2``.

    ``x1`` is 1-d, or has rows for those of ``x2`` with all axes but the last equal. ``side`` left
    is before equal elements, right after them; NaN belongs last. ``sorter`` sorts ``x1``.

    >>> import jairika_nb as jrk
    >>> jrk.searchsorted(jrk.tensor([1, 3, 5]), jrk.tensor([3, 4]), side="right").tolist()
    [2, 2]
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"searchsorted: side={side!r}; choose 'left' or 'right'")
    given = operands(x1, x2)
    rows = given[0]
    if sorter is not None:
        axis = len(rows.shape) - 1
        order = index_node(integers(sorter, rows.shape[-1], axis, rows.shape), rows.device)
        rows = gather.take_along(rows, order, axis)
    value = given[1]
    if not isinstance(value, Node):
        dtype = dtypes.weak(value, rows.dtype)
        value = sources.const(value, dtype, rows.device)
    common = dtypes.promote(rows.dtype, value.dtype)
    rows, values = (_comparable(e.cast(v, common)) for v in (rows, value))
    return Tensor(_found(rows, values, side))


def _found(rows: Node, values: Node, side: str) -> Node:
    n = rows.shape[-1] if rows.shape else 0
    if len(rows.shape) == 1:
        found = s.searchsorted(
            views.reshape(rows, (1, n)), views.reshape(values, (1, values.size)), side
        )
    elif rows.shape and rows.shape[:-1] == values.shape[:-1]:
        count = int(np.prod(rows.shape[:-1]))
        flat = views.reshape(values, (count, values.shape[-1]))
        found = s.searchsorted(views.reshape(rows, (count, n)), flat, side)
    else:
        raise ShapeError(
            f"searchsorted: values {values.shape} in {rows.shape}; the sorted tensor must be 1-d, "
            "or equal the values in all axes but the last"
        )
    return views.reshape(found, values.shape)


@on_tensors
def bucketize(x: Any, boundaries: Tensor, /, *, right: bool = False) -> Tensor:
    """The bin of each element between ascending ``boundaries``, which close bins at their end.

    With ``right`` they open bins: ``boundaries[i-1] <= x < boundaries[i]``.
    """
    return searchsorted(boundaries, x, side="right" if right else "left")


@on_tensors
def bincount(x: Tensor, /, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, ... occurs in 1-d ``x``, int32, or the sums of their weights.

    The result's size depends on the largest element, so ``x`` is read when the line runs.
    """
    if x.ndim != 1 or not (dtypes.is_integer(x.dtype) or not x.size):
        raise DTypeError(f"bincount: {x.dtype.name} of shape {x.shape}; use 1-d integers")
    if minlength < 0:
        raise ArgumentError(f"bincount: minlength={minlength} is negative")
    refuse("bincount")
    values = x.numpy()
    if values.size and values.min() < 0:
        raise OutOfRange(f"bincount: {int(values.min())} is negative; subtract the minimum first")
    size = max(int(values.max()) + 1 if values.size else 0, minlength)
    return Tensor(_counted(index_node(x, x.device), weights, size, x))


def _counted(index: Node, weights: Tensor | None, size: int, x: Tensor) -> Node:
    if weights is None:
        ones = sources.const(1, dtypes.int32, x.device)
        added = views.broadcast_to(ones, index.shape)
    else:
        added = weights.node
        if not dtypes.is_float(added.dtype):
            added = e.cast(added, dtypes.float32)
        if added.shape != index.shape:
            raise ShapeError(f"weights of shape {added.shape} for {index.shape} values")
    base = views.broadcast_to(sources.const(0, added.dtype, x.device), (size,))
    return scatter.scatter(base, index, added, 0, "add")


@on_tensors
def histogram(
    x: Tensor,
    /,
    bins: int | Tensor = 10,
    *,
    range: tuple[float, float] | None = None,
    weights: Tensor | None = None,
    density: bool = False,
) -> Histogram:
    """How many elements lie in each bin: (hist, bin_edges); the last bin holds its end too.

    ``bins`` are a number of equal ones over ``range`` (from least to greatest if not given, which
    is read when the line runs) or ascending edges. With ``density`` the integral is 1.
    """
    flat = x.reshape((-1,))
    edges = _edges(flat, bins, range)
    count = edges.size - 1
    place = searchsorted(edges, flat, side="right") - 1
    last = e.apply("equal", flat.node, edges[-1].node)
    inside = e.where(last, count - 1, place.node)
    good = e.apply("less_equal", flat.node, edges[-1].node)
    good = e.apply("bitwise_and", good, e.apply("greater_equal", inside, 0))
    own = None if weights is None else weights.reshape((-1,))
    # What lies outside all bins is counted in one more, which is left out.
    hist = Tensor(_counted(e.where(good, inside, count), own, count + 1, x))[:count]
    hist = hist.astype(edges.dtype) if weights is None else hist
    if density:
        hist = hist / (hist.sum() * (edges[1:] - edges[:-1]))
    return Histogram(hist, edges)


def _edges(x: Tensor, bins: int | Tensor, span: tuple[float, float] | None) -> Tensor:
    dtype = x.dtype if dtypes.is_float(x.dtype) else dtypes.float32
    if not isinstance(bins, int):
        return Tensor(e.cast(node_of(bins, x.device), dtype))
    if bins < 1:
        raise ArgumentError(f"histogram: bins={bins}; there must be one at least")
    low, high = span or (0.0, 0.0)
    if low == high == 0 and x.size:
        refuse("histogram without a range")
        low, high = float(x.min()), float(x.max())
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise OutOfRange(f"histogram: the range from {low} to {high} is not finite and ascending")
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    host = np.linspace(low, high, bins + 1).astype(dtype.numpy)
    return Tensor(run.from_numpy(host, dtype, x.device))


@on_tensors
def histc(x: Tensor, /, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements lie in each of ``bins`` equal bins from ``min`` to ``max``.

    With both 0 (the default) they are the least and greatest element, read when the line runs.
    """
    return histogram(x, bins, range=(min, max)).hist.astype(x.dtype)


for _function in (nonzero, argwhere, bincount, histc):
    attach(_function.__name__, _function)
