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
    if interpolation == "nearest":
        taken = _taken(images, np.floor(row), np.floor(column))
    else:
        taken = _between(images, row - 0.5, column - 0.5)
    return like(np.where(inside[:, None], taken, fill), images)


def _taken(images: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """The pixels at (N, H, W) rows and columns, those beyond the border from the border."""
    height, width = images.shape[2:]
    row, column = np.clip(row, 0, height - 1).astype(int), np.clip(column, 0, width - 1).astype(int)
    flat = (row * width + column).reshape(len(images), 1, -1)
    values = np.take_along_axis(images.reshape(*images.shape[:2], -1), flat, axis=2)
    return values.reshape(images.shape[:2] + row.shape[1:])


def _between(images: np.ndarray, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    top, left = np.floor(row), np.floor(column)
    down, right = (row - top)[:, None], (column - left)[:, None]
    upper = _taken(images, top, left) * (1 - right) + _taken(images, top, left + 1) * right
    lower = _taken(images, top + 1, left) * (1 - right) + _taken(images, top + 1, left + 1) * right
    return upper * (1 - down) + lower * down
