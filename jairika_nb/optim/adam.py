"""Adam and AdamW."""

from __future__ import annotations

import math

from jairika_nb.optim.optimizer import Groups, Optimizer, Slots, zeros_like
from jairika_nb.optim.options import Several
from jairika_nb.tensors.elementwise import maximum, sqrt
from jairika_nb.tensors.tensor import Tensor


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and its square (Kingma and Ba 2015).

    >>> Adam(lr=0.01).betas
    (0.9, 0.999)
    """

    options = (
        "lr",
        "beta1",
        "beta2",
        "eps",
        "weight_decay",
        "amsgrad",
        "maximize",
        "decoupled_weight_decay",
    )
    live = ("lr", "beta1", "beta2")
    slots = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    betas = Several("beta1", "beta2")
    beta1: float
    beta2: float
    eps: float
    weight_decay: float
    amsgrad: bool
    maximize: bool
    decoupled_weight_decay: bool

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(
            groups,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled_weight_decay=decoupled_weight_decay,
        )

    def scalars(self, step: int) -> tuple[float, ...]:
        """Step size and scale of the root, corrected for the means' start at 0; the decays."""
        size = self.lr / (1 - self.beta1**step)
        scale = 1 / math.sqrt(1 - self.beta2**step)
        # Each is rounded once: 1 - beta2 in single precision would be wrong in the fifth digit.
        means = 1 - self.beta1, self.beta2, 1 - self.beta2
        return size, scale, 1 - self.lr * self.weight_decay, *means

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        size, scale, keep, fresh, beta2, fresh_square = scalars
        g = -gradient if self.maximize else gradient
        if self.weight_decay and self.decoupled_weight_decay:
            parameter = parameter * keep
        elif self.weight_decay:
            g = g + parameter * self.weight_decay
        mean, square = (slots[s] if s in slots else zeros_like(parameter) for s in self.slots[:2])
        mean = mean + (g - mean) * fresh
        square = square * beta2 + g * g * fresh_square
        new = {"exp_avg": mean, "exp_avg_sq": square}
        if self.amsgrad:
            held = slots.get("max_exp_avg_sq")
            new["max_exp_avg_sq"] = square = square if held is None else maximum(held, square)
        return parameter - mean / (sqrt(square) * scale + self.eps) * size, new


class AdamW(Adam):
    """Adam with the weight decay taken from the weights, not the gradient (Loshchilov 2019).

    >>> AdamW().weight_decay
    0.01
    """

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__(
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
            groups=groups,
        )
