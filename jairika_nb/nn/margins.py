"""Losses with a margin as modules; formulas are in ``functional``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.functional.margins import check_signs
from jairika_nb.nn.losses import Loss, Measure
from jairika_nb.tensors.tensor import Tensor


class _Margin(Loss):
    """A loss with a margin and a reduction."""

    shown = ("margin", "reduction")

    def __init__(self, margin: float, reduction: str) -> None:
        super().__init__(reduction)
        self.margin = margin


@register
class MarginRankingLoss(Measure):
    """``max(-target * (x1 - x2) + margin, 0)``: target 1 wants ``x1`` higher, -1 lower."""

    shown = ("margin", "reduction")

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        return functional.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


@register
class HingeEmbeddingLoss(_Margin):
    """A distance where the target is 1, what it lacks to ``margin`` where it is -1."""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.hinge_embedding_loss(input, target, self.margin, self.reduction)

    def check_target(self, target: Any) -> None:
        """Raise DataError for targets on the host that are neither 1 nor -1."""
        check_signs("hinge_embedding_loss", np.asarray(target))


@register
class CosineEmbeddingLoss(_Margin):
    """``1 - cos`` of two vectors where the target is 1, ``max(cos - margin, 0)`` where it is -1."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(margin, reduction)

    def forward(self, input1: Tensor, input2: Tensor, target: Any) -> Tensor:
        return functional.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


@register
class SoftMarginLoss(Measure):
    """``log(1 + exp(-target * x))`` for targets 1 and -1."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.soft_margin_loss(input, target, self.reduction)


@register
class MultiLabelSoftMarginLoss(Measure):
    """The mean over classes of the cross-entropy of sigmoids."""

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weighted("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


@register
class MultiLabelMarginLoss(Loss):
    """How far classes that are no target come within 1 of each target's score.

    See :func:`jairika_nb.nn.functional.multilabel_margin_loss` for shapes and errors.
    """

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.multilabel_margin_loss(input, target, self.reduction)


@register
class MultiMarginLoss(Loss):
    """How far other classes come within ``margin`` of the target's score, to the power ``p``.

    See :func:`jairika_nb.nn.functional.multi_margin_loss` for shapes and errors.
    """

    shown = ("p", "margin", "reduction")
    # None of the labels is left out; those of losses that say so are looked at before they move.
    ignore_index = None

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.p, self.margin = p, margin
        self.weighted("weight", weight)

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return functional.multi_margin_loss(
            input, target, self.p, self.margin, self.weight, self.reduction
        )


@register
class TripletMarginLoss(Measure):
    """How much nearer than ``margin`` the negative is to the anchor, compared with the positive."""

    shown = ("margin", "p", "eps", "swap", "reduction")

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin, self.p, self.eps, self.swap = margin, p, eps, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return functional.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )


@register
class TripletMarginWithDistanceLoss(Measure):
    """As TripletMarginLoss, by any distance of two tensors; by default the Euclidean one.

    A module as ``distance_function`` is a part of the loss and is stored with it; another function
    is code, with which the loss has no form as data.
    """

    shown = ("margin", "swap", "reduction")

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.distance_function = distance_function
        self.margin, self.swap = margin, swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        return functional.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
