"""The order in which samples are visited: a function of the seed and the epoch alone."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from jairika_nb.errors import DataError


def shuffled(count: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation of ``range(count)``, the same for equal seed and epoch on every machine.

    Sorting the raw words of Philox 4x64 (Salmon et al. 2011) keeps it independent of the
    NumPy version, which promises the words but not the shuffling.

    >>> sorted(shuffled(5, seed=1, epoch=0).tolist())
    [0, 1, 2, 3, 4]
    """
    return np.argsort(_words(count, seed, epoch), kind="stable")


def uniforms(count: int, seed: int, epoch: int) -> np.ndarray:
    """Numbers in [0, 1), float64, the same for equal seed and epoch on every machine."""
    return (_words(count, seed, epoch) >> np.uint64(11)) * 2.0**-53


def _words(count: int, seed: int, epoch: int) -> np.ndarray:
    key = np.array([checked_seed(seed) % 2**64, epoch % 2**64], dtype=np.uint64)
    return np.random.Philox(key=key).random_raw(count)


def checked_seed(seed: Any) -> int:
    """The seed as Python's integer, of any size; raises DataError for what is no integer.

    >>> checked_seed(np.int64(3))
    3
    """
    try:
        return operator.index(seed)
    except TypeError:
        raise DataError(f"seed {seed!r} is not an integer") from None
