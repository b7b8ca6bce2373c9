"""Pooling by the mean or the power mean of each window."""

from __future__ import annotations

import math

import numpy as np

from jairika_nb.errors import OutOfRange
from jairika_nb.nn.functional.pooling import Walk, taps_of, walk_over, windows_of
from jairika_nb.nn.functional.spatial import Sizes, with_batch, without_batch
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.tensor import Tensor


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
    walk = walk_over(asked, x, kernel_size, stride, padding, dilation, ceil_mode)
    seen = windows_of(x, walk, 0)
    total = seen.sum(axis=taps_of(seen))
    if divisor_override is not None:
        return without_batch(total / float(divisor_override), added)
    if all(b == a for a, b in walk.pads) and (count_include_pad or not any(walk.padding)):
        return without_batch(total / float(math.prod(walk.kernel)), added)
    counts = _counts(x.shape[2:], total.shape[2:], walk, count_include_pad)
    return without_batch(total / tensor(counts, x.dtype, x.device), added)


def _counts(
    size: tuple[int, ...], out: tuple[int, ...], walk: Walk, include_pad: bool
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
    walk = walk_over(asked, x, kernel_size, stride, 0, 1, ceil)
    seen = windows_of(x, walk, 0)
    total = (seen ** float(norm_type)).sum(axis=taps_of(seen))
    if any(b for _, b in walk.pads):
        # The mean of what an incomplete window holds stands for what it lacks, as in PyTorch.
        counts = _counts(x.shape[2:], total.shape[2:], walk, False)
        total = total * tensor(math.prod(walk.kernel) / counts, x.dtype, x.device)
    # Windows of zeros, as after a ReLU, have slope 0: there 0 times infinity would be NaN.
    none, power = total == 0, 1.0 / norm_type
    root = where(none, total.detach() ** power, where(none, 1.0, total) ** power)
    return without_batch(root, added)


@on_tensors
def lp_pool1d(
    x: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """The root ``norm_type`` of the sum of powers of each window of x (N, C, L).

    A window that ``ceil_mode`` keeps incomplete counts as if it went on with its mean.
    """
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
