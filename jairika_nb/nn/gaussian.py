"""Draws from normal distributions whose parameters a network gives."""

from __future__ import annotations

from jairika_nb.errors import ShapeError
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.tensors import random
from jairika_nb.tensors.tensor import Tensor


@register
class GaussianSample(Module):
    """``mean + exp(log_variance / 2) * noise`` in training, the mean in evaluation.

    Mean and logarithm of the variance have one shape. The noise is standard normal, so that
    derivatives reach both (the reparametrisation of Kingma and Welling 2014).

    >>> import jairika_nb as jrk
    >>> GaussianSample().eval()(jrk.tensor([1.5]), jrk.tensor([0.0])).tolist()
    [1.5]
    """

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        if mean.shape != log_variance.shape:
            raise ShapeError(f"mean {mean.shape} and log_variance {log_variance.shape} must agree")
        if not self.training:
            return mean
        noise = random.normal(mean.shape, dtype=mean.dtype, device=mean.device)
        return mean + (log_variance * 0.5).exp() * noise
