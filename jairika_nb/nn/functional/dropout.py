"""Dropout: random parts of a tensor left out in training, single elements or whole channels.

The draws come from ``jrk.random``. In evaluation all of these give their input.
"""

from __future__ import annotations

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors import random
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.creation import zeros_like
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.tensor import Tensor

# What SELU approaches far below 0, so that dropped elements are ordinary ones there
# (Klambauer et al. 2017).
LOWEST = -1.7580993408473766


def _kept(x: Tensor, p: float, axes: tuple[int, ...] | None = None) -> Tensor:
    """Where elements stay, drawn for each of ``axes`` and equal along the others."""
    shape = x.shape if axes is None else tuple(n if a in axes else 1 for a, n in enumerate(x.shape))
    return random.bernoulli(1 - p, shape, device=x.device)


def _check(asked: str, p: float) -> None:
    if not 0 <= p <= 1:
        raise OutOfRange(f"{asked}: p={p} is no probability; use 0 to 1")


def _dropped(asked: str, x: Tensor, p: float, training: bool, axes: tuple | None = None) -> Tensor:
    _check(asked, p)
    if not training or p == 0:
        return x
    if p == 1:
        return zeros_like(x)
    return where(_kept(x, p, axes), x * (1 / (1 - p)), 0.0)


@on_tensors
def dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training, zeros a random share ``p`` and scales the rest by 1/(1-p).

    ``inplace`` has no effect. Source: Srivastava et al., "Dropout", 2014.

    >>> import jairika_nb as jrk
    >>> sorted({*dropout(jrk.ones(100)).tolist()})
    [0.0, 2.0]
    """
    return _dropped("dropout", x, p, training)


def _channels(asked: str, x: Tensor, least: int) -> tuple[int, ...]:
    """The axes of batch and channels of x (N, C, ...) or, with ``least`` axes, (C, ...)."""
    if x.ndim not in (least, least + 1):
        raise ShapeError(
            f"{asked}: input {x.shape} needs {least + 1} axes, or {least} without the batch"
        )
    return (0,) if x.ndim == least else (0, 1)


@on_tensors
def dropout1d(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """As :func:`dropout` for whole channels of x (N, C, L) or (C, L) (Tompson et al. 2015)."""
    return _dropped("dropout1d", x, p, training, _channels("dropout1d", x, 2))


@on_tensors
def dropout2d(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """As :func:`dropout` for whole channels of x (N, C, H, W).

    Three axes are taken as (N, C, L), as PyTorch takes them.
    """
    if x.ndim not in (3, 4):
        raise ShapeError(f"dropout2d: input {x.shape} needs 4 axes (N, C, H, W), or 3 (N, C, L)")
    return _dropped("dropout2d", x, p, training, (0, 1))


@on_tensors
def dropout3d(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """As :func:`dropout` for whole channels of x (N, C, D, H, W) or (C, D, H, W)."""
    return _dropped("dropout3d", x, p, training, _channels("dropout3d", x, 4))


def _alpha(asked: str, x: Tensor, p: float, training: bool, axes: tuple | None = None) -> Tensor:
    _check(asked, p)
    if not training or p == 0:
        return x
    if p == 1:
        return zeros_like(x)
    scale = ((1 - p) * (1 + p * LOWEST**2)) ** -0.5
    shift = -scale * LOWEST * p
    return where(_kept(x, p, axes), x * scale + shift, LOWEST * scale + shift)


@on_tensors
def alpha_dropout(
    x: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """Dropout for SELU networks, which keeps mean 0 and variance 1 (Klambauer et al. 2017).

    A random share ``p`` becomes SELU's lowest value; all is then shifted and scaled.

    >>> import jairika_nb as jrk
    >>> len({*alpha_dropout(jrk.ones(100), 0.5, training=True).tolist()})
    2
    """
    return _alpha("alpha_dropout", x, p, training)


@on_tensors
def feature_alpha_dropout(
    x: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """As :func:`alpha_dropout` for whole channels of x (N, C, ...)."""
    if x.ndim < 2:
        raise ShapeError(f"feature_alpha_dropout: input {x.shape} needs 2 axes or more, (N, C)")
    return _alpha("feature_alpha_dropout", x, p, training, (0, 1))
