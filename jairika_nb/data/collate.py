"""Samples put together into batches: stacked, padded to one length, or moved to the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.errors import DataError

Arrays = tuple[np.ndarray, ...]
Indices = Sequence[int] | np.ndarray
ADVICE = "samples of a batch need equal shapes; pad or crop them, or give the loader a collate_fn"


def collate(samples: Sequence[Any], indices: Indices | None = None) -> Any:
    """Stack samples part by part; DataError names the first sample that does not fit.

    Samples are tuples or dictionaries of arrays and numbers, or single ones. Dictionaries give a
    dictionary, everything else a tuple.

    >>> collate([(1.0, 0), (2.0, 1)])
    (array([1., 2.], dtype=float32), array([0, 1], dtype=int32))
    """
    indices = range(len(samples)) if indices is None else indices
    if samples and isinstance(samples[0], dict):
        return _collate_dicts(samples, indices)
    rows = [s if isinstance(s, tuple | list) else (s,) for s in samples]
    for row, index in zip(rows, indices, strict=True):
        if len(row) != len(rows[0]):
            raise DataError(
                f"sample {index} has {len(row)} parts, sample {indices[0]} has {len(rows[0])}: "
                "all samples of a dataset need the same parts"
            )
    return tuple(_stack(part, indices) for part in zip(*rows, strict=True))


def _collate_dicts(samples: Sequence[Any], indices: Indices) -> dict[str, np.ndarray]:
    names = list(samples[0])
    for sample, index in zip(samples, indices, strict=True):
        if not isinstance(sample, dict) or set(sample) != set(names):
            found = sorted(sample) if isinstance(sample, dict) else type(sample).__name__
            raise DataError(
                f"sample {index} has the parts {found}, sample {indices[0]} has {sorted(names)}: "
                "all samples of a dataset need the same parts"
            )
    return {name: _stack([s[name] for s in samples], indices) for name in names}


def _stack(parts: Sequence[Any], indices: Indices) -> np.ndarray:
    arrays = [as_array(p, f"sample {i}") for p, i in zip(parts, indices, strict=True)]
    for array, index in zip(arrays, indices, strict=True):
        if array.shape != arrays[0].shape:
            raise DataError(
                f"sample {index} has shape {array.shape}, sample {indices[0]} has "
                f"{arrays[0].shape}: {ADVICE}"
            )
    return np.stack(arrays)


@dataclass(frozen=True)
class PadCollate:
    """A ``collate_fn`` for sequences of unequal lengths: pads each part at its end.

    Parts are arrays whose first axes may differ; they become (N, longest, ...) filled up with
    ``padding_value``, or with ``target_padding`` for the last of several parts, by default
    cross-entropy's ignored class. ``lengths=True`` puts the lengths of the first part, int32 (N,),
    behind the first part. Parts of one shape are stacked as they are.

    >>> PadCollate(lengths=True)([([5, 6, 7], 1), ([8], 0)])
    (array([[5, 6, 7],
           [8, 0, 0]], dtype=int32), array([3, 1], dtype=int32), array([1, 0], dtype=int32))
    """

    padding_value: float = 0
    target_padding: float = -100
    lengths: bool = False

    def __call__(self, samples: Sequence[Any]) -> Arrays:
        rows = [s if isinstance(s, tuple | list) else (s,) for s in samples]
        if len({len(row) for row in rows}) > 1:
            raise DataError("samples have unequal numbers of parts; give all the same parts")
        parts = [
            [as_array(p, f"sample {i} of the batch") for i, p in enumerate(part)]
            for part in zip(*rows, strict=True)
        ]
        last = len(parts) - 1
        values = [
            self.target_padding if 0 < i == last else self.padding_value for i in range(last + 1)
        ]
        padded = [_padded(part, value) for part, value in zip(parts, values, strict=True)]
        if self.lengths:
            padded.insert(1, np.array([len(a) for a in parts[0]], np.int32))
        return tuple(padded)


def _padded(arrays: list[np.ndarray], value: float) -> np.ndarray:
    if len({a.shape for a in arrays}) == 1:
        return np.stack(arrays)
    if len({a.shape[1:] for a in arrays}) > 1 or any(a.ndim == 0 for a in arrays):
        shapes = ", ".join(sorted({str(a.shape) for a in arrays}))
        raise DataError(f"sequences of shapes {shapes}: only the first axis can be padded")
    longest = max(len(a) for a in arrays)
    dtype = np.result_type(*arrays, np.min_scalar_type(value))  # bytes cannot hold -100
    out = np.full((len(arrays), longest, *arrays[0].shape[1:]), value, dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return out


def mapped(function: Callable[[Any], Any], batch: Any) -> Any:
    """``function`` of every array in tuples, lists and dictionaries; other values stay.

    >>> mapped(np.negative, {"x": np.array([1]), "name": "a"})
    {'x': array([-1]), 'name': 'a'}
    """
    if isinstance(batch, dict):
        return {name: mapped(function, part) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [mapped(function, part) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return function(batch) if isinstance(batch, np.ndarray | np.generic) else batch


def as_array(value: Any, what: str) -> np.ndarray:
    """``value`` as a numeric array; Python floats become float32, Python ints int32."""
    own = isinstance(value, np.ndarray | np.generic) or hasattr(value, "__array__")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{what} has rows of unequal lengths: pad or cut them first") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} has dtype {array.dtype}: only numbers and booleans can be learned")
    if own:
        return array
    return array.astype({"f": np.float32, "i": np.int32}.get(array.dtype.kind, array.dtype))
