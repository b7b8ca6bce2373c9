"""Turning images about their middle."""

from __future__ import annotations

import numpy as np

from jairika_nb.data.draws import draws
from jairika_nb.data.transforms.images import ImageTransform, like
from jairika_nb.errors import DataError

INTERPOLATIONS = ("nearest", "bilinear")


class RandomRotation(ImageTransform):
    """Turns each image by a random angle, in degrees, counter-clockwise, keeping its size.

    ``degrees`` is a range (low, high), or one number for (-degrees, degrees). ``interpolation`` is
    "nearest" or "bilinear"; what comes from outside the image is ``fill``.

    >>> RandomRotation((90, 90))(np.array([[[1, 2], [3, 4]]])).tolist()
    [[[2, 4], [1, 3]]]
    """

    def __init__(
        self,
        degrees: float | tuple[float, float],
        interpolation: str = "nearest",
        *,
        fill: float = 0,
    ) -> None:
        low, high = degrees if isinstance(degrees, tuple | list) else (-degrees, degrees)
        if not low <= high or not np.isfinite([low, high]).all():
            raise DataError(
                f"degrees={degrees!r} is no range; use a number from 0 up or (low, high)"
            )
        if interpolation not in INTERPOLATIONS:
            raise DataError(
                f"interpolation={interpolation!r} is unknown; use one of {INTERPOLATIONS}"
            )
        self.degrees, self.interpolation, self.fill = (float(low), float(high)), interpolation, fill

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The turned images."""
        return rotated(
            images, draws(len(images)).uniform(*self.degrees), self.interpolation, self.fill
        )


def rotated(
    images: np.ndarray, degrees: np.ndarray, interpolation: str, fill: float = 0
) -> np.ndarray:
    """Images (N, C, H, W), each turned by its own angle about its middle."""
    height, width = images.shape[2:]
    # Right angles are exact, as they are in Pillow.
    cos, sin = (np.round(f(np.radians(degrees)), 15)[:, None, None] for f in (np.cos, np.sin))
    x, y = np.arange(width) + 0.5 - width / 2, (np.arange(height) + 0.5 - height / 2)[:, None]
    # Where each pixel of the result comes from; rows count downwards.
    column, row = cos * x - sin * y + width / 2, sin * x + cos * y + height / 2
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    values = np.ascontiguousarray(images)
    if interpolation == "nearest":
        taken = _taken(values, _whole(row, height), _whole(column, width))
    else:
        taken = _between(values, row - 0.5, column - 0.5)
    return like(np.where(inside[:, None], taken, fill), images)


def _whole(place: np.ndarray, count: int) -> np.ndarray:
    """Rows or columns as indices; those beyond the border become the border's."""
    return np.clip(np.floor(place).astype(np.intp), 0, count - 1)


def _taken(images: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The pixels at (N, H, W) rows and columns of every channel."""
    count, channels, height, width = images.shape
    start = np.arange(count * channels).reshape(count, channels, 1, 1) * (height * width)
    return images.reshape(-1).take(start + (row * width + column)[:, None])


def _between(images: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    height, width = images.shape[2:]
    values = images if images.dtype == np.float64 else images.astype(np.float32)
    down, right = ((p - np.floor(p)).astype(values.dtype)[:, None] for p in (row, column))
    top, left = _whole(row, height), _whole(column, width)
    bottom, beside = _whole(row + 1, height), _whole(column + 1, width)
    upper, lower = _taken(values, top, left), _taken(values, bottom, left)
    upper += (_taken(values, top, beside) - upper) * right
    lower += (_taken(values, bottom, beside) - lower) * right
    return upper + (lower - upper) * down
