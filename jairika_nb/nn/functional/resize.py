"""Resizing of images and signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jairika_nb.engine.dtypes import is_float
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError
from jairika_nb.nn.functional.adaptive import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
)
from jairika_nb.tensors import resize
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.tensor import Tensor

# Modes and the numbers of spatial axes they take.
_RANKS = {
    "nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3),
    "linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,),
}  # fmt: skip
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


@on_tensors
def interpolate(
    x: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """x (N, C, *size) resized to ``size`` or by ``scale_factor``.

    ``mode`` is "nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic" or
    "area". ``align_corners`` keeps the corners' values, for the linear and cubic modes;
    ``antialias`` widens the filter of "bilinear" and "bicubic" when an image shrinks.

    >>> import jairika_nb as jrk
    >>> interpolate(jrk.tensor([[[1.0, 2.0]]]), scale_factor=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    """
    _check(x, mode, align_corners, antialias)
    out, scales = _wanted(x, size, scale_factor, bool(recompute_scale_factor))
    if mode == "area":
        return _AREA[x.ndim - 2](x, out)
    for axis, (o, scale) in enumerate(zip(out, scales, strict=True), start=2):
        taps = _taps(x.shape[axis], o, scale, mode, bool(align_corners), antialias)
        x = resize.resample(x, axis, taps)
    return x


def _check(x: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    if mode not in _RANKS:
        raise OutOfRange(f"interpolate: mode={mode!r} is unknown; use one of {', '.join(_RANKS)}")
    if x.ndim - 2 not in _RANKS[mode] or 0 in x.shape[2:]:
        raise ShapeError(
            f"interpolate: mode={mode!r} takes (N, C) and {_RANKS[mode]} axes of space, not "
            f"{x.shape}"
        )
    if mode in ("nearest", "nearest-exact", "area") and align_corners is not None:
        raise OutOfRange(f"interpolate: align_corners has no meaning with mode={mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise OutOfRange(f"interpolate: antialias works with bilinear and bicubic, not {mode!r}")
    if mode not in ("nearest", "nearest-exact") and not is_float(x.dtype):
        raise DTypeError(f"interpolate: mode={mode!r} needs floats, not {x.dtype.name}")


def _wanted(
    x: Tensor, size: Any, scale_factor: Any, recompute: bool
) -> tuple[list[int], list[float]]:
    rank = x.ndim - 2
    if (size is None) == (scale_factor is None):
        raise OutOfRange("interpolate: give either size or scale_factor")
    given = scale_factor if size is None else size
    each = list(given) if isinstance(given, (tuple, list)) else [given] * rank
    if len(each) != rank:
        raise OutOfRange(
            f"interpolate: {given!r} must be one number or one for each of {rank} axes"
        )
    spaces = x.shape[2:]
    out = [int(v) if size is not None else int(n * v) for n, v in zip(spaces, each, strict=True)]
    if any(o < 1 for o in out):
        raise OutOfRange(f"interpolate: {given!r} leaves sizes {out}; they must be from 1 up")
    if size is None and not recompute:
        return out, [float(v) for v in each]
    return out, [o / n for o, n in zip(out, spaces, strict=True)]


def _taps(
    n: int, out: int, scale: float, mode: str, align_corners: bool, antialias: bool
) -> resize.Taps:
    if mode == "nearest":
        # Single precision, so that ties fall as they do in PyTorch.
        step = np.float32(n / out) if scale == out / n else np.float32(1 / scale)
        return resize.nearest(np.arange(out, dtype=np.float32) * step, n, "floor")
    if mode == "nearest-exact":
        at = resize.positions(n, out, scale, "half_pixel")
        return resize.nearest(at, n, "round_prefer_ceil")
    if align_corners:
        at = resize.positions(n, out, out / n, "align_corners")
        scale = (out - 1) / max(n - 1, 1)
    else:
        at = resize.positions(n, out, scale, "half_pixel")
    shrink = min(scale, 1.0) if antialias and scale > 0 else 1.0
    if mode == "bicubic":
        weight, reach = resize.cubic(-0.5 if antialias else -0.75), 2
    else:
        weight, reach = resize.linear, 1
    return resize.blended(at, n, weight, reach, shrink, inside_only=antialias)
