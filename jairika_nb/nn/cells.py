"""Recurrent cells: one step, for loops of one's own."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.engine.ops.cells import CELLS
from jairika_nb.errors import ShapeError
from jairika_nb.nn import functional, init
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.recurrent_base import as_tensor, check_nonlinearity
from jairika_nb.nn.sizes import check_size
from jairika_nb.tensors.creation import zeros
from jairika_nb.tensors.tensor import Tensor


class RNNCellBase(Module):
    """Base of the cells: input (N, input_size) or (input_size,), states (N, hidden_size) alike."""

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def _build(
        self, cell: str, input_size: int, hidden_size: int, bias: bool, **place: Any
    ) -> None:
        check_size(type(self).__name__, "input_size", input_size)
        check_size(type(self).__name__, "hidden_size", hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bool(bias)
        wide, bound = CELLS[cell].gates * hidden_size, 1 / math.sqrt(hidden_size)
        shapes = {"weight_ih": (wide, input_size), "weight_hh": (wide, hidden_size)}
        shapes |= {"bias_ih": (wide,), "bias_hh": (wide,)}  # type: ignore[dict-item]
        for name, shape in shapes.items():
            own = name.startswith("weight") or self.bias
            drawn = Parameter(init.uniform(shape, -bound, bound, **place)) if own else None
            self.register_parameter(name, drawn)

    @property
    def _all(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def _rows(self, input: Tensor, hx: Any, count: int) -> tuple[Tensor, list[Tensor]]:
        """Input and states with a batch axis; zeros for states that are not given."""
        if input.ndim not in (1, 2) or input.shape[-1] != self.input_size:
            raise ShapeError(
                f"{type(self).__name__}: input {input.shape} must be (batch, {self.input_size}) or "
                f"({self.input_size},)"
            )
        shape = (*input.shape[:-1], self.hidden_size)
        given = hx if isinstance(hx, tuple | list) else (hx,)
        if hx is None:
            like = self.weight_hh
            given = [zeros(shape, dtype=like.dtype, device=like.device)] * count
        states = [as_tensor(s, input) for s in given]
        if [s.shape for s in states] != [shape] * count:
            raise ShapeError(
                f"{type(self).__name__}: states {', '.join(str(s.shape) for s in states)} must be "
                f"{count} of {shape} for input {input.shape}"
            )
        return input.reshape((-1, self.input_size)), [
            s.reshape((-1, self.hidden_size)) for s in states
        ]

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


@register
class RNNCell(RNNCellBase):
    """One step of :class:`RNN`: (N, input_size), (N, hidden_size) -> (N, hidden_size).

    >>> import jairika_nb as jrk
    >>> RNNCell(4, 3)(jrk.zeros((5, 4))).shape
    (5, 3)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_nonlinearity("RNNCell", nonlinearity)
        self.nonlinearity = nonlinearity
        self._build("rnn_tanh", input_size, hidden_size, bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: Any = None) -> Tensor:
        x, (h,) = self._rows(input, hx, 1)
        step = {"tanh": functional.rnn_tanh_cell, "relu": functional.rnn_relu_cell}
        y = step[self.nonlinearity](x, h, *self._all)
        return y.reshape((*input.shape[:-1], self.hidden_size))

    def extra_repr(self) -> str:
        usual = self.nonlinearity == "tanh"
        return super().extra_repr() + ("" if usual else f", nonlinearity={self.nonlinearity}")


@register
class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`: input and states (h, c) to the new (h, c).

    >>> import jairika_nb as jrk
    >>> h, c = LSTMCell(4, 3)(jrk.zeros((5, 4)))
    >>> h.shape, c.shape
    ((5, 3), (5, 3))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._build("lstm", input_size, hidden_size, bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Tensor]:
        x, (h, c) = self._rows(input, hx, 2)
        shape = (*input.shape[:-1], self.hidden_size)
        h, c = functional.lstm_cell(x, (h, c), *self._all)
        return h.reshape(shape), c.reshape(shape)


@register
class GRUCell(RNNCellBase):
    """One step of :class:`GRU`: (N, input_size), (N, hidden_size) -> (N, hidden_size).

    >>> import jairika_nb as jrk
    >>> GRUCell(4, 3)(jrk.zeros((4,))).shape
    (3,)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._build("gru", input_size, hidden_size, bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, hx: Any = None) -> Tensor:
        x, (h,) = self._rows(input, hx, 1)
        y = functional.gru_cell(x, h, *self._all)
        return y.reshape((*input.shape[:-1], self.hidden_size))
