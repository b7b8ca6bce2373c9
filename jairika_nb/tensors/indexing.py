"""Indexing: integers, slices with any step, ellipsis and new axes; updates by ``x[i] = v``."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import sources, views
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.tensor import Tensor, node_of

Bounds = tuple[tuple[int, int, int], ...]


def _spelled_out(key: Any, x: Tensor) -> list[Any]:
    parts = list(key) if isinstance(key, tuple) else [key]
    given = sum(1 for p in parts if p is not None and p is not Ellipsis)
    if given > x.ndim:
        raise OutOfRange(f"index {key!r} has {given} parts, but {x.shape} has {x.ndim} axes")
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if len(dots) > 1:
        raise OutOfRange(f"index {key!r} has more than one ellipsis")
    at = dots[0] if dots else len(parts)
    fill = [slice(None)] * (x.ndim - given)
    return parts[:at] + fill + parts[at + len(dots) :]


def _whole(part: Any, axis: int, x: Tensor) -> int:
    index = getattr(part, "__index__", None)
    if index is None or isinstance(part, bool) or getattr(part, "shape", ()) != ():
        raise OutOfRange(
            f"index {_shown(part)} for axis {axis} of {x.shape}: integers, slices, ... and None "
            "are understood; pick by arrays or masks with jrk.where or on x.numpy()"
        )
    i, n = index(), x.shape[axis]
    if not -n <= i < n:
        raise OutOfRange(f"index {i} is outside axis {axis} of {x.shape}, which has size {n}")
    return i % n


def _shown(part: Any) -> str:
    shape = getattr(part, "shape", None)
    return repr(part) if shape is None else f"of shape {tuple(shape)}"


def _plan(key: Any, x: Tensor) -> tuple[Bounds, tuple[int, ...]]:
    """Bounds for every axis of ``x`` and the shape after dropping and adding axes."""
    bounds: list[tuple[int, int, int]] = []
    shape: list[int] = []
    for part in _spelled_out(key, x):
        axis = len(bounds)
        if part is None:
            shape.append(1)
        elif isinstance(part, slice):
            start, stop, step = part.indices(x.shape[axis])
            count = len(range(start, stop, step))
            bounds.append((start if count else 0, count, step))
            shape.append(count)
        else:
            bounds.append((_whole(part, axis, x), 1, 1))
    return tuple(bounds), tuple(shape)


def get(x: Tensor, key: Any) -> Tensor:
    """``x[key]``, a view."""
    bounds, shape = _plan(key, x)
    return Tensor(views.reshape(views.take_slice(x.node, bounds), shape))


def updated(x: Tensor, key: Any, value: Any) -> Tensor:
    """``x`` with the elements at ``key`` replaced by ``value``, broadcast to their shape."""
    bounds, shape = _plan(key, x)
    picked = tuple(count for _, count, _ in bounds)
    new = e.cast(node_of(value, x.device), x.dtype)
    try:
        new = views.reshape(views.broadcast_to(new, shape), picked)
    except ShapeError:
        raise ShapeError(
            f"x[{key!r}] = v: v of shape {new.shape} does not fit the picked shape {shape}"
        ) from None
    if 0 in picked:
        return x
    flips = tuple((c - 1, c, -1) if k < 0 else (0, c, 1) for _, c, k in bounds)
    widths = tuple(
        _around(start, count, step, n)
        for (start, count, step), n in zip(bounds, x.shape, strict=True)
    )
    yes = views.broadcast_to(sources.const(True, dtypes.bool_, x.device), picked)
    mask = views.pad(yes, widths, False)
    return Tensor(e.where(mask, views.pad(views.take_slice(new, flips), widths), x.node))


def _around(start: int, count: int, step: int, n: int) -> tuple[int, int, int]:
    low = min(start, start + (count - 1) * step)
    used = (count - 1) * abs(step) + 1
    return low, n - low - used, abs(step) - 1
