"""Stochastic gradient descent, and its average."""

from __future__ import annotations

from jairika_nb.errors import TrainingError
from jairika_nb.optim.optimizer import Groups, Optimizer, Slots, zeros_like
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.tensor import Tensor


class SGD(Optimizer):
    """``p - lr * g``, with momentum, dampening, Nesterov's look-ahead (Sutskever et al. 2013).

    >>> SGD(lr=0.1, momentum=0.9)
    SGD(lr=0.1, momentum=0.9, dampening=0, weight_decay=0, nesterov=False, maximize=False)
    """

    options = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
    live = ("lr", "momentum")
    switches = ("momentum",)
    slots = ("momentum_buffer",)
    momentum: float
    dampening: float
    weight_decay: float
    nesterov: bool
    maximize: bool

    def __init__(
        self,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(
            groups,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )

    def check(self) -> None:
        """Nesterov's look-ahead needs a momentum without dampening."""
        if self.nesterov and (not self.momentum or self.dampening):
            raise TrainingError("SGD: nesterov=True needs momentum above 0 and dampening=0")

    def scalars(self, step: int) -> tuple[float, ...]:
        """The learning rate and the momentum."""
        return self.lr, self.momentum

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step; the first fills the momentum buffer with the gradient itself."""
        lr, momentum = scalars
        g = -gradient if self.maximize else gradient
        if self.weight_decay:
            g = g + parameter * self.weight_decay
        if self.momentum:
            held = slots.get("momentum_buffer")
            buffer = g if held is None else held * momentum + g * (1 - self.dampening)
            slots = {"momentum_buffer": buffer}
            g = g + buffer * momentum if self.nesterov else buffer
        return parameter - g * lr, slots


class ASGD(Optimizer):
    """SGD with falling steps whose weights are averaged (Polyak and Juditsky 1992).

    The average is the slot ``ax``; it starts to lag ``t0`` steps after the first one. Step ``t``
    has the size ``lr / (1 + lambd * lr * (t - 1)) ** alpha`` of the learning rate at that step,
    where PyTorch's takes it from the step before.

    >>> ASGD(lr=0.1).t0
    1000000.0
    """

    options = ("lr", "lambd", "alpha", "t0", "weight_decay", "maximize")
    live = ("lr",)
    slots = ("ax",)
    lambd: float
    alpha: float
    t0: float
    weight_decay: float
    maximize: bool

    def __init__(
        self,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        *,
        maximize: bool = False,
        groups: Groups = (),
    ) -> None:
        super().__init__()
        self.take(
            groups,
            lr=lr,
            lambd=lambd,
            alpha=alpha,
            t0=t0,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def scalars(self, step: int) -> tuple[float, ...]:
        """The step's size, what it leaves of the weights, their share in the average."""
        eta = self.lr / (1 + self.lambd * self.lr * (step - 1)) ** self.alpha
        return eta, 1 - self.lambd * eta, 1 / max(1, step - 1 - self.t0)

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step."""
        eta, keep, share = scalars
        g = -gradient if self.maximize else gradient
        if self.weight_decay:
            g = g + parameter * self.weight_decay
        new = parameter * keep - g * eta
        average = slots["ax"] if "ax" in slots else zeros_like(parameter)
        return new, {"ax": where(share < 1, average + (new - average) * share, new)}
