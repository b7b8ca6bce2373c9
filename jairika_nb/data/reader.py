"""Reading one batch: what a loader does itself or has a worker do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.data.dataset import batch_of, read_each
from jairika_nb.data.draws import Source, drawing, samples
from jairika_nb.errors import DataError

NAMED = 8


@dataclass(frozen=True)
class Request:
    """The samples of one batch, and where its random numbers come from."""

    indices: np.ndarray
    source: Source


@dataclass(frozen=True)
class Reader:
    """Reads the samples of a request, puts them together, and transforms the batch."""

    dataset: Any
    collate_fn: Callable[[list[Any]], Any] | None = None
    batch_transform: Callable[..., Any] | None = None

    def __call__(self, request: Request) -> Any:
        with drawing(request.source):
            return self.finished(self._read(request.indices), request.indices)

    def _read(self, indices: np.ndarray) -> Any:
        if self.collate_fn is None:
            return batch_of(self.dataset, indices)
        return self.collate_fn(read_each(self.dataset, indices))

    def finished(self, batch: Any, indices: np.ndarray) -> Any:
        """The batch after the batch's own transform."""
        if self.batch_transform is None:
            return batch
        with samples(indices):
            return (
                self.batch_transform(*batch)
                if isinstance(batch, tuple)
                else self.batch_transform(batch)
            )


def explained(reader: Reader, request: Request, error: Exception) -> DataError:
    """What a worker says: the sample that could not be read, and the original message."""
    where = _culprit(reader, request)
    return DataError(f"{where} could not be read: {type(error).__name__}: {error}")


def _culprit(reader: Reader, request: Request) -> str:
    """Which sample fails; each is read once more, alone, as only failing batches come here."""
    with drawing(request.source):
        for index in request.indices:
            try:
                reader._read(np.array([index]))
            except Exception:
                return f"sample {index}"
    shown = ", ".join(str(i) for i in request.indices[:NAMED])
    return f"the batch of samples {shown}{', ...' if len(request.indices) > NAMED else ''}"
