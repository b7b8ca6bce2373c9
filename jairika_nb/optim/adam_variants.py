"""Adamax, NAdam and RAdam: Adam with another norm, look-ahead, or a cautious start."""

from __future__ import annotations

import math

from jairika_nb.optim.optimizer import Groups, Optimizer, Slots, zeros_like
from jairika_nb.optim.options import Several
from jairika_nb.tensors.elementwise import abs as absolute
from jairika_nb.tensors.elementwise import maximum, sqrt, where
from jairika_nb.tensors.tensor import Tensor

# Below this, 1 minus the product of all momenta is 1 in double precision.
NOTHING = 1e-18


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the root mean square (Kingma and Ba 2015).

    >>> Adamax().lr
    0.002
    """

    options = ("lr", "beta1", "beta2", "eps", "weight_decay", "maximize")
    live = ("lr", "beta1", "beta2")
    slots = ("exp_avg", "exp_inf")
    betas = Several("beta1", "beta2")
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    maximize: bool

    def __init__(
        self,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(groups, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def scalars(self, step: int) -> tuple[float, ...]:
        """The step size corrected for the mean's start at 0; the decays."""
        return self.lr / (1 - self.beta1**step), 1 - self.beta1, self.beta2

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        size, fresh, beta2 = scalars
        g = -gradient if self.maximize else gradient
        if self.weight_decay:
            g = g + parameter * self.weight_decay
        mean, largest = (slots[s] if s in slots else zeros_like(parameter) for s in self.slots)
        mean = mean + (g - mean) * fresh
        largest = maximum(largest * beta2, absolute(g) + self.eps)
        return parameter - mean / largest * size, {"exp_avg": mean, "exp_inf": largest}


class _Decayed(Optimizer):
    """What NAdam and RAdam share: two running means, and both kinds of weight decay."""

    live = ("lr", "beta1", "beta2")
    slots = ("exp_avg", "exp_avg_sq")
    betas = Several("beta1", "beta2")
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    decoupled_weight_decay: bool
    maximize: bool

    def means(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: Slots,
        decays: list[Tensor],
    ) -> tuple[Tensor, Tensor, Slots]:
        """The decayed parameter, the gradient with decay, and the new means."""
        keep, fresh, beta2, fresh_square = decays
        g = -gradient if self.maximize else gradient
        if self.weight_decay and self.decoupled_weight_decay:
            parameter = parameter * keep
        elif self.weight_decay:
            g = g + parameter * self.weight_decay
        mean, square = (slots[s] if s in slots else zeros_like(parameter) for s in self.slots)
        mean = mean + (g - mean) * fresh
        square = square * beta2 + g * g * fresh_square
        return parameter, g, {"exp_avg": mean, "exp_avg_sq": square}

    def decays(self) -> tuple[float, ...]:
        """What a step leaves of the weights, and the decays of the means."""
        return 1 - self.lr * self.weight_decay, 1 - self.beta1, self.beta2, 1 - self.beta2


class NAdam(_Decayed):
    """Adam with Nesterov's look-ahead and a momentum that grows (Dozat 2016).

    At step ``t``, counted from 1, the momentum is
    ``beta1 * (1 - 0.96 ** (t * momentum_decay) / 2)``, and the mean is corrected by the product of
    all momenta up to ``t + 1``. That product is taken from the present ``beta1``: one changed in
    between counts as if it had always been so.

    >>> NAdam().momentum_decay
    0.004
    """

    options = (
        "lr",
        "beta1",
        "beta2",
        "eps",
        "weight_decay",
        "momentum_decay",
        "decoupled_weight_decay",
        "maximize",
    )
    live = _Decayed.live
    momentum_decay: float

    def __init__(
        self,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(
            groups,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )

    def scalars(self, step: int) -> tuple[float, ...]:
        """What the gradient and the mean count, the scale of the square; the decays."""
        now, ahead = (_momentum(self.beta1, self.momentum_decay, step + i) for i in (0, 1))
        product = _product(self.beta1, self.momentum_decay, step)
        of_gradient = self.lr * (1 - now) / (1 - product)
        of_mean = self.lr * ahead / (1 - product * ahead)
        return of_gradient, of_mean, 1 / (1 - self.beta2**step), *self.decays()

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        of_gradient, of_mean, scale, *decays = scalars
        parameter, g, new = self.means(parameter, gradient, slots, decays)
        root = sqrt(new["exp_avg_sq"] * scale) + self.eps
        return parameter - g / root * of_gradient - new["exp_avg"] / root * of_mean, new


def _momentum(beta1: float, decay: float, step: int) -> float:
    return beta1 * (1 - 0.5 * 0.96 ** (step * decay))


def _product(beta1: float, decay: float, step: int) -> float:
    """The product of the first ``step`` momenta; 0 where it no longer matters, mostly soon."""
    product = 1.0
    for i in range(1, step + 1):
        product *= _momentum(beta1, decay, i)
        if product < NOTHING:
            return 0.0
    return product


class RAdam(_Decayed):
    """Adam that trusts the mean square only once its variance is known (Liu et al. 2020).

    >>> RAdam().decoupled_weight_decay
    False
    """

    options = (
        "lr",
        "beta1",
        "beta2",
        "eps",
        "weight_decay",
        "decoupled_weight_decay",
        "maximize",
    )
    live = _Decayed.live

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(
            groups,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )

    def scalars(self, step: int) -> tuple[float, ...]:
        """Step sizes without and with the mean square, of which one is 0; the decays."""
        size = self.lr / (1 - self.beta1**step)
        left = self.beta2**step
        most = 2 / (1 - self.beta2) - 1
        length = most - 2 * step * left / (1 - left)
        if length <= 5:
            return size, 0.0, *self.decays()
        share = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
        return 0.0, size * math.sqrt((1 - left) * share), *self.decays()

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        plain, adaptive, *decays = scalars
        parameter, _, new = self.means(parameter, gradient, slots, decays)
        scaled = adaptive / (sqrt(new["exp_avg_sq"]) + self.eps)
        return parameter - new["exp_avg"] * where(adaptive > 0, scaled, plain), new
