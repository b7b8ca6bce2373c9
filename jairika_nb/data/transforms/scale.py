"""Stored integers as numbers between 0 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scale:
    """Turns stored integers into float32 between 0 and 1 by dividing by their largest value.

    >>> Scale(255)(np.array([0, 51, 255], np.uint8)).tolist()
    [0.0, 0.20000000298023224, 1.0]
    """

    largest: float = 255.0

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        return np.divide(inputs, np.float32(self.largest), dtype=np.float32)
