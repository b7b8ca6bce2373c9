"""Batches of a dataset, in order or shuffled, the same again for the same seed."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from jairika_nb.data.buckets import BucketBatchSampler
from jairika_nb.data.collate import collate, mapped
from jairika_nb.data.draws import Source, drawing, fresh_seed
from jairika_nb.data.loader_arguments import check_loader
from jairika_nb.data.order import checked_seed
from jairika_nb.data.prefetch import prefetched
from jairika_nb.data.progress import Progress
from jairika_nb.data.reader import Reader, Request
from jairika_nb.data.samplers import RandomSampler, Sampler, SequentialSampler
from jairika_nb.data.stream import IterableDataset, cut
from jairika_nb.data.workers import Pool, read_ahead
from jairika_nb.errors import DataError


class DataLoader:
    """Goes through a dataset in batches; every pass is an epoch with an order of its own.

    Order and random transforms depend on ``seed`` and ``epoch`` alone, however many workers read:
    setting ``epoch`` back repeats a pass, which is how training resumes. Without a seed one is
    drawn from ``jrk.random`` and can be read afterwards.
    Yields tuples of tensors on the current device; ``arrays()`` yields NumPy arrays instead.

    ``sampler`` says which samples come in which order, ``batch_sampler`` which come together.
    ``num_workers`` threads, or processes with ``workers="processes"``, read batches at once, each
    up to ``prefetch_factor`` ahead; order and values are those of a loader without them. Processes
    are worth it where Python code takes the time; what they read from is sent to them once a pass,
    or once for all with ``persistent_workers``, who live as long as the loader does.
    ``prefetch`` batches are put on the device ahead by a thread. ``collate_fn`` makes a batch of a
    list of samples; ``batch_transform`` changes the finished batch, as MixUp does. ``pin_memory``
    changes nothing here.
    Raises DataError for an empty dataset, where ``drop_last`` leaves no batch, and for a sample
    that a worker cannot read, with its index and the original message.

    >>> from jairika_nb.data import TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2, num_workers=2)
    >>> len(loader), [batch.tolist() for (batch,) in loader.arrays()]
    (3, [[0, 1], [2, 3], [4]])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Sampler | Iterable[int] | None = None,
        batch_sampler: BucketBatchSampler | Iterable[Any] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        seed: int | None = None,
        workers: str = "threads",
        prefetch_factor: int | None = 2,
        prefetch: int = 0,
        persistent_workers: bool = False,
        batch_transform: Callable[..., Any] | None = None,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers, self.workers = num_workers, workers
        # PyTorch's word for the usual number.
        self.prefetch_factor = 2 if prefetch_factor is None else prefetch_factor
        self.prefetch = prefetch
        self.persistent_workers = persistent_workers
        self.drop_last = drop_last
        check_loader(self)
        if sampler is None and not self.streams:
            self.sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
        # Where nothing is random nothing is drawn, so that other random numbers stay as they were.
        random = shuffle or sampler is not None or batch_sampler is not None
        self.seed = checked_seed(seed) if seed is not None else fresh_seed() if random else 0
        self.epoch = 0
        self._reader = Reader(dataset, collate_fn, batch_transform)
        self._kept: Pool | None = None
        if not self.streams:
            self._check_length()

    @property
    def streams(self) -> bool:
        """Whether the dataset is a stream, which has neither length nor order to choose."""
        return isinstance(self.dataset, IterableDataset)

    def _check_length(self) -> None:
        if not len(self):
            count = len(self.sampler)  # type: ignore[arg-type]
            samples = "the one sample" if count == 1 else f"all of {count} samples"
            raise DataError(
                f"drop_last with batch_size {self.batch_size} drops {samples}; "
                "use a smaller batch_size or drop_last=False"
            )

    def __len__(self) -> int:
        if self.streams:
            raise TypeError("a loader of a stream has no length: nobody knows when it ends")
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        whole, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return whole + (1 if rest and not self.drop_last else 0)

    def arrays(self, start: int = 0) -> Iterator[Any]:
        """One pass as NumPy arrays, on the host; without its first ``start`` batches."""
        epoch = self._next_epoch()
        yield from prefetched(lambda: self._read(epoch, start), self.prefetch)

    def __iter__(self) -> Iterator[Any]:
        from jairika_nb import tensor  # the package gives tensors all their methods

        epoch = self._next_epoch()

        def upload() -> Iterator[Any]:
            for batch in self._read(epoch):
                yield mapped(tensor, batch)

        yield from prefetched(upload, self.prefetch)

    def progress(self, label: str = "", progress: bool | str = True) -> Progress:
        """The batches one by one, while a bar shows how far they are and what time is left.

        ``label`` stands before the counters. ``progress`` is True for what fits the place, or
        "notebook", "terminal", "log" (a line when the pass is over), "none". Where the loop ends
        early the display says so. Raises ArgumentError for any other place.

        >>> from jairika_nb.data import TensorDataset
        >>> loader = DataLoader(TensorDataset(np.arange(5)), batch_size=2)
        >>> [len(batch) for (batch,) in loader.progress("reading", progress="none")]
        [2, 2, 1]
        """
        return Progress(self, label, progress)

    def _next_epoch(self) -> int:
        # Called from generators, so that a pass counts once it is begun, not when it is made.
        self.epoch += 1
        return self.epoch - 1

    def _read(self, epoch: int, start: int = 0) -> Iterator[Any]:
        if self.streams:
            return islice(self._read_stream(epoch), start, None)
        requests = islice(self._requests(epoch), start, None)
        if not self.num_workers:
            return map(self._reader, requests)
        return self._read_ahead(requests)

    def _read_ahead(self, requests: Iterator[Request]) -> Iterator[Any]:
        pool = self._kept or Pool(self._reader, self.num_workers, self.workers)
        try:
            if self.persistent_workers and self._kept is None:
                self._kept = pool
                weakref.finalize(self, pool.close)
            yield from read_ahead(pool, requests, self.num_workers * self.prefetch_factor)
        except GeneratorExit:
            raise
        except BaseException:
            self._kept = None  # a worker may be gone, or be at what nobody wants any more
            raise
        finally:
            if pool is not self._kept:
                pool.close()

    def _requests(self, epoch: int) -> Iterator[Request]:
        repeats = bool(getattr(self.sampler, "repeats", False))
        for number, indices in enumerate(self._batches(epoch)):
            yield Request(indices, Source(self.seed, epoch, number, repeats))

    def _batches(self, epoch: int) -> Iterable[np.ndarray]:
        """The indices of each batch."""
        own = self.batch_sampler
        if own is not None:
            batches = own.batches(self.seed, epoch) if hasattr(own, "batches") else own
            return (_indices(batch, self.dataset) for batch in batches)
        ordered = getattr(self.sampler, "order", None)
        order = _indices(
            ordered(self.seed, epoch) if ordered else list(self.sampler),  # type: ignore[arg-type]
            self.dataset,
        )
        size = self.batch_size
        return (order[i * size : (i + 1) * size] for i in range(len(self)))

    def _read_stream(self, epoch: int) -> Iterator[Any]:
        batches, number = cut(self.dataset, self.batch_size, self.drop_last), 0
        while True:
            with drawing(Source(self.seed, epoch, number)):
                indices, samples = next(batches, (None, []))
                if indices is None:
                    break
                made = self._reader.collate_fn
                batch = made(samples) if made is not None else collate(samples, indices)
                batch = self._reader.finished(batch, indices)
            number += 1
            yield batch
        if not number:
            raise DataError("the stream gave no batch; does its __iter__ start anew for each pass?")

    def __repr__(self) -> str:
        count = "" if self.streams else f", batches={len(self)}"
        return f"DataLoader({self.dataset!r}, batch_size={self.batch_size}{count})"


def _indices(values: Any, dataset: Any) -> np.ndarray:
    """Indices that a sampler gave, all of them in the dataset."""
    indices = np.asarray(values)
    count = len(dataset)
    if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
        raise DataError(f"a sampler gave indices of shape {indices.shape} {indices.dtype}")
    wrong = indices[(indices < 0) | (indices >= count)]
    if wrong.size:
        raise DataError(f"a sampler gave index {wrong[0]}, the dataset has 0 to {count - 1}")
    return indices.astype(np.int64, copy=False)
