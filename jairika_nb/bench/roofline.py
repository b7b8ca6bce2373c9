"""What the machine can do at most: bytes from and to memory, and float32 products."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import jairika_nb as jrk


@dataclass(frozen=True)
class Roofline:
    """``bandwidth`` in bytes a second, ``peak`` in float32 operations a second; both measured.

    S. Williams, A. Waterman, D. Patterson: Roofline, CACM 2009.
    """

    bandwidth: float
    peak: float


def measured(side: int = 1536, numbers: int = 1 << 25) -> Roofline:
    """Measure with the best of what is at hand: NumPy's BLAS, and our own copies and products."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((side, side), np.float32) for _ in range(2))
    x, y = (rng.standard_normal(numbers, np.float32) for _ in range(2))
    found = np.empty_like(a)
    ours = [jrk.tensor(each) for each in (a, b, x, y)]
    product, triad = jrk.compile(lambda a, b: a @ b), jrk.compile(lambda x, y: x + 3 * y)
    flops, moved = 2 * side**3, 3 * 4 * numbers

    def done(function: Callable[..., Any], *given: Any) -> None:
        function(*given)
        jrk.synchronize()

    products = least(lambda: np.matmul(a, b, out=found), lambda: done(product, *ours[:2]))
    triads = least(lambda: done(triad, *ours[2:]))
    return Roofline(moved / triads, flops / products)


def least(*ways: Callable[[], object], rounds: int = 9) -> float:
    """Seconds of the fastest way, each the median of ``rounds`` but the first two."""
    seconds: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, found in zip(ways, seconds, strict=True):
            start = time.perf_counter()
            way()
            found.append(time.perf_counter() - start)
    return min(statistics.median(found[2:]) for found in seconds)
