"""Layers that tell positions: added sines, added learned rows, or turned pairs of features."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional, init
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_size
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.tensor import Tensor


def _along_time(name: str, table: Tensor, x: Tensor, batch_first: bool) -> Tensor:
    """Rows (T, E) in the shape that adds to x: (T, N, E), (N, T, E) or (T, E)."""
    if x.ndim not in (2, 3) or x.shape[-1] != table.shape[-1]:
        raise ShapeError(
            f"{name}: input {x.shape} must be (T, N, {table.shape[-1]}), with batch_first "
            f"(N, T, {table.shape[-1]}), or without a batch (T, {table.shape[-1]})"
        )
    return table if x.ndim == 2 or batch_first else table.reshape((-1, 1, table.shape[-1]))


def _length(x: Tensor, batch_first: bool) -> int:
    return x.shape[1] if batch_first and x.ndim == 3 else x.shape[0]


@register
class SinusoidalPositionalEncoding(Module):
    """Adds sines and cosines of the position, then drops out (Vaswani et al. 2017).

    Input (T, N, d_model), (N, T, d_model) with ``batch_first``, or (T, d_model); any length.
    There is nothing to learn or to save.

    >>> import jairika_nb as jrk
    >>> SinusoidalPositionalEncoding(2)(jrk.zeros((2, 2))).round().tolist()
    [[0.0, 1.0], [1.0, 1.0]]
    """

    adjustable = ("dropout",)

    def __init__(
        self,
        d_model: int,
        dropout: float = 0.0,
        batch_first: bool = False,
        base: float = 10000.0,
    ) -> None:
        check_size("SinusoidalPositionalEncoding", "d_model", d_model)
        self.d_model, self.dropout, self.batch_first, self.base = (
            d_model,
            dropout,
            batch_first,
            base,
        )

    def forward(self, input: Tensor) -> Tensor:
        length = _length(input, self.batch_first)
        rows = functional.sinusoidal_positions(length, self.d_model, self.base, input.device)
        rows = _along_time(type(self).__name__, rows.astype(input.dtype), input, self.batch_first)
        return functional.dropout(input + rows, self.dropout, self.training)

    def extra_repr(self) -> str:
        return f"{self.d_model}, dropout={self.dropout}, batch_first={self.batch_first}"


@register
class LearnedPositionalEncoding(Module):
    """Adds a learned row for each position: weight (max_len, d_model), drawn with deviation 0.02.

    Input as for :class:`SinusoidalPositionalEncoding`, at most ``max_len`` long.

    >>> import jairika_nb as jrk
    >>> LearnedPositionalEncoding(8, 4)(jrk.zeros((5, 3, 4))).shape
    (5, 3, 4)
    """

    weight: Tensor

    def __init__(
        self,
        max_len: int,
        d_model: int,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_size("LearnedPositionalEncoding", "max_len", max_len)
        check_size("LearnedPositionalEncoding", "d_model", d_model)
        self.max_len, self.d_model, self.batch_first = max_len, d_model, batch_first
        drawn = init.normal((max_len, d_model), 0.0, 0.02, device=device, dtype=dtype)
        self.register_parameter("weight", Parameter(drawn))

    def forward(self, input: Tensor) -> Tensor:
        length = _length(input, self.batch_first)
        if length > self.max_len:
            raise ShapeError(
                f"LearnedPositionalEncoding: input {input.shape} has {length} positions, but there "
                f"are {self.max_len} rows"
            )
        return input + _along_time(
            type(self).__name__, self.weight[:length], input, self.batch_first
        )

    def extra_repr(self) -> str:
        return f"{self.max_len}, {self.d_model}, batch_first={self.batch_first}"


@register
class RotaryEncoding(Module):
    """Turns pairs of features of queries and keys by their position (Su et al. 2021).

    Input (..., T, E), for instance (N, heads, T, size of a head), of which the first ``dim``
    features turn; see :func:`~jairika_nb.nn.functional.rotary_embedding`. ``offset`` is the
    position of the first step.

    >>> import jairika_nb as jrk
    >>> RotaryEncoding(4)(jrk.ones((2, 3, 5, 4))).shape
    (2, 3, 5, 4)
    """

    def __init__(self, dim: int, base: float = 10000.0, interleaved: bool = True) -> None:
        check_size("RotaryEncoding", "dim", dim, 2)
        if dim % 2:
            raise ArchitectureError(f"RotaryEncoding: dim={dim} must be even: pairs turn")
        self.dim, self.base, self.interleaved = dim, base, interleaved

    def forward(self, input: Tensor, offset: int | Tensor = 0) -> Tensor:
        positions = arange(input.shape[-2], device=input.device) + offset
        return functional.rotary_embedding(input, positions, self.base, self.interleaved, self.dim)

    def extra_repr(self) -> str:
        return f"{self.dim}, base={self.base}, interleaved={self.interleaved}"
