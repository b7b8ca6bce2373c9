"""Inputs brought to mean 0 and variance 1 by statistics that are kept with the network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jairika_nb.errors import ArchitectureError, DataError, ShapeError
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.tensors.creation import ones, tensor, zeros
from jairika_nb.tensors.plain import whole
from jairika_nb.tensors.tensor import Tensor


@register
class Normalization(Module):
    """``(x - mean) / std``, with statistics of data seen once: Keras' layer of this name.

    ``shape`` is that of the statistics, matched to the last axes of the inputs: ``()`` is one mean
    for everything, ``(4,)`` one for each of 4 features, ``(3, 1, 1)`` one for each channel of
    images. They are buffers, at first 0 and 1; :meth:`adapt` learns them, and so does
    ``nn.init.lsuv``. Training does not change them.

    >>> import jairika_nb as jrk
    >>> layer = Normalization((2,)).adapt(jrk.tensor([[1.0, 10.0], [3.0, 30.0]]))
    >>> layer(jrk.tensor([[2.0, 10.0]])).tolist()
    [[0.0, -1.0]]
    """

    mean: Tensor
    std: Tensor

    def __init__(self, shape: int | Sequence[int] = (), device: Any = None, dtype: Any = None):
        sizes = tuple(whole(n) or 0 for n in (shape if isinstance(shape, Sequence) else (shape,)))
        if not all(n > 0 for n in sizes):
            raise ArchitectureError(f"Normalization: shape={shape!r} must be sizes from 1 up")
        place = {"device": device, "dtype": dtype or "float32"}
        self.shape = sizes
        self.register_buffer("mean", zeros(sizes, **place))
        self.register_buffer("std", ones(sizes, **place))

    def adapt(self, data: Any) -> Normalization:
        """Take mean and standard deviation from data of the inputs' form, the batch axis first.

        What does not vary in it, as nothing does in a single sample, is left as it comes: mean 0,
        deviation 1. Returns the layer; raises ShapeError for data that does not fit, DataError
        where it is not finite.
        """
        values = np.asarray(data, dtype=np.float64)
        axes = self._axes(values.shape)
        mean, std = values.mean(axes, keepdims=True), values.std(axes, keepdims=True)
        if not np.isfinite(std).all():
            raise DataError("Normalization: the data holds NaN or infinity, or nothing at all")
        still = std <= 1e-7 * np.abs(mean)
        mean, std = np.where(still, 0, mean), np.where(still, 1, std)
        for name, found in (("mean", mean), ("std", std)):
            old = getattr(self, name)
            setattr(self, name, tensor(found.reshape(self.shape), old.dtype, old.device))
        return self

    def _axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The axes of data that a statistic is taken over."""
        start = len(shape) - len(self.shape)
        pairs = zip(shape[max(start, 0) :], self.shape, strict=False)
        if start < 0 or any(own not in (1, n) for n, own in pairs):
            raise ShapeError(
                f"inputs {shape} do not end in the shape {self.shape} of the statistics"
            )
        return tuple(i for i in range(len(shape)) if i < start or self.shape[i - start] == 1)

    def forward(self, input: Tensor) -> Tensor:
        self._axes(input.shape)
        return (input - self.mean) / self.std

    def extra_repr(self) -> str:
        return str(self.shape)
