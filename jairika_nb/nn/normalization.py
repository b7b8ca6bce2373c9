"""Normalisation layers whose statistics come from each sample alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_number, check_size
from jairika_nb.tensors.creation import ones, zeros
from jairika_nb.tensors.tensor import Tensor


def scale_and_shift(
    layer: Module, shape: tuple[int, ...], weight: bool, bias: bool, place: dict[str, Any]
) -> None:
    """Give a layer a weight of ones and a bias of zeros, or note that it has none."""
    layer.register_parameter("weight", Parameter(ones(shape, **place)) if weight else None)
    layer.register_parameter("bias", Parameter(zeros(shape, **place)) if bias else None)


def check_channels(x: Tensor, channels: int, axis: int = 1) -> None:
    """Raise ShapeError where ``x`` has another number of channels than the layer."""
    if x.ndim <= axis or x.shape[axis] != channels:
        raise ShapeError(f"input {x.shape} must have {channels} channels on axis {axis}")


def _last_sizes(layer: str, normalized_shape: Any) -> tuple[int, ...]:
    given = normalized_shape if isinstance(normalized_shape, (tuple, list)) else [normalized_shape]
    for size in given:
        check_size(layer, "normalized_shape", size)
    if not given:
        raise ArchitectureError(f"{layer}: normalized_shape is empty; give the last axes' sizes")
    return tuple(given)


@register
class LayerNorm(Module):
    """x (..., *normalized_shape) shifted and scaled to mean 0 and variance 1 over its last axes.

    ``eps`` is added to the variance; with ``elementwise_affine`` a weight and, with ``bias``, a
    bias of shape ``normalized_shape`` follow. Source: Ba et al., "Layer normalization", 2016.

    >>> import jairika_nb as jrk
    >>> LayerNorm(2, eps=0.0)(jrk.tensor([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    adjustable = ("eps",)
    weight: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        check_number("LayerNorm", "eps", eps)
        self.normalized_shape = _last_sizes("LayerNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        affine, place = elementwise_affine, {"device": device, "dtype": dtype}
        scale_and_shift(self, self.normalized_shape, affine, affine and bias, place)

    def forward(self, input: Tensor) -> Tensor:
        return functional.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        has_bias = self.bias is not None
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={has_bias}"
        )


@register
class RMSNorm(Module):
    """x (..., *normalized_shape) over the root of the mean of its squares, times a weight.

    ``eps``, added to the mean, is the dtype's machine epsilon by default. Source: Zhang and
    Sennrich, "Root mean square layer normalization", 2019.

    >>> import jairika_nb as jrk
    >>> RMSNorm(4, eps=0.0)(jrk.tensor([4.0, 4.0, 4.0, 4.0])).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    adjustable = ("eps",)
    weight: Tensor | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if eps is not None:
            check_number("RMSNorm", "eps", eps)
        self.normalized_shape = _last_sizes("RMSNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        own = ones(self.normalized_shape, device=device, dtype=dtype)
        self.register_parameter("weight", Parameter(own) if elementwise_affine else None)

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


@register
class GroupNorm(Module):
    """x (N, num_channels, ...) normalised over each of ``num_groups`` groups of channels.

    Source: Wu and He, "Group normalization", 2018. Raises ArchitectureError for channels that do
    not split into the groups.

    >>> import jairika_nb as jrk
    >>> GroupNorm(1, 2, eps=0.0)(jrk.tensor([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """

    adjustable = ("eps",)
    weight: Tensor | None
    bias: Tensor | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        check_size("GroupNorm", "num_groups", num_groups)
        check_size("GroupNorm", "num_channels", num_channels)
        check_number("GroupNorm", "eps", eps)
        if num_channels % num_groups:
            raise ArchitectureError(
                f"GroupNorm: num_channels={num_channels} do not split into num_groups="
                f"{num_groups}; use a multiple"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        place = {"device": device, "dtype": dtype}
        scale_and_shift(self, (num_channels,), affine, affine and bias, place)

    def forward(self, input: Tensor) -> Tensor:
        check_channels(input, self.num_channels)
        return functional.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


@register
class LocalResponseNorm(Module):
    """x (N, C, ...) over ``(k + alpha * mean of squares of size channels around)**beta``.

    Source: Krizhevsky et al., "ImageNet classification with deep convolutional neural networks",
    2012.

    >>> import jairika_nb as jrk
    >>> LocalResponseNorm(1, alpha=1.0, beta=1.0)(jrk.ones((1, 1, 1))).tolist()
    [[[0.5]]]
    """

    adjustable = ("size", "alpha", "beta", "k")

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        check_size("LocalResponseNorm", "size", size)
        self.size = size
        for name, value in (("alpha", alpha), ("beta", beta), ("k", k)):
            check_number("LocalResponseNorm", name, value)
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return functional.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
