"""Writing elements at places that are data: the mirror of gather.

A scatter is a composite: its plan for a device is made by ``expand`` from stored rows, sorts and
sums. Results repeat bit for bit: updates of one element always join in one order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import reduce as r
from jairika_nb.engine.ops import sources, views
from jairika_nb.engine.ops.gather import check_range, take_along
from jairika_nb.engine.ops.scan import recurrence, shifted
from jairika_nb.engine.ops.sort import argsort
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError

MODES = ("set", "add", "max", "min", "mul")
# Copies of the result that many updates of few elements are spread over; on a GPU many more.
COPIES = {"cpu": 4, "gpu": 256}
# A GPU needs about so many independent columns before each may run through its updates alone.
MANY_COLUMNS = 4096


def scatter(base: Node, index: Node, updates: Node, axis: int, mode: str) -> Node:
    """``out = base; out[.., index[.., k, ..], ..] = or += .. updates[.., k, ..]`` for every k.

    ``index`` (int32 or int64) and ``updates`` have one shape, which equals ``base`` in all axes
    but ``axis``; expand views of the index cost nothing. Negative indices count from the end, and
    one outside the axis raises OutOfRange when values are read. ``mode`` is set (of updates of
    one element the last wins), add, max, min or mul.
    """
    _check(base, index, updates, axis)
    return make("scatter", (base, _narrow(index, axis), updates), (axis, mode))


def added(x: Node, index: Node, updates: Node, axis: int) -> Node:
    """Zeros of the shape of ``x`` with ``updates`` added at ``index``: what a gather's g is."""
    zeros = views.broadcast_to(sources.const(0, updates.dtype, x.device), x.shape)
    return scatter(zeros, index, updates, axis, "add")


def _check(base: Node, index: Node, updates: Node, axis: int) -> None:
    if index.dtype not in (dtypes.int32, dtypes.int64):
        raise DTypeError(f"scatter: an index of {index.dtype.name}; it must be int32 or int64")
    if base.dtype is not updates.dtype:
        raise DTypeError(
            f"scatter: updates of {updates.dtype.name} into {base.dtype.name}; "
            "convert one with x.astype(...)"
        )
    rest = [n for i, n in enumerate(base.shape) if i != axis]
    fits = len(base.shape) == len(updates.shape) and index.shape == updates.shape
    if not fits or rest != [n for i, n in enumerate(updates.shape) if i != axis]:
        raise ShapeError(
            f"scatter along axis {axis}: index {index.shape} and updates {updates.shape} for "
            f"{base.shape}; index and updates must be of one shape, and all axes but {axis} equal"
        )
    if index.size and not base.shape[axis]:
        raise OutOfRange(f"scatter along axis {axis} of {base.shape}: an empty axis has no places")


def _narrow(index: Node, axis: int) -> Node:
    """The index before it was repeated along all axes on one side of ``axis``."""
    small = index.inputs[0] if index.op == "expand" else index
    if len(small.shape) != len(index.shape):
        return index
    sides = (slice(None, axis), slice(axis + 1, None))
    plain = all(set(small.shape[s]) <= {1} or small.shape[s] == index.shape[s] for s in sides)
    return small if plain else index


def _infer(base: Node, index: Node, updates: Node, attrs: Any) -> tuple[Shape, DType]:
    return base.shape, base.dtype


_COMBINE = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}


def _reference(attrs: Any, base: np.ndarray, index: np.ndarray, updates: np.ndarray) -> Any:
    axis, mode = attrs
    check_range(index, base.shape[axis], axis)
    exact = base.dtype == np.float32 and mode in ("add", "mul")
    out = base.astype(np.float64) if exact else base.copy()
    places = list(np.ix_(*(np.arange(n) for n in updates.shape)))
    places[axis] = np.broadcast_to(index, updates.shape)
    if mode == "set":
        _set_last(out, places, updates)
    else:
        _COMBINE[mode].at(out, tuple(places), updates)
    return out.astype(base.dtype)


def _set_last(out: np.ndarray, places: list[np.ndarray], updates: np.ndarray) -> None:
    wrapped = [
        np.broadcast_to(p, updates.shape) % n for p, n in zip(places, out.shape, strict=True)
    ]
    flat = np.ravel_multi_index(wrapped, out.shape).reshape(-1)
    # The first one from behind is the last one written.
    targets, first = np.unique(flat[::-1], return_index=True)
    out.reshape(-1)[targets] = updates.reshape(-1)[::-1][first]


