"""Reading and writing along one axis at places that are data: take, gather, scatter and kin.

The array API standard's names where it has them, PyTorch's otherwise, with ``axis``. Functions
that write return a new tensor. Negative indices count from the end; one outside the axis raises
OutOfRange, at the line for data of the host, and when values are read for indices on a device.
"""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.engine.graph import Node, Shape
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather as g
from jairika_nb.engine.ops import scatter as s
from jairika_nb.engine.ops import sources, views
from jairika_nb.engine.ops.reduce import initial
from jairika_nb.errors import ArgumentError, DTypeError, ShapeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.indexing import updated
from jairika_nb.tensors.keys import index_node, integers, value_node
from jairika_nb.tensors.shaping import flatten, normal_axes
from jairika_nb.tensors.tensor import Tensor, attach, node_of

REDUCTIONS = {"sum": "add", "prod": "mul", "amax": "max", "amin": "min", "mean": "add"}


def _index(name: str, x: Tensor, index: Any, axis: int) -> Node:
    if isinstance(index, Tensor) and index.device is not x.device:
        index = index.to(x.device)
    return index_node(integers(index, x.shape[axis], axis, x.shape), x.device)


def _axis(name: str, axis: int, x: Tensor) -> int:
    return normal_axes(name, axis, x.shape)[0]


def _along(index: Node, axis: int, shape: Shape) -> Node:
    """A 1-d index repeated to ``shape``, which has its size along ``axis``."""
    lone = tuple(index.size if i == axis else 1 for i in range(len(shape)))
    return views.broadcast_to(views.reshape(index, lone), shape)


def _resized(shape: Shape, axis: int, count: int) -> Shape:
    return (*shape[:axis], count, *shape[axis + 1 :])


@on_tensors
def take(x: Tensor, indices: Any, /, *, axis: int | None = None) -> Tensor:
    """The elements of ``x`` at ``indices`` along ``axis``; without ``axis``, of ``x`` flattened.

    The shape of ``indices`` takes the place of the axis.

    >>> import jairika_nb as jrk
    >>> jrk.take(jrk.tensor([[1, 2, 3], [4, 5, 6]]), jrk.tensor([2, 0]), axis=1).tolist()
    [[3, 1], [6, 4]]
    """
    if axis is None:
        return take(flatten(x), indices, axis=0)
    at = _axis("take", axis, x)
    index = _index("take", x, indices, at)
    flat = _along(views.reshape(index, (index.size,)), at, _resized(x.shape, at, index.size))
    taken = g.take_along(x.node, flat, at)
    return Tensor(views.reshape(taken, (*x.shape[:at], *index.shape, *x.shape[at + 1 :])))


@on_tensors
def index_select(x: Tensor, axis: int, index: Any) -> Tensor:
    """As :func:`take` with a 1-d index, PyTorch's order of arguments."""
    return take(x, index, axis=axis)


@on_tensors
def take_along_axis(x: Tensor, indices: Any, /, *, axis: int = -1) -> Tensor:
    """Along ``axis`` of ``x`` the elements at ``indices``; their other axes broadcast.

    >>> import jairika_nb as jrk
    >>> x = jrk.tensor([[3, 1, 2], [4, 6, 5]])
    >>> jrk.take_along_axis(x, x.argsort(axis=1), axis=1).tolist()
    [[1, 2, 3], [4, 5, 6]]
    """
    at = _axis("take_along_axis", axis, x)
    index = _index("take_along_axis", x, indices, at)
    if len(index.shape) != x.ndim:
        raise ShapeError(
            f"take_along_axis: indices {index.shape} for {x.shape}; they must have as many axes"
        )
    one = _resized(x.shape, at, 1)
    shape = e.broadcast_shape("take_along_axis", one, _resized(index.shape, at, 1))
    whole = views.broadcast_to(x.node, _resized(shape, at, x.shape[at]))
    spread = views.broadcast_to(index, _resized(shape, at, index.shape[at]))
    return Tensor(g.take_along(whole, spread, at))


@on_tensors
def put_along_axis(x: Tensor, indices: Any, values: Any, /, *, axis: int = -1) -> Tensor:
    """``x`` with ``values`` at ``indices`` along ``axis``; of repeated ones the last stays.

    ``indices`` and ``values`` broadcast to the other axes of ``x``. Returns a new tensor.
    """
    at = _axis("put_along_axis", axis, x)
    index = _index("put_along_axis", x, indices, at)
    new = value_node(values, x)
    spread = _resized(x.shape, at, index.shape[at] if index.shape else 1)
    spread_index = views.broadcast_to(index, spread)
    return Tensor(s.scatter(x.node, spread_index, views.broadcast_to(new, spread), at, "set"))


