"""Transposed convolution layers, which do to sizes the reverse of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jairika_nb.errors import ShapeError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.convolution import Convolution
from jairika_nb.nn.functional.spatial import Sizes
from jairika_nb.nn.sizes import check_among, sizes
from jairika_nb.tensors.tensor import Tensor


class Transposed(Convolution):
    """Base of transposed convolutions."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        name = type(self).__name__
        check_among(name, "padding_mode", padding_mode, ("zeros",))
        self.padding_mode = padding_mode
        self._channels(in_channels, out_channels, groups)
        self._geometry(
            kernel_size, stride, sizes(name, "padding", padding, self.rank, 0), dilation, groups
        )
        self.output_padding = sizes(name, "output_padding", output_padding, self.rank, least=0)
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        self._draw(shape, bias, {"device": device, "dtype": dtype})

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._extra(input, output_size)
        convolve = getattr(functional, f"conv_transpose{self.rank}d")
        return convolve(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups,
            self.dilation,
        )  # fmt: skip

    def _extra(self, x: Tensor, output_size: Sequence[int]) -> tuple[int, ...]:
        """The output padding that makes ``output_size``, of space or of the whole output."""
        wanted = tuple(output_size)[-self.rank :]
        ends = [2 * p for p in self.padding if isinstance(p, int)]
        space = x.shape[-self.rank :]
        rows = zip(space, self.stride, ends, self.dilation, self.kernel_size, strict=True)
        least = [(n - 1) * s - p + d * (k - 1) + 1 for n, s, p, d, k in rows]
        most = [n + s - 1 for n, s in zip(least, self.stride, strict=True)]
        fits = len(output_size) in (self.rank, x.ndim) and len(wanted) == self.rank
        if not fits or any(not a <= n <= b for a, n, b in zip(least, wanted, most, strict=True)):
            raise ShapeError(
                f"output_size {tuple(output_size)} for an input of shape {x.shape}: its last "
                f"{self.rank} sizes must be from {least} to {most}"
            )
        return tuple(n - a for n, a in zip(wanted, least, strict=True))


@register
class ConvTranspose1d(Transposed):
    """Each element of x (N, in_channels, L) spreads a kernel over the output.

    Its sizes are those of the input of a :class:`Conv1d` with the same arguments;
    ``output_padding`` or ``layer(x, output_size)`` chooses where several would do. The weight is
    (in_channels, out_channels / groups, K).

    >>> import jairika_nb as jrk
    >>> ConvTranspose1d(2, 3, 4, stride=2)(jrk.zeros((1, 2, 5))).shape
    (1, 3, 12)
    """

    rank = 1


@register
class ConvTranspose2d(Transposed):
    """The transpose of :class:`Conv2d`; arguments as :class:`ConvTranspose1d`.

    >>> import jairika_nb as jrk
    >>> layer = ConvTranspose2d(4, 2, 3, stride=2, padding=1)
    >>> layer(jrk.zeros((1, 4, 5, 5)), output_size=(10, 10)).shape
    (1, 2, 10, 10)
    """

    rank = 2


@register
class ConvTranspose3d(Transposed):
    """The transpose of :class:`Conv3d`; arguments as :class:`ConvTranspose1d`.

    >>> import jairika_nb as jrk
    >>> ConvTranspose3d(1, 2, 2, stride=2)(jrk.zeros((1, 1, 2, 3, 4))).shape
    (1, 2, 4, 6, 8)
    """

    rank = 3
