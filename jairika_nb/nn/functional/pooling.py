"""Pooling over windows: the largest, the mean or the power mean of each."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError
from jairika_nb.nn.functional.spatial import Sizes, each_axis, with_batch, without_batch
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import isnan, where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.tensors.windows import padded, sliding

MaxResult = Tensor | tuple[Tensor, Tensor]


class _Walk(NamedTuple):
    """Windows over spatial axes: sizes, steps and the padding that ``ceil_mode`` completes."""

    asked: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]


def _walk(
    asked: str,
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
) -> _Walk:
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
    return _Walk(asked, kernel, steps, around, apart, pads)


def _excess(n: int, pad: int, span: int, stride: int, ceil_mode: bool) -> int:
    """How many more elements the last window needs; it must start inside the input or before it."""
    room = n + 2 * pad - span
    count = math.ceil(room / stride) if ceil_mode else room // stride
    if ceil_mode and count * stride >= n + pad:
        count -= 1
    return max(0, count * stride - room)


def _windows(x: Tensor, walk: _Walk, fill: bool | int | float) -> Tensor:
    return sliding(padded(x, walk.pads, fill), walk.kernel, walk.stride, walk.dilation)


def _taps(x: Tensor) -> tuple[int, ...]:
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
    walk = _walk(asked, x, kernel_size, stride, padding, dilation, ceil_mode)
    seen = _windows(x, walk, _lowest(x))
    best = seen.max(axis=_taps(seen), keepdims=True)
    rows = zip(walk.kernel, walk.stride, walk.dilation, walk.padding, strict=True)
    steps = [(s, d, p) for _, s, d, p in rows]
    places = [
        (arange(o, device=x.device) * s).reshape(o, 1) + arange(k, device=x.device) * d - p
        for o, k, (s, d, p) in zip(seen.shape[2::2], walk.kernel, steps, strict=True)
    ]
    return _best(x, seen, best, places, added, return_indices)


def _best(
    x: Tensor, seen: Tensor, best: Tensor, places: list[Tensor], added: bool, indices: bool
) -> MaxResult:
    """The maxima without their window axes and, if asked, where in ``x``'s space they stand."""
    values = best.squeeze(_taps(seen))
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
    found = where(hit, flat, stride).min(axis=_taps(seen)).astype("int64")
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


def _avg_pool(
    asked: str,
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
    dilation: Sizes = 1,
) -> Tensor:
    x, added = with_batch(asked, x, int(asked[-2]))
    if divisor_override == 0:
        raise OutOfRange(f"{asked}: divisor_override must not be 0")
    walk = _walk(asked, x, kernel_size, stride, padding, dilation, ceil_mode)
    seen = _windows(x, walk, 0)
    total = seen.sum(axis=_taps(seen))
    if divisor_override is not None:
        return without_batch(total / float(divisor_override), added)
    if all(b == a for a, b in walk.pads) and (count_include_pad or not any(walk.padding)):
        return without_batch(total / float(math.prod(walk.kernel)), added)
    counts = _counts(x.shape[2:], total.shape[2:], walk, count_include_pad)
    return without_batch(total / tensor(counts, x.dtype, x.device), added)


def _counts(
    size: tuple[int, ...], out: tuple[int, ...], walk: _Walk, include_pad: bool
) -> np.ndarray:
    """How many elements each window averages over, shape ``out``."""
    counts = np.ones((), np.int64)
    for i, (n, o) in enumerate(zip(size, out, strict=True)):
        margin = walk.padding[i] if include_pad else 0
        start = np.arange(o)[:, None] * walk.stride[i] - walk.padding[i]
        place = start + np.arange(walk.kernel[i]) * walk.dilation[i]
        within = (place >= -margin) & (place < n + margin)
        counts = counts[..., None] * within.sum(1)
    return counts


@on_tensors
def avg_pool1d(
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The mean of each window of x (N, C, L).

    Padding counts as zeros, or with ``count_include_pad=False`` not at all. The stride is the
    kernel's size unless given; ``ceil_mode`` keeps the last, incomplete window.

    >>> import jairika_nb as jrk
    >>> avg_pool1d(jrk.tensor([[[1.0, 3.0, 2.0, 0.0]]]), 2).tolist()
    [[[2.0, 1.0]]]
    """
    return _avg_pool(
        "avg_pool1d", x, kernel_size, stride, padding, ceil_mode, count_include_pad, None
    )


@on_tensors
def avg_pool2d(
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of x (N, C, H, W), or its sum over ``divisor_override``."""
    return _avg_pool(
        "avg_pool2d", x, kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip


@on_tensors
def avg_pool3d(
    x: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window of x (N, C, D, H, W), or its sum over ``divisor_override``."""
    return _avg_pool(
        "avg_pool3d", x, kernel_size, stride, padding, ceil_mode, count_include_pad,
        divisor_override,
    )  # fmt: skip


def _lp_pool(
    asked: str, x: Tensor, norm_type: float, kernel_size: Sizes, stride: Sizes | None, ceil: bool
) -> Tensor:
    if norm_type == 0:
        raise OutOfRange(f"{asked}: norm_type must not be 0")
    x, added = with_batch(asked, x, int(asked[-2]))
    seen = _windows(x, _walk(asked, x, kernel_size, stride, 0, 1, ceil), 0)
    total = (seen ** float(norm_type)).sum(axis=_taps(seen))
    return without_batch(total ** (1.0 / norm_type), added)


@on_tensors
def lp_pool1d(
    x: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The root ``norm_type`` of the sum of powers of each window of x (N, C, L)."""
    return _lp_pool("lp_pool1d", x, norm_type, kernel_size, stride, ceil_mode)


@on_tensors
def lp_pool2d(
    x: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The root ``norm_type`` of the sum of powers of each window of x (N, C, H, W)."""
    return _lp_pool("lp_pool2d", x, norm_type, kernel_size, stride, ceil_mode)


@on_tensors
def lp_pool3d(
    x: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The root ``norm_type`` of the sum of powers of each window of x (N, C, D, H, W)."""
    return _lp_pool("lp_pool3d", x, norm_type, kernel_size, stride, ceil_mode)