# Derivatives


def _vjp(g: Node, y: Node, base: Node, index: Node, updates: Node) -> tuple[Any, None, Any]:
    axis, mode = y.attrs
    whole = views.broadcast_to(index, updates.shape)
    db, du = _RULES[mode](g, y, base, whole, updates, axis)
    return db, None, du


def _add_rule(g: Node, y: Node, base: Node, index: Node, u: Node, axis: int) -> Any:
    return g, take_along(g, index, axis)


def _set_rule(g: Node, y: Node, base: Node, index: Node, u: Node, axis: int) -> Any:
    kept = scatter(g, index, _filled(0, u), axis, "set")
    # Only the update that was written last has any part in the result.
    order = _along(sources.iota(u.shape[axis], u.device), axis, u.shape)
    writer = scatter(_filled(-1, base, dtypes.int32), index, order, axis, "set")
    won = e.apply("equal", take_along(writer, index, axis), order)
    return kept, e.where(won, take_along(g, index, axis), 0.0)


def _extreme_rule(g: Node, y: Node, base: Node, index: Node, u: Node, axis: int) -> Any:
    # Those that tie share the cotangent equally.
    hit_base = e.cast(e.apply("equal", base, y), g.dtype)
    hit = e.cast(e.apply("equal", u, take_along(y, index, axis)), g.dtype)
    count = scatter(hit_base, index, hit, axis, "add")
    share = e.div(g, e.apply("maximum", count, 1))
    return e.mul(share, hit_base), e.mul(take_along(share, index, axis), hit)


def _mul_rule(g: Node, y: Node, base: Node, index: Node, u: Node, axis: int) -> Any:
    factors = scatter(_filled(1, base), index, u, axis, "mul")
    others = _product_of_others(index, u, base.shape[axis], axis)
    return e.mul(g, factors), e.mul(take_along(e.mul(g, base), index, axis), others)


def _product_of_others(index: Node, u: Node, size: int, axis: int) -> Node:
    """For each update the product of all others of its element, without a division.

    Sorted by element, it is the running product from the left times that from the right, both
    begun anew at each element: first-order recurrences, right at zeros for any order.
    """
    wrapped = e.where(e.apply("less", index, 0), e.add(index, size), index)
    order = argsort(wrapped, axis, descending=False)
    element, value = (take_along(v, order, axis) for v in (wrapped, u))
    products = e.mul(*(_products_before(element, value, axis, back) for back in (False, True)))
    return take_along(products, argsort(order, axis, descending=False), axis)


def _products_before(element: Node, value: Node, axis: int, back: bool) -> Node:
    before = shifted(value, axis, back, 0.0)
    same = e.apply("equal", element, shifted(element, axis, back, -1))
    factor = e.where(same, before, 0.0)
    return recurrence(factor, e.where(same, _filled(0, value), 1.0), axis, reverse=back)


def _filled(value: float, like: Node, dtype: DType | None = None) -> Node:
    return views.broadcast_to(sources.const(value, dtype or like.dtype, like.device), like.shape)


def _along(x: Node, axis: int, shape: Shape) -> Node:
    one = tuple(n if i == axis else 1 for i, n in enumerate(shape))
    return views.broadcast_to(views.reshape(x, one), shape)


_RULES = {"add": _add_rule, "set": _set_rule, "max": _extreme_rule, "min": _extreme_rule,
          "mul": _mul_rule}  # fmt: skip


# Plans


def _expand(attrs: Any, base: Node, index: Node, updates: Node) -> Node:
    """Rows of (before, axis, after), computed by the plan that has most to do at once."""
    axis, mode = attrs
    if base.dtype.kind == "float" and base.dtype.itemsize < 4:
        wide = [e.cast(x, dtypes.float32) for x in (base, updates)]
        return e.cast(_expand(attrs, wide[0], index, wide[1]), base.dtype)
    b, i, u = (_in_three(x, axis) for x in (base, index, updates))
    return views.reshape(_plan(b, i, u, mode, axis), base.shape)


def _in_three(x: Node, axis: int) -> Node:
    before, after = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    return views.reshape(x, (before, x.shape[axis], after))


