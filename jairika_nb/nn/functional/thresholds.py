"""Activations made of straight pieces; at the joints their slope is 0, as PyTorch's."""

from __future__ import annotations

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.elementwise import abs, sign, where
from jairika_nb.tensors.shaping import reshape
from jairika_nb.tensors.tensor import Tensor


@on_tensors
def hardtanh(x: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``x`` limited to [min_val, max_val].

    >>> import jairika_nb as jrk
    >>> hardtanh(jrk.tensor([-3.0, 0.5, 3.0])).tolist()
    [-1.0, 0.5, 1.0]
    """
    if min_val > max_val:
        raise OutOfRange(f"hardtanh: min_val={min_val} exceeds max_val={max_val}")
    return where(x <= min_val, min_val, where(x >= max_val, max_val, x))


@on_tensors
def relu6(x: Tensor) -> Tensor:
    """``x`` limited to [0, 6] (Krizhevsky 2010)."""
    return hardtanh(x, 0.0, 6.0)


@on_tensors
def hardsigmoid(x: Tensor) -> Tensor:
    """``(x + 3) / 6`` limited to [0, 1]."""
    return relu6(x + 3) / 6


@on_tensors
def hardswish(x: Tensor) -> Tensor:
    """``x * hardsigmoid(x)`` (Howard et al. 2019)."""
    return x * hardsigmoid(x)


@on_tensors
def hardshrink(x: Tensor, lambd: float = 0.5) -> Tensor:
    """0 within ``lambd`` of 0, else ``x``."""
    return where(abs(x) <= lambd, 0.0, x)


@on_tensors
def softshrink(x: Tensor, lambd: float = 0.5) -> Tensor:
    """0 within ``lambd`` of 0, else ``x`` moved towards 0 by ``lambd``."""
    if lambd < 0:
        raise OutOfRange(f"softshrink: lambd={lambd} must not be negative")
    return where(abs(x) <= lambd, 0.0, x - sign(x) * lambd)


@on_tensors
def threshold(x: Tensor, threshold: float, value: float) -> Tensor:
    """``x`` above ``threshold``, else ``value``."""
    return where(x <= threshold, value, x)


@on_tensors
def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """``x`` above 0, else ``weight * x``; one weight, or one for each channel on axis 1.

    Source: He et al., "Delving deep into rectifiers", 2015.
    """
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise ShapeError(
            f"prelu: weight of shape {weight.shape} for x of {x.shape}; it must have one element "
            f"or one for each of the {channels} channels"
        )
    if weight.size > 1 or weight.ndim:
        weight = reshape(weight, (-1, *(1,) * max(0, x.ndim - 2)) if x.ndim else ())
    return where(x > 0, x, x * weight)
