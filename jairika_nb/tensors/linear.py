"""Products of matrices and vectors, and the activations tensors carry as methods."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine.ops import contract
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.errors import OutOfRange, ShapeError
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


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: Any = 2) -> Tensor:
    """Sums of products over pairs of axes: the last and first ``axes``, or two lists of axes."""
    if isinstance(axes, int):
        left = tuple(range(x1.ndim - axes, x1.ndim))
        right = tuple(range(axes))
    else:
        left = tuple(a % x1.ndim for a in axes[0])
        right = tuple(a % x2.ndim for a in axes[1])
    if [x1.shape[a] for a in left] != [x2.shape[a] for a in right]:
        raise ShapeError(
            f"tensordot: axes {left} of {x1.shape} and {right} of {x2.shape} differ in size"
        )
    free1 = [a for a in range(x1.ndim) if a not in left]
    free2 = [a for a in range(x2.ndim) if a not in right]
    inner = math.prod(x1.shape[a] for a in left)
    a = x1.permute(*free1, *left).reshape(math.prod(x1.shape[i] for i in free1), inner)
    b = x2.permute(*right, *free2).reshape(inner, math.prod(x2.shape[i] for i in free2))
    return (a @ b).reshape((*(x1.shape[i] for i in free1), *(x2.shape[i] for i in free2)))


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Every product of an element of one vector with one of the other; shape (n, m)."""
    if x1.ndim != 1 or x2.ndim != 1:
        raise ShapeError(f"outer: {x1.shape} and {x2.shape} are not both vectors")
    return x1.reshape(-1, 1) * x2


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
        raise OutOfRange(f"gelu: approximate={approximate!r} is neither 'none' nor 'tanh'")
    return Tensor(e.mul(e.mul(x.node, 0.5), e.add(inner, 1.0)))


def _matmul_operator(flip: bool) -> Any:
    def method(self: Tensor, other: Any) -> Any:
        if not isinstance(other, (Tensor, np.ndarray)):
            return NotImplemented
        return matmul(other, self) if flip else matmul(self, other)

    return method


attach("__matmul__", _matmul_operator(False))
attach("__rmatmul__", _matmul_operator(True))
for _function in (matmul, relu, silu, gelu):
    attach(_function.__name__, _function)
