"""Mirroring some of the images."""

from __future__ import annotations

import numpy as np

from jairika_nb.data.draws import draws
from jairika_nb.data.transforms.images import ImageTransform, probability


class RandomHorizontalFlip(ImageTransform):
    """Swaps left and right of each image with probability ``p``.

    >>> RandomHorizontalFlip(p=1.0)(np.array([[[1, 2]]])).tolist()
    [[[2, 1]]]
    """

    axis = -1

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("p", p)

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The images, some of them mirrored."""
        chosen, out = draws(len(images)).uniform() < self.p, images.copy()
        out[chosen] = np.flip(images[chosen], self.axis)
        return out


class RandomVerticalFlip(RandomHorizontalFlip):
    """Swaps top and bottom of each image with probability ``p``."""

    axis = -2
