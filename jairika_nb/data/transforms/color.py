"""Changing brightness, contrast, saturation and hue."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.data.draws import draws
from jairika_nb.data.transforms.images import ImageTransform, like
from jairika_nb.errors import DataError

# Luma of red, green and blue by ITU-R BT.601.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class ColorJitter(ImageTransform):
    """Changes brightness, contrast, saturation and hue of each image at random, in this order.

    The first three are multiplied by a factor within (1 - value, 1 + value), not below 0; ``hue``
    is turned by up to ``hue`` (at most 0.5) of a whole turn. Each may be a pair (low, high).
    Images are bytes, or floats from 0 to 1; saturation and hue need three channels, red, green
    and blue, and leave images of one channel as they are.

    >>> ColorJitter(brightness=(0.5, 0.5))(np.full((1, 1, 1), 0.8, np.float32)).tolist()
    [[[0.4000000059604645]]]
    """

    def __init__(
        self,
        brightness: float | tuple[float, float] = 0,
        contrast: float | tuple[float, float] = 0,
        saturation: float | tuple[float, float] = 0,
        hue: float | tuple[float, float] = 0,
    ) -> None:
        self.brightness = _range("brightness", brightness, 1.0, (0.0, np.inf))
        self.contrast = _range("contrast", contrast, 1.0, (0.0, np.inf))
        self.saturation = _range("saturation", saturation, 1.0, (0.0, np.inf))
        self.hue = _range("hue", hue, 0.0, (-0.5, 0.5))

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The images in other colours."""
        channels = images.shape[1]
        if channels not in (1, 3):
            raise DataError(f"ColorJitter got {channels} channels: colours have 3, grey images 1")
        if images.dtype.kind != "f" and images.dtype != np.uint8:
            raise DataError(
                f"ColorJitter got {images.dtype}: pixels are uint8, or floats from 0 to 1"
            )
        largest = 1 if images.dtype.kind == "f" else 255
        values, drawn = images.astype(np.float32) / largest, draws(len(images))
        for change in (adjusted_brightness, adjusted_contrast, adjusted_saturation, adjusted_hue):
            low, high = getattr(self, change.__name__.removeprefix("adjusted_"))
            amount = drawn.uniform(low, high).astype(np.float32)[:, None, None, None]
            if low != high or low != (0.0 if change is adjusted_hue else 1.0):
                values = change(values, amount)
        return like(values * largest, images)


def _range(
    name: str, value: Any, middle: float, limits: tuple[float, float]
) -> tuple[float, float]:
    if isinstance(value, tuple | list):
        low, high = map(float, value)
    else:
        low, high = middle - value, middle + value
        if middle and value >= 0:
            low = max(low, 0.0)
    if not limits[0] <= low <= high <= limits[1] or not np.isfinite([low, high]).all():
        raise DataError(f"{name}={value!r} gives the range {low} to {high}, allowed is {limits}")
    return low, high


def adjusted_brightness(images: np.ndarray, factor: Any) -> np.ndarray:
    """Images (N, C, H, W) from 0 to 1 times ``factor``."""
    return np.clip(images * factor, 0, 1)


def adjusted_contrast(images: np.ndarray, factor: Any) -> np.ndarray:
    """The distance of each pixel from the mean grey of its image, times ``factor``."""
    mean = _grey(images).mean(axis=(1, 2, 3), keepdims=True)
    return np.clip(mean + (images - mean) * factor, 0, 1)


def adjusted_saturation(images: np.ndarray, factor: Any) -> np.ndarray:
    """The distance of each colour from its grey, times ``factor``."""
    grey = _grey(images)
    return np.clip(grey + (images - grey) * factor, 0, 1)


def adjusted_hue(images: np.ndarray, turn: Any) -> np.ndarray:
    """Colours turned on the colour wheel by a part of a whole turn, by way of HSV (Smith, 1978)."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.transpose(1, 0, 2, 3)
    value, low = images.max(axis=1), images.min(axis=1)
    spread = value - low
    divisor = np.where(spread == 0, 1, spread)
    hue = np.where(
        value == red,
        (green - blue) / divisor,
        np.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    wheel = (hue + 6 * np.asarray(turn)[..., 0, :, :] if np.ndim(turn) else hue + 6 * turn) % 6
    # Each channel falls and rises along the wheel; it starts at 5, 3 and 1 sixths.
    shift = np.array([5, 3, 1], np.float32)[:, None, None]
    place = (wheel[:, None] + shift) % 6
    return value[:, None] - spread[:, None] * np.clip(np.minimum(place, 4 - place), 0, 1)


def _grey(images: np.ndarray) -> np.ndarray:
    if images.shape[1] == 1:
        return images
    return np.einsum("nchw,c->nhw", images, LUMA)[:, None]
