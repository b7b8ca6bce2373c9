"""Cutting images to one size: from the middle, or from a place of their own each."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.data.draws import draws
from jairika_nb.data.transforms.images import ImageTransform, pair
from jairika_nb.errors import DataError

MODES = ("constant", "edge", "reflect", "symmetric")


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
        self.padding = _sides(padding)
        self.pad_if_needed, self.fill = pad_if_needed, fill
        if padding_mode not in MODES:
            raise DataError(f"padding_mode={padding_mode!r} is unknown; use one of {MODES}")
        self.padding_mode = padding_mode

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The parts."""
        left, top, right, bottom = self.padding
        if any(self.padding):
            images = self._padded(images, ((top, bottom), (left, right)))
        h, w = self.size
        if self.pad_if_needed:
            missing = [max(n - m, 0) for n, m in zip(self.size, images.shape[2:], strict=True)]
            images = self._padded(images, tuple((n, n) for n in missing))
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

    def _padded(self, images: np.ndarray, sides: Any) -> np.ndarray:
        if not any(map(any, sides)):
            return images
        options = {"constant_values": self.fill} if self.padding_mode == "constant" else {}
        return np.pad(images, ((0, 0), (0, 0), *sides), self.padding_mode, **options)  # type: ignore


def _sides(padding: Any) -> tuple[int, int, int, int]:
    values = padding if isinstance(padding, tuple | list) else (padding or 0,)
    full = {1: values * 4, 2: values * 2, 4: values}.get(len(values))
    if full is None or not all(isinstance(v, int) and v >= 0 for v in full):
        raise DataError(f"padding={padding!r} must be 1, 2 or 4 integers from 0 up")
    return tuple(full)  # type: ignore[return-value]


def _filled_up(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    missing = [max(n - m, 0) for n, m in zip(size, images.shape[2:], strict=True)]
    return np.pad(images, ((0, 0), (0, 0), *((n // 2, (n + 1) // 2) for n in missing)))
