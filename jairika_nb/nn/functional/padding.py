"""Padding of the last axes, and sliding blocks taken apart and put together."""

from __future__ import annotations

from collections.abc import Sequence

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.functional.spatial import Sizes, each_axis, with_batch, without_batch
from jairika_nb.tensors import padding
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.tensors.windows import gathered, padded, sliding


@on_tensors
def pad(
    x: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Tensor:
    """``x`` with more elements around its last axes: (before, after) pairs, the last axis first.

    ``mode`` is "constant" (``value``, 0 by default), "reflect" (mirrored without the edge),
    "replicate" (the edge) or "circular" (the other end). Negative numbers crop.

    >>> import jairika_nb as jrk
    >>> pad(jrk.tensor([[1, 2]]), (1, 0, 0, 1)).tolist()
    [[0, 1, 2], [0, 0, 0]]
    """
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise OutOfRange(
            f"pad: {tuple(pad)} must be (before, after) for each of at most {x.ndim} axes of "
            f"{x.shape}"
        )
    if mode != "constant" and value:
        raise OutOfRange(f"pad: value={value} has no meaning with mode={mode!r}")
    pairs = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad), 2)]
    for (before, after), n, axis in zip(pairs, reversed(x.shape), _last_axes(x), strict=False):
        if n + before + after < 0:
            raise ShapeError(f"pad: {(before, after)} crops more than axis {axis} of {x.shape} has")
    if mode == "constant":
        return padded(x, pairs[::-1], 0 if value is None else value)
    for (before, after), axis in zip(pairs, _last_axes(x), strict=False):
        x = padding.along(x, axis, before, after, mode)
    return x


def _last_axes(x: Tensor) -> range:
    return range(x.ndim - 1, -1, -1)


@on_tensors
def unfold(
    x: Tensor, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
) -> Tensor:
    """x (N, C, H, W) -> (N, C * KH * KW, L): every block as a column ("im2col").

    >>> import jairika_nb as jrk
    >>> unfold(jrk.reshape(jrk.arange(6), (1, 1, 2, 3)), 2).tolist()
    [[[0, 1], [1, 2], [3, 4], [4, 5]]]
    """
    x, added = with_batch("unfold", x, 2)
    kernel, apart, around, steps = _blocks("unfold", kernel_size, dilation, padding, stride)
    seen = sliding(padded(x, [(p, p) for p in around]), kernel, steps, apart)
    n, c, height, _, width, _ = seen.shape
    columns = seen.permute(0, 1, 3, 5, 2, 4)
    y = columns.reshape(n, c * kernel[0] * kernel[1], height * width)
    return without_batch(y, added)


def _blocks(asked: str, kernel: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> list:
    rows = [("kernel_size", kernel, 1), ("dilation", dilation, 1), ("padding", padding, 0),
            ("stride", stride, 1)]  # fmt: skip
    return [each_axis(asked, name, value, 2, least) for name, value, least in rows]


@on_tensors
def fold(
    x: Tensor,
    output_size: Sizes,
    kernel_size: Sizes,
    dilation: Sizes = 1,
    padding: Sizes = 0,
    stride: Sizes = 1,
) -> Tensor:
    """x (N, C * KH * KW, L) -> (N, C, H, W): blocks put back, overlaps added; adjoint of unfold.

    >>> import jairika_nb as jrk
    >>> fold(jrk.ones((1, 4, 2)), (2, 3), 2).tolist()
    [[[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]]
    """
    x, added = (x.unsqueeze(0), True) if x.ndim == 2 else (x, False)
    size = each_axis("fold", "output_size", output_size, 2)
    kernel, apart, around, steps = _blocks("fold", kernel_size, dilation, padding, stride)
    rows = zip(size, around, kernel, apart, steps, strict=True)
    out = [(n + 2 * p - (k - 1) * d - 1) // s + 1 for n, p, k, d, s in rows]
    taps = kernel[0] * kernel[1]
    if x.ndim != 3 or x.shape[1] % taps or x.shape[2] != max(out[0], 0) * max(out[1], 0):
        raise ShapeError(
            f"fold: {x.shape} must be (N, C * {taps}, {max(out[0], 0) * max(out[1], 0)}) for "
            f"blocks of {kernel} on {size}"
        )
    n, c = x.shape[0], x.shape[1] // taps
    blocks = x.reshape(n, c, *kernel, *out).permute(0, 1, 4, 2, 5, 3)
    whole = gathered(blocks, [m + 2 * p for m, p in zip(size, around, strict=True)], steps, apart)
    return without_batch(padded(whole, [(-p, -p) for p in around]), added)


@on_tensors
def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    """(..., C * r * r, H, W) -> (..., C, H * r, W * r) (Shi et al. 2016)."""
    r = upscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-3] % (r * r):
        raise ShapeError(f"pixel_shuffle: channels of {x.shape} do not split by {r} * {r}")
    *batch, c, h, w = x.shape
    y = x.reshape(*batch, c // (r * r), r, r, h, w)
    b = len(batch)
    y = y.permute(*range(b), b, b + 3, b + 1, b + 4, b + 2)
    return y.reshape(*batch, c // (r * r), h * r, w * r)


@on_tensors
def pixel_unshuffle(x: Tensor, downscale_factor: int) -> Tensor:
    """(..., C, H * r, W * r) -> (..., C * r * r, H, W): undoes :func:`pixel_shuffle`."""
    r = downscale_factor
    if x.ndim < 3 or r < 1 or x.shape[-1] % r or x.shape[-2] % r:
        raise ShapeError(f"pixel_unshuffle: height and width of {x.shape} do not split by {r}")
    *batch, c, h, w = x.shape
    y = x.reshape(*batch, c, h // r, r, w // r, r)
    b = len(batch)
    y = y.permute(*range(b), b, b + 2, b + 4, b + 1, b + 3)
    return y.reshape(*batch, c * r * r, h // r, w // r)


@on_tensors
def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """(N, C, ...) with the channels of its groups taken in turn (Zhang et al. 2017)."""
    if x.ndim < 3 or groups < 1 or x.shape[1] % groups:
        raise ShapeError(
            f"channel_shuffle: channels of {x.shape} do not split into {groups} groups"
        )
    n, c, *size = x.shape
    y = x.reshape(n, groups, c // groups, *size)
    return y.permute(0, 2, 1, *range(3, y.ndim)).reshape(x.shape)
