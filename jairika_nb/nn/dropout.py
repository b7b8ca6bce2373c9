"""Dropout layers: in training random parts are left out, in evaluation nothing happens."""

from __future__ import annotations

from collections.abc import Callable

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.sizes import check_number
from jairika_nb.tensors.tensor import Tensor


class Dropping(Module):
    """What all dropout layers keep: a probability. ``inplace`` is taken and has no effect."""

    adjustable = ("p",)
    function: Callable[..., Tensor]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        check_number(type(self).__name__, "p", p)
        if not 0 <= p <= 1:
            raise ArchitectureError(f"{type(self).__name__}: p={p} is no probability; use 0 to 1")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return type(self).function(input, self.p, self.training)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


@register
class Dropout(Dropping):
    """In training, zeros a random share ``p`` of its inputs and scales the rest by 1/(1-p).

    Source: Srivastava et al., "Dropout", 2014.

    >>> import jairika_nb as jrk
    >>> sorted({*Dropout(0.5)(jrk.ones(100)).tolist()})
    [0.0, 2.0]
    """

    function = staticmethod(functional.dropout)


@register
class Dropout1d(Dropping):
    """As :class:`Dropout` for whole channels of x (N, C, L) or (C, L) (Tompson et al. 2015)."""

    function = staticmethod(functional.dropout1d)


@register
class Dropout2d(Dropping):
    """As :class:`Dropout` for whole channels of x (N, C, H, W)."""

    function = staticmethod(functional.dropout2d)


@register
class Dropout3d(Dropping):
    """As :class:`Dropout` for whole channels of x (N, C, D, H, W) or (C, D, H, W)."""

    function = staticmethod(functional.dropout3d)


@register
class AlphaDropout(Dropping):
    """Dropout for SELU networks, which keeps mean 0 and variance 1.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    """

    function = staticmethod(functional.alpha_dropout)


@register
class FeatureAlphaDropout(Dropping):
    """As :class:`AlphaDropout` for whole channels of x (N, C, ...)."""

    function = staticmethod(functional.feature_alpha_dropout)
