"""Losses as modules, for PyTorch's way of writing; the arithmetic is in ``functional``."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from jairika_nb.errors import ArgumentError
from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.reducing import check_reduction
from jairika_nb.nn.module import Module
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor


class Loss(Module):
    """Base of losses: targets may come as NumPy arrays, which are checked before they move."""

    takes_arrays = True
    # Reductions of its own, beside those of all.
    also: tuple[str, ...] = ()
    # Attributes that its text shows.
    shown: tuple[str, ...] = ("reduction",)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        for name in ("size_average", "reduce"):
            if name in kwargs:
                raise ArgumentError(
                    f'{cls.__name__} takes no {name}=; use reduction="mean", "sum" or "none"'
                )
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, reduction: str = "mean") -> None:
        check_reduction(reduction, self.also)
        self.reduction = reduction

    def weighted(self, name: str, value: Any) -> None:
        """Keep weights as a buffer, which moves with the loss."""
        is_made = value is None or isinstance(value, Tensor)
        self.register_buffer(name, value if is_made else tensor(np.asarray(value), "float32"))

    def extra_repr(self) -> str:
        """The arguments that are plain."""
        shown = {k: v for k, v in vars(self).items() if k in self.shown}
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())


class Measure(Loss):
    """Base of losses of numbers: arrays become tensors in the prediction's dtype."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """See ``forward``."""
        if kwargs:
            args = inspect.signature(self.forward).bind(*args, **kwargs).args
        prediction, *others = args
        if not isinstance(prediction, Tensor):
            prediction = tensor(prediction)
        return super().__call__(prediction, *(_like(prediction, other) for other in others))


def _like(prediction: Tensor, other: Any) -> Any:
    if not isinstance(other, np.ndarray | list | tuple):
        return other
    array = np.asarray(other)
    dtype = prediction.dtype if array.dtype.kind == "f" else None
    return tensor(array, dtype=dtype, device=prediction.device)


@register
class MSELoss(Measure):
    """The mean (or sum) of squared differences.

    >>> import jairika_nb as jrk
    >>> MSELoss()(jrk.tensor([1.0, 2.0]), jrk.tensor([1.0, 4.0])).item()
    2.0
    """

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.mse_loss(input, target, self.reduction)


@register
class CrossEntropyLoss(Loss):
    """Cross-entropy of class indices or probabilities under the softmax of the predictions.

    See :func:`jairika_nb.nn.functional.cross_entropy` for shapes and errors.
    """

    shown = ("ignore_index", "reduction", "label_smoothing")

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.weighted("weight", weight)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.cross_entropy(
            input,
            target,
            self.weight,
            self.ignore_index,
            self.reduction,
            self.label_smoothing,
        )


@register
class NLLLoss(Loss):
    """The negative of the target's entry in log-probabilities, as from ``nn.LogSoftmax``.

    See :func:`jairika_nb.nn.functional.nll_loss` for shapes and errors.
    """

    shown = ("ignore_index", "reduction")

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.weighted("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


@register
class FocalLoss(Loss):
    """Cross-entropy in which classes that are told well already count little (Lin et al. 2017).

    See :func:`jairika_nb.nn.functional.softmax_focal_loss`; the form for sigmoids is
    :func:`jairika_nb.nn.functional.sigmoid_focal_loss`.
    """

    shown = ("gamma", "ignore_index", "reduction")

    def __init__(
        self,
        weight: Any = None,
        gamma: float = 2.0,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.weighted("weight", weight)
        self.gamma, self.ignore_index = gamma, ignore_index

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.softmax_focal_loss(
            input, target, self.weight, self.gamma, self.ignore_index, self.reduction
        )


@register
class CTCLoss(Loss):
    """The likelihood of label sequences under all their alignments in time (Graves et al. 2006).

    See :func:`jairika_nb.nn.functional.ctc_loss` for shapes and errors.
    """

    shown = ("blank", "reduction", "zero_infinity")

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(
        self, log_probs: Tensor, targets: Any, input_lengths: Any, target_lengths: Any
    ) -> Tensor:
        return functional.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
        )
