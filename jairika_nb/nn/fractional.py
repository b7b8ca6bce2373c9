"""Layers of max pooling over windows at random places."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.fractional import Ratios
from jairika_nb.nn.functional.pooling import MaxResult
from jairika_nb.nn.functional.spatial import Sizes
from jairika_nb.nn.module import Module
from jairika_nb.nn.sizes import sizes
from jairika_nb.tensors.tensor import Tensor


class FractionalMaxPool(Module):
    """What both kinds keep; the places are drawn anew at each forward, in evaluation too."""

    rank: int
    adjustable = ("output_size", "output_ratio", "return_indices")

    def __init__(
        self,
        kernel_size: Sizes,
        output_size: Sizes | None = None,
        output_ratio: Ratios | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        name = type(self).__name__
        self.kernel_size = sizes(name, "kernel_size", kernel_size, self.rank)
        if (output_size is None) == (output_ratio is None):
            raise ArchitectureError(f"{name}: give either output_size or output_ratio")
        self.output_size = None
        if output_size is not None:
            self.output_size = sizes(name, "output_size", output_size, self.rank)
        self.output_ratio = _ratios(name, output_ratio, self.rank)
        self.return_indices = return_indices
        if not (_random_samples is None or isinstance(_random_samples, Tensor)):
            raise ArchitectureError(f"{name}: _random_samples must be a tensor or None")
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Tensor) -> MaxResult:
        pool = getattr(functional, f"fractional_max_pool{self.rank}d")
        return pool(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            self._random_samples,
        )  # fmt: skip


def _ratios(layer: str, given: Any, rank: int) -> tuple[float, ...] | None:
    if given is None:
        return None
    ratios = tuple(given) if isinstance(given, (tuple, list)) else (given,) * rank
    fits = len(ratios) == rank and all(isinstance(r, float) and 0 < r < 1 for r in ratios)
    if not fits:
        raise ArchitectureError(
            f"{layer}: output_ratio={given!r} must be within 0 and 1, one number or {rank}"
        )
    return ratios


@register
class FractionalMaxPool2d(FractionalMaxPool):
    """The largest of windows of x (N, C, H, W) at random places that cover about all of it.

    ``output_size`` is the number of windows, or ``output_ratio`` within 0 and 1 that of elements.
    Source: Graham, "Fractional max-pooling", 2014.

    >>> import jairika_nb as jrk
    >>> FractionalMaxPool2d(2, output_ratio=0.6)(jrk.ones((1, 1, 9, 7))).shape
    (1, 1, 5, 4)
    """

    rank = 2


@register
class FractionalMaxPool3d(FractionalMaxPool):
    """As :class:`FractionalMaxPool2d` for x (N, C, D, H, W)."""

    rank = 3
