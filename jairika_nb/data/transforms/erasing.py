"""Rectangles blotted out."""

from __future__ import annotations

import numpy as np

from jairika_nb.data.draws import draws
from jairika_nb.data.transforms.images import ImageTransform, probability
from jairika_nb.errors import DataError


class RandomErasing(ImageTransform):
    """Puts ``value`` into a random rectangle of each image with probability ``p``.

    ``scale`` bounds the rectangle's share of the area, ``ratio`` its height over its width;
    rectangles that do not fit are cut to the image. Source: Zhong et al., "Random erasing data
    augmentation", 2017.

    >>> found = RandomErasing(p=1.0, scale=(0.25, 0.25), ratio=(1, 1))(np.ones((1, 4, 4)))
    >>> int((found == 0).sum())
    4
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: tuple[float, float] = (0.02, 0.33),
        ratio: tuple[float, float] = (0.3, 3.3),
        value: float = 0,
    ) -> None:
        self.p = probability("p", p)
        if not 0 < scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1] < np.inf:
            raise DataError(
                f"scale={scale} must lie within 0 and 1, ratio={ratio} be positive ranges"
            )
        self.scale, self.ratio, self.value = scale, ratio, value

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The images, some with a blot."""
        drawn, (height, width) = draws(len(images)), images.shape[2:]
        chosen = drawn.uniform() < self.p
        area = height * width * drawn.uniform(*self.scale)
        ratio = np.exp(drawn.uniform(*np.log(self.ratio)))
        h = np.clip(np.rint(np.sqrt(area * ratio)), 1, height).astype(np.int64)
        w = np.clip(np.rint(np.sqrt(area / ratio)), 1, width).astype(np.int64)
        top, left = drawn.integers(height - h + 1), drawn.integers(width - w + 1)
        rows = _within(np.arange(height), top, h)[:, :, None]
        blot = chosen[:, None, None] & rows & _within(np.arange(width), left, w)[:, None]
        return np.where(blot[:, None], np.asarray(self.value, images.dtype), images)


def _within(places: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    return (places >= start[:, None]) & (places < (start + count)[:, None])
