"""Images with a margin."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.data.transforms.images import ImageTransform
from jairika_nb.errors import DataError

MODES = ("constant", "edge", "reflect", "symmetric")


class Pad(ImageTransform):
    """Adds a margin of ``padding`` pixels.

    ``padding`` is one number for all sides, a pair for left/right and top/bottom, or four: left,
    top, right, bottom. ``padding_mode`` is "constant" with ``fill``, "edge", "reflect" or
    "symmetric".

    >>> Pad((1, 0), fill=7)(np.zeros((1, 1, 1), int)).tolist()
    [[[7, 0, 7]]]
    """

    def __init__(
        self, padding: int | tuple[int, ...], fill: float = 0, padding_mode: str = "constant"
    ) -> None:
        self.padding, self.fill = sides(padding), fill
        self.padding_mode = checked_mode(padding_mode)

    def batch(self, images: np.ndarray) -> np.ndarray:
        """The images with their margins."""
        return padded(images, self.padding, self.padding_mode, self.fill)


def padded(
    images: np.ndarray, margins: tuple[int, int, int, int], mode: str, fill: float
) -> np.ndarray:
    """Images with margins left, top, right and bottom."""
    if not any(margins):
        return images
    left, top, right, bottom = margins
    options: Any = {"constant_values": fill} if mode == "constant" else {}
    return np.pad(images, ((0, 0), (0, 0), (top, bottom), (left, right)), mode, **options)  # type: ignore[call-overload]


def sides(padding: Any) -> tuple[int, int, int, int]:
    """``padding`` as margins left, top, right and bottom."""
    values = padding if isinstance(padding, tuple | list) else (padding or 0,)
    full = {1: values * 4, 2: values * 2, 4: values}.get(len(values))
    if full is None or not all(isinstance(v, int | np.integer) and v >= 0 for v in full):
        raise DataError(f"padding={padding!r} must be 1, 2 or 4 integers from 0 up")
    return tuple(int(v) for v in full)  # type: ignore[return-value]


def checked_mode(mode: str) -> str:
    """``mode`` if there is such a one."""
    if mode not in MODES:
        raise DataError(f"padding_mode={mode!r} is unknown; use one of {MODES}")
    return mode
