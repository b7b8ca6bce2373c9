"""Views: operations that only say where an element comes from; they never copy by themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.program import number_of
from jairika_nb.errors import ShapeError


def _count(shape: Shape) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


def reshape(x: Node, shape: Shape) -> Node:
    """``x`` with another shape of as many elements; one size may be -1."""
    shape = tuple(int(n) for n in shape)
    if shape.count(-1) == 1 and -1 in shape:
        rest = _count(tuple(n for n in shape if n != -1))
        known = x.size // rest if rest and x.size % rest == 0 else -1
        wanted = tuple(known if n == -1 else n for n in shape)
    else:
        wanted = shape
    if any(n < 0 for n in wanted) or _count(wanted) != x.size:
        raise ShapeError(
            f"reshape: {x.shape} has {x.size} elements and does not fit {shape}; "
            "the product of the sizes must stay the same"
        )
    return x if wanted == x.shape else make("reshape", (x,), wanted)


def permute(x: Node, axes: tuple[int, ...]) -> Node:
    """``x`` with its axes in another order."""
    if sorted(axes) != list(range(len(x.shape))):
        raise ShapeError(
            f"permute: axes {axes} are no permutation of the {len(x.shape)} axes of {x.shape}"
        )
    return x if axes == tuple(range(len(axes))) else make("permute", (x,), axes)


def expand(x: Node, shape: Shape) -> Node:
    """``x`` repeated along axes of size 1, and along new axes on the left."""
    return x if shape == x.shape else make("expand", (x,), shape)


def broadcast_to(x: Node, shape: Shape) -> Node:
    """``x`` repeated to ``shape`` by NumPy's rule."""
    if x.shape == shape:
        return x
    aligned = (1,) * (len(shape) - len(x.shape)) + x.shape
    fits = len(aligned) == len(shape) and all(
        a in (1, n) for a, n in zip(aligned, shape, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"broadcast_to: {x.shape} cannot become {shape}; aligned at the right, its sizes "
            "must be equal or 1"
        )
    return expand(x, shape)


def take_slice(x: Node, bounds: tuple[tuple[int, int, int], ...]) -> Node:
    """Per axis ``(start, count, step)``: elements start, start + step, ...; step may be negative.

    The caller has clipped the bounds to the shape.
    """
    whole = all(s == 0 and c == n and k == 1 for (s, c, k), n in zip(bounds, x.shape, strict=True))
    return x if whole else make("slice", (x,), bounds)


def pad(x: Node, widths: tuple[tuple[int, int, int], ...], fill: bool | int | float = 0) -> Node:
    """Per axis ``(before, after, between)``: fill elements around and between those of ``x``."""
    if all(w == (0, 0, 0) for w in widths):
        return x
    # Spelled, so that 0.0 and -0.0 differ and a NaN equals itself wherever attributes are compared.
    return make("pad", (x,), (widths, repr(dtypes.number(fill, x.dtype))))


def window(x: Node, axis: int, size: int, stride: int = 1, dilation: int = 1) -> Node:
    """(..., n, ...) -> (..., count, size, ...): every ``size`` elements along ``axis``.

    ``out[..., o, k, ...] = x[..., o * stride + k * dilation, ...]`` for every window that fits.
    """
    span = (size - 1) * dilation + 1
    if size < 1 or stride < 1 or dilation < 1 or span > x.shape[axis]:
        raise ShapeError(
            f"window of {size} along axis {axis} of {x.shape} with stride {stride} and dilation "
            f"{dilation}: it spans {span} elements and must fit {x.shape[axis]}; pad the axis or "
            "take a smaller window"
        )
    return make("window", (x,), (axis, size, stride, dilation))


def _slice_infer(x: Node, attrs: Any) -> tuple[Shape, DType]:
    return tuple(count for _, count, _ in attrs), x.dtype


def _slice_reference(attrs: Any, x: np.ndarray) -> np.ndarray:
    grids = [start + step * np.arange(count) for start, count, step in attrs]
    return x[np.ix_(*grids)] if grids else x


def _slice_vjp(g: Node, y: Node, x: Node) -> tuple[Node]:
    flipped = tuple((c - 1 if k < 0 else 0, c, -1 if k < 0 else 1) for (_, c, k) in y.attrs)
    widths = []
    for (start, count, step), n in zip(y.attrs, x.shape, strict=True):
        low = start if step > 0 else start + (count - 1) * step
        used = (count - 1) * abs(step) + 1 if count else 0
        low = low if count else 0
        widths.append((low, n - low - used, abs(step) - 1))
    return (pad(take_slice(g, flipped), tuple(widths)),)


def padded_size(n: int, before: int, after: int, between: int) -> int:
    """The size of an axis after :func:`pad`."""
    return before + after + (n + (n - 1) * between if n else 0)


def _pad_infer(x: Node, attrs: Any) -> tuple[Shape, DType]:
    sizes = zip(x.shape, attrs[0], strict=True)
    return tuple(padded_size(n, *w) for n, w in sizes), x.dtype


def _pad_reference(attrs: Any, x: np.ndarray) -> np.ndarray:
    widths, fill = attrs
    shape = tuple(padded_size(n, *w) for n, w in zip(x.shape, widths, strict=True))
    out = np.full(shape, number_of(fill), x.dtype)
    out[tuple(slice(b, b + n * (i + 1), i + 1) if n else slice(0, 0)
              for n, (b, _, i) in zip(x.shape, widths, strict=True))] = x  # fmt: skip
    return out


def _pad_vjp(g: Node, y: Node, x: Node) -> tuple[Node]:
    rows = zip(x.shape, y.attrs[0], strict=True)
    return (take_slice(g, tuple((before, n, between + 1) for n, (before, _, between) in rows)),)


def _window_infer(x: Node, attrs: Any) -> tuple[Shape, DType]:
    axis, size, stride, dilation = attrs
    count = (x.shape[axis] - (size - 1) * dilation - 1) // stride + 1
    return (*x.shape[:axis], count, size, *x.shape[axis + 1 :]), x.dtype


def _window_reference(attrs: Any, x: np.ndarray) -> np.ndarray:
    axis, size, stride, dilation = attrs
    span = (size - 1) * dilation + 1
    windows = np.lib.stride_tricks.sliding_window_view(x, span, axis=axis)
    picked = np.moveaxis(windows[..., ::dilation], -1, axis + 1)
    return picked[(slice(None),) * axis + (slice(None, None, stride),)]


def _window_vjp(g: Node, y: Node, x: Node) -> tuple[Node]:
    axis, size, stride, dilation = y.attrs
    n, count = x.shape[axis], y.shape[axis]
    if dilation == 1 and stride >= size:
        # Windows side by side: what lies between them gets zeros.
        rank = len(g.shape)
        spread = pad(g, _only(axis + 1, rank, (0, stride - size, 0)))
        flat = reshape(spread, (*g.shape[:axis], count * stride, *g.shape[axis + 2 :]))
        kept = tuple((0, min(m, n) if i == axis else m, 1) for i, m in enumerate(flat.shape))
        return (
            pad(take_slice(flat, kept), _only(axis, rank - 1, (0, max(n - count * stride, 0), 0))),
        )
    total = _window_part(g, axis, 0, stride, 0, n)
    for k in range(1, size):
        total = make("add", (total, _window_part(g, axis, k, stride, k * dilation, n)))
    return (total,)


def _window_part(g: Node, axis: int, k: int, stride: int, before: int, n: int) -> Node:
    """Element ``k`` of every window, back at its places in the axis of size ``n``."""
    bounds = tuple((k, 1, 1) if i == axis + 1 else (0, m, 1) for i, m in enumerate(g.shape))
    part = reshape(take_slice(g, bounds), (*g.shape[: axis + 1], *g.shape[axis + 2 :]))
    after = n - before - ((g.shape[axis] - 1) * stride + 1)
    return pad(part, _only(axis, len(part.shape), (before, after, stride - 1)))


def _only(axis: int, rank: int, widths: tuple[int, int, int]) -> tuple[tuple[int, int, int], ...]:
    return tuple(widths if i == axis else (0, 0, 0) for i in range(rank))


def _expand_vjp(g: Node, y: Node, x: Node) -> tuple[Node]:
    aligned = (1,) * (len(y.shape) - len(x.shape)) + x.shape
    axes = tuple(i for i, (a, b) in enumerate(zip(aligned, y.shape, strict=True)) if a != b)
    return (reshape(make("sum", (g,), axes) if axes else g, x.shape),)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


define(Op("reshape", "view", lambda x, attrs: (attrs, x.dtype),
          lambda attrs, x: x.reshape(attrs),
          lambda g, y, x: (reshape(g, x.shape),), cost=0))  # fmt: skip
define(Op("permute", "view", lambda x, attrs: (tuple(x.shape[a] for a in attrs), x.dtype),
          lambda attrs, x: x.transpose(attrs),
          lambda g, y, x: (permute(g, _inverse(y.attrs)),), cost=0))  # fmt: skip
define(Op("expand", "view", lambda x, attrs: (attrs, x.dtype),
          lambda attrs, x: np.broadcast_to(x, attrs), _expand_vjp, cost=0))  # fmt: skip
define(Op("slice", "view", _slice_infer, _slice_reference, _slice_vjp, cost=0))
define(Op("window", "view", _window_infer, _window_reference, _window_vjp, cost=0))
define(Op("pad", "view", _pad_infer, _pad_reference, _pad_vjp, cost=1))
