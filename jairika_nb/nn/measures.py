"""Losses of numbers, element by element, as modules; formulas are in ``functional``."""

from __future__ import annotations

from typing import Any

from jairika_nb.nn import functional
from jairika_nb.nn.architecture import register
from jairika_nb.nn.losses import Measure
from jairika_nb.tensors.tensor import Tensor


@register
class L1Loss(Measure):
    """The mean of absolute differences.

    >>> import jairika_nb as jrk
    >>> L1Loss()(jrk.tensor([1.0, 2.0]), jrk.tensor([1.0, 4.0])).item()
    1.0
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.l1_loss(input, target, self.reduction)


@register
class SmoothL1Loss(Measure):
    """Squared differences below ``beta``, absolute above (Girshick 2015)."""

    shown = ("reduction", "beta")

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.smooth_l1_loss(input, target, self.reduction, self.beta)


@register
class HuberLoss(Measure):
    """Half the squared differences up to ``delta``, growing straight beyond it (Huber 1964)."""

    shown = ("reduction", "delta")

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.huber_loss(input, target, self.reduction, self.delta)


@register
class BCELoss(Measure):
    """The cross-entropy of probabilities with targets between 0 and 1.

    >>> import jairika_nb as jrk
    >>> round(BCELoss()(jrk.tensor([0.5, 0.5]), jrk.tensor([0.0, 1.0])).item(), 4)
    0.6931
    """

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weighted("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy(input, target, self.weight, self.reduction)


@register
class BCEWithLogitsLoss(Measure):
    """The cross-entropy of sigmoids of logits; ``pos_weight`` scales the targets that are 1.

    >>> import jairika_nb as jrk
    >>> round(BCEWithLogitsLoss()(jrk.tensor([0.0]), jrk.tensor([1.0])).item(), 4)
    0.6931
    """

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self.weighted("weight", weight)
        self.weighted("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )


@register
class KLDivLoss(Measure):
    """The divergence of targets from predictions, which are log-probabilities.

    ``reduction="batchmean"`` is the divergence as it is defined; "mean" is over all values.
    """

    also = ("batchmean",)
    shown = ("reduction", "log_target")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return functional.kl_div(input, target, self.reduction, self.log_target)


@register
class PoissonNLLLoss(Measure):
    """The negative log-likelihood of counts under a Poisson rate, or with ``log_input`` its log."""

    shown = ("log_input", "full", "eps", "reduction")

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.log_input, self.full, self.eps = log_input, full, eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        return functional.poisson_nll_loss(
            log_input, target, self.log_input, self.full, self.eps, self.reduction
        )


@register
class GaussianNLLLoss(Measure):
    """The negative log-likelihood under a normal distribution of the predicted mean and variance.

    ``GaussianNLLLoss()(mean, target, var)``.
    """

    shown = ("full", "eps", "reduction")

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor) -> Tensor:
        return functional.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