@on_tensors
def gather(x: Tensor, axis: int, index: Any) -> Tensor:
    """``out[i][j] = x[index[i][j]][j]`` for axis 0, and so on; the shape of ``index``.

    ``index`` has as many axes as ``x`` and is nowhere larger than it but along ``axis``.
    """
    at = _axis("gather", axis, x)
    node = _index("gather", x, index, at)
    return Tensor(g.take_along(_cut(x.node, _within("gather", x, node, at)), node, at))


def _within(name: str, x: Tensor, index: Node, axis: int) -> Shape:
    """The part of ``x`` that an index of PyTorch's form works on."""
    fits = len(index.shape) == x.ndim and all(
        a <= b for i, (a, b) in enumerate(zip(index.shape, x.shape, strict=True)) if i != axis
    )
    if not fits:
        raise ShapeError(
            f"{name} along axis {axis}: an index of shape {index.shape} for {x.shape}; it must "
            f"have as many axes and be no larger than it in all axes but {axis}"
        )
    return _resized(index.shape, axis, x.shape[axis])


def _cut(x: Node, shape: Shape) -> Node:
    return views.take_slice(x, tuple((0, n, 1) for n in shape))


def _scattered(name: str, x: Tensor, axis: int, index: Any, src: Any, mode: str) -> Tensor:
    at = _axis(name, axis, x)
    node = _index(name, x, index, at)
    part = _within(name, x, node, at)
    if isinstance(src, Tensor) and src.dtype is not x.dtype:
        raise DTypeError(
            f"{name}: src of {src.dtype.name} into {x.dtype.name}; convert it with "
            f"src.astype('{x.dtype.name}')"
        )
    new = value_node(src, x)
    fits = len(new.shape) == len(node.shape) and all(
        a >= b for a, b in zip(new.shape, node.shape, strict=True)
    )
    if new.shape and not fits:
        raise ShapeError(
            f"{name}: src of shape {new.shape} for an index of {node.shape}; it must have as many "
            "axes and be no smaller in any"
        )
    updates = _cut(new, node.shape) if new.shape else views.broadcast_to(new, node.shape)
    written = s.scatter(_cut(x.node, part), node, updates, at, mode)
    if part == x.shape:
        return Tensor(written)
    return updated(x, tuple(slice(0, n) for n in part), Tensor(written))


@on_tensors
def scatter(x: Tensor, axis: int, index: Any, src: Any, *, reduce: str | None = None) -> Tensor:
    """``x`` with ``src[i][j]`` at ``[index[i][j]][j]`` for axis 0, and so on; a new tensor.

    ``src`` is a number, or a tensor no smaller than ``index``; of repeated places the last one
    stays. ``reduce`` add, multiply, amax or amin joins old and new values.

    >>> import jairika_nb as jrk
    >>> jrk.scatter(jrk.zeros((4,)), 0, jrk.tensor([1, 3]), jrk.tensor([5.0, 6.0])).tolist()
    [0.0, 5.0, 0.0, 6.0]
    """
    modes = {None: "set", "add": "add", "multiply": "mul", "amax": "max", "amin": "min"}
    if reduce not in modes:
        known = ", ".join(repr(m) for m in modes)
        raise ArgumentError(f"scatter: reduce={reduce!r}; choose one of {known}")
    return _scattered("scatter", x, axis, index, src, modes[reduce])


@on_tensors
def scatter_add(x: Tensor, axis: int, index: Any, src: Any) -> Tensor:
    """``x`` with ``src`` added at ``index`` along ``axis``, always in one order."""
    return _scattered("scatter_add", x, axis, index, src, "add")


