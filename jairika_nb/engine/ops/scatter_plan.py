"""How a device scatters: whole rows at once, in copies that join, or sorted first."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.engine.graph import Node, Shape, make
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import reduce as r
from jairika_nb.engine.ops import sources, views
from jairika_nb.engine.ops.gather import take_along
from jairika_nb.engine.ops.sort import argsort

# Copies of the result that many updates of few elements are spread over; on a GPU many more.
COPIES = {"cpu": 4, "gpu": 256}
# A GPU needs about so many independent columns before each may run through its updates alone.
MANY_COLUMNS = 4096


def expand(attrs: Any, base: Node, index: Node, updates: Node) -> Node:
    """Rows of (before, axis, after), computed by the plan that has most to do at once."""
    axis, mode = attrs
    # One number everywhere needs no tensor to be read from.
    fill = e.scalar_value(base)
    dtype = base.dtype
    if dtype.kind == "float" and dtype.itemsize < 4:
        base, updates = (e.cast(x, dtypes.float32) for x in (base, updates))
    b = _in_three(base, axis) if fill is None else None
    i, u = (_in_three(x, axis) for x in (index, updates))
    out = _plan(b, fill, _three(base.shape, axis), i, u, mode, axis)
    return e.cast(views.reshape(out, base.shape), dtype)


def _three(shape: Shape, axis: int) -> Shape:
    return math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])


def _in_three(x: Node, axis: int) -> Node:
    return views.reshape(x, _three(x.shape, axis))


def _plan(
    base: Node | None, fill: Any, shape: Shape, index: Node, updates: Node, mode: str, axis: int
) -> Node:
    """``base``, or without one ``fill`` everywhere, in ``shape`` (before, axis, after)."""
    before, n, after = shape
    many = updates.shape[1]
    gpu = updates.device.kind == "gpu"
    inputs = (index, updates) if base is None else (base, index, updates)
    attrs = (mode, axis, shape, fill)
    columns, copies = before * after, COPIES["gpu" if gpu else "cpu"]
    wide_enough = columns >= MANY_COLUMNS if gpu else columns >= 64 or many < 2048
    if not updates.size:
        return _whole(base, fill, shape, updates)
    if wide_enough:
        return make("scatter_rows", inputs, attrs)
    if mode != "set" and columns * n * copies <= updates.size:
        parts = _in_copies(shape, index, updates, mode, axis, copies)
        return make(_JOINED[mode], (_whole(base, fill, shape, updates), parts))
    if gpu:
        return _sorted_first(base, fill, shape, index, updates, mode, axis)
    return make("scatter_rows", inputs, attrs)


def _whole(base: Node | None, fill: Any, shape: Shape, like: Node) -> Node:
    if base is not None:
        return base
    return views.broadcast_to(sources.const(fill, like.dtype, like.device), shape)


_JOINED = {"add": "add", "mul": "mul", "max": "maximum", "min": "minimum"}
_REDUCED = {"add": "sum", "mul": "prod", "max": "max", "min": "min"}


def _in_copies(shape: Shape, index: Node, updates: Node, mode: str, axis: int, copies: int) -> Node:
    """Parts of the updates go to copies of the result, which then join in a fixed order."""
    before, n, after = shape
    part = math.ceil(updates.shape[1] / copies)
    missing = part * copies - updates.shape[1]
    neutral = r.initial(_REDUCED[mode], updates.dtype)
    u = views.pad(updates, ((0, 0, 0), (0, missing, 0), (0, 0, 0)), neutral)
    i = views.pad(index, ((0, 0, 0), (0, missing, 0), (0, 0, 0)), 0)
    u = views.reshape(u, (before * copies, part, after))
    i = views.reshape(i, (i.shape[0] * copies, part, i.shape[2]))
    if i.shape[0] != u.shape[0]:
        spread = (before, copies, part, i.shape[2])
        i = views.broadcast_to(views.reshape(i, (1, *spread[1:])), spread)
        i = views.reshape(i, (before * copies, part, spread[3]))
    parts = make("scatter_rows", (i, u), (mode, axis, (before * copies, n, after), neutral))
    parts = views.reshape(parts, (before, copies, n, after))
    return views.reshape(make(_REDUCED[mode], (parts,), (1,)), shape)


def _sorted_first(
    base: Node | None, fill: Any, shape: Shape, index: Node, updates: Node, mode: str, axis: int
) -> Node:
    """Updates sorted by the element they go to; then every element finds its own."""
    before, n, after = shape
    many = updates.shape[1]
    base = _whole(base, fill, shape, updates)
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
        return views.reshape(out, shape)
    back = views.reshape(out, (shape[0], after, n))
    return views.permute(back, (0, 2, 1))
