"""Pooling layers over one, two or three axes of space: maxima, means and power means.

Each takes (N, C, *space), or (C, *space) without a batch.
"""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.pooling import MaxResult
from jairika_nb.nn.functional.spatial import Sizes
from jairika_nb.nn.module import Module
from jairika_nb.nn.sizes import check_number, sizes
from jairika_nb.tensors.tensor import Tensor


class Pooling(Module):
    """What pooling layers keep: their windows, as they were given."""

    rank: int
    shown: tuple[str, ...] = ()

    def _windows(self, kernel_size: Sizes, stride: Sizes | None, padding: Sizes = 0) -> None:
        self.kernel_size = self._sizes("kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else self._sizes("stride", stride)
        self.padding = self._sizes("padding", padding, least=0)

    def _sizes(self, name: str, value: Sizes, least: int = 1) -> Any:
        """The sizes as they were given, an integer or a tuple, checked."""
        checked = sizes(type(self).__name__, name, value, self.rank, least)
        return value if isinstance(value, int) else checked

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


class MaxPool(Pooling):
    """Base of max pooling."""

    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    adjustable = (*shown, "return_indices")

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self._windows(kernel_size, stride, padding)
        self.dilation = self._sizes("dilation", dilation)
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> MaxResult:
        pool = getattr(functional, f"max_pool{self.rank}d")
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
            self.return_indices,
        )  # fmt: skip


@register
class MaxPool1d(MaxPool):
    """The largest of each window of x (N, C, L), whose padding counts as minus infinity.

    The stride is the kernel's size unless given. With ``return_indices`` also where the maxima
    stood in the flattened space, as :class:`MaxUnpool1d` takes it; ``ceil_mode`` keeps the last,
    incomplete window.

    >>> import jairika_nb as jrk
    >>> MaxPool1d(2)(jrk.tensor([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
    [[[3.0, 2.0]]]
    """

    rank = 1


@register
class MaxPool2d(MaxPool):
    """The largest of each window of x (N, C, H, W); arguments as :class:`MaxPool1d`.

    >>> import jairika_nb as jrk
    >>> MaxPool2d(2)(jrk.zeros((5, 3, 8, 8))).shape
    (5, 3, 4, 4)
    """

    rank = 2


@register
class MaxPool3d(MaxPool):
    """The largest of each window of x (N, C, D, H, W); arguments as :class:`MaxPool1d`."""

    rank = 3


class AvgPool(Pooling):
    """Base of average pooling."""

    shown = ("kernel_size", "stride", "padding")
    adjustable: tuple[str, ...] = (*shown, "ceil_mode", "count_include_pad", "divisor_override")

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self._windows(kernel_size, stride, padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override
        if divisor_override == 0:
            raise ArchitectureError(f"{type(self).__name__}: divisor_override=0 divides by zero")

    def forward(self, input: Tensor) -> Tensor:
        pool = getattr(functional, f"avg_pool{self.rank}d")
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad, self.divisor_override,
        )  # fmt: skip


@register
class AvgPool1d(AvgPool):
    """The mean of each window of x (N, C, L).

    Padding counts as zeros, or with ``count_include_pad=False`` not at all; the stride is the
    kernel's size unless given.

    >>> import jairika_nb as jrk
    >>> AvgPool1d(2)(jrk.tensor([[[1.0, 3.0, 2.0, 0.0]]])).tolist()
    [[[2.0, 1.0]]]
    """

    rank = 1
    adjustable = AvgPool.adjustable[:-1]

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        rows = {name: getattr(self, name) for name in self.shown}
        for name, value in rows.items():
            setattr(self, name, sizes("AvgPool1d", name, value, 1, least=0))

    def forward(self, input: Tensor) -> Tensor:
        return functional.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode,
            self.count_include_pad,
        )  # fmt: skip


@register
class AvgPool2d(AvgPool):
    """The mean of each window of x (N, C, H, W), or its sum over ``divisor_override``."""

    rank = 2


@register
class AvgPool3d(AvgPool):
    """The mean of each window of x (N, C, D, H, W), or its sum over ``divisor_override``."""

    rank = 3


class LPPool(Pooling):
    """Base of power-mean pooling."""

    shown = ("norm_type", "kernel_size", "stride", "ceil_mode")
    adjustable = shown

    def __init__(
        self,
        norm_type: float,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        ceil_mode: bool = False,
    ) -> None:
        self._windows(kernel_size, stride)
        check_number(type(self).__name__, "norm_type", norm_type)
        if norm_type == 0:
            raise ArchitectureError(f"{type(self).__name__}: norm_type=0 has no root")
        self.norm_type = norm_type
        self.stride = None if stride is None else self.stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        pool = getattr(functional, f"lp_pool{self.rank}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


@register
class LPPool1d(LPPool):
    """The root ``norm_type`` of the sum of powers of each window of x (N, C, L).

    >>> import jairika_nb as jrk
    >>> LPPool1d(2, 2)(jrk.tensor([[[3.0, 4.0]]])).tolist()
    [[[5.0]]]
    """

    rank = 1


@register
class LPPool2d(LPPool):
    """As :class:`LPPool1d` for x (N, C, H, W)."""

    rank = 2


@register
class LPPool3d(LPPool):
    """As :class:`LPPool1d` for x (N, C, D, H, W)."""

    rank = 3
