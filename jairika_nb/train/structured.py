"""Arrays by name as a dataset, for models with several inputs or outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from jairika_nb.data import TensorDataset
from jairika_nb.data.dataset import Dataset
from jairika_nb.errors import DataError


def is_structured(data: Any) -> bool:
    """Whether data is a dict of arrays, or a tuple with such a dict."""
    parts = data if isinstance(data, tuple) else (data,)
    return any(isinstance(part, Mapping) for part in parts) and not any(
        isinstance(value, Mapping) for part in parts for value in _arrays(part)
    )


class Structured(Dataset):
    """Arrays of one length, in dicts and tuples; a batch has the same form.

    >>> data = Structured(({"a": np.zeros((4, 2)), "b": np.ones(4)}, np.arange(4)))
    >>> inputs, target = data.batch(np.array([1, 3]))
    >>> inputs["b"].tolist(), target.tolist()
    ([1.0, 1.0], [1, 3])
    """

    def __init__(self, data: Any) -> None:
        self.form = data
        parts = data if isinstance(data, tuple) else (data,)
        arrays = [array for part in parts for array in _arrays(part)]
        if not arrays:
            raise DataError("the data is a dict without entries; there is nothing to learn from")
        self.rows = TensorDataset(*arrays)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self._formed(list(self.rows[index]))

    def batch(self, indices: np.ndarray) -> Any:
        """The samples at ``indices``, in the form of the data."""
        return self._formed(list(self.rows.batch(indices)))

    def _formed(self, arrays: list[np.ndarray]) -> Any:
        if not isinstance(self.form, tuple):
            return _part(self.form, arrays)
        return tuple(_part(part, arrays) for part in self.form)


def _arrays(part: Any) -> list[Any]:
    return list(part.values()) if isinstance(part, Mapping) else [part]


def _part(form: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(form, Mapping):
        return {name: arrays.pop(0) for name in form}
    return arrays.pop(0)
