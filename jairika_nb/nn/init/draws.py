"""Random initial values: each function returns a new lazy tensor drawn from ``jrk.random``."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.nn.init.deferring import deferrable
from jairika_nb.nn.init.gains import Shape, fans, gain
from jairika_nb.tensors import random
from jairika_nb.tensors.elementwise import clip, where
from jairika_nb.tensors.sorting import argsort
from jairika_nb.tensors.special import erfinv
from jairika_nb.tensors.tensor import Tensor

_uniform = deferrable(streams=1)(random.uniform)
_normal = deferrable(streams=2)(random.normal)


def uniform(shape: Shape, a: float = 0.0, b: float = 1.0, **place: Any) -> Tensor:
    """Draws from [a, b)."""
    return _uniform(shape, a, b, **place)


def normal(shape: Shape, mean: float = 0.0, std: float = 1.0, **place: Any) -> Tensor:
    """Draws from a normal distribution."""
    return _normal(shape, mean, std, **place)


def trunc_normal(
    shape: Shape, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, **place: Any
) -> Tensor:
    """Draws from a normal distribution that lie in [a, b]; outside of it none is.

    Uniform draws through the inverse of the distribution function, so none is drawn twice. ``a``
    and ``b`` are values, not multiples of ``std``.

    >>> x = trunc_normal((100,), std=0.02, a=-0.04, b=0.04)
    >>> bool((abs(x) <= 0.04).all())
    True
    """
    if not a < b or not std > 0:
        raise OutOfRange(f"trunc_normal: std={std} must be above 0, and a={a} below b={b}")
    if not a - 4 * std <= mean <= b + 4 * std:
        raise OutOfRange(
            f"trunc_normal: mean={mean} lies more than four std={std} outside of [{a}, {b}], where "
            "next to nothing is drawn; choose bounds around the mean"
        )
    low, high = (math.erf((edge - mean) / (std * math.sqrt(2))) for edge in (a, b))
    # The ends of the distribution function are infinite; draws stay a rounding inside.
    edge = 1 - 2.0**-24
    drawn = random.uniform(shape, max(low, -edge), min(high, edge), **place)
    return clip(erfinv(drawn) * (std * math.sqrt(2)) + mean, a, b)


def sparse(shape: Shape, sparsity: float, std: float = 0.01, **place: Any) -> Tensor:
    """Normal draws with a share ``sparsity`` of each column zero (Martens 2010).

    The zeros of a column are ``ceil(sparsity * rows)`` rows by lot. The shape has two axes.
    """
    if len(shape) != 2:
        raise ShapeError(f"sparse: {shape} must have two axes, rows and columns")
    if not 0 <= sparsity <= 1:
        raise OutOfRange(f"sparse: sparsity={sparsity} is no share; use 0 to 1")
    zeros = math.ceil(sparsity * shape[0])
    lots = random.uniform(shape, device=place.get("device"))
    places = argsort(argsort(lots, axis=0), axis=0)
    return where(places < zeros, 0.0, random.normal(shape, 0.0, std, **place))


def kaiming_uniform(
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    **place: Any,
) -> Tensor:
    """Uniform draws that keep the signal's variance through the layer (He et al. 2015)."""
    bound = math.sqrt(3) * _kaiming_std(shape, a, mode, nonlinearity)
    return _uniform(shape, -bound, bound, **place)


def kaiming_normal(
    shape: Shape,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    **place: Any,
) -> Tensor:
    """Normal draws that keep the signal's variance through the layer (He et al. 2015)."""
    return _normal(shape, 0.0, _kaiming_std(shape, a, mode, nonlinearity), **place)


def _kaiming_std(shape: Shape, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise OutOfRange(f"mode={mode!r} is unknown; use fan_in or fan_out")
    fan = fans(shape)[mode == "fan_out"]
    return gain(nonlinearity, a) / math.sqrt(fan) if fan else 0.0


def xavier_uniform(shape: Shape, gain: float = 1.0, **place: Any) -> Tensor:
    """Uniform draws balanced between fan-in and fan-out (Glorot and Bengio 2010)."""
    bound = gain * math.sqrt(6 / max(1, sum(fans(shape))))
    return _uniform(shape, -bound, bound, **place)


def xavier_normal(shape: Shape, gain: float = 1.0, **place: Any) -> Tensor:
    """Normal draws balanced between fan-in and fan-out (Glorot and Bengio 2010)."""
    return _normal(shape, 0.0, gain * math.sqrt(2 / max(1, sum(fans(shape)))), **place)
