"""Losses as modules, for PyTorch's way of writing; the arithmetic is in ``functional``."""

from __future__ import annotations

from typing import Any

from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.losses import check_reduction
from jairika_nb.nn.module import Module
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor


class Loss(Module):
    """Base of losses: targets may come as NumPy arrays, which are checked before they move."""

    takes_arrays = True

    def __init__(self, reduction: str = "mean") -> None:
        check_reduction(reduction)
        self.reduction = reduction


@register
class MSELoss(Loss):
    """The mean (or sum) of squared differences.

    >>> import jairika_nb as jrk
    >>> MSELoss()(jrk.tensor([1.0, 2.0]), jrk.tensor([1.0, 4.0])).item()
    2.0
    """

    def forward(self, prediction: Tensor, target: Any) -> Tensor:
        return functional.mse_loss(prediction, target, self.reduction)


@register
class CrossEntropyLoss(Loss):
    """Cross-entropy of class indices or probabilities under the softmax of the predictions.

    See :func:`jairika_nb.nn.functional.cross_entropy` for shapes and errors.
    """

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        weight = weight if weight is None or isinstance(weight, Tensor) else tensor(weight)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, prediction: Tensor, target: Any) -> Tensor:
        return functional.cross_entropy(
            prediction,
            target,
            self.weight,
            self.ignore_index,
            self.reduction,
            self.label_smoothing,
        )
