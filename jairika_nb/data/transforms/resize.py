"""Images in another size: each pixel a weighted mean of those it covers.

Rows and columns are separate, so that a resize is two matrix products. The weights are those of
Pillow's resampling, whose filters widen when an image shrinks and so let no fine pattern alias.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from jairika_nb.data.transforms.images import ImageTransform, like, pair
from jairika_nb.errors import DataError


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


def _cubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    """The cubic convolution of Keys (1981)."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "bilinear": (_triangle, 1.0),
    "bicubic": (_cubic, 2.0),
}
INTERPOLATIONS = ("nearest", *FILTERS)


class Resize(ImageTransform):
    """Images in the size (height, width), or with their shorter side of one given length.

    ``interpolation`` is "bilinear" (the default), "bicubic" or "nearest", as Pillow computes them.
    Integers are rounded and stay in their range. Only a pair of numbers makes images of unequal
    shapes equal. Raises DataError for sizes that are not positive.

    >>> Resize((1, 2))(np.array([[[0.0, 2.0, 4.0, 6.0]]])).round(3).tolist()
    [[[1.429, 4.571]]]
    """

    def __init__(self, size: int | tuple[int, int], interpolation: str = "bilinear") -> None:
        one = isinstance(size, int | np.integer)
        self.size = pair("size", size)
        self.output_size = None if one else self.size
        if interpolation not in INTERPOLATIONS:
            raise DataError(
                f"interpolation={interpolation!r} is unknown; use one of {INTERPOLATIONS}"
            )
        self.interpolation = interpolation

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The resized images."""
        return resized(images, self._wanted(images.shape[2:]), self.interpolation)

    def _wanted(self, found: Any) -> tuple[int, int]:
        if self.output_size is not None:
            return self.output_size
        height, width = found
        shorter = self.size[0]
        if height <= width:
            return shorter, max(int(shorter * width / height), 1)
        return max(int(shorter * height / width), 1), shorter


def resized(images: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Images (..., H, W) in the size (height, width)."""
    height, width = images.shape[-2:]
    if (height, width) == size:
        return images
    if interpolation == "nearest":
        rows, columns = _nearest(height, size[0]), _nearest(width, size[1])
        return images[..., rows[:, None], columns]
    down, across = weights(height, size[0], interpolation), weights(width, size[1], interpolation)
    kind = np.float64 if images.dtype == np.float64 else np.float32
    # As in Pillow, integers are rounded and kept in their range after columns and after rows.
    values = like(images.astype(kind) @ across.T.astype(kind), images)
    return like(down.astype(kind) @ values.astype(kind), images)


def _nearest(count: int, wanted: int) -> np.ndarray:
    return np.minimum(((np.arange(wanted) + 0.5) * count / wanted).astype(int), count - 1)


@lru_cache(maxsize=64)
def weights(count: int, wanted: int, interpolation: str) -> np.ndarray:
    """What each of ``wanted`` pixels takes of each of ``count``; (wanted, count), rows sum to 1."""
    shape, reach = FILTERS[interpolation]
    scale = count / wanted
    stretch = max(scale, 1.0)
    centre = (np.arange(wanted) + 0.5)[:, None] * scale
    pixel = np.arange(count)[None]
    first = np.maximum((centre - reach * stretch + 0.5).astype(int), 0)
    last = np.minimum((centre + reach * stretch + 0.5).astype(int), count)
    taken = shape((pixel - centre + 0.5) / stretch) * ((pixel >= first) & (pixel < last))
    return taken / taken.sum(axis=1, keepdims=True)
