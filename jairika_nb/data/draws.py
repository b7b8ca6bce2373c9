"""Random numbers for transforms: functions of seed, epoch and sample alone.

A loader says which seed and epoch it is in, a dataset which samples it reads; a transform asks for
one number a sample. So a pass that is repeated, by any number of workers, repeats its numbers.
Outside of a loader the numbers follow ``jrk.random.seed`` and differ from call to call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.data.order import shuffled
from jairika_nb.engine.ops.sources import philox

# Keeps these numbers apart from those of jrk.random under the same seed.
DOMAIN = 0x64617461
WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class Source:
    """Where numbers come from: a loader's seed and epoch, the batch's number, and whether a
    sample may be in one epoch twice, so that its numbers must differ from batch to batch."""

    seed: int
    epoch: int
    batch: int = 0
    repeats: bool = False


class Draws:
    """Numbers for the samples of a batch; each call gives every sample its next one.

    The numbers of a sample depend on the source, its index and how many were drawn before.

    >>> once = Draws(Source(seed=1, epoch=0), [4, 7]).uniform()
    >>> again = Draws(Source(seed=1, epoch=0), [7]).uniform()
    >>> bool(once[1] == again[0])
    True
    """

    def __init__(
        self,
        source: Source,
        indices: Sequence[int] | np.ndarray,
        turns: Sequence[int] | np.ndarray | None = None,
    ) -> None:
        self.indices = np.asarray(indices, np.int64).reshape(-1)
        self.turns = occurrences(self.indices) if turns is None else np.asarray(turns, np.int64)
        self.calls = 0
        self._key = (source.seed & WORD, ((source.seed >> 32) ^ DOMAIN) & WORD)
        turn = self.turns + ((source.batch << 12) if source.repeats else 0)
        self._counter = np.zeros((len(self.indices), 4), np.uint32)
        self._counter[:, 0] = self.indices & WORD
        self._counter[:, 1] = turn & WORD
        self._counter[:, 3] = source.epoch & WORD

    def words(self) -> np.ndarray:
        """The next four words of each sample, (N, 4) uint32."""
        self._counter[:, 2] = self.calls
        self.calls += 1
        return philox(self._counter, self._key)

    def uniform(self, low: Any = 0.0, high: Any = 1.0) -> np.ndarray:
        """One float64 a sample, in [low, high); the bounds may be one a sample too."""
        words = self.words().astype(np.uint64)
        bits = (words[:, 0] << np.uint64(21)) ^ (words[:, 1] >> np.uint64(11))
        return low + (np.asarray(high) - low) * (bits * 2.0**-53)

    def integers(self, high: Any) -> np.ndarray:
        """One integer a sample, from 0 up to but without ``high``."""
        return np.minimum((self.uniform() * high).astype(np.int64), np.asarray(high) - 1)

    def generator(self) -> np.random.Generator:
        """A NumPy generator for all samples together, for distributions that need many words."""
        key = self.words()[0].astype(np.uint64)
        pairs = [key[0] << np.uint64(32) | key[1], key[2] << np.uint64(32) | key[3]]
        return np.random.Generator(np.random.Philox(key=np.array(pairs, np.uint64)))


def occurrences(indices: np.ndarray) -> np.ndarray:
    """How often each index came before in the batch."""
    order = np.argsort(indices, kind="stable")
    ranked = indices[order]
    starts = np.r_[0, np.flatnonzero(np.diff(ranked)) + 1] if len(ranked) else np.array([], int)
    sizes = np.diff(np.r_[starts, len(ranked)])
    out = np.empty(len(indices), np.int64)
    out[order] = np.arange(len(ranked)) - np.repeat(starts, sizes)
    return out


_source: ContextVar[Source | None] = ContextVar("jairika_draws_source", default=None)
_samples: ContextVar[samples | None] = ContextVar("jairika_draws_samples", default=None)


@contextlib.contextmanager
def drawing(source: Source) -> Iterator[None]:
    """Inside the block numbers come from ``source``."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


class samples:
    """Inside the block the samples at ``indices`` are read; without a loader nothing changes.

    ``turns`` tells how often each came before in the batch. Entered for every sample, so nothing is
    computed before a transform asks.
    """

    __slots__ = ("_draws", "indices", "source", "token", "turns")

    def __init__(
        self, indices: Sequence[int] | np.ndarray, turns: Sequence[int] | np.ndarray | None = None
    ) -> None:
        self.indices, self.turns = indices, turns
        self._draws: Draws | None = None

    def __enter__(self) -> None:
        self.source = _source.get()
        if self.turns is None:
            outer = _samples.get()
            if outer is not None and len(outer.indices) == len(self.indices):
                self.turns = outer.turns  # a dataset within a dataset reads the same samples
        self.token = _samples.set(self)

    def __exit__(self, *_: object) -> None:
        _samples.reset(self.token)

    def draws(self, source: Source) -> Draws:
        """Their numbers, which go on from transform to transform."""
        if self._draws is None:
            self._draws = Draws(source, self.indices, self.turns)
        return self._draws


def draws(count: int) -> Draws:
    """What a transform of ``count`` samples draws from."""
    current = _samples.get()
    if current is not None and current.source is not None and len(current.indices) == count:
        return current.draws(current.source)
    source = _source.get()
    if source is None:
        source = Source(fresh_seed(), 0)
    return Draws(Source(source.seed, source.epoch, source.batch, repeats=True), np.arange(count))


def generator() -> np.random.Generator:
    """A NumPy generator for the sample or batch being read, for datasets and transforms of yours.

    Inside a loader it follows from the loader's seed, the epoch and the sample, so that a pass can
    be repeated; elsewhere it follows ``jrk.random.seed`` and differs from call to call.

    >>> from jairika_nb.data import DataLoader, Dataset
    >>> class Noise(Dataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return generator().normal(size=2)
    >>> first, again = (next(DataLoader(Noise(), 3, seed=5).arrays())[0] for _ in range(2))
    >>> bool((first == again).all()), len({*first.ravel()})
    (True, 6)
    """
    current = _samples.get()
    return draws(1 if current is None else len(current.indices)).generator()


def fresh_seed() -> int:
    """A seed that follows from ``jrk.random.seed`` and differs from call to call."""
    from jairika_nb.tensors import random

    seed, calls = random.reserve(1)
    return int(shuffled(2**16, seed, calls)[0]) << 16 | int(shuffled(2**16, calls, seed)[0])
