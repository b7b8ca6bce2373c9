"""Adam and AdamW."""

from __future__ import annotations

import math

from jairika_nb.errors import TrainingError
from jairika_nb.optim.optimizer import Optimizer, Slots, check_option, zeros_like
from jairika_nb.tensors.elementwise import maximum, sqrt
from jairika_nb.tensors.tensor import Tensor


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and its square (Kingma and Ba 2015).

    >>> Adam(lr=0.01).betas
    (0.9, 0.999)
    """

    options = ("lr", "beta1", "beta2", "eps", "weight_decay", "amsgrad", "maximize")
    live = ("lr",)
    slots = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    decoupled = False

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__()
        own = type(self).__name__
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise TrainingError(f"{own}: betas={betas!r} must be two numbers such as (0.9, 0.999)")
        self.lr = check_option(own, "lr", lr)
        self.beta1 = check_option(own, "betas[0]", betas[0], below=1)
        self.beta2 = check_option(own, "betas[1]", betas[1], below=1)
        self.eps = check_option(own, "eps", eps)
        self.weight_decay = check_option(own, "weight_decay", weight_decay)
        self.amsgrad = amsgrad
        self.maximize = maximize

    @property
    def betas(self) -> tuple[float, float]:
        """The decay of the two running means per step."""
        return self.beta1, self.beta2

    def scalars(self, step: int) -> tuple[float, ...]:
        """Step size and scale of the root, corrected for the means' start at 0; the decay."""
        size = self.lr / (1 - self.beta1**step)
        return size, 1 / math.sqrt(1 - self.beta2**step), 1 - self.lr * self.weight_decay

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        g = -gradient if self.maximize else gradient
        if self.weight_decay and self.decoupled:
            parameter = parameter * scalars[2]
        elif self.weight_decay:
            g = g + parameter * self.weight_decay
        mean, square = (slots[s] if s in slots else zeros_like(parameter) for s in self.slots[:2])
        mean = mean + (g - mean) * (1 - self.beta1)
        square = square * self.beta2 + g * g * (1 - self.beta2)
        new = {"exp_avg": mean, "exp_avg_sq": square}
        if self.amsgrad:
            held = slots.get("max_exp_avg_sq")
            new["max_exp_avg_sq"] = square = square if held is None else maximum(held, square)
        return parameter - mean / (sqrt(square) * scalars[1] + self.eps) * scalars[0], new


class AdamW(Adam):
    """Adam with the weight decay taken from the weights, not the gradient (Loshchilov 2019).

    >>> AdamW().weight_decay
    0.01
    """

    decoupled = True

    def __init__(
        self,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
