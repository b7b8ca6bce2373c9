"""Layers that only move elements: axes joined and split, blocks, channels, other resolutions."""

from __future__ import annotations

from collections.abc import Sequence

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.spatial import Sizes
from jairika_nb.nn.module import Module
from jairika_nb.nn.sizes import check_axis, check_size, sizes
from jairika_nb.tensors.plain import whole
from jairika_nb.tensors.splitting import unflatten
from jairika_nb.tensors.tensor import Tensor


@register
class Flatten(Module):
    """Joins the axes from ``start_axis`` to ``end_axis``; by default all but the first.

    >>> import jairika_nb as jrk
    >>> Flatten()(jrk.zeros((5, 1, 8, 8))).shape
    (5, 64)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        check_axis("Flatten", "start_axis", start_axis)
        check_axis("Flatten", "end_axis", end_axis)
        self.start_axis = start_axis
        self.end_axis = end_axis

    def forward(self, input: Tensor) -> Tensor:
        return functional.flatten(input, self.start_axis, self.end_axis)

    def extra_repr(self) -> str:
        return f"start_axis={self.start_axis}, end_axis={self.end_axis}"


@register
class Unflatten(Module):
    """Splits one axis into several of ``unflattened_size``, of which one may be -1.

    >>> import jairika_nb as jrk
    >>> Unflatten(1, (2, -1))(jrk.zeros((5, 64))).shape
    (5, 2, 32)
    """

    def __init__(self, axis: int, unflattened_size: Sequence[int]) -> None:
        given = unflattened_size
        parts = [whole(n) for n in given] if isinstance(given, tuple | list) else []
        place = whole(axis)
        if place is None or not parts or None in parts:
            raise ArchitectureError(
                f"Unflatten: axis={axis!r}, unflattened_size={given!r} must be an integer and a "
                "tuple of integers"
            )
        self.axis = place
        self.unflattened_size = tuple(n for n in parts if n is not None)

    def forward(self, input: Tensor) -> Tensor:
        return unflatten(input, self.axis, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"axis={self.axis}, unflattened_size={self.unflattened_size}"


class Blocks(Module):
    """Base of layers that take images apart into sliding blocks, or put them together."""

    shown: tuple[str, ...] = ("kernel_size", "dilation", "padding", "stride")
    adjustable = shown

    def _keep(self, **given: Sizes) -> None:
        for name, value in given.items():
            checked = sizes(type(self).__name__, name, value, 2, least=int(name != "padding"))
            setattr(self, name, value if isinstance(value, int) else checked)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.shown)


@register
class Unfold(Blocks):
    """x (N, C, H, W) -> (N, C * KH * KW, L): every block as a column ("im2col").

    >>> import jairika_nb as jrk
    >>> Unfold(2)(jrk.reshape(jrk.arange(6), (1, 1, 2, 3))).tolist()
    [[[0, 1], [1, 2], [3, 4], [4, 5]]]
    """

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        self._keep(kernel_size=kernel_size, dilation=dilation, padding=padding, stride=stride)

    def forward(self, input: Tensor) -> Tensor:
        return functional.unfold(input, **{name: getattr(self, name) for name in self.shown})


@register
class Fold(Blocks):
    """x (N, C * KH * KW, L) -> (N, C, *output_size): blocks put back, overlaps added.

    >>> import jairika_nb as jrk
    >>> Fold((2, 3), 2)(jrk.ones((1, 4, 2))).tolist()
    [[[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]]
    """

    shown = ("output_size", *Blocks.shown)
    adjustable = shown

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        self._keep(
            output_size=output_size, kernel_size=kernel_size, dilation=dilation, padding=padding,
            stride=stride,
        )  # fmt: skip

    def forward(self, input: Tensor) -> Tensor:
        return functional.fold(input, **{name: getattr(self, name) for name in self.shown})


@register
class PixelShuffle(Module):
    """(..., C * r * r, H, W) -> (..., C, H * r, W * r) for r = ``upscale_factor``.

    Source: Shi et al., "Real-time super-resolution", 2016.

    >>> import jairika_nb as jrk
    >>> PixelShuffle(3)(jrk.zeros((1, 9, 4, 4))).shape
    (1, 1, 12, 12)
    """

    adjustable = ("upscale_factor",)

    def __init__(self, upscale_factor: int) -> None:
        check_size("PixelShuffle", "upscale_factor", upscale_factor)
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return functional.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


@register
class PixelUnshuffle(Module):
    """(..., C, H * r, W * r) -> (..., C * r * r, H, W) for r = ``downscale_factor``."""

    adjustable = ("downscale_factor",)

    def __init__(self, downscale_factor: int) -> None:
        check_size("PixelUnshuffle", "downscale_factor", downscale_factor)
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        return functional.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


@register
class ChannelShuffle(Module):
    """x (N, C, ...) with the channels of its ``groups`` taken in turn (Zhang et al. 2017)."""

    adjustable = ("groups",)

    def __init__(self, groups: int) -> None:
        check_size("ChannelShuffle", "groups", groups)
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        return functional.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
