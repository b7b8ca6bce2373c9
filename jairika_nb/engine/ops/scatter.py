"""Writing elements at places that are data: the mirror of gather.

A scatter is a composite: scatter_plan.py makes its plan for a device from stored rows, sorts and
sums. Results repeat bit for bit: updates of one element always join in one order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources, views
from jairika_nb.engine.ops.gather import check_range, take_along
from jairika_nb.engine.ops.scan import recurrence, shifted
from jairika_nb.engine.ops.scatter_plan import expand
from jairika_nb.engine.ops.sort import argsort
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError

MODES = ("set", "add", "max", "min", "mul")


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


# Rows that the plans are made of


def _rows_reference(attrs: Any, *arrays: np.ndarray) -> Any:
    mode, _, shape, fill = attrs
    base = [np.full(shape, fill, arrays[-1].dtype)] if len(arrays) == 2 else []
    return _reference((1, mode), *base, *arrays)


def _rows_infer(*inputs: Any) -> tuple[Shape, DType]:
    return inputs[-1][2], inputs[-2].dtype


def _sorted_reference(
    attrs: Any, base: np.ndarray, element: np.ndarray, order: np.ndarray, u: np.ndarray
) -> Any:
    moved = np.take_along_axis(u, order[:, :, None].astype(np.int64), 1)
    return _reference((1, attrs[0]), base, element[:, :, None], moved)


define(Op("scatter", "composite", _infer, _reference, _vjp, expand=expand))
define(Op("scatter_rows", "routine", _rows_infer, _rows_reference))
define(Op("scatter_sorted", "routine", lambda b, e, o, u, attrs: (b.shape, b.dtype),
          _sorted_reference))  # fmt: skip
