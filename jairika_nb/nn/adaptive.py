"""Pooling layers to a wanted size, whatever the size of the input."""

from __future__ import annotations

from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.adaptive import Wanted
from jairika_nb.nn.functional.pooling import MaxResult
from jairika_nb.nn.pooling import Pooling
from jairika_nb.nn.sizes import sizes
from jairika_nb.tensors.tensor import Tensor


class Adaptive(Pooling):
    """What layers that pool to a wanted size keep; None keeps the size of an axis."""

    shown = ("output_size",)
    adjustable: tuple[str, ...] = shown

    def __init__(self, output_size: Wanted) -> None:
        several = isinstance(output_size, (tuple, list))
        given = tuple(output_size) if several else (output_size,)  # type: ignore[arg-type]
        known = [1 if n is None else n for n in given]
        sizes(type(self).__name__, "output_size", known, self.rank)
        self.output_size = given if several else output_size


class AdaptiveAvgPool(Adaptive):
    """Base of adaptive average pooling."""

    def forward(self, input: Tensor) -> Tensor:
        return getattr(functional, f"adaptive_avg_pool{self.rank}d")(input, self.output_size)


@register
class AdaptiveAvgPool1d(AdaptiveAvgPool):
    """The means of ``output_size`` windows of x (N, C, L) that together cover it.

    >>> import jairika_nb as jrk
    >>> AdaptiveAvgPool1d(2)(jrk.tensor([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
    [[[2.0, 1.0]]]
    """

    rank = 1


@register
class AdaptiveAvgPool2d(AdaptiveAvgPool):
    """The means of windows of x (N, C, H, W); ``output_size`` is one size, or one for each axis.

    >>> import jairika_nb as jrk
    >>> AdaptiveAvgPool2d((1, None))(jrk.zeros((2, 3, 8, 6))).shape
    (2, 3, 1, 6)
    """

    rank = 2


@register
class AdaptiveAvgPool3d(AdaptiveAvgPool):
    """As :class:`AdaptiveAvgPool2d` for x (N, C, D, H, W)."""

    rank = 3


class AdaptiveMaxPool(Adaptive):
    """Base of adaptive max pooling."""

    adjustable = ("output_size", "return_indices")

    def __init__(self, output_size: Wanted, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> MaxResult:
        pool = getattr(functional, f"adaptive_max_pool{self.rank}d")
        return pool(input, self.output_size, self.return_indices)


@register
class AdaptiveMaxPool1d(AdaptiveMaxPool):
    """The largest in each of ``output_size`` windows of x (N, C, L), and where if asked.

    >>> import jairika_nb as jrk
    >>> AdaptiveMaxPool1d(2)(jrk.tensor([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
    [[[3.0, 2.0]]]
    """

    rank = 1


@register
class AdaptiveMaxPool2d(AdaptiveMaxPool):
    """As :class:`AdaptiveMaxPool1d` for x (N, C, H, W); None keeps the size of an axis."""

    rank = 2


@register
class AdaptiveMaxPool3d(AdaptiveMaxPool):
    """As :class:`AdaptiveMaxPool1d` for x (N, C, D, H, W); None keeps the size of an axis."""

    rank = 3
