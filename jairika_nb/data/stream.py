"""Datasets without length or index: samples that come one after another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from jairika_nb.data.draws import generator, samples
from jairika_nb.errors import DataError
from jairika_nb.tensors.plain import whole

_END = object()


class IterableDataset:
    """A stream of samples: subclass it with an ``__iter__`` that starts anew for each pass.

    A loader cuts it into batches in the order in which it comes; ``ShuffleBuffer`` mixes it.

    >>> class Squares(IterableDataset):
    ...     def __iter__(self):
    ...         return ((float(i), float(i**2)) for i in range(3))
    >>> from jairika_nb.data import DataLoader
    >>> [x.tolist() for x, _ in DataLoader(Squares(), batch_size=2).arrays()]
    [[0.0, 1.0], [2.0]]
    """

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} needs __iter__ to be a stream")

    def __add__(self, other: Iterable[Any]) -> ChainDataset:
        return ChainDataset([self, other])


class ChainDataset(IterableDataset):
    """Streams one after another; ``a + b`` of two streams is the same.

    >>> list(ChainDataset(["ab", [1, 2]]))
    ['a', 'b', 1, 2]
    """

    def __init__(self, datasets: Iterable[Iterable[Any]]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self.datasets)


class ShuffleBuffer(IterableDataset):
    """A stream in another order: each sample is drawn from the next ``buffer_size`` ones.

    The larger the buffer, the better the mixing, and the more samples are held in memory. Inside a
    loader the order follows from the loader's seed and the epoch. Raises DataError for a buffer
    that holds nothing.

    >>> from jairika_nb.data import DataLoader
    >>> loader = DataLoader(ShuffleBuffer(range(100), 10), batch_size=100, seed=1)
    >>> (order,) = next(loader.arrays())
    >>> sorted(order.tolist()) == list(range(100)), order.tolist() == list(range(100))
    (True, False)
    """

    def __init__(self, dataset: Iterable[Any], buffer_size: int) -> None:
        size = whole(buffer_size)
        if size is None or size < 1:
            raise DataError(f"buffer_size {buffer_size!r} must be an integer from 1 up")
        self.dataset = dataset
        self.buffer_size = size

    def __iter__(self) -> Iterator[Any]:
        random, held = generator(), []
        for sample in self.dataset:
            held.append(sample)
            if len(held) == self.buffer_size:
                yield _taken(held, random)
        while held:
            yield _taken(held, random)


def _taken(held: list[Any], random: np.random.Generator) -> Any:
    at = int(random.integers(len(held)))
    held[at], held[-1] = held[-1], held[at]
    return held.pop()


def cut(stream: Iterable[Any], size: int, drop_last: bool) -> Iterator[tuple[np.ndarray, list]]:
    """Numbers and samples of each batch of a stream."""
    source, first = iter(stream), 0
    while True:
        batch: list[Any] = []
        while len(batch) < size:
            with samples([first + len(batch)]):
                sample = next(source, _END)
            if sample is _END:
                break
            batch.append(sample)
        if not batch or (drop_last and len(batch) < size):
            return
        yield np.arange(first, first + len(batch)), batch
        first += len(batch)
