"""Activations: elementwise, except the softmax family, which works along an axis."""

from __future__ import annotations

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.signature import axis_names
from jairika_nb.tensors import reductions
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import abs, exp, expm1, log1p, minimum, sigmoid, tanh, where
from jairika_nb.tensors.linear import gelu, relu, silu
from jairika_nb.tensors.shaping import normal_axes
from jairika_nb.tensors.tensor import Tensor

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softsign",
    "tanh",
    "tanhshrink",
]

softmax = axis_names(reductions.softmax)
log_softmax = axis_names(reductions.log_softmax)


@on_tensors
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """``x`` above 0, else ``alpha * (exp(x) - 1)`` (Clevert et al. 2015).

    >>> import jairika_nb as jrk
    >>> elu(jrk.tensor([0.0, 2.0])).tolist()
    [0.0, 2.0]
    """
    positive = x > 0
    # Derivatives flow through both branches, so the unused one must not overflow.
    return where(positive, x, expm1(where(positive, 0.0, x)) * alpha)


@on_tensors
def leaky_relu(x: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``x`` above 0, else ``negative_slope * x``."""
    return where(x > 0, x, x * negative_slope)


@on_tensors
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """``x`` above 0, else ``alpha * (exp(x / alpha) - 1)``, smooth at 0 (Barron 2017)."""
    if alpha == 0:
        raise OutOfRange("celu: alpha=0 divides by zero; use relu")
    return elu(x / alpha) * alpha if alpha > 0 else where(x > 0, x, expm1(x / alpha) * alpha)


@on_tensors
def selu(x: Tensor) -> Tensor:
    """ELU scaled so that mean 0 and variance 1 stay through layers (Klambauer et al. 2017)."""
    return elu(x, 1.6732632423543772) * 1.0507009873554805


@on_tensors
def softplus(x: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta x)) / beta``; ``x`` itself where ``beta x`` exceeds ``threshold``.

    >>> import jairika_nb as jrk
    >>> softplus(jrk.tensor([100.0])).tolist()
    [100.0]
    """
    scaled = x * beta
    linear = scaled > threshold
    return where(linear, x, log1p(exp(where(linear, 0.0, scaled))) / beta)


@on_tensors
def logsigmoid(x: Tensor) -> Tensor:
    """``log(sigmoid(x))``, without overflow."""
    return minimum(x, 0) - log1p(exp(-abs(x)))


@on_tensors
def mish(x: Tensor) -> Tensor:
    """``x * tanh(log(1 + exp(x)))`` (Misra 2019)."""
    return x * tanh(softplus(x))


@on_tensors
def softsign(x: Tensor) -> Tensor:
    """``x / (1 + |x|)``."""
    return x / (abs(x) + 1)


@on_tensors
def tanhshrink(x: Tensor) -> Tensor:
    """``x - tanh(x)``."""
    return x - tanh(x)


@on_tensors
def softmin(x: Tensor, axis: int = -1) -> Tensor:
    """Softmax of ``-x`` along ``axis``."""
    return reductions.softmax(-x, axis=axis)


@on_tensors
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """The first half along ``axis`` times the sigmoid of the second (Dauphin et al. 2016).

    >>> import jairika_nb as jrk
    >>> glu(jrk.tensor([2.0, 0.0])).tolist()
    [1.0]
    """
    (at,) = normal_axes("glu", axis, x.shape)
    half, rest = divmod(x.shape[at], 2)
    if rest:
        raise ShapeError(f"glu: axis {axis} of {x.shape} cannot be halved; its size must be even")
    before = (slice(None),) * at
    return x[(*before, slice(0, half))] * sigmoid(x[(*before, slice(half, None))])
