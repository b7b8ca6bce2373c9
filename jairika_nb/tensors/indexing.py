"""Indexing as in NumPy: integers, slices, new axes, arrays of integers, masks; ``x[i] = v``.

Arrays of integers are read where they are: those of the host (lists, NumPy) are checked at once,
those on a device when values are read, so an index may be computed lazily. A mask decides how
large the result is, so a mask on a device is read when the line runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes, run
from jairika_nb.engine.graph import Node, Shape
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather, sources, views
from jairika_nb.engine.ops.scatter import scatter
from jairika_nb.errors import ShapeError
from jairika_nb.tensors.keys import Key, Pick, index_node, read, value_node
from jairika_nb.tensors.tensor import Tensor

Bounds = tuple[tuple[int, int, int], ...]


def get(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: a view where the key has slices and integers alone, else elements picked."""
    read_key = read(key, x)
    view = _sliced(x.node, read_key)
    if not read_key.picks:
        return Tensor(view)
    plan = _arrange(read_key, x)
    rows = views.reshape(views.permute(view, plan.order), plan.joined)
    index = views.broadcast_to(plan.index, plan.picked)
    return Tensor(views.reshape(gather.take_along(rows, index, plan.axis), plan.result))


def updated(x: Tensor, key: Any, value: Any, mode: str = "set") -> Tensor:
    """``x`` with the elements at ``key`` replaced by ``value``, broadcast to their shape.

    Where an index is repeated the last value stays; ``mode`` may also be add, mul, max or min.
    """
    new = value_node(value, x)
    mask = _lone_mask(key, x, new.shape)
    if mask is not None and mode == "set":
        return Tensor(e.where(mask, new, x.node))
    read_key = read(key, x)
    if not read_key.picks:
        return _view_updated(x, key, read_key, new, mode)
    plan = _arrange(read_key, x)
    rows = views.reshape(views.permute(_sliced(x.node, read_key), plan.order), plan.joined)
    updates = views.reshape(_fitted(key, new, plan.result), plan.picked)
    index = views.broadcast_to(plan.index, plan.picked)
    written = scatter(rows, index, updates, plan.axis, mode)
    inverse = tuple(sorted(range(len(plan.order)), key=plan.order.__getitem__))
    back = views.permute(views.reshape(written, plan.split), inverse)
    picked = tuple(count for _, count, _ in read_key.bounds)
    return Tensor(_put_back(x.node, tuple(read_key.bounds), views.reshape(back, picked)))


def _sliced(x: Node, key: Key) -> Node:
    return views.reshape(views.take_slice(x, tuple(key.bounds)), tuple(key.shape))


# Arrays of integers


@dataclass
class _Arrangement:
    """How a view is laid out so that all picks become one, along ``axis``."""

    order: tuple[int, ...]  # of the view's axes: the picked ones side by side
    split: Shape  # the permuted view
    joined: Shape  # its picked axes in one
    axis: int
    index: Node  # of size 1 but along axis
    picked: Shape  # what the gather gives
    result: Shape


def _arrange(key: Key, x: Tensor) -> _Arrangement:
    at = [p.at for p in key.picks]
    rest = [i for i in range(len(key.shape)) if i not in at]
    before, after = rest[: key.place], rest[key.place :]
    order = (*before, *at, *after)
    split = tuple(key.shape[i] for i in order)
    sizes = [p.size for p in key.picks]
    shape = _common_shape([p.index.shape for p in key.picks])
    axis, count = len(before), math.prod(shape)
    index = _joined_index(key.picks, sizes, shape, axis, x)
    lone = tuple(count if i == axis else 1 for i in range(len(rest) + 1))
    outer, inner = split[:axis], split[axis + len(at) :]
    return _Arrangement(
        order, split, (*outer, math.prod(sizes), *inner), axis, views.reshape(index, lone),
        (*outer, count, *inner), (*outer, *shape, *inner),
    )  # fmt: skip


def _common_shape(shapes: list[Shape]) -> Shape:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        shown = " and ".join(str(s) for s in shapes)
        raise ShapeError(
            f"x[...]: arrays of shapes {shown} do not broadcast; aligned at the right, sizes "
            "must be equal or 1"
        ) from None


