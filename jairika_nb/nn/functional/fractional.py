"""Max pooling over windows at random places, for sizes that shrink by any ratio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.functional.pooling import MaxResult, taps_of
from jairika_nb.nn.functional.spatial import Sizes, each_axis, with_batch, without_batch
from jairika_nb.tensors import random
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import floor, isnan, where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.scattering import take_along_axis
from jairika_nb.tensors.tensor import Tensor

Ratios = float | Sequence[float]


def _wanted(
    asked: str, x: Tensor, kernel: tuple[int, ...], output_size: Any, output_ratio: Any
) -> tuple[int, ...]:
    if (output_size is None) == (output_ratio is None):
        raise OutOfRange(f"{asked}: give either output_size or output_ratio")
    rank = len(kernel)
    if output_size is None:
        several = isinstance(output_ratio, (tuple, list))
        ratios = tuple(output_ratio) if several else (output_ratio,) * rank
        if len(ratios) != rank or not all(0 < r < 1 for r in ratios):
            raise OutOfRange(f"{asked}: output_ratio={output_ratio!r} must be within 0 and 1")
        output_size = [int(n * r) for n, r in zip(x.shape[2:], ratios, strict=True)]
    out = each_axis(asked, "output_size", output_size, rank)
    if any(o + k - 1 > n for o, k, n in zip(out, kernel, x.shape[2:], strict=True)):
        raise ShapeError(
            f"{asked}: {out} windows of {kernel} do not fit input {x.shape}: each axis needs "
            "windows + size - 1 elements"
        )
    return out


def _places(sample: Tensor, n: int, out: int, kernel: int) -> Tensor:
    """The elements (N, C, out, kernel) of windows that begin at about equal, random steps."""
    i = arange(out, device=sample.device)
    if out > 1:
        step = (n - kernel) / (out - 1)
        first = floor(sample * step)
        starts = (floor((i.astype(sample.dtype) + sample) * step) - first).astype("int32")
    else:
        starts = (sample * 0).astype("int32")
    starts = where(i == out - 1, n - kernel, starts)
    return starts.unsqueeze(-1) + arange(kernel, device=sample.device)


def _fractional(
    asked: str,
    x: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None,
    output_ratio: Ratios | None,
    return_indices: bool,
    samples: Tensor | None,
) -> MaxResult:
    rank = int(asked[-2])
    x, added = with_batch(asked, x, rank)
    kernel = each_axis(asked, "kernel_size", kernel_size, rank)
    out = _wanted(asked, x, kernel, output_size, output_ratio)
    if samples is None:
        samples = random.uniform((*x.shape[:2], rank), dtype=x.dtype, device=x.device)
    samples = samples[:1] if added else samples
    if samples.shape != (*x.shape[:2], rank):
        raise ShapeError(f"{asked}: random samples {samples.shape} must be (N, C, {rank})")
    flat: Any = None
    for i, (n, o, k) in enumerate(zip(x.shape[2:], out, kernel, strict=True)):
        # PyTorch's samples for images come with the last axis first.
        which = rank - 1 - i if rank == 2 else i
        place = _places(samples[..., which : which + 1], n, o, k)
        place = place.reshape((*x.shape[:2], *(1,) * (2 * i), o, k, *(1,) * (2 * (rank - 1 - i))))
        flat = place if flat is None else flat * n + place
    return _best(x, flat, added, return_indices)


def _best(x: Tensor, flat: Tensor, added: bool, return_indices: bool) -> MaxResult:
    rows = x.reshape((*x.shape[:2], math.prod(x.shape[2:])))
    index = flat.reshape((*x.shape[:2], math.prod(flat.shape[2:])))
    seen = take_along_axis(rows, index, axis=2).reshape(flat.shape)
    best = seen.max(axis=taps_of(seen), keepdims=True)
    values = without_batch(best.squeeze(taps_of(seen)), added)
    if not return_indices:
        return values
    hit = seen == best
    hit = hit | isnan(seen) if dtypes.is_float(seen.dtype) else hit
    found = where(hit, flat, rows.shape[2]).min(axis=taps_of(seen)).astype("int64")
    return values, without_batch(found, added)


@on_tensors
def fractional_max_pool2d(
    x: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> MaxResult:
    """The largest of windows of x (N, C, H, W) at random places that cover about all of it.

    ``output_size`` is the number of windows, or ``output_ratio`` within 0 and 1 that of elements;
    each is one number, or one for each axis. With ``return_indices`` also where the maxima stood.
    Source: Graham, "Fractional max-pooling", 2014.

    >>> import jairika_nb as jrk
    >>> fractional_max_pool2d(jrk.ones((1, 1, 9, 7)), 2, output_ratio=0.6).shape
    (1, 1, 5, 4)
    """
    return _fractional(
        "fractional_max_pool2d", x, kernel_size, output_size, output_ratio, return_indices,
        _random_samples,
    )  # fmt: skip


@on_tensors
def fractional_max_pool3d(
    x: Tensor,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> MaxResult:
    """As :func:`fractional_max_pool2d` for x (N, C, D, H, W)."""
    return _fractional(
        "fractional_max_pool3d", x, kernel_size, output_size, output_ratio, return_indices,
        _random_samples,
    )  # fmt: skip
