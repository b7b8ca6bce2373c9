"""What RNN, LSTM and GRU share: stacked layers, directions, packed and masked sequences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine.ops.cells import CELLS
from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional, init
from jairika_nb.nn.functional.recurrent import States, Weights, recurrence
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.rnn import (
    PackedSequence,
    checked_lengths,
    pack_padded_sequence,
    pad_packed_sequence,
)
from jairika_nb.nn.sizes import check_layers, check_size
from jairika_nb.tensors.creation import tensor, zeros
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.joining import concat, stack
from jairika_nb.tensors.scattering import take
from jairika_nb.tensors.tensor import Tensor

NONLINEARITIES = ("tanh", "relu")


def as_tensor(value: Any, like: Tensor) -> Tensor:
    """``value`` as a tensor on the device of ``like``."""
    return value if isinstance(value, Tensor) else tensor(value, device=like.device)


def _spoiled(states: States, lengths: Any, steps: int) -> States:
    """Initial states, NaN in rows that claim no step, or more than there are."""
    fits = ((lengths >= 1) & (lengths <= steps)).reshape((-1, 1))
    return tuple(where(fits, s, math.nan) for s in states)


def check_nonlinearity(layer: str, nonlinearity: Any) -> None:
    """Raise ArchitectureError for a function that a plain recurrent layer does not have."""
    if nonlinearity not in NONLINEARITIES:
        raise ArchitectureError(f"{layer}: nonlinearity={nonlinearity!r}; use 'tanh' or 'relu'")


class RNNBase(Module):
    """Base of RNN, LSTM and GRU: stacked layers, in one direction or both.

    Input (T, N, input_size), (N, T, input_size) with ``batch_first``, (T, input_size) without a
    batch, or a :class:`~jairika_nb.nn.rnn.PackedSequence`; ``hx`` are initial states
    (layers * directions, N, size), zeros by default. Gives the last layer's states of all steps
    and the final states of all layers. ``lengths`` (N,) says how many steps of a padded input
    count for each row, with the results of a packed run: zeros past the end, final states of each
    row's own last step. OutOfRange tells lengths below 1 or beyond the steps; those in a tensor
    stay on the device, where such a row becomes NaN.
    """

    # Lengths are looked at where they are on the host.
    takes_arrays = True

    adjustable = ("dropout",)
    cell = ""

    def _build(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        proj_size: int = 0,
        **place: Any,
    ) -> None:
        name = type(self).__name__
        sizes = {"input_size": input_size, "hidden_size": hidden_size}
        for key, size in sizes.items():
            check_size(name, key, size)
        check_size(name, "proj_size", proj_size, 0)
        check_layers(name, "num_layers", num_layers)
        if proj_size >= hidden_size:
            raise ArchitectureError(f"{name}: proj_size={proj_size} must be below {hidden_size=}")
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ArchitectureError(f"{name}: dropout={dropout} is no probability; use 0 to 1")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bool(bias), bool(batch_first), float(dropout)
        self.bidirectional, self.proj_size = bool(bidirectional), proj_size
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                for key, shape in self._shapes(layer).items():
                    self.register_parameter(f"{key}_{suffix}", self._drawn(shape, place))

    @property
    def _out(self) -> int:
        return self.proj_size or self.hidden_size

    def _suffixes(self, layer: int) -> list[str]:
        return [f"l{layer}", f"l{layer}_reverse"][: 1 + self.bidirectional]

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        wide = CELLS[self._cell_name()].gates * self.hidden_size
        inside = self._out * (1 + self.bidirectional) if layer else self.input_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (wide, inside)}
        shapes["weight_hh"] = (wide, self._out)
        if self.bias:
            shapes |= {"bias_ih": (wide,), "bias_hh": (wide,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def _drawn(self, shape: tuple[int, ...], place: dict[str, Any]) -> Parameter:
        bound = 1 / math.sqrt(self.hidden_size)
        return Parameter(init.uniform(shape, -bound, bound, **place))

    def _cell_name(self) -> str:
        return self.cell

    def _weights(self, suffix: str) -> Weights:
        keys = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        return Weights(*(self._parameters.get(f"{key}_{suffix}") for key in keys))  # type: ignore[arg-type]

    def forward(self, input: Any, hx: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        if isinstance(input, PackedSequence):
            if lengths is not None:
                raise ShapeError(f"{type(self).__name__}: a packed input has its own lengths")
            return self._packed(input, hx)
        input = input if isinstance(input, Tensor) else tensor(input)
        single = input.ndim == 2
        x = self._by_step(input)
        states, counts = self._states(hx, x, single), self._counts(lengths, x)
        if isinstance(lengths, Tensor):
            states = _spoiled(states, counts, x.shape[0])
        y, last = self._run(x, states, counts)
        if single:
            y, *ends = (v.reshape((v.shape[0], v.shape[2])) for v in (y, *last))
            return y, self._given(tuple(ends))
        return (y.transpose(0, 1) if self.batch_first else y), self._given(last)

    def _by_step(self, input: Tensor) -> Tensor:
        """The input as (T, N, input_size)."""
        sizes = (input.shape[-1:], input.ndim in (2, 3), 0 not in input.shape[:1])
        if sizes != ((self.input_size,), True, True):
            raise ShapeError(
                f"{type(self).__name__}: input {input.shape} must be (steps, batch, "
                f"{self.input_size}), or without a batch (steps, {self.input_size})"
            )
        if input.ndim == 2:
            return input.reshape((input.shape[0], 1, input.shape[1]))
        return input.transpose(0, 1) if self.batch_first else input

    def _counts(self, lengths: Any, x: Tensor) -> Tensor | None:
        if lengths is None:
            return None
        steps, rows = x.shape[:2]
        if not isinstance(lengths, Tensor):
            found = checked_lengths(type(self).__name__, lengths, steps, rows)
            return tensor(found.astype(np.int32), device=x.device)
        if lengths.size != rows or lengths.dtype.kind not in ("int", "uint"):
            raise ShapeError(
                f"{type(self).__name__}: lengths {lengths.shape} of {lengths.dtype.name} must be "
                f"{rows} integers, one for each row"
            )
        return lengths.reshape((-1,))

    def _packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        order, back = packed.sorted_indices, packed.unsorted_indices
        x, lengths = pad_packed_sequence(
            packed._replace(sorted_indices=None, unsorted_indices=None)
        )
        states = self._states(hx, x, False)
        if order is not None:
            states = tuple(take(s, order, axis=1) for s in states)
        count = tensor(lengths.astype(np.int32), device=x.device)
        y, last = self._run(x, states, count)
        if back is not None:
            last = tuple(take(s, back, axis=1) for s in last)
        return packed._replace(data=pack_padded_sequence(y, lengths).data), self._given(last)

    def _given(self, states: States) -> Any:
        return states if self.cell == "lstm" else states[0]

    def _states(self, hx: Any, x: Tensor, single: bool) -> States:
        """The initial states, (layers * directions, N, size) each."""
        rows = self.num_layers * (1 + self.bidirectional)
        sizes = [self._out, self.hidden_size][: CELLS[self._cell_name()].states]
        shapes = [(rows, x.shape[1], size) for size in sizes]
        if hx is None:
            like = self._weights("l0").w_hh
            return tuple(zeros(s, dtype=like.dtype, device=like.device) for s in shapes)
        given = [as_tensor(s, x) for s in (hx if isinstance(hx, tuple | list) else (hx,))]
        wanted = [(s[0], s[2]) if single else s for s in shapes]
        if [s.shape for s in given] != wanted:
            raise ShapeError(
                f"{type(self).__name__}: initial states {', '.join(str(s.shape) for s in given)} "
                f"must be {', '.join(map(str, wanted))} for input rows of {x.shape}"
            )
        return tuple(s.reshape(shape) for s, shape in zip(given, shapes, strict=True))

    def _run(self, x: Tensor, states: States, lengths: Tensor | None) -> tuple[Tensor, States]:
        last: list[States] = []
        for layer in range(self.num_layers):
            if layer:
                x = functional.dropout(x, self.dropout, self.training)
            found = []
            for back, suffix in enumerate(self._suffixes(layer)):
                own = tuple(s[layer * (1 + self.bidirectional) + back] for s in states)
                y, end = recurrence(
                    self._cell_name(), x, own, self._weights(suffix), bool(back), lengths
                )
                found.append(y)
                last.append(end)
            x = concat(found, axis=2) if self.bidirectional else found[0]
        return x, tuple(stack(list(column)) for column in zip(*last, strict=True))

    def extra_repr(self) -> str:
        shown = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False,
                    "dropout": 0.0, "bidirectional": False}  # fmt: skip
        shown += [
            f"{key}={getattr(self, key)}"
            for key, value in defaults.items()
            if getattr(self, key) != value
        ]
        return ", ".join(shown)
