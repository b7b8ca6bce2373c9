"""What may stand for data, and how its batches are read: inputs, targets, and their names."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import length_hint
from typing import Any

import numpy as np

from jairika_nb.data import DataLoader, IterableDataset, TensorDataset
from jairika_nb.engine.dtypes import is_float
from jairika_nb.errors import DataError, TrainingError
from jairika_nb.nn.graph import Graph
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.structured import Structured, is_structured


@dataclass(frozen=True)
class Batch:
    """Inputs by place and by name, and the target: an array, or a tuple or dict of arrays."""

    inputs: tuple[Any, ...]
    named: dict[str, Any]
    target: Any

    @property
    def size(self) -> int:
        """The number of samples, which weighs the batch in a mean."""
        target = self.target
        while isinstance(target, tuple | list | dict) and len(target):
            target = next(iter(target.values() if isinstance(target, dict) else target))
        return len(target) if np.ndim(target) else 1


class Batches:
    """Passes over data as NumPy arrays where they can be had, tensors otherwise.

    ``data`` is a DataLoader, a dataset, a stream, a tuple ``(inputs, targets)`` of arrays in which
    either may be a dict of arrays, one dict of arrays, or any iterable of batches that can be
    gone through again. ``steps`` is 0 where the length is unknown.

    The last part of a batch is its target. In a dict the entries that the model's ``forward``
    names are its inputs, the others the target.
    """

    def __init__(
        self,
        data: Any,
        batch_size: int = 64,
        shuffle: bool = False,
        seed: int | None = None,
        model: Any = None,
    ) -> None:
        _check_form(data)
        if is_structured(data):
            data = Structured(data)
        elif isinstance(data, tuple) and data and not isinstance(data[0], tuple):
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
        self.model = model
        self.steps = length_hint(data)

    def __iter__(self) -> Iterator[Batch]:
        return self.after(0)

    def after(self, start: int) -> Iterator[Batch]:
        """One pass without its first ``start`` batches."""
        own = getattr(self.source, "arrays", None)
        empty = start == 0
        for number, batch in self._numbered(own, start):
            found = self._read(batch, number)
            empty = False
            yield found
        if empty:
            raise DataError("the data gave no batch; there is nothing to learn from")

    def _numbered(self, own: Any, start: int) -> Iterator[tuple[int, Any]]:
        if isinstance(self.source, DataLoader):
            return enumerate(self.source.arrays(start), start)
        return islice(enumerate(own() if own else self.source), start, None)

    def position(self, is_inside: bool) -> dict[str, int] | None:
        """Seed and number of the pass that runs, or that is next; None where there are none."""
        seed, epoch = (getattr(self.source, name, None) for name in ("seed", "epoch"))
        if not isinstance(seed, int) or not isinstance(epoch, int):
            return None
        return {"seed": seed, "epoch": epoch - 1 if is_inside else epoch, "steps": self.steps}

    def go_to(self, position: dict[str, int] | None) -> None:
        """Stand where ``position`` was taken; raises TrainingError where the data is other data."""
        if position is None or not hasattr(self.source, "epoch"):
            return
        if int(position["steps"]) != self.steps:
            raise TrainingError(
                f"the run to go on from had {position['steps']} batches in an epoch, this data has "
                f"{self.steps}: give the same data and batch_size"
            )
        self.source.seed, self.source.epoch = int(position["seed"]), int(position["epoch"])  # type: ignore[attr-defined]

    def _read(self, batch: Any, number: int) -> Batch:
        if isinstance(batch, Mapping):
            return self._by_name(batch, number)
        if not isinstance(batch, tuple | list) or len(batch) < 2:
            many = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
            raise DataError(
                f"batch {number} is a {type(batch).__name__}{many}, no inputs and targets: samples "
                "are (input, target), or dicts"
            )
        inputs, target = tuple(batch[:-1]), batch[-1]
        if len(inputs) == 1 and isinstance(inputs[0], Mapping):
            return Batch((), dict(inputs[0]), target)
        if len(inputs) == 1 and isinstance(inputs[0], tuple | list):
            inputs = tuple(inputs[0])
        return Batch(inputs, {}, target)

    def _by_name(self, batch: Mapping[str, Any], number: int) -> Batch:
        names = _forward_names(self.model)
        inputs = {name: value for name, value in batch.items() if name in names}
        targets = {name: value for name, value in batch.items() if name not in names}
        if not inputs or not targets:
            raise DataError(
                f"batch {number} has the entries {', '.join(map(str, batch))}, and forward takes "
                f"{', '.join(names) or 'nothing by name'}: entries that it names are inputs, the "
                "others targets, and both are needed"
            )
        target = next(iter(targets.values())) if len(targets) == 1 else targets
        return Batch((), inputs, target)


def _check_form(data: Any) -> None:
    """DataError for what looks like data that can be gone through, and is another thing."""
    if isinstance(data, str | os.PathLike):
        raise DataError(
            f"{os.fspath(data)!r} is a path, not data: read it first, by data.read_csv, "
            "data.ImageFolder, data.HDF5Dataset or another reader of jrk.data"
        )
    if hasattr(data, "columns"):
        raise DataError(
            f"a {type(data).__name__} does not tell inputs from targets: give "
            'data.from_frame(table, target="...")'
        )
    if isinstance(data, np.ndarray | Tensor):
        raise DataError(
            f"one array of shape {tuple(data.shape)} has no targets: give a tuple (inputs, targets)"
        )
    # Arrays in a list look like samples that have no target.
    if isinstance(data, list) and data and all(hasattr(part, "shape") for part in data):
        shapes = ", ".join(str(tuple(part.shape)) for part in data[:4])
        raise DataError(
            f"data is a list of {len(data)} arrays ({shapes}{', ...' if len(data) > 4 else ''}); "
            "inputs and targets come in a tuple: (inputs, targets)"
        )


def _forward_names(model: Any) -> list[str]:
    if isinstance(model, Graph):
        return list(model.input_names)
    forward = getattr(model, "forward", model)
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = inspect.signature(forward).parameters.values() if callable(forward) else ()
    return [p.name for p in found if p.kind in kinds]


def float_dtype(model: Any) -> Any:
    """The dtype that a model computes in: that of its first float parameter, or None."""
    return next((p.dtype for p in model.parameters() if is_float(p.dtype)), None)


def as_input(value: Any, dtype: Any) -> Any:
    """A model's input on the device; float arrays take the model's dtype, integers stay.

    Also those inside lists, tuples and dicts.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, dict):
        return {name: as_input(part, dtype) for name, part in value.items()}
    if isinstance(value, tuple) or (isinstance(value, list) and _holds_arrays(value)):
        return type(value)(as_input(part, dtype) for part in value)
    array = np.asarray(value)
    return tensor(array, dtype=dtype if array.dtype.kind == "f" else None)


def _holds_arrays(values: list[Any]) -> bool:
    return any(hasattr(part, "__array__") for part in values)
