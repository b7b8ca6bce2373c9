"""States of a small network, the times they were committed, and what equal means."""

from __future__ import annotations

import numpy as np

FIRST = "2023-10-05T14:23:45Z"
SECOND = "2023-10-27T00:48:04Z"


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """A small network's state, another for each seed."""
    random = np.random.default_rng(seed)
    return {
        "0.weight": random.standard_normal((8, 6)).astype(np.float32),
        "0.bias": random.standard_normal(8).astype(np.float32),
        "1.steps": np.int64(seed),
        "encoder.mask": random.integers(0, 2, (3, 2)).astype(bool),
    }


def drifting(seed: int = 0) -> dict[str, np.ndarray]:
    """The same with tensors that change little from seed to seed, as in training."""
    random = np.random.default_rng(99)
    weight, step = (random.standard_normal((40, 30)).astype(np.float32) for _ in range(2))
    counts = random.integers(0, 1000, 300) + seed
    moved = {"2.weight": weight + np.float32(1e-4 * seed) * step, "2.counts": counts}
    return {**arrays(seed), **moved}


def same(left, right) -> bool:
    """Equal names in order, equal dtypes, equal bytes."""
    return list(left) == list(right) and all(
        np.asarray(left[name]).dtype == np.asarray(right[name]).dtype
        and np.asarray(left[name]).shape == np.asarray(right[name]).shape
        and np.asarray(left[name]).tobytes() == np.asarray(right[name]).tobytes()
        for name in left
    )