def _joined_index(picks: list[Pick], sizes: list[int], shape: Shape, axis: int, x: Tensor) -> Node:
    """One index into the picked axes taken together."""
    if len(picks) == 1 and (picks[0].axis == axis or isinstance(picks[0].index, np.ndarray)):
        return index_node(picks[0].index, x.device)
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    wide = math.prod(sizes) >= 2**31
    total: Any = None
    if all(isinstance(p.index, np.ndarray) for p in picks):
        rows = [np.broadcast_to(np.asarray(p.index, np.int64), shape) for p in picks]
        total = sum(r * s for r, s in zip(rows, strides, strict=True))
        return index_node(np.asarray(total, np.int64 if wide else np.int32), x.device)
    for pick, stride in zip(picks, strides, strict=True):
        node = views.broadcast_to(_checked(pick, x), shape)
        term = e.mul(e.cast(node, dtypes.int64 if wide else dtypes.int32), stride)
        total = term if total is None else e.add(total, term)
    return total


def _checked(pick: Pick, x: Tensor) -> Node:
    """An index from a device, wrapped and, when it runs, checked against its own axis."""
    index = index_node(pick.index, x.device)
    if isinstance(pick.index, np.ndarray):
        return index
    lead = (1,) * pick.axis
    ramp = views.reshape(sources.iota(pick.size, x.device), (*lead, pick.size))
    flat = views.reshape(index, (*lead, index.size))
    return views.reshape(gather.take_along(ramp, flat, pick.axis), index.shape)


# Updates


def _lone_mask(key: Any, x: Tensor, value: Shape) -> Node | None:
    """The mask of ``x[mask] = v`` where no value depends on how many elements it picks."""
    dtype = getattr(key, "dtype", None)
    if dtype not in (dtypes.bool_, np.bool_) or not key.ndim:
        return None
    rest = x.ndim - key.ndim
    counted = value[: len(value) - rest] if len(value) > rest else ()
    if key.shape != x.shape[: key.ndim] or math.prod(counted) != 1 or len(value) > x.ndim:
        return None
    mask = key.node if isinstance(key, Tensor) else run.from_numpy(key, dtypes.bool_, x.device)
    return views.reshape(mask, (*mask.shape, *(1,) * rest))


def _fitted(key: Any, new: Node, shape: Shape) -> Node:
    # As NumPy, axes of size 1 in front of the value are more than needed but harmless.
    extra = len(new.shape) - len(shape)
    trimmed = new
    if extra > 0 and set(new.shape[:extra]) <= {1}:
        trimmed = views.reshape(new, new.shape[extra:])
    try:
        return views.broadcast_to(trimmed, shape)
    except ShapeError:
        shown = repr(key) if not hasattr(key, "shape") else f"of shape {tuple(key.shape)}"
        raise ShapeError(
            f"x[{shown[:60]}] = v: v of shape {new.shape} does not fit the picked shape {shape}"
        ) from None


_JOIN = {"add": "add", "mul": "mul", "max": "maximum", "min": "minimum"}


def _view_updated(x: Tensor, key: Any, read_key: Key, new: Node, mode: str) -> Tensor:
    new = _fitted(key, new, tuple(read_key.shape))
    if mode != "set":
        new = e.apply(_JOIN[mode], _sliced(x.node, read_key), new)
    picked = tuple(count for _, count, _ in read_key.bounds)
    return Tensor(_put_back(x.node, tuple(read_key.bounds), views.reshape(new, picked)))


def _put_back(x: Node, bounds: Bounds, new: Node) -> Node:
    """``x`` with a slice of it replaced."""
    if 0 in new.shape:
        return x
    flips = tuple((c - 1, c, -1) if k < 0 else (0, c, 1) for _, c, k in bounds)
    new = views.take_slice(new, flips)
    if new.shape == x.shape:
        return new
    widths = tuple(_around(*b, n) for b, n in zip(bounds, x.shape, strict=True))
    yes = views.broadcast_to(sources.const(True, dtypes.bool_, x.device), new.shape)
    return e.where(views.pad(yes, widths, False), views.pad(new, widths), x)


def _around(start: int, count: int, step: int, n: int) -> tuple[int, int, int]:
    low = min(start, start + (count - 1) * step)
    used = (count - 1) * abs(step) + 1
    return low, n - low - used, abs(step) - 1
