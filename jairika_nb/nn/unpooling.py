"""Unpooling layers: maxima put back where max pooling with ``return_indices`` found them."""

from __future__ import annotations

from collections.abc import Sequence

from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.spatial import Sizes
from jairika_nb.nn.pooling import Pooling
from jairika_nb.nn.sizes import sizes
from jairika_nb.tensors.tensor import Tensor


class MaxUnpool(Pooling):
    """Base of unpooling."""

    shown = ("kernel_size", "stride", "padding")
    adjustable = shown

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        self._windows(kernel_size, stride, padding)
        rows = {name: getattr(self, name) for name in self.shown}
        for name, value in rows.items():
            setattr(self, name, sizes(type(self).__name__, name, value, self.rank, least=0))

    def forward(
        self, input: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        unpool = getattr(functional, f"max_unpool{self.rank}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)


@register
class MaxUnpool1d(MaxUnpool):
    """Values and indices of :class:`MaxPool1d` -> (N, C, L), zeros where no maximum was.

    ``layer(x, indices, output_size)`` chooses the size where several would do.

    >>> import jairika_nb as jrk
    >>> MaxUnpool1d(2)(jrk.tensor([[[3.0, 2.0]]]), jrk.tensor([[[1, 2]]])).tolist()
    [[[0.0, 3.0, 2.0, 0.0]]]
    """

    rank = 1


@register
class MaxUnpool2d(MaxUnpool):
    """Values and indices of :class:`MaxPool2d` -> (N, C, H, W); as :class:`MaxUnpool1d`."""

    rank = 2


@register
class MaxUnpool3d(MaxUnpool):
    """Values and indices of :class:`MaxPool3d` -> (N, C, D, H, W); as :class:`MaxUnpool1d`."""

    rank = 3
