"""Unpooling: maxima put back where they came from, zeros elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jairika_nb.errors import ShapeError
from jairika_nb.nn.functional.spatial import Sizes, each_axis, with_batch, without_batch
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import zeros
from jairika_nb.tensors.scattering import scatter
from jairika_nb.tensors.tensor import Tensor


def _unpooled(
    asked: str,
    x: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    output_size: Sequence[int] | None,
) -> Tensor:
    rank = int(asked[-2])
    x, added = with_batch(asked, x, rank)
    indices = with_batch(asked, indices, rank)[0]
    if indices.shape != x.shape:
        raise ShapeError(f"{asked}: values {x.shape} and indices {indices.shape} must be alike")
    kernel = each_axis(asked, "kernel_size", kernel_size, rank)
    steps = kernel if stride is None else each_axis(asked, "stride", stride, rank)
    around = each_axis(asked, "padding", padding, rank, least=0)
    rows = zip(x.shape[2:], kernel, steps, around, strict=True)
    space = tuple((n - 1) * s - 2 * p + k for n, k, s, p in rows)
    space = space if output_size is None else tuple(output_size)[-rank:]
    whole = (*x.shape[:2], math.prod(space))
    flat = (*x.shape[:2], math.prod(x.shape[2:]))
    blank = zeros(whole, dtype=x.dtype, device=x.device)
    y = scatter(blank, 2, indices.reshape(flat), x.reshape(flat))
    return without_batch(y.reshape((*x.shape[:2], *space)), added)


@on_tensors
def max_unpool1d(
    x: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Values and indices of :func:`max_pool1d` -> (N, C, L), zeros where no maximum was.

    >>> import jairika_nb as jrk
    >>> max_unpool1d(jrk.tensor([[[3.0, 2.0]]]), jrk.tensor([[[1, 2]]]), 2).tolist()
    [[[0.0, 3.0, 2.0, 0.0]]]
    """
    return _unpooled("max_unpool1d", x, indices, kernel_size, stride, padding, output_size)


@on_tensors
def max_unpool2d(
    x: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Values and indices of :func:`max_pool2d` -> (N, C, H, W), zeros where no maximum was."""
    return _unpooled("max_unpool2d", x, indices, kernel_size, stride, padding, output_size)


@on_tensors
def max_unpool3d(
    x: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Values and indices of :func:`max_pool3d` -> (N, C, D, H, W)."""
    return _unpooled("max_unpool3d", x, indices, kernel_size, stride, padding, output_size)
