"""What transforms of images share: one image or a batch, sizes, and values of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.errors import DataError


class ImageTransform:
    """Base of transforms of images: subclass it with a ``batch`` that takes (N, C, H, W).

    ``output_size`` is (height, width) where every result has that size, else None.
    """

    output_size: tuple[int, int] | None = None

    def __call__(self, images: Any) -> np.ndarray:
        array = np.asarray(images)
        if array.ndim not in (3, 4) or not array.size:
            raise DataError(
                f"{type(self).__name__} got shape {array.shape}: images are (C, H, W), batches of "
                "them (N, C, H, W)"
            )
        if array.dtype.kind not in "uif":
            raise DataError(f"{type(self).__name__} got {array.dtype}: pixels are numbers")
        return self.batch(array) if array.ndim == 4 else self.batch(array[None])[0]

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The transformed images."""
        raise NotImplementedError(f"{type(self).__name__} needs batch to be a transform of images")


def pair(name: str, value: Any) -> tuple[int, int]:
    """``value`` as (height, width), both positive integers."""
    values = tuple(value) if isinstance(value, tuple | list) else (value, value)
    whole = all(isinstance(v, int | np.integer) and not isinstance(v, bool) for v in values)
    if len(values) != 2 or not whole or min(values) < 1:
        raise DataError(f"{name}={value!r} must be a positive integer or a pair (height, width)")
    return int(values[0]), int(values[1])


def probability(name: str, value: float) -> float:
    """``value`` if it is within 0 and 1."""
    if not 0 <= value <= 1:
        raise DataError(f"{name}={value!r} is no probability; use a number from 0 to 1")
    return float(value)


def like(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Computed pixels in the dtype of the images they come from, integers rounded, halves up."""
    if images.dtype.kind == "f":
        return values.astype(images.dtype, copy=False)
    limits = np.iinfo(images.dtype)
    return np.clip(np.floor(values + 0.5), limits.min, limits.max).astype(images.dtype)