@on_tensors
def scatter_reduce(
    x: Tensor, axis: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Tensor:
    """``x`` with the values of ``src`` at each place joined: sum, prod, mean, amax or amin.

    Without ``include_self`` elements of ``x`` that are written to have no part in the result.
    """
    if reduce not in REDUCTIONS:
        names = ", ".join(REDUCTIONS)
        raise ArgumentError(f"scatter_reduce: reduce={reduce!r} is unknown; choose one of {names}")
    mode = REDUCTIONS[reduce]
    base = x
    if not include_self:
        kind = {"add": "sum", "mul": "prod"}.get(mode, mode)
        base = Tensor(e.where(_touched(x, axis, index), initial(kind, x.dtype), x.node))
    out = _scattered("scatter_reduce", base, axis, index, src, mode)
    if reduce != "mean":
        return out
    start = sources.const(int(include_self), dtypes.int32, x.device)
    ones = Tensor(views.broadcast_to(start, x.shape))
    one = Tensor(sources.const(1, dtypes.int32, x.device))
    count = _scattered("scatter_reduce", ones, axis, index, one, "add")
    many = e.cast(e.apply("maximum", count.node, 1), x.dtype)
    op = "div" if dtypes.is_float(x.dtype) else "floor_divide"
    return Tensor(e.apply(op, out.node, many))


def _touched(x: Tensor, axis: int, index: Any) -> Node:
    no = Tensor(views.broadcast_to(sources.const(False, dtypes.bool_, x.device), x.shape))
    yes = Tensor(sources.const(True, dtypes.bool_, x.device))
    return _scattered("scatter_reduce", no, axis, index, yes, "set").node


def _indexed(name: str, x: Tensor, axis: int, index: Any, source: Any, mode: str) -> Tensor:
    """Writes whole slices along ``axis``, a 1-d index telling where each goes."""
    at = _axis(name, axis, x)
    node = views.reshape(_index(name, x, index, at), (-1,))
    shape = _resized(x.shape, at, node.size)
    new = value_node(source, x)
    if new.shape not in ((), shape):
        raise ShapeError(
            f"{name} along axis {at}: source {new.shape} for {x.shape} must be {shape}"
        )
    updates = views.broadcast_to(new, shape)
    return Tensor(s.scatter(x.node, _along(node, at, shape), updates, at, mode))


@on_tensors
def index_add(x: Tensor, axis: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
    """``x`` with ``alpha`` times the slices of ``source`` added at a 1-d ``index``."""
    scaled = Tensor(node_of(source, x.device)) * alpha if alpha != 1 else source
    return _indexed("index_add", x, axis, index, scaled, "add")


@on_tensors
def index_copy(x: Tensor, axis: int, index: Any, source: Any) -> Tensor:
    """``x`` with the slices of ``source`` at a 1-d ``index`` along ``axis``."""
    return _indexed("index_copy", x, axis, index, source, "set")


@on_tensors
def index_fill(x: Tensor, axis: int, index: Any, value: Any) -> Tensor:
    """``x`` with one value in all slices at a 1-d ``index`` along ``axis``."""
    return _indexed("index_fill", x, axis, index, value, "set")


@on_tensors
def index_reduce(
    x: Tensor, axis: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Tensor:
    """As :func:`scatter_reduce` with whole slices of ``source`` at a 1-d ``index``."""
    at = _axis("index_reduce", axis, x)
    node = views.reshape(_index("index_reduce", x, index, at), (-1,))
    shape = _resized(x.shape, at, node.size)
    new = value_node(source, x)
    if new.shape != shape:
        raise ShapeError(f"index_reduce: source {new.shape} for {x.shape} must be {shape}")
    spread = Tensor(_along(node, at, shape))
    return scatter_reduce(x, at, spread, Tensor(new), reduce, include_self=include_self)


@on_tensors
def index_put(x: Tensor, indices: tuple, values: Any, *, accumulate: bool = False) -> Tensor:
    """``x`` with ``x[indices] = values``, or ``+=`` counting repeated places; a new tensor."""
    return updated(x, tuple(indices), values, "add" if accumulate else "set")


@on_tensors
def put(x: Tensor, index: Any, source: Any, *, accumulate: bool = False) -> Tensor:
    """``x`` with ``source`` at places of ``x`` flattened, set or added; the shape of ``x``."""
    flat = flatten(x)
    node = views.reshape(_index("put", flat, index, 0), (-1,))
    new = views.reshape(value_node(source, x), (-1,))
    written = s.scatter(flat.node, node, new, 0, "add" if accumulate else "set")
    return Tensor(views.reshape(written, x.shape))


for _function in (
    take, gather, scatter, scatter_add, scatter_reduce, index_select, index_add, index_copy,
    index_fill, index_reduce, index_put, put,
):  # fmt: skip
    attach(_function.__name__, _function)
