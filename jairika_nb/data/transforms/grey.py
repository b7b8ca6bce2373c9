"""Colours as shades of grey."""

from __future__ import annotations

import numpy as np

from jairika_nb.data.transforms.color import LUMA
from jairika_nb.data.transforms.images import ImageTransform, like
from jairika_nb.errors import DataError


class Grayscale(ImageTransform):
    """The luma of colours (ITU-R BT.601), in one channel or three equal ones.

    >>> Grayscale()(np.ones((3, 1, 1), np.float32)).tolist()
    [[[1.0]]]
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise DataError(f"num_output_channels={num_output_channels!r} must be 1 or 3")
        self.num_output_channels = num_output_channels

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The grey images."""
        if images.shape[1] not in (1, 3):
            raise DataError(
                f"Grayscale got {images.shape[1]} channels: colours have 3, grey images 1"
            )
        grey = images
        if images.shape[1] == 3:
            grey = like(np.einsum("nchw,c->nhw", images.astype(np.float32), LUMA)[:, None], images)
        return np.repeat(grey, self.num_output_channels, axis=1)
