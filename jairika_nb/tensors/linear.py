"""Products of matrices and vectors, and the activations tensors carry as methods."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine.ops import contract
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.errors import WordError
from jairika_nb.tensors.elementwise import operands
from jairika_nb.tensors.tensor import Tensor, attach


def matmul(x1: Any, x2: Any, /) -> Tensor:
    """(..., M, K) @ (..., K, N) -> (..., M, N); 1-d operands as in NumPy; batch axes broadcast.

    >>> import jairika_nb as jrk
    >>> (jrk.ones((2, 3)) @ jrk.ones((3, 4))).shape
    (2, 4)
    """
    return Tensor(contract.matmul(*operands(x1, x2)))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The sum of products along ``axis``."""
    from jairika_nb.tensors.reductions import sum

    return sum(x1 * x2, axis=axis)


def relu(x: Tensor, /) -> Tensor:
    """max(x, 0); the derivative at 0 is 0, as PyTorch's."""
    return Tensor(e.where(e.apply("greater", x.node, 0), x.node, 0.0))


def silu(x: Tensor, /) -> Tensor:
    """x * sigmoid(x)."""
    return Tensor(e.mul(x.node, e.call("sigmoid", x.node)))


def gelu(x: Tensor, /, approximate: str = "none") -> Tensor:
    """x * Phi(x), exact by erf or with ``approximate="tanh"`` (Hendrycks & Gimpel, 2016)."""
    if approximate == "none":
        inner = e.call("erf", e.mul(x.node, 1 / math.sqrt(2)))
    elif approximate == "tanh":
        cubic = e.mul(e.mul(x.node, e.mul(x.node, x.node)), 0.044715)
        inner = e.call("tanh", e.mul(e.add(x.node, cubic), math.sqrt(2 / math.pi)))
    else:
        raise WordError(f"gelu: approximate={approximate!r} is neither 'none' nor 'tanh'")
    return Tensor(e.mul(e.mul(x.node, 0.5), e.add(inner, 1.0)))


def _matmul_operator(flip: bool) -> Any:
    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, np.ndarray)):
            return NotImplemented
        return matmul(other, self) if flip else matmul(self, other)

    return method


attach("__matmul__", _matmul_operator(False))
attach("__rmatmul__", _matmul_operator(True))
for _function in (relu, silu, gelu):
    attach(_function.__name__, _function)
