"""Resampling one axis: which elements each new one is made of, and with which weights.

Names of coordinate rules and rounding are those of ONNX's Resize; cubic weights are Keys's
("Cubic convolution interpolation for digital image processing", 1981) with parameter ``a``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.tensors.windows import picked


class Taps(NamedTuple):
    """For each new element the places of its sources (out, taps) and their weights."""

    places: np.ndarray
    weights: np.ndarray


_TRANSFORMS: dict[str, Callable[[np.ndarray, int, int, float], np.ndarray]] = {
    "half_pixel": lambda i, n, out, scale: (i + 0.5) / scale - 0.5,
    "pytorch_half_pixel": lambda i, n, out, scale: (i + 0.5) / scale - 0.5 if out > 1 else i * 0,
    "half_pixel_symmetric": lambda i, n, out, scale: (
        n / 2 * (1 - out / (scale * n)) + (i + 0.5) / scale - 0.5
    ),
    "asymmetric": lambda i, n, out, scale: i / scale,
    "align_corners": lambda i, n, out, scale: i * ((n - 1) / (n * scale - 1)) if out > 1 else i * 0,
}
_ROUND: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
}


def positions(n: int, out: int, scale: float, rule: str) -> np.ndarray:
    """Where in an axis of size ``n`` each of ``out`` new elements stands; scale is new over old."""
    return _TRANSFORMS[rule](np.arange(out, dtype=np.float64), n, out, scale)


def crop_positions(n: int, out: int, start: float, end: float) -> np.ndarray:
    """Positions that spread over a part of the axis, given as shares of its length."""
    if out == 1:
        return np.array([0.5 * (start + end) * (n - 1)])
    return start * (n - 1) + np.arange(out) * (end - start) * (n - 1) / (out - 1)


def nearest(at: np.ndarray, n: int, rounding: str = "round_prefer_floor") -> Taps:
    """The nearest element of each position."""
    places = np.clip(_ROUND[rounding](at), 0, n - 1).astype(np.int32)
    return Taps(places[:, None], np.ones((len(at), 1)))


def linear(x: np.ndarray) -> np.ndarray:
    """The weight of a neighbour at distance ``x`` in linear interpolation."""
    return np.clip(1 - np.abs(x), 0, 1)


def cubic(a: float) -> Callable[[np.ndarray], np.ndarray]:
    """The weights of neighbours in cubic interpolation with parameter ``a``."""

    def weight(x: np.ndarray) -> np.ndarray:
        x = np.abs(x)
        near = ((a + 2) * x - (a + 3)) * x * x + 1
        far = ((x - 5) * x + 8) * x * a - 4 * a
        return np.where(x <= 1, near, np.where(x < 2, far, 0.0))

    return weight


def blended(
    at: np.ndarray,
    n: int,
    weight: Callable[[np.ndarray], np.ndarray],
    reach: int,
    shrink: float = 1.0,
    inside_only: bool = False,
) -> Taps:
    """Weighted neighbours within ``reach`` of each position.

    ``shrink`` below 1 widens the filter by its inverse against aliasing. Places outside the axis
    take its edge, or with ``inside_only`` no part.
    """
    base = np.floor(at)
    first = math.floor(-reach / shrink) + 1
    places = base[:, None] + np.arange(first, 2 - first)
    weights = weight((places - at[:, None]) * shrink)
    if inside_only:
        weights = np.where((places < 0) | (places >= n), 0.0, weights)
    if inside_only or shrink < 1:
        weights = weights / weights.sum(1, keepdims=True)
    return Taps(np.clip(places, 0, n - 1).astype(np.int32), weights)


def resample(x: Tensor, axis: int, taps: Taps) -> Tensor:
    """``x`` with the elements along ``axis`` replaced by weighted sums of them.

    >>> import jairika_nb as jrk
    >>> taps = blended(positions(2, 4, 2.0, "half_pixel"), 2, linear, 1)
    >>> resample(jrk.tensor([0.0, 4.0]), 0, taps).tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    if taps.places.shape[1] == 1:
        return picked(x, axis, taps.places[:, 0])
    found = picked(x, axis, taps.places)
    shape = (*taps.weights.shape, *(1,) * (x.ndim - axis - 1))
    return (found * tensor(taps.weights, x.dtype, x.device).reshape(shape)).sum(axis=axis + 1)
