"""Normalisation layers that may keep running statistics of their channels.

The statistics are buffers: saved with the model, not learned, and replaced by new tensors at each
forward in training, as learning replaces parameters.
"""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.normalization import check_channels, scale_and_shift
from jairika_nb.nn.sizes import check_number, check_size
from jairika_nb.tensors.creation import ones, tensor, zeros
from jairika_nb.tensors.tensor import Tensor


class ByChannel(Module):
    """What both kinds keep: weight and bias for each channel, and running statistics."""

    ranks: tuple[int, ...]
    adjustable = ("eps", "momentum")
    weight: Tensor | None
    bias: Tensor | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def _keep(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        place: dict[str, Any],
    ) -> None:
        name = type(self).__name__
        check_size(name, "num_features", num_features)
        check_number(name, "eps", eps)
        if eps <= 0:
            raise ArchitectureError(f"{name}: eps={eps} must be above 0, as it is divided by")
        if momentum is not None:
            check_number(name, "momentum", momentum)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        scale_and_shift(self, (num_features,), affine, affine and bias, place)
        self.register_buffer("running_mean", None)
        self.register_buffer("running_var", None)
        self.register_buffer("num_batches_tracked", None)
        if track_running_stats:
            self._start(place)

    def _start(self, place: dict[str, Any]) -> None:
        self.running_mean = zeros((self.num_features,), **place)
        self.running_var = ones((self.num_features,), **place)
        self.num_batches_tracked = tensor(0, "int64", place["device"])

    def reset_running_stats(self) -> None:
        """Forget all batches: running mean 0, variance 1, none tracked."""
        old = self.running_mean
        if old is not None:
            self._start({"device": old.device, "dtype": old.dtype})

    def _statistics(self) -> tuple[Tensor | None, Tensor | None]:
        """The running statistics as tensors of their own, which a function may move."""
        mean, var = self.running_mean, self.running_var
        return (None if mean is None else Tensor(mean.node)), (
            None if var is None else Tensor(var.node)
        )

    def _check(self, x: Tensor) -> None:
        if x.ndim not in self.ranks:
            raise ShapeError(f"input {x.shape} must have {' or '.join(map(str, self.ranks))} axes")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm(ByChannel):
    """Base of batch normalisation."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        place = {"device": device, "dtype": dtype}
        self._keep(num_features, eps, momentum, affine, track_running_stats, bias, place)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        check_channels(input, self.num_features)
        if not self.training:
            own = self.running_mean is None
            return self._normalized(input, self.running_mean, self.running_var, own, 0.0)
        if self.running_mean is None or not self.track_running_stats:
            return self._normalized(input, None, None, True, 0.0)
        mean, var = self._statistics()
        old = self.num_batches_tracked
        count = None if old is None else old + 1
        y = self._normalized(input, mean, var, True, self._share(count))
        self.running_mean, self.running_var, self.num_batches_tracked = mean, var, count
        return y

    def _share(self, count: Tensor | None) -> Any:
        """How far the running statistics move; without momentum to the mean of all batches."""
        if self.momentum is not None or count is None:
            return self.momentum or 0.0
        running = self.running_mean
        double = running is not None and running.dtype.itemsize == 8
        return 1.0 / count.astype("float64" if double else "float32")

    def _normalized(
        self, x: Tensor, mean: Tensor | None, var: Tensor | None, own: bool, momentum: Any
    ) -> Tensor:
        return functional.batch_norm(x, mean, var, self.weight, self.bias, own, momentum, self.eps)


@register
class BatchNorm1d(BatchNorm):
    """x (N, num_features) or (N, num_features, L) normalised over all axes but the channels.

    In training by the batch's own mean and variance, towards which ``running_mean`` and
    ``running_var`` move by ``momentum`` (None: to the mean over all batches, which
    ``num_batches_tracked`` counts); in evaluation by those, or with ``track_running_stats=False``
    by the batch's own too. Raises ShapeError for other channels, or one value a channel in
    training. Source: Ioffe and Szegedy, "Batch normalization", 2015.

    >>> import jairika_nb as jrk
    >>> BatchNorm1d(1, eps=1e-9)(jrk.tensor([[1.0], [3.0]])).tolist()
    [[-1.0], [1.0]]
    """

    ranks = (2, 3)


@register
class BatchNorm2d(BatchNorm):
    """x (N, num_features, H, W) normalised over all axes but the channels; as :class:`BatchNorm1d`.

    >>> import jairika_nb as jrk
    >>> layer = BatchNorm2d(3)
    >>> layer(jrk.ones((2, 3, 4, 4))).shape, layer.num_batches_tracked.item()
    ((2, 3, 4, 4), 1)
    """

    ranks = (4,)


@register
class BatchNorm3d(BatchNorm):
    """x (N, num_features, D, H, W) normalised; as :class:`BatchNorm1d`."""

    ranks = (5,)


class InstanceNorm(ByChannel):
    """Base of instance normalisation."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        place = {"device": device, "dtype": dtype}
        self._keep(num_features, eps, momentum, affine, track_running_stats, bias, place)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        alone = input.ndim == self.ranks[0]
        if self.affine or self.track_running_stats:
            check_channels(input, self.num_features, 0 if alone else 1)
        input = input.unsqueeze(0) if alone else input
        own = self.training or not self.track_running_stats
        mean, var = self._statistics()
        y = functional.instance_norm(
            input, mean, var, self.weight, self.bias, own, self.momentum or 0.0, self.eps
        )
        if own and self.track_running_stats:
            self.running_mean, self.running_var = mean, var
        return y.squeeze(0) if alone else y


@register
class InstanceNorm1d(InstanceNorm):
    """x (N, num_features, L) normalised over L, each sample and channel alone; N may be missing.

    With ``track_running_stats`` running statistics are kept, and used in evaluation. Source:
    Ulyanov et al., "Instance normalization", 2016.

    >>> import jairika_nb as jrk
    >>> InstanceNorm1d(1, eps=1e-9)(jrk.tensor([[[1.0, 3.0]]])).tolist()
    [[[-1.0, 1.0]]]
    """

    ranks = (2, 3)


@register
class InstanceNorm2d(InstanceNorm):
    """x (N, num_features, H, W) normalised over H and W; as :class:`InstanceNorm1d`."""

    ranks = (3, 4)


@register
class InstanceNorm3d(InstanceNorm):
    """x (N, num_features, D, H, W) normalised over its space; as :class:`InstanceNorm1d`."""

    ranks = (4, 5)