def _plan(base: Node, index: Node, updates: Node, mode: str, axis: int) -> Node:
    before, n, after = base.shape
    many = updates.shape[1]
    gpu = base.device.kind == "gpu"
    columns, copies = before * after, COPIES["gpu" if gpu else "cpu"]
    wide_enough = columns >= MANY_COLUMNS if gpu else columns >= 64 or many < 2048
    if not updates.size:
        return base
    if wide_enough:
        return make("scatter_rows", (base, index, updates), (mode, axis))
    if mode != "set" and columns * n * copies <= updates.size:
        return _in_copies(base, index, updates, mode, axis, copies)
    if gpu:
        return _sorted_first(base, index, updates, mode, axis)
    return make("scatter_rows", (base, index, updates), (mode, axis))


def _in_copies(base: Node, index: Node, updates: Node, mode: str, axis: int, copies: int) -> Node:
    """Parts of the updates go to copies of the result, which then join in a fixed order."""
    before, n, after = base.shape
    part = math.ceil(updates.shape[1] / copies)
    missing = part * copies - updates.shape[1]
    neutral = r.initial("sum" if mode == "add" else "prod" if mode == "mul" else mode, base.dtype)
    u = views.pad(updates, ((0, 0, 0), (0, missing, 0), (0, 0, 0)), neutral)
    i = views.pad(index, ((0, 0, 0), (0, missing, 0), (0, 0, 0)), 0)
    u = views.reshape(u, (before * copies, part, after))
    i = views.reshape(i, (i.shape[0] * copies, part, i.shape[2]))
    if i.shape[0] != u.shape[0]:
        spread = (before, copies, part, i.shape[2])
        i = views.broadcast_to(views.reshape(i, (1, *spread[1:])), spread)
        i = views.reshape(i, (before * copies, part, spread[3]))
    empty = views.broadcast_to(sources.const(neutral, base.dtype, base.device),
                               (before * copies, n, after))  # fmt: skip
    parts = views.reshape(
        make("scatter_rows", (empty, i, u), (mode, axis)), (before, copies, n, after)
    )
    reduction, join = {"add": ("sum", "add"), "mul": ("prod", "mul"), "max": ("max", "maximum"),
                       "min": ("min", "minimum")}[mode]  # fmt: skip
    joined = views.reshape(make(reduction, (parts,), (1,)), base.shape)
    return make(join, (base, joined))


def _sorted_first(base: Node, index: Node, updates: Node, mode: str, axis: int) -> Node:
    """Updates sorted by the element they go to; then every element finds its own."""
    before, n, after = base.shape
    many = updates.shape[1]
    if index.shape[2] == 1:
        rows = views.broadcast_to(index, (before, many, 1))
        b, u, width = base, updates, after
    else:
        rows = views.permute(views.broadcast_to(index, updates.shape), (0, 2, 1))
        b, u = (views.permute(x, (0, 2, 1)) for x in (base, updates))
        before, width = before * after, 1
    rows = views.reshape(rows, (before, many))
    b, u = views.reshape(b, (before, n, width)), views.reshape(u, (before, many, width))
    wrapped = e.where(e.apply("less", rows, 0), e.add(rows, n), rows)
    order = argsort(wrapped, 1, descending=False)
    element = take_along(wrapped, order, 1)
    out = make("scatter_sorted", (b, element, order, u), (mode, axis))
    if width == after:
        return views.reshape(out, base.shape)
    back = views.reshape(out, (base.shape[0], after, n))
    return views.permute(back, (0, 2, 1))


def _rows_reference(attrs: Any, *arrays: np.ndarray) -> Any:
    return _reference((1, attrs[0]), *arrays)


def _sorted_reference(
    attrs: Any, base: np.ndarray, element: np.ndarray, order: np.ndarray, u: np.ndarray
) -> Any:
    moved = np.take_along_axis(u, order[:, :, None].astype(np.int64), 1)
    return _reference((1, attrs[0]), base, element[:, :, None], moved)


define(Op("scatter", "composite", _infer, _reference, _vjp, expand=_expand))
define(Op("scatter_rows", "routine", _infer, _rows_reference))
define(Op("scatter_sorted", "routine", lambda b, e, o, u, attrs: (b.shape, b.dtype),
          _sorted_reference))  # fmt: skip
