"""Steps scaled by past squares: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

import numpy as np

from jairika_nb.optim.optimizer import Groups, Optimizer, Slots, zeros_like
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.elementwise import clip, sqrt
from jairika_nb.tensors.tensor import Tensor


class RMSprop(Optimizer):
    """Gradients over the root of their running mean square (Tieleman and Hinton 2012).

    ``centered`` takes the variance instead (Graves 2013); ``momentum`` keeps part of each step.

    >>> RMSprop().alpha
    0.99
    """

    options = ("lr", "alpha", "eps", "weight_decay", "momentum", "centered", "maximize")
    live = ("lr", "momentum")
    switches = ("momentum",)
    slots = ("square_avg", "grad_avg", "momentum_buffer")
    alpha: float
    eps: float
    weight_decay: float
    momentum: float
    centered: bool
    maximize: bool

    def __init__(
        self,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(
            groups,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            maximize=maximize,
        )

    def scalars(self, step: int) -> tuple[float, ...]:
        """The learning rate and the momentum."""
        return self.lr, self.momentum

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        lr, momentum = scalars
        g = -gradient if self.maximize else gradient
        if self.weight_decay:
            g = g + parameter * self.weight_decay

        def held(slot: str) -> Tensor:
            return slots[slot] if slot in slots else zeros_like(parameter)

        spread = held("square_avg") * self.alpha + g * g * (1 - self.alpha)
        new = {"square_avg": spread}
        if self.centered:
            mean = held("grad_avg")
            new["grad_avg"] = mean = mean + (g - mean) * (1 - self.alpha)
            # Rounding must not make a variance of 0 negative.
            spread = clip(spread - mean * mean, min=0.0)
        step = g / (sqrt(spread) + self.eps)
        if self.momentum:
            new["momentum_buffer"] = step = held("momentum_buffer") * momentum + step
        return parameter - step * lr, new


class Adagrad(Optimizer):
    """Gradients over the root of the sum of all their squares (Duchi et al. 2011).

    >>> Adagrad().eps
    1e-10
    """

    options = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps", "maximize")
    live = ("lr",)
    slots = ("sum",)
    lr_decay: float
    weight_decay: float
    initial_accumulator_value: float
    eps: float
    maximize: bool

    def __init__(
        self,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(
            groups,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )

    def scalars(self, step: int) -> tuple[float, ...]:
        """The learning rate of the step."""
        return (self.lr / (1 + (step - 1) * self.lr_decay),)

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        g = -gradient if self.maximize else gradient
        if self.weight_decay:
            g = g + parameter * self.weight_decay
        held = slots.get("sum")
        if held is None:
            start = np.full(parameter.shape, self.initial_accumulator_value)
            held = tensor(start, dtype=parameter.dtype, device=parameter.device)
        total = held + g * g
        return parameter - g / (sqrt(total) + self.eps) * scalars[0], {"sum": total}


class Adadelta(Optimizer):
    """Gradients scaled by the size of past steps over that of past gradients (Zeiler 2012).

    >>> Adadelta().rho
    0.9
    """

    options = ("lr", "rho", "eps", "weight_decay", "maximize")
    live = ("lr",)
    slots = ("square_avg", "acc_delta")
    rho: float
    eps: float
    weight_decay: float
    maximize: bool

    def __init__(
        self,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(groups, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def scalars(self, step: int) -> tuple[float, ...]:
        """The learning rate."""
        return (self.lr,)

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        g = -gradient if self.maximize else gradient
        if self.weight_decay:
            g = g + parameter * self.weight_decay
        square, steps = (slots[s] if s in slots else zeros_like(parameter) for s in self.slots)
        square = square * self.rho + g * g * (1 - self.rho)
        step = sqrt(steps + self.eps) / sqrt(square + self.eps) * g
        steps = steps * self.rho + step * step * (1 - self.rho)
        return parameter - step * scalars[0], {"square_avg": square, "acc_delta": steps}
