"""A recurrent network that writes text letter by letter.

I. Sutskever, J. Martens, G. Hinton: Generating text with recurrent neural networks, ICML 2011; A.
Graves: Generating sequences with recurrent neural networks, 2013 (arXiv 1308.0850).
"""

from __future__ import annotations

from typing import Any

from jairika_nb import nn
from jairika_nb.nn.sizes import check_among
from jairika_nb.tensors.tensor import Tensor

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


@nn.register
class CharRNN(nn.Module):
    """Scores of the token after each: tokens (N, T) of integers -> (N, T, vocab_size).

    A table of ``embedding_dim`` features a token, recurrent layers (``cell`` is "lstm", "gru" or
    "rnn"), and a product to scores. ``dropout`` acts between layers and before the scores.

    >>> import jairika_nb as jrk
    >>> net = CharRNN(vocab_size=27, hidden_size=8)
    >>> net(jrk.tensor([[1, 2, 3]])).shape
    (1, 3, 27)
    """

    def __init__(
        self,
        vocab_size: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        embedding_dim: int = 32,
        cell: str = "lstm",
        dropout: float = 0.0,
    ) -> None:
        check_among("CharRNN", "cell", cell, tuple(CELLS))
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.rnn = CELLS[cell](
            embedding_dim, hidden_size, num_layers, batch_first=True, dropout=dropout
        )
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(hidden_size, vocab_size)

    def run(self, tokens: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        """Scores and the states after the last token, from given ones, so that text goes on."""
        y, states = self.rnn(self.embedding(tokens), hx)
        return self.head(self.drop(y)), states

    def forward(self, tokens: Tensor) -> Tensor:
        return self.run(tokens)[0]
