"""Products of matrices and vectors, and the activations tensors carry as methods."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.graph import Node, make
from jairika_nb.engine.ops import contract
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.arguments import on_tensors, whole_numbers
from jairika_nb.tensors.elementwise import operands
from jairika_nb.tensors.reductions import sum
from jairika_nb.tensors.shaping import permute_dims, reshape
from jairika_nb.tensors.tensor import Tensor, attach, node_of


def matmul(x1: Any, x2: Any, /) -> Tensor:
    """(..., M, K) @ (..., K, N) -> (..., M, N); 1-d operands as in NumPy; batch axes broadcast.

    >>> import jairika_nb as jrk
    >>> (jrk.ones((2, 3)) @ jrk.ones((3, 4))).shape
    (2, 4)
    """
    return Tensor(contract.matmul(*operands(x1, x2)))


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """The sum of products along ``axis``, which must have one size; other axes broadcast.

    ``axis`` counts from the end as in the standard; from the start it is one of the broadcast
    operands.

    >>> import jairika_nb as jrk
    >>> jrk.vecdot(jrk.tensor([1.0, 2.0]), jrk.tensor([[3.0, 4.0], [5.0, 6.0]])).tolist()
    [11.0, 17.0]
    """
    a, b = tensors(x1, x2)
    rank = max(a.ndim, b.ndim)
    (asked,) = whole_numbers("vecdot", "axis", axis)
    at = asked - rank if asked >= 0 else asked
    for x in (a, b):
        if not -x.ndim <= at < 0:
            raise OutOfRange(f"vecdot: axis {axis} is outside shapes {a.shape} and {b.shape}")
    if a.shape[at] != b.shape[at]:
        raise ShapeError(
            f"vecdot: {a.shape} and {b.shape} along axis {axis}: sizes {a.shape[at]} and "
            f"{b.shape[at]} must be equal"
        )
    products = a * b
    return sum(products, axis=at, dtype=products.dtype)


def tensors(*values: Any) -> list[Tensor]:
    """The operands as tensors of one dtype on one device."""
    nodes = [n if isinstance(n, Node) else node_of(n) for n in operands(*values)]
    common = nodes[0].dtype
    for node in nodes[1:]:
        common = dtypes.promote(common, node.dtype)
    return [Tensor(e.cast(node, common)) for node in nodes]


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Tensor:
    """Sums of products over pairs of axes: the last and first ``axes``, or two lists of axes.

    >>> import jairika_nb as jrk
    >>> jrk.tensordot(jrk.ones((2, 3, 4)), jrk.ones((4, 3, 5)), axes=([1, 2], [1, 0])).shape
    (2, 5)
    """
    a, b = tensors(x1, x2)
    left, right = _paired_axes(a, b, axes)
    if [a.shape[i] for i in left] != [b.shape[i] for i in right]:
        raise ShapeError(
            f"tensordot: axes {left} of {a.shape} and {right} of {b.shape} differ in size; "
            "paired axes must be equal"
        )
    free1 = [i for i in range(a.ndim) if i not in left]
    free2 = [i for i in range(b.ndim) if i not in right]
    inner = math.prod(a.shape[i] for i in left)
    outside = (*(a.shape[i] for i in free1), *(b.shape[i] for i in free2))
    rows = reshape(permute_dims(a, (*free1, *left)), (math.prod(a.shape[i] for i in free1), inner))
    columns = math.prod(b.shape[i] for i in free2)
    return (rows @ reshape(permute_dims(b, (*right, *free2)), (inner, columns))).reshape(outside)


def _paired_axes(a: Tensor, b: Tensor, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shown = f"tensordot: axes={axes!r} of {a.shape} and {b.shape}"
    if isinstance(axes, int):
        if not 0 <= axes <= min(a.ndim, b.ndim):
            raise OutOfRange(f"{shown}: there must be 0 to {min(a.ndim, b.ndim)} of them")
        return tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    pair = [(p,) if isinstance(p, int) else tuple(p) for p in axes]
    if len(pair) != 2 or len(pair[0]) != len(pair[1]):
        raise ShapeError(f"{shown}: pass a number or two lists of equal length")
    for found, x in zip(pair, (a, b), strict=True):
        if any(not -x.ndim <= i < x.ndim for i in found):
            raise OutOfRange(f"{shown}: an axis is outside the {x.ndim} axes of {x.shape}")
    left, right = (tuple(i % x.ndim for i in f) for f, x in zip(pair, (a, b), strict=True))
    if len(set(left)) != len(left) or len(set(right)) != len(right):
        raise ShapeError(f"{shown}: an axis is named twice")
    return left, right


def outer(x1: Any, x2: Any, /) -> Tensor:
    """Every product of an element of one vector with one of the other; shape (n, m)."""
    a, b = tensors(x1, x2)
    if a.ndim != 1 or b.ndim != 1:
        raise ShapeError(f"outer: {a.shape} and {b.shape} are not both vectors; flatten them")
    return a.reshape(-1, 1) * b


@on_tensors
def relu(x: Tensor, /) -> Tensor:
    """max(x, 0); the derivative at 0 is 0, as PyTorch's."""
    return Tensor(make("relu", (x.node,)))


@on_tensors
def silu(x: Tensor, /) -> Tensor:
    """x * sigmoid(x)."""
    return Tensor(e.mul(x.node, e.call("sigmoid", x.node)))


@on_tensors
def gelu(x: Tensor, /, approximate: str = "none") -> Tensor:
    """x * Phi(x), exact by erf or with ``approximate="tanh"`` (Hendrycks & Gimpel, 2016)."""
    if approximate == "none":
        return Tensor(e.call("gelu_erf", x.node))
    if approximate != "tanh":
        raise OutOfRange(f"gelu: approximate={approximate!r} is neither 'none' nor 'tanh'")
    return Tensor(make("gelu_tanh", (x.node,)))


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
