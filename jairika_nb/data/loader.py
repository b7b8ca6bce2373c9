"""Batches of a dataset, in order or shuffled, the same again for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from jairika_nb.data.dataset import Arrays, batch_of
from jairika_nb.data.order import shuffled
from jairika_nb.errors import DataError


class DataLoader:
    """Goes through a dataset in batches; every pass is an epoch with an order of its own.

    The order depends on ``seed`` and ``epoch`` alone: setting ``epoch`` back repeats a pass,
    which is how training resumes. Without a seed one is drawn from ``jrk.random`` and can be
    read afterwards.
    Yields tuples of tensors on the current device; ``arrays()`` yields NumPy arrays instead.
    Raises DataError for an empty dataset or where ``drop_last`` leaves no batch.

    >>> from jairika_nb.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2)
    >>> len(loader), [batch.tolist() for (batch,) in loader.arrays()]
    (3, [[0, 1], [2, 3], [4]])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        seed: int | None = None,
        drop_last: bool = False,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        # Without shuffling nothing is drawn, so that other random numbers stay where they were.
        self.seed = seed if seed is not None else _drawn() if shuffle else 0
        self.drop_last = drop_last
        self.epoch = 0
        self._check()

    def _check(self) -> None:
        count = len(self.dataset)
        if isinstance(self.batch_size, bool) or not isinstance(self.batch_size, int | np.integer):
            raise DataError(f"batch_size {self.batch_size!r} is not an integer; use 32 or so")
        if self.batch_size < 1:
            raise DataError(f"batch_size {self.batch_size} gives no batch; use 1 or more")
        if not count:
            raise DataError("the dataset is empty: there is no batch to take from it")
        if not len(self):
            samples = "the one sample" if count == 1 else f"all of {count} samples"
            raise DataError(
                f"drop_last with batch_size {self.batch_size} drops {samples}; "
                "use a smaller batch_size or drop_last=False"
            )

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (1 if rest and not self.drop_last else 0)

    def arrays(self) -> Iterator[Arrays]:
        """One pass as NumPy arrays, on the host."""
        count = len(self.dataset)
        order = shuffled(count, self.seed, self.epoch) if self.shuffle else np.arange(count)
        self.epoch += 1
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield batch_of(self.dataset, order[start : start + self.batch_size])

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        from jairika_nb.tensors.creation import tensor

        for arrays in self.arrays():
            yield tuple(tensor(a) for a in arrays)

    def __repr__(self) -> str:
        return f"DataLoader({self.dataset!r}, batch_size={self.batch_size}, batches={len(self)})"


def _drawn() -> int:
    """A seed that follows from ``jrk.random.seed`` and differs from call to call."""
    from jairika_nb.tensors import random

    seed, calls = random.state()
    random.restore((seed, calls + 1))
    return int(shuffled(2**16, seed, calls)[0]) << 16 | int(shuffled(2**16, calls, seed)[0])
