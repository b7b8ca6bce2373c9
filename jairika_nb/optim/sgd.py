"""Stochastic gradient descent."""

from __future__ import annotations

from jairika_nb.errors import TrainingError
from jairika_nb.optim.optimizer import Optimizer, Slots, check_option
from jairika_nb.tensors.tensor import Tensor


class SGD(Optimizer):
    """``p - lr * g``, with momentum, dampening, Nesterov's look-ahead (Sutskever et al. 2013).

    >>> SGD(lr=0.1, momentum=0.9)
    SGD(lr=0.1, momentum=0.9, dampening=0, weight_decay=0, nesterov=False, maximize=False)
    """

    options = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize")
    live = ("lr",)
    slots = ("momentum_buffer",)

    def __init__(
        self,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__()
        self.lr = check_option("SGD", "lr", lr)
        self.momentum = check_option("SGD", "momentum", momentum)
        self.dampening = dampening
        self.weight_decay = check_option("SGD", "weight_decay", weight_decay)
        if nesterov and (not momentum or dampening):
            raise TrainingError("SGD: nesterov=True needs momentum above 0 and dampening=0")
        self.nesterov = nesterov
        self.maximize = maximize

    def scalars(self, step: int) -> tuple[float, ...]:
        """The learning rate."""
        return (self.lr,)

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """One step; the first fills the momentum buffer with the gradient itself."""
        g = -gradient if self.maximize else gradient
        if self.weight_decay:
            g = g + parameter * self.weight_decay
        if self.momentum:
            held = slots.get("momentum_buffer")
            buffer = g if held is None else held * self.momentum + g * (1 - self.dampening)
            slots = {"momentum_buffer": buffer}
            g = g + buffer * self.momentum if self.nesterov else buffer
        return parameter - g * scalars[0], slots
