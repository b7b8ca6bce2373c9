"""Initial values of parameters: each returns a new lazy tensor drawn from ``jrk.random``.

The names are PyTorch's without the trailing underscore, and a shape stands where PyTorch takes
the tensor to overwrite.
"""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors import random
from jairika_nb.tensors.creation import full
from jairika_nb.tensors.tensor import Tensor

Shape = tuple[int, ...]
GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs feed an output and the reverse, for weights (out, in, ...).

    >>> fans((512, 784)), fans((8, 3, 5, 5))
    ((784, 512), (75, 200))
    """
    if len(shape) < 2:
        raise ShapeError(f"fan-in and fan-out need weights of two axes or more, not {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def gain(nonlinearity: str, param: float | None = None) -> float:
    """How much a nonlinearity shrinks its signal; ``param`` is leaky_relu's slope."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        known = ", ".join([*GAINS, "leaky_relu"])
        raise OutOfRange(f"nonlinearity={nonlinearity!r} is unknown; use one of {known}")
    return GAINS[nonlinearity]


def uniform(shape: Shape, a: float = 0.0, b: float = 1.0, **place: Any) -> Tensor:
    """Draws from [a, b)."""
    return random.uniform(shape, a, b, **place)


def normal(shape: Shape, mean: float = 0.0, std: float = 1.0, **place: Any) -> Tensor:
    """Draws from a normal distribution."""
    return random.normal(shape, mean, std, **place)


def constant(shape: Shape, val: float, **place: Any) -> Tensor:
    """One value everywhere."""
    return full(shape, float(val), **place)


def kaiming_uniform(
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    **place: Any,
) -> Tensor:
    """Uniform draws that keep the signal's variance through the layer (He et al. 2015)."""
    bound = math.sqrt(3) * _kaiming_std(shape, a, mode, nonlinearity)
    return random.uniform(shape, -bound, bound, **place)


def kaiming_normal(
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    **place: Any,
) -> Tensor:
    """Normal draws that keep the signal's variance through the layer (He et al. 2015)."""
    return random.normal(shape, 0.0, _kaiming_std(shape, a, mode, nonlinearity), **place)


def _kaiming_std(shape: Shape, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise OutOfRange(f"mode={mode!r} is unknown; use fan_in or fan_out")
    fan = fans(shape)[mode == "fan_out"]
    return gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def xavier_uniform(shape: Shape, gain: float = 1.0, **place: Any) -> Tensor:
    """Uniform draws balanced between fan-in and fan-out (Glorot and Bengio 2010)."""
    bound = gain * math.sqrt(6 / max(1, sum(fans(shape))))
    return random.uniform(shape, -bound, bound, **place)


def xavier_normal(shape: Shape, gain: float = 1.0, **place: Any) -> Tensor:
    """Normal draws balanced between fan-in and fan-out (Glorot and Bengio 2010)."""
    return random.normal(shape, 0.0, gain * math.sqrt(2 / max(1, sum(fans(shape)))), **place)
