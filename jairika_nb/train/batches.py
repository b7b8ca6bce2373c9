"""What may stand for data, and how its batches reach a model and a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import length_hint
from typing import Any

import numpy as np

from jairika_nb.data import DataLoader, IterableDataset, TensorDataset
from jairika_nb.engine.dtypes import is_float
from jairika_nb.errors import DataError
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor


class Batches:
    """Passes over data as NumPy arrays where they can be had, tensors otherwise.

    ``data`` is a DataLoader, a dataset, a stream, a tuple ``(inputs, targets)`` of arrays, or any
    iterable of batches that can be gone through again. ``steps`` is 0 where the length is unknown.
    """

    def __init__(
        self, data: Any, batch_size: int = 64, shuffle: bool = False, seed: int | None = None
    ) -> None:
        if isinstance(data, tuple) and data and not isinstance(data[0], tuple):
            data = TensorDataset(*data)
        if isinstance(data, IterableDataset):
            data = DataLoader(data, batch_size)
        elif not isinstance(data, DataLoader) and hasattr(data, "__getitem__"):
            data = DataLoader(data, batch_size, shuffle=shuffle, seed=seed)
        if not hasattr(data, "__iter__") or iter(data) is data:
            raise DataError(
                f"{type(data).__name__} is no data to learn from; give a DataLoader, a dataset, "
                "a tuple (inputs, targets), or batches that can be gone through again"
            )
        self.source: Iterable[Any] = data
        self.steps = length_hint(data)

    def __iter__(self) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """Inputs and target of each batch."""
        own = getattr(self.source, "arrays", None)
        empty = True
        for number, batch in enumerate(own() if own else self.source):
            if not isinstance(batch, tuple | list) or len(batch) < 2:
                raise DataError(f"batch {number} is no pair of inputs and targets")
            empty = False
            yield tuple(batch[:-1]), batch[-1]
        if empty:
            raise DataError("the data gave no batch; there is nothing to learn from")


def float_dtype(model: Any) -> Any:
    """The dtype that a model computes in: that of its first float parameter, or None."""
    return next((p.dtype for p in model.parameters() if is_float(p.dtype)), None)


def as_input(value: Any, dtype: Any) -> Tensor:
    """A model's input on the device; float arrays take the model's dtype, integers stay."""
    if isinstance(value, Tensor):
        return value
    array = np.asarray(value)
    return tensor(array, dtype=dtype if array.dtype.kind == "f" else None)


def measured_loss(loss: Callable[[Any, Any], Tensor], prediction: Any, target: Any) -> Tensor:
    """The loss; those of ``nn`` check arrays on the host, functions of the user get tensors."""
    if getattr(loss, "takes_arrays", False) or isinstance(target, Tensor):
        return loss(prediction, target)
    return loss(prediction, as_input(target, prediction.dtype))
