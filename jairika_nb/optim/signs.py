"""Steps that follow signs: Rprop and Lion."""

from __future__ import annotations

from jairika_nb.errors import TrainingError
from jairika_nb.optim.optimizer import Groups, Optimizer, Slots, zeros_like
from jairika_nb.optim.options import Several
from jairika_nb.tensors.elementwise import clip, sign, where
from jairika_nb.tensors.tensor import Tensor


class Rprop(Optimizer):
    """Steps that grow while a gradient keeps its sign and shrink when it turns (Riedmiller 1993).

    For whole batches. ``lr`` is the size of the first step; later ones come from it by ``etas``,
    the factors for turning and for keeping, within ``step_sizes``.

    >>> Rprop().etas
    (0.5, 1.2)
    """

    options = ("lr", "eta_minus", "eta_plus", "step_size_min", "step_size_max", "maximize")
    live = ("lr",)
    slots = ("prev", "step_size")
    etas = Several("eta_minus", "eta_plus")
    step_sizes = Several("step_size_min", "step_size_max")
    eta_minus: float
    eta_plus: float
    step_size_min: float
    step_size_max: float
    maximize: bool

    def __init__(
        self,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(groups, lr=lr, etas=etas, step_sizes=step_sizes, maximize=maximize)

    def check(self) -> None:
        """The smallest step must not be above the largest."""
        if self.step_size_min > self.step_size_max:
            raise TrainingError(f"Rprop: step_sizes={self.step_sizes} must be (smallest, largest)")

    def scalars(self, step: int) -> tuple[float, ...]:
        """The learning rate."""
        return (self.lr,)

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        g = -gradient if self.maximize else gradient
        before = slots["prev"] if "prev" in slots else zeros_like(parameter)
        size = slots["step_size"] if "step_size" in slots else before + scalars[0]
        agreed = g * before
        factor = where(agreed > 0, self.eta_plus, where(agreed < 0, self.eta_minus, 1.0))
        size = clip(size * factor, self.step_size_min, self.step_size_max)
        g = where(agreed < 0, 0.0, g)
        return parameter - sign(g) * size, {"prev": g, "step_size": size}


class Lion(Optimizer):
    """The sign of a mean of gradients, with decay of the weights (Chen et al. 2023, algorithm 2).

    Its steps are larger than Adam's: take a learning rate 3 to 10 times smaller, and a weight
    decay as many times larger.

    >>> Lion().betas
    (0.9, 0.99)
    """

    options = ("lr", "beta1", "beta2", "weight_decay", "maximize")
    live = ("lr", "beta1", "beta2")
    slots = ("exp_avg",)
    betas = Several("beta1", "beta2")
    beta1: float
    beta2: float
    weight_decay: float
    maximize: bool

    def __init__(
        self,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(groups, lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize)

    def scalars(self, step: int) -> tuple[float, ...]:
        """The learning rate, what it leaves of the weights, what a gradient counts."""
        return self.lr, 1 - self.lr * self.weight_decay, 1 - self.beta1, 1 - self.beta2

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        lr, keep, for_step, for_mean = scalars
        g = -gradient if self.maximize else gradient
        mean = slots["exp_avg"] if "exp_avg" in slots else zeros_like(parameter)
        if self.weight_decay:
            parameter = parameter * keep
        direction = sign(mean + (g - mean) * for_step)
        return parameter - direction * lr, {"exp_avg": mean + (g - mean) * for_mean}
