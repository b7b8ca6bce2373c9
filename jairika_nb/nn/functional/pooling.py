"""Pooling over windows by the largest of each, and the windows that all pooling shares."""

from __future__ import annotations

import math
from typing import NamedTuple

from jairika_nb.engine import dtypes
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError
from jairika_nb.nn.functional.spatial import Sizes, each_axis, with_batch, without_batch
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import isnan, where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.tensors.windows import padded, sliding

MaxResult = Tensor | tuple[Tensor, Tensor]


class Walk(NamedTuple):
    """Windows over spatial axes: sizes, steps and the padding that ``ceil_mode`` completes."""

    asked: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]


def walk_over(
    asked: str,
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
) -> Walk:
    """How windows go over x (N, C, *size), checked; PyTorch's rules for each argument."""
    rank = int(asked[-2])
    kernel = each_axis(asked, "kernel_size", kernel_size, rank)
    steps = kernel if stride is None or stride == () else each_axis(asked, "stride", stride, rank)
    around = each_axis(asked, "padding", padding, rank, least=0)
    apart = each_axis(asked, "dilation", dilation, rank)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, apart, strict=True))
    if any(2 * p > k for p, k in zip(around, spans, strict=True)):
        raise OutOfRange(f"{asked}: padding {around} must be at most half the window {kernel}")
    rows = zip(x.shape[2:], around, spans, steps, strict=True)
    pads = tuple((p, p + _excess(n, p, k, s, ceil_mode)) for n, p, k, s in rows)
    if any(n + 2 * p < k for n, p, k in zip(x.shape[2:], around, spans, strict=True)):
        raise ShapeError(f"{asked}: windows spanning {spans} do not fit input {x.shape}")
    return Walk(asked, kernel, steps, around, apart, pads)


def _excess(n: int, pad: int, span: int, stride: int, ceil_mode: bool) -> int:
    """How many more elements the last window needs; it must start inside the input or before it."""
    room = n + 2 * pad - span
    count = math.ceil(room / stride) if ceil_mode else room // stride
    if ceil_mode and count * stride >= n + pad:
        count -= 1
    return max(0, count * stride - room)


def windows_of(x: Tensor, walk: Walk, fill: bool | int | float) -> Tensor:
    return sliding(padded(x, walk.pads, fill), walk.kernel, walk.stride, walk.dilation)


def taps_of(x: Tensor) -> tuple[int, ...]:
    """The axes of ``x`` (N, C, out1, size1, ...) that run inside windows."""
    return tuple(range(3, x.ndim, 2))


def _lowest(x: Tensor) -> int | float:
    if x.dtype.kind == "bool":
        raise DTypeError(f"max pooling of bool {x.shape}; convert with x.astype('int32')")
    return dtypes.limits(x.dtype)[0]


def _max_pool(
    asked: str,
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
    return_indices: bool,
) -> MaxResult:
    x, added = with_batch(asked, x, int(asked[-2]))
    walk = walk_over(asked, x, kernel_size, stride, padding, dilation, ceil_mode)
    seen = windows_of(x, walk, _lowest(x))
    best = seen.max(axis=taps_of(seen), keepdims=True)
    rows = zip(walk.kernel, walk.stride, walk.dilation, walk.padding, strict=True)
    steps = [(s, d, p) for _, s, d, p in rows]
    places = [
        (arange(o, device=x.device) * s).reshape(o, 1) + arange(k, device=x.device) * d - p
        for o, k, (s, d, p) in zip(seen.shape[2::2], walk.kernel, steps, strict=True)
    ]
    return best_of(x, seen, best, places, added, return_indices)


def best_of(
    x: Tensor, seen: Tensor, best: Tensor, places: list[Tensor], added: bool, indices: bool
) -> MaxResult:
    """The maxima without their window axes and, if asked, where in ``x``'s space they stand."""
    values = best.squeeze(taps_of(seen))
    if not indices:
        return without_batch(values, added)
    flat, stride = None, 1
    for i, place in reversed(list(enumerate(places))):
        shape = (*(1,) * (2 * i), *place.shape, *(1,) * (2 * (len(places) - 1 - i)))
        part = place.reshape(shape) * stride
        flat = part if flat is None else flat + part
        stride *= x.shape[2 + i]
    hit = seen == best
    hit = hit | isnan(seen) if dtypes.is_float(seen.dtype) else hit
    found = where(hit, flat, stride).min(axis=taps_of(seen)).astype("int64")
    return without_batch(values, added), without_batch(found, added)


@on_tensors
def max_pool1d(
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> MaxResult:
    """The largest of each window of x (N, C, L); padding counts as minus infinity.

    The stride is the kernel's size unless given. ``ceil_mode`` keeps the last, incomplete window.
    With ``return_indices`` also the places of the maxima in the flattened space, int64. Elements
    that tie share the gradient.

    >>> import jairika_nb as jrk
    >>> max_pool1d(jrk.tensor([[[1.0, 3.0, 2.0, 0.0]]]), 2).tolist()
    [[[3.0, 2.0]]]
    """
    return _max_pool(
        "max_pool1d", x, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@on_tensors
def max_pool2d(
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> MaxResult:
    """The largest of each window of x (N, C, H, W); as :func:`max_pool1d`."""
    return _max_pool(
        "max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )


@on_tensors
def max_pool3d(
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> MaxResult:
    """The largest of each window of x (N, C, D, H, W); as :func:`max_pool1d`."""
    return _max_pool(
        "max_pool3d", x, kernel_size, stride, padding, dilation, ceil_mode, return_indices
    )
