"""Recurrent layers."""

from __future__ import annotations

from typing import Any

from jairika_nb.nn.architecture import register
from jairika_nb.nn.recurrent_base import RNNBase, check_nonlinearity


@register
class RNN(RNNBase):
    """``h = tanh(x @ w_ih.T + b_ih + h @ w_hh.T + b_hh)`` along a sequence (Elman 1990).

    See :class:`RNNBase` for inputs and results; ``nonlinearity`` is "tanh" or "relu", ``dropout``
    acts between layers in training.

    >>> import jairika_nb as jrk
    >>> y, h = RNN(4, 3, num_layers=2)(jrk.zeros((7, 5, 4)))
    >>> y.shape, h.shape
    ((7, 5, 3), (2, 5, 3))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_nonlinearity("RNN", nonlinearity)
        self.nonlinearity = nonlinearity
        self._build(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                    device=device, dtype=dtype)  # fmt: skip

    def _cell_name(self) -> str:
        return f"rnn_{self.nonlinearity}"


@register
class LSTM(RNNBase):
    """Long short-term memory along a sequence (Hochreiter & Schmidhuber 1997).

    See :class:`RNNBase` for inputs and results; the states are a pair (h, c). ``proj_size`` makes
    h smaller by a learned product (Sak et al. 2014).

    >>> import jairika_nb as jrk
    >>> y, (h, c) = LSTM(4, 3, bidirectional=True, batch_first=True)(jrk.zeros((5, 7, 4)))
    >>> y.shape, h.shape, c.shape
    ((5, 7, 6), (2, 5, 3), (2, 5, 3))
    """

    cell = "lstm"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._build(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                    proj_size, device=device, dtype=dtype)  # fmt: skip


@register
class GRU(RNNBase):
    """A gated recurrent unit along a sequence (Cho et al. 2014).

    See :class:`RNNBase` for inputs and results.

    >>> import jairika_nb as jrk
    >>> y, h = GRU(4, 3)(jrk.zeros((7, 5, 4)), lengths=[7, 2, 1, 3, 3])
    >>> y.shape, h.shape
    ((7, 5, 3), (1, 5, 3))
    """

    cell = "gru"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._build(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
                    device=device, dtype=dtype)  # fmt: skip
