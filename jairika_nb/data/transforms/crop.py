"""Cutting images to one size: from the middle, or from a place of their own each."""

from __future__ import annotations

import numpy as np

from jairika_nb.data.draws import draws
from jairika_nb.data.transforms.images import ImageTransform, pair
from jairika_nb.data.transforms.pad import checked_mode, padded, sides
from jairika_nb.errors import DataError


class CenterCrop(ImageTransform):
    """The middle of each image, filled up with zeros where the image is smaller.

    ``size`` is (height, width) or one number for both.

    >>> CenterCrop(2)(np.arange(16).reshape(1, 4, 4)).tolist()
    [[[5, 6], [9, 10]]]
    """

    def __init__(self, size: int | tuple[int, int]) -> None:
        self.output_size = self.size = pair("size", size)

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The middles."""
        (height, width), (h, w) = images.shape[2:], self.size
        if h > height or w > width:
            images = _filled_up(images, self.size)
            height, width = images.shape[2:]
        # PyTorch's rounding: half to even.
        top, left = round((height - h) / 2.0), round((width - w) / 2.0)
        return images[:, :, top : top + h, left : left + w]


class RandomCrop(ImageTransform):
    """A part of each image at a random place, after ``padding`` the image.

    ``size`` is (height, width) or one number. ``padding`` is one number for all sides, a pair for
    left/right and top/bottom, or four: left, top, right, bottom. ``pad_if_needed`` fills up images
    that are too small; without it they raise DataError. ``padding_mode`` is "constant" with
    ``fill``, "edge", "reflect" or "symmetric".

    >>> RandomCrop(2)(np.zeros((5, 3, 8, 8))).shape
    (5, 3, 2, 2)
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        padding: int | tuple[int, ...] | None = None,
        pad_if_needed: bool = False,
        fill: float = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.output_size = self.size = pair("size", size)
        self.padding, self.padding_mode = sides(padding), checked_mode(padding_mode)
        self.pad_if_needed, self.fill = pad_if_needed, fill

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The parts."""
        images = padded(images, self.padding, self.padding_mode, self.fill)
        h, w = self.size
        if self.pad_if_needed:
            y, x = (max(n - m, 0) for n, m in zip(self.size, images.shape[2:], strict=True))
            images = padded(images, (x, y, x, y), self.padding_mode, self.fill)
        height, width = images.shape[2:]
        if h > height or w > width:
            raise DataError(
                f"RandomCrop of {h}x{w} from images of {height}x{width}: pad them by `padding` or "
                "`pad_if_needed=True`, or crop less"
            )
        drawn = draws(len(images))
        rows = drawn.integers(height - h + 1)[:, None] + np.arange(h)
        columns = drawn.integers(width - w + 1)[:, None] + np.arange(w)
        which = np.arange(len(images))[:, None, None]
        return np.moveaxis(images[which, :, rows[:, :, None], columns[:, None]], 3, 1)


def _filled_up(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    missing = [max(n - m, 0) for n, m in zip(size, images.shape[2:], strict=True)]
    return np.pad(images, ((0, 0), (0, 0), *((n // 2, (n + 1) // 2) for n in missing)))
