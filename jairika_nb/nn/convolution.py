"""Convolution layers over one, two or three axes of space.

Weights are drawn as PyTorch draws them: uniform within ``1 / sqrt(fan in)``, biases too.
"""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn import functional, init
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.spatial import Sizes
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_among, check_size, sizes
from jairika_nb.tensors.tensor import Tensor

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
# How `functional.pad` calls them.
PAD = {mode: "constant" if mode == "zeros" else mode for mode in PADDING_MODES}


class Convolution(Module):
    """What all convolution layers keep: their geometry, a weight and a bias."""

    rank: int
    weight: Tensor
    bias: Tensor | None

    def _geometry(
        self, kernel_size: Sizes, stride: Sizes, padding: Any, dilation: Sizes, groups: int
    ) -> None:
        name, rank = type(self).__name__, self.rank
        self.kernel_size = sizes(name, "kernel_size", kernel_size, rank)
        self.stride = sizes(name, "stride", stride, rank)
        self.dilation = sizes(name, "dilation", dilation, rank)
        self.padding: str | tuple[int, ...]
        if isinstance(padding, str):
            check_among(name, "padding", padding, ("valid", "same"))
            self.padding = padding
        else:
            self.padding = sizes(name, "padding", padding, rank, least=0)
        self.groups = groups
        self.output_padding = (0,) * rank

    def _channels(self, in_channels: int, out_channels: int, groups: int) -> None:
        name = type(self).__name__
        check_size(name, "groups", groups)
        for which, count in (("in_channels", in_channels), ("out_channels", out_channels)):
            check_size(name, which, count)
            if count % groups:
                raise ArchitectureError(
                    f"{name}: {which}={count} do not split into groups={groups}; use a multiple"
                )
        self.in_channels = in_channels
        self.out_channels = out_channels

    def _draw(self, shape: tuple[int, ...], bias: bool, place: dict[str, Any]) -> None:
        weight = init.kaiming_uniform(shape, a=math.sqrt(5), **place)
        self.register_parameter("weight", Parameter(weight))
        bound = 1 / math.sqrt(init.fans(shape)[0])
        drawn = init.uniform((self.out_channels,), -bound, bound, **place) if bias else None
        self.register_parameter("bias", None if drawn is None else Parameter(drawn))

    def extra_repr(self) -> str:
        shown = {"kernel_size": self.kernel_size, "stride": self.stride}
        usual = {
            "padding": (0,) * self.rank,
            "dilation": (1,) * self.rank,
            "output_padding": (0,) * self.rank,
            "groups": 1,
            "padding_mode": "zeros",
        }
        shown |= {n: getattr(self, n) for n in usual if getattr(self, n) != usual[n]}
        mode = shown.pop("padding_mode", None)
        parts = [f"{name}={value}" for name, value in shown.items()]
        parts += ["bias=False"] if self.bias is None else []
        parts += [f"padding_mode={mode}"] if mode else []
        return f"{self.in_channels}, {self.out_channels}, {', '.join(parts)}"


class Sliding(Convolution):
    """Base of the layers that slide a kernel over their input."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: str | Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        self._channels(in_channels, out_channels, groups)
        self._geometry(kernel_size, stride, padding, dilation, groups)
        check_among(name, "padding_mode", padding_mode, PADDING_MODES)
        self.padding_mode = padding_mode
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ArchitectureError(
                f"{name}: padding='same' keeps sizes and so needs stride 1, not {self.stride}"
            )
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self._draw(shape, bias, {"device": device, "dtype": dtype})

    def forward(self, input: Tensor) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros" and padding != "valid":
            input, padding = functional.pad(input, self._around(), PAD[self.padding_mode]), 0
        convolve = getattr(functional, f"conv{self.rank}d")
        return convolve(
            input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups
        )

    def _around(self) -> list[int]:
        """(before, after) for each axis of space, the last axis first."""
        if self.padding == "same":
            rows = zip(self.dilation, self.kernel_size, strict=True)
            totals = [d * (k - 1) for d, k in rows]
            pairs = [(t // 2, t - t // 2) for t in totals]
        else:
            pairs = [(p, p) for p in self.padding if isinstance(p, int)]
        return [p for pair in reversed(pairs) for p in pair]


@register
class Conv1d(Sliding):
    """Kernels slid over x (N, in_channels, L) -> (N, out_channels, L'); N may be missing.

    ``kernel_size``, ``stride``, ``padding`` and ``dilation`` are one integer, or one for each
    axis; ``padding`` may be ``"valid"`` or ``"same"``. ``padding_mode`` is "zeros", "reflect",
    "replicate" or "circular". The weight is (out_channels, in_channels / groups, K). Raises
    ArchitectureError for sizes that do not fit, ShapeError for another input.

    >>> import jairika_nb as jrk
    >>> Conv1d(2, 3, 5, padding="same")(jrk.zeros((1, 2, 9))).shape
    (1, 3, 9)
    """

    rank = 1


@register
class Conv2d(Sliding):
    """Kernels slid over x (N, in_channels, H, W); arguments as :class:`Conv1d`.

    >>> import jairika_nb as jrk
    >>> Conv2d(1, 32, 3, padding=1)(jrk.zeros((5, 1, 8, 8))).shape
    (5, 32, 8, 8)
    """

    rank = 2


@register
class Conv3d(Sliding):
    """Kernels slid over x (N, in_channels, D, H, W); arguments as :class:`Conv1d`.

    >>> import jairika_nb as jrk
    >>> Conv3d(1, 2, 3, stride=(1, 2, 2))(jrk.zeros((1, 1, 4, 5, 5))).shape
    (1, 2, 2, 2, 2)
    """

    rank = 3
