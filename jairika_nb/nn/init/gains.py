"""How layers and nonlinearities change the size of a signal."""

from __future__ import annotations

import math

from jairika_nb.errors import OutOfRange, ShapeError

Shape = tuple[int, ...]
GAINS = {
    "linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75,
    **{f"conv{kind}{n}d": 1.0 for kind in ("", "_transpose") for n in (1, 2, 3)},
}  # fmt: skip


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
    """How much a nonlinearity shrinks its signal; ``param`` is leaky_relu's slope.

    PyTorch calls it ``calculate_gain``. Layers without one, "linear" and "conv2d" for instance,
    have 1. Raises OutOfRange for an unknown name.

    >>> gain("tanh"), round(gain("leaky_relu", 0.2), 4)
    (1.6666666666666667, 1.3868)
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        known = ", ".join([*GAINS, "leaky_relu"])
        raise OutOfRange(f"nonlinearity={nonlinearity!r} is unknown; use one of {known}")
    return GAINS[nonlinearity]
