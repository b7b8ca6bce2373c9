"""How far two arrays of one shape are apart: norms of the difference, in float64, by blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

BLOCK = 1 << 18  # values at a time: the copies in float64 stay in the cache


@dataclass(frozen=True)
class Change:
    """Sums over the values of one or more arrays, before (``a``) and after (``b``)."""

    squared: float = 0.0  # sum of (b - a)²
    before: float = 0.0  # sum of a²
    after: float = 0.0  # sum of b²
    product: float = 0.0  # sum of a·b
    largest: float = 0.0  # greatest |b - a|

    def __add__(self, other: Change) -> Change:
        return Change(
            self.squared + other.squared,
            self.before + other.before,
            self.after + other.after,
            self.product + other.product,
            _greater(self.largest, other.largest),
        )

    @property
    def l2(self) -> float:
        """The Euclidean norm of the difference."""
        return math.sqrt(self.squared)

    @property
    def relative(self) -> float:
        """``l2`` by the norm before; infinite where that is zero and the difference is not."""
        if not self.squared:
            return 0.0
        return math.sqrt(self.squared / self.before) if self.before else math.inf

    @property
    def cosine(self) -> float:
        """The cosine of the angle between before and after; NaN where one of them is zero."""
        scale = math.sqrt(self.before) * math.sqrt(self.after)
        return self.product / scale if scale else math.nan


def change(before: np.ndarray, after: np.ndarray) -> Change:
    """The sums for two arrays of equal shape; NaN where a value is NaN.

    >>> change(np.array([3.0, 0.0]), np.array([3.0, 4.0])).l2
    4.0
    """
    total = Change()
    left, right = before.reshape(-1), after.reshape(-1)
    for start in range(0, left.size, BLOCK):
        a = left[start : start + BLOCK].astype(np.float64)
        b = right[start : start + BLOCK].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            d = b - a
            sums = (float(d @ d), float(a @ a), float(b @ b), float(a @ b))
            total += Change(*sums, float(np.abs(d).max()))
    return total


def _greater(one: float, other: float) -> float:
    return math.nan if math.isnan(one) or math.isnan(other) else max(one, other)
