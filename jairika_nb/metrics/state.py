"""What a measure remembers between batches: numbers, counts that grow, chunks of samples.

Each kind knows how two of it join and how it looks as JSON. What comes back from JSON is
compared with a fresh state of the same measure, so a file decides neither types nor ranks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.errors import DataError

LARGEST = 2**62  # counts beyond it cannot be added safely as int64


class Chunks(list):
    """Arrays of samples in the order seen, joined when somebody asks."""

    def __init__(self, ndim: int, dtype: Any, parts: Any = ()) -> None:
        super().__init__(parts)
        self.ndim, self.dtype = ndim, np.dtype(dtype)

    def joined(self) -> np.ndarray:
        """All samples in one array; the chunks become that one."""
        if not self:
            return np.empty((0,) * self.ndim, self.dtype)
        if len(self) > 1:
            self[:] = [np.concatenate(self)]
        return self[0]


def merged(first: Any, second: Any) -> Any:
    """Two parts of the same kind as one: numbers and counts add up, chunks follow each other.

    >>> merged(np.array([1, 2]), np.array([1, 1, 1])).tolist()
    [2, 3, 1]
    """
    if isinstance(first, Chunks):
        return Chunks(first.ndim, first.dtype, [*first, *second])
    if isinstance(first, np.ndarray):
        room = tuple(map(max, first.shape, second.shape))
        return grown(first, room) + grown(second, room)
    return first + second


def grown(counts: np.ndarray, room: tuple[int, ...]) -> np.ndarray:
    """Counts padded with zeros up to a larger shape."""
    if counts.shape == room:
        return counts
    return np.pad(counts, [(0, to - size) for size, to in zip(counts.shape, room, strict=True)])


def encoded(part: Any) -> Any:
    """A part as JSON data; numbers that JSON lacks are words."""
    if isinstance(part, Chunks):
        part = part.joined()
    if isinstance(part, np.ndarray):
        return [encoded(row) for row in part] if part.ndim > 1 else _row(part)
    return _number(part)


def _row(part: np.ndarray) -> list:
    return part.tolist() if np.isfinite(part).all() else [_number(v) for v in part.tolist()]


def _number(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def decoded(what: str, record: Any, fresh: Any) -> Any:
    """A part from JSON data, of the kind of ``fresh``; raises DataError for anything else."""
    try:
        if isinstance(fresh, Chunks):
            array = _array(record, fresh.dtype, fresh.ndim)
            return Chunks(fresh.ndim, fresh.dtype, [array] if len(array) else [])
        if isinstance(fresh, np.ndarray):
            return _array(record, fresh.dtype, fresh.ndim)
        return _scalar(record, type(fresh))
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"the state of {what} is damaged: {error}") from None


def _array(record: Any, dtype: np.dtype, ndim: int) -> np.ndarray:
    if not isinstance(record, list):
        raise ValueError(f"{type(record).__name__} instead of a list")
    if not record:
        return np.empty((0,) * ndim, dtype)
    array = np.asarray(record, np.float64 if dtype.kind == "f" else None)
    if array.ndim != ndim:
        raise ValueError(f"{array.ndim} axes instead of {ndim}")
    if dtype.kind == "f":
        return array.astype(dtype)
    whole = array.dtype.kind in "biu" or not array.size
    if not whole or (array.size and not 0 <= int(array.min()) <= int(array.max()) <= LARGEST):
        raise ValueError("counts must be integers from 0 up")
    return array.astype(dtype)


def _scalar(record: Any, kind: type) -> Any:
    if isinstance(record, bool) or not isinstance(record, int | float | str):
        raise ValueError(f"{record!r} is no number")
    if kind is float:
        return float(record)
    if not isinstance(record, int) or not 0 <= record <= LARGEST:
        raise ValueError(f"{record!r} is no count")
    return record
