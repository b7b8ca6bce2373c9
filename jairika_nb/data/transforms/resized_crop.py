"""A random part of each image, stretched to one size."""

from __future__ import annotations

import numpy as np

from jairika_nb.data.draws import Draws, draws
from jairika_nb.data.transforms.images import ImageTransform, pair
from jairika_nb.data.transforms.resize import INTERPOLATIONS, resized
from jairika_nb.errors import DataError

TRIES = 10


class RandomResizedCrop(ImageTransform):
    """A part of each image with random area, shape and place, resized to ``size``.

    ``scale`` bounds the part's share of the area, ``ratio`` its width over its height, drawn
    evenly on a logarithmic scale. Where ten draws do not fit into the image, its middle is taken
    with the nearest ratio that does. Source: Szegedy et al., "Going deeper with convolutions",
    CVPR 2015.

    >>> RandomResizedCrop(4)(np.zeros((2, 3, 9, 7), np.float32)).shape
    (2, 3, 4, 4)
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        interpolation: str = "bilinear",
    ) -> None:
        self.output_size = self.size = pair("size", size)
        if not 0 < scale[0] <= scale[1] <= 1 or not 0 < ratio[0] <= ratio[1] < np.inf:
            raise DataError(
                f"scale={scale} must lie within 0 and 1, ratio={ratio} be positive ranges"
            )
        if interpolation not in INTERPOLATIONS:
            raise DataError(
                f"interpolation={interpolation!r} is unknown; use one of {INTERPOLATIONS}"
            )
        self.scale, self.ratio, self.interpolation = scale, ratio, interpolation

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The resized parts."""
        parts = zip(images, *self._boxes(draws(len(images)), *images.shape[2:]), strict=True)
        return np.stack(
            [
                resized(image[:, top : top + h, left : left + w], self.size, self.interpolation)
                for image, top, left, h, w in parts
            ]
        )

    def _boxes(self, drawn: Draws, height: int, width: int) -> tuple[np.ndarray, ...]:
        """Top, left, height and width of each part."""
        count = len(drawn.indices)
        h, w = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for _ in range(TRIES):
            area = height * width * drawn.uniform(*self.scale)
            ratio = np.exp(drawn.uniform(*np.log(self.ratio)))
            high, wide = (
                np.rint(np.sqrt(v)).astype(np.int64) for v in (area / ratio, area * ratio)
            )
            fits = (h == 0) & (high > 0) & (high <= height) & (wide > 0) & (wide <= width)
            h, w = np.where(fits, high, h), np.where(fits, wide, w)
        none = h == 0
        middle = self._middle(height, width)
        h, w = np.where(none, middle[0], h), np.where(none, middle[1], w)
        top, left = drawn.integers(height - h + 1), drawn.integers(width - w + 1)
        return (
            np.where(none, (height - h) // 2, top), np.where(none, (width - w) // 2, left), h, w
        )  # fmt: skip

    def _middle(self, height: int, width: int) -> tuple[int, int]:
        nearest = min(max(width / height, self.ratio[0]), self.ratio[1])
        if width / height < nearest:
            return max(round(width / nearest), 1), width
        return height, max(round(height * nearest), 1)
