"""Batches of sequences of similar length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jairika_nb.data.order import shuffled
from jairika_nb.errors import DataError


class BucketBatchSampler:
    """Batches of samples of similar length, so that little is padded: a ``batch_sampler``.

    ``lengths`` has one integer a sample. With ``shuffle`` samples of equal length change places
    and batches come in random order, another one in each epoch; samples are sorted within pools of
    ``pool`` batches, so that batches differ from epoch to epoch. Raises DataError for no lengths or
    a batch size below 1.

    >>> sampler = BucketBatchSampler([5, 1, 4, 2], batch_size=2, shuffle=False)
    >>> [b.tolist() for b in sampler.batches(seed=0, epoch=0)]
    [[1, 3], [2, 0]]
    """

    def __init__(
        self,
        lengths: Any,
        batch_size: int,
        shuffle: bool = True,
        drop_last: bool = False,
        pool: int = 50,
    ) -> None:
        self.lengths = np.asarray(lengths)
        if self.lengths.ndim != 1 or not len(self.lengths):
            raise DataError(f"lengths of shape {self.lengths.shape} must be one number a sample")
        if batch_size < 1 or pool < 1:
            raise DataError(f"batch_size {batch_size} and pool {pool} must be 1 or more")
        self.batch_size, self.shuffle, self.drop_last, self.pool = (
            batch_size,
            shuffle,
            drop_last,
            pool,
        )
        if not len(self):
            raise DataError(f"drop_last drops all of {len(self.lengths)} samples; lower batch_size")

    def __len__(self) -> int:
        whole, rest = divmod(len(self.lengths), self.batch_size)
        return whole + (1 if rest and not self.drop_last else 0)

    def batches(self, seed: int, epoch: int) -> list[np.ndarray]:
        """The indices of each batch of an epoch."""
        count, size = len(self.lengths), self.batch_size
        if not self.shuffle:
            order = np.argsort(self.lengths, kind="stable")
        else:
            order = shuffled(count, seed, epoch)
            pools = (order[i : i + size * self.pool] for i in range(0, count, size * self.pool))
            order = np.concatenate([p[np.argsort(self.lengths[p], kind="stable")] for p in pools])
        batches = [order[i * size : (i + 1) * size] for i in range(len(self))]
        if self.shuffle:
            batches = [batches[i] for i in shuffled(len(batches), seed, epoch)]
        return batches

    def __iter__(self) -> Iterator[list[int]]:
        return (batch.tolist() for batch in self.batches(0, 0))
