"""Convolution over any number of spatial axes; its adjoints are convolutions too.

Called a cross-correlation in signal processing: kernels are not flipped. Spreading the input with
zeros (``spread``) makes transposed convolutions and both derivatives instances of the same row
(V. Dumoulin & F. Visin, "A guide to convolution arithmetic for deep learning", 2016).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import direct, patches, pointwise, views, winograd
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops.patches import Geometry, spans_of
from jairika_nb.errors import DTypeError, ShapeError


def conv(x: Node, w: Node, geometry: Geometry) -> Node:
    """x (N, C, *S) with w (O, C / groups, *K) -> (N, O, *out)."""
    common = dtypes.promote(x.dtype, w.dtype)
    return make("conv", (e.cast(x, common), e.cast(w, common)), geometry)


def _infer(x: Node, w: Node, geometry: Geometry) -> tuple[Shape, DType]:
    rank = len(geometry.stride)
    kernel = _kernel_shape(w.shape, geometry)
    asked = f"conv{rank}d: input {x.shape} with weights {kernel}"
    if len(x.shape) != rank + 2 or len(kernel) != rank + 2:
        raise ShapeError(
            f"{asked}: both need {rank + 2} axes, (N, C, *size) and (O, C / groups, *kernel)"
        )
    _check_channels(asked, x.shape[1], kernel, geometry.groups)
    if x.dtype.kind == "bool":
        raise DTypeError(f"{asked} of bool; convert with x.astype('float32')")
    room = spans_of(x.shape[2:], geometry.spread)
    padded = tuple(n + sum(pair) for n, pair in zip(room, geometry.pads, strict=True))
    spans = spans_of(kernel[2:], geometry.dilation)
    if min(kernel[2:]) < 1 or any(n < k for n, k in zip(padded, spans, strict=True)):
        raise ShapeError(
            f"{asked}: the kernel spans {spans} with its dilation and must fit into the padded "
            f"input {padded}; pad more or take a smaller kernel"
        )
    rows = zip(padded, spans, geometry.stride, strict=True)
    return (x.shape[0], kernel[0], *((n - k) // s + 1 for n, k, s in rows)), x.dtype


def _kernel_shape(given: Shape, geometry: Geometry) -> Shape:
    """(O, C / groups, *K), from whichever side the kernel is given."""
    if not geometry.flipped or len(given) < 2:
        return given
    return given[1] * geometry.groups, given[0] // geometry.groups, *given[2:]


def _check_channels(asked: str, channels: int, kernel: Shape, groups: int) -> None:
    if kernel[1] * groups != channels:
        raise ShapeError(
            f"{asked}: {channels} input channels in {groups} groups need weights of shape "
            f"({kernel[0]}, {channels}/{groups}, ...)"
        )
    if kernel[0] % groups:
        raise ShapeError(f"{asked}: {kernel[0]} output channels do not split into {groups} groups")


# With NumPy: sliding windows and one einsum, in double precision; nothing shared with expansions.


def _reference(geometry: Geometry, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    geometry = Geometry(*geometry)
    groups, size = geometry.groups, w.shape[2:]
    kernel = w.astype(_wide(x)).reshape(groups, w.shape[0] // groups, *w.shape[1:])
    if geometry.flipped:
        kernel = np.flip(kernel.swapaxes(1, 2), tuple(range(3, kernel.ndim)))
    out, taps = "xyz"[: len(size)], "uvw"[: len(size)]
    seen = _seen(geometry, x, size)
    y = np.einsum(f"ngc{out}{taps},goc{taps}->ngo{out}", seen, kernel, optimize=True)
    return y.reshape(x.shape[0], groups * y.shape[2], *y.shape[3:]).astype(x.dtype)


def _kernel_reference(attrs: tuple, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    geometry, size = Geometry(*attrs[0]), attrs[1]
    out, taps = "xyz"[: len(size)], "uvw"[: len(size)]
    groups, outputs = geometry.groups, g.shape[1]
    g = g.astype(_wide(x)).reshape(len(g), groups, outputs // groups, *g.shape[2:])
    seen = _seen(geometry, x, size)[(slice(None),) * 3 + tuple(slice(0, n) for n in g.shape[3:])]
    w = np.einsum(f"ngc{out}{taps},ngo{out}->goc{taps}", seen, g, optimize=True)
    return w.reshape(outputs, *w.shape[2:]).astype(x.dtype)


def _wide(x: np.ndarray) -> Any:
    return np.float64 if x.dtype.kind == "f" else np.int64


def _seen(geometry: Geometry, x: np.ndarray, size: Shape) -> np.ndarray:
    """(N, groups, C / groups, *out, *K): what each tap of each output sees."""
    stride, pads, spread, dilation, groups, _ = geometry
    room = np.zeros((*x.shape[:2], *spans_of(x.shape[2:], spread)), _wide(x))
    room[_last(slice(None, None, s) for s in spread)] = x
    room = np.pad(room, [(0, 0), (0, 0), *((max(a, 0), max(b, 0)) for a, b in pads)])
    ends = [n + min(b, 0) for n, (_, b) in zip(room.shape[2:], pads, strict=True)]
    crop = (slice(max(-a, 0), end) for (a, _), end in zip(pads, ends, strict=True))
    room = room[_last(crop)]
    spans, axes = spans_of(size, dilation), tuple(range(2, x.ndim))
    seen = np.lib.stride_tricks.sliding_window_view(room, spans, axes)
    seen = seen[_last([slice(None, None, s) for s in stride] + [slice(None)] * len(spans))]
    seen = seen[_last(slice(None, None, d) for d in dilation)]
    return seen.reshape(x.shape[0], groups, x.shape[1] // groups, *seen.shape[2:])


def _last(slices: Iterable[slice]) -> Any:
    """An index into the last axes."""
    return (..., *slices)


# Derivatives


def _vjp(g: Node, y: Node, x: Node, w: Node) -> tuple[Node, Node]:
    geometry = Geometry(*y.attrs)
    plain = geometry._replace(flipped=False)
    found = make("conv_kernel", (x, g), (plain, w.shape[2:]))
    if geometry.flipped:
        found = adjoint_kernel(found, geometry.groups)
    return _input_vjp(g, x, w, geometry), found


def _kernel_vjp(g: Node, y: Node, x: Node, given: Node) -> tuple[Node, Node]:
    # Bilinear: beside the cotangent of its result each input sees the other one.
    geometry = Geometry(*y.attrs[0])
    return _input_vjp(given, x, g, geometry), make("conv", (x, g), geometry)


def _input_vjp(g: Node, x: Node, w: Node, geometry: Geometry) -> Node:
    # Every output went to where its kernel looked: the cotangent, spread by the stride, is seen
    # by the flipped kernel.
    stride, pads, spread, dilation, groups, flipped = geometry
    spans, room = spans_of(w.shape[2:], dilation), spans_of(x.shape[2:], spread)
    given = spans_of(g.shape[2:], stride)
    before = [k - 1 - lo for k, (lo, _) in zip(spans, pads, strict=True)]
    rows = zip(room, spans, given, before, strict=True)
    around = tuple((lo, n + k - 1 - m - lo) for n, k, m, lo in rows)
    return make("conv", (g, w), Geometry(spread, around, stride, dilation, groups, not flipped))


def adjoint_kernel(w: Node, groups: int) -> Node:
    """w (O, C / groups, *K) flipped in space, with the two sides exchanged: (C, O / groups, *K)."""
    o, c, *size = w.shape
    whole = ((0, o, 1), (0, c, 1))
    w = views.take_slice(w, (*whole, *((n - 1, n, -1) for n in size)))
    w = views.reshape(w, (groups, o // groups, c, *size))
    w = views.permute(w, (0, 2, 1, *range(3, len(w.shape))))
    return views.reshape(w, (groups * c, o // groups, *size))


def _kernel_infer(x: Node, g: Node, attrs: tuple) -> tuple[Shape, DType]:
    geometry, size = attrs
    return (g.shape[1], x.shape[1] // geometry[4], *size), x.dtype


# On a device


def _expand(geometry: Geometry, x: Node, w: Node) -> Node:
    geometry = Geometry(*geometry)
    out, outputs = _infer(x, w, geometry)[0][2:], _kernel_shape(w.shape, geometry)[0]
    if winograd.fits(x, outputs, w.shape[2:], out, geometry):
        return winograd.product(x, w, outputs, out, geometry)
    is_pointwise = pointwise.fits(x, outputs, w.shape[2:], geometry)
    if not is_pointwise and direct.fits(x, outputs, w.shape[2:], out, geometry):
        return direct.product(x, w, outputs, out, geometry)
    if geometry.flipped:
        w = adjoint_kernel(w, geometry.groups)
    if is_pointwise:
        return pointwise.product(x, w, geometry.groups)
    return patches.product(x, w, out, geometry)


def _kernel_expand(attrs: tuple, x: Node, g: Node) -> Node:
    geometry, size = Geometry(*attrs[0]), attrs[1]
    if winograd.fits(x, g.shape[1], size, g.shape[2:], geometry):
        return winograd.kernel(x, g, geometry)
    is_pointwise = pointwise.fits(x, g.shape[1], size, geometry)
    if is_pointwise and pointwise.has_room(x, g, geometry.groups):
        return pointwise.kernel(x, g, geometry.groups, size)
    if geometry.spread == (1, 1) and direct.fits(x, g.shape[1], size, g.shape[2:], geometry):
        return direct.kernel(x, g, geometry, size)
    return _walking(x, g, geometry, size)


def _walking(x: Node, g: Node, geometry: Geometry, size: Shape) -> Node:
    # The cotangent is the kernel that walks over the input; samples are what it sums over.
    stride, pads, spread, dilation, groups, _ = geometry
    n, c = x.shape[:2]
    spans, room = spans_of(size, dilation), spans_of(x.shape[2:], spread)
    given = spans_of(g.shape[2:], stride)
    rows = zip(pads, spans, given, room, strict=True)
    around = tuple((lo, k + m - 1 - size - lo) for (lo, _), k, m, size in rows)
    space = tuple(range(3, len(x.shape) + 1))
    seen = views.reshape(x, (n, groups, c // groups, *x.shape[2:]))
    seen = views.permute(seen, (2, 1, 0, *space))
    seen = views.reshape(seen, (c // groups, groups * n, *x.shape[2:]))
    walker = views.permute(g, (1, 0, *range(2, len(g.shape))))
    found = make("conv", (seen, walker), Geometry(dilation, around, spread, stride, groups))
    return views.permute(found, (1, 0, *range(2, len(g.shape))))


define(Op("conv", "composite", _infer, _reference, _vjp, cost=64, expand=_expand))
# The derivative of a convolution's kernel; attrs: (geometry, the kernel's sizes).
define(Op("conv_kernel", "composite", _kernel_infer, _kernel_reference, _kernel_vjp, cost=64,
          expand=_kernel_expand))  # fmt: skip
