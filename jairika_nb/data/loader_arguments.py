"""Mistakes in what a loader is given, told before anything is read."""

from __future__ import annotations

from typing import Any

from jairika_nb.data.workers import KINDS
from jairika_nb.errors import DataError
from jairika_nb.tensors.plain import whole

# Argument, smallest value, what to write instead.
NUMBERS = (
    ("batch_size", 1, "use 32 or so"),
    ("num_workers", 0, "use 0 to read in the loop itself"),
    ("prefetch_factor", 1, "use 2 or so"),
    ("prefetch", 0, "use 0 for none"),
)


def check_loader(loader: Any) -> None:
    """Raise DataError for arguments that a loader cannot work with."""
    for name, least, advice in NUMBERS:
        given = getattr(loader, name)
        value = whole(given)
        if value is None:
            raise DataError(f"{name} {given!r} is not an integer; {advice}")
        if value < least:
            raise DataError(f"{name} {value} is below {least}; {advice}")
    if loader.workers not in KINDS:
        raise DataError(f"workers={loader.workers!r} is unknown; use one of {', '.join(KINDS)}")
    _check_stream(loader) if loader.streams else _check_indexed(loader)


def _check_stream(loader: Any) -> None:
    if loader.shuffle or loader.sampler is not None or loader.batch_sampler is not None:
        raise DataError(
            "a stream comes in its own order: no shuffle, sampler or batch_sampler; "
            "mix it by ShuffleBuffer(stream, 1000)"
        )
    if loader.num_workers:
        raise DataError(
            "a stream is read by one reader, so that its order stays: leave out num_workers; "
            "prefetch=2 reads ahead"
        )


def _check_indexed(loader: Any) -> None:
    if not hasattr(loader.dataset, "__len__") or not hasattr(loader.dataset, "__getitem__"):
        raise DataError(
            f"{type(loader.dataset).__name__} has no length or no samples by index; subclass "
            "data.Dataset, or data.IterableDataset for a stream"
        )
    if not len(loader.dataset):
        raise DataError("the dataset is empty: there is no batch to take from it")
    if loader.sampler is not None and loader.shuffle:
        raise DataError("shuffle and sampler both set the order; give one of them")
    cut = loader.batch_size != 1 or loader.shuffle or loader.drop_last
    if loader.batch_sampler is not None and (cut or loader.sampler is not None):
        raise DataError(
            "batch_sampler makes whole batches: leave out batch_size, shuffle, sampler, drop_last"
        )
    for name in ("sampler", "batch_sampler"):
        value = getattr(loader, name)
        if value is not None and not (hasattr(value, "__len__") and hasattr(value, "__iter__")):
            raise DataError(f"{name} needs a length and must be gone through again in each epoch")
