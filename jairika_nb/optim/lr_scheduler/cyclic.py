"""Rates that go up and down again and again (Smith 2017)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from jairika_nb.errors import TrainingError
from jairika_nb.optim.lr_scheduler.momenta import each, momentum_of, move_momentum
from jairika_nb.optim.lr_scheduler.schedule import COUNT, FACTOR, Checks, LRScheduler
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.options import OneOf, flag

# What the height of a cycle is multiplied by, and whether its argument is the cycle or the step.
SCALES: dict[str, tuple[Callable[[float, float], float], str]] = {
    "triangular": (lambda x, gamma: 1.0, "cycle"),
    "triangular2": (lambda x, gamma: 1 / 2.0 ** (x - 1), "cycle"),
    "exp_range": (lambda x, gamma: gamma**x, "iterations"),
}


class CyclicLR(LRScheduler):
    """From ``base_lr`` to ``max_lr`` in ``step_size_up`` steps and back in ``step_size_down``.

    ``mode`` "triangular" keeps the height, "triangular2" halves it after each cycle, "exp_range"
    multiplies it by ``gamma`` after each step. ``scale_fn`` takes the place of these: a function
    of the number of the cycle from 1 up, or with ``scale_mode="iterations"`` of the step; as code
    it is left out of ``state_dict``. ``step_size_down`` defaults to ``step_size_up``.
    ``cycle_momentum`` moves ``momentum``, or the first of ``betas``, the other way, between
    ``max_momentum`` and ``base_momentum``. Lists give a value for the optimiser and each group with
    an own rate. It is asked after every step.

    >>> from jairika_nb import optim
    >>> opt = optim.SGD(momentum=0.9)
    >>> schedule = CyclicLR(opt, base_lr=0.0, max_lr=1.0, step_size_up=2, mode="triangular2")
    >>> [(opt.lr, schedule.step())[0] for _ in range(7)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5]
    """

    every = "step"
    options = (
        "base_lr",
        "max_lr",
        "step_size_up",
        "step_size_down",
        "mode",
        "gamma",
        "scale_mode",
        "cycle_momentum",
        "base_momentum",
        "max_momentum",
    )
    checks: ClassVar[Checks] = {
        "step_size_up": COUNT,
        "step_size_down": COUNT,
        "mode": OneOf(tuple(SCALES)),
        "gamma": FACTOR,
        "scale_mode": OneOf(("cycle", "iterations")),
        "cycle_momentum": flag,
    }

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.base_lr, self.max_lr = base_lr, max_lr
        self.step_size_up = step_size_up
        self.step_size_down = step_size_up if step_size_down is None else step_size_down
        self.mode, self.gamma = mode, gamma
        if scale_fn is not None and not callable(scale_fn):
            raise TrainingError(f"CyclicLR: scale_fn={scale_fn!r} must be a function of a number")
        self.scale_fn, self.scale_mode = scale_fn, scale_mode
        self.cycle_momentum = cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        if cycle_momentum is True and isinstance(optimizer, Optimizer):
            momentum_of("CyclicLR", optimizer)
        super().__init__(optimizer, last_epoch, every)

    def begin(self) -> None:
        """Start from ``base_lr``, whatever the rate was."""
        self.base_lrs = each("CyclicLR", self.optimizer, "base_lr", self.base_lr, "lr")
        super().begin()

    def move(self, by: Any) -> None:
        """Set rates, and the momentum with them."""
        self._tops = iter(each("CyclicLR", self.optimizer, "max_lr", self.max_lr, "lr"))
        super().move(by)
        del self._tops
        self._move_momentum()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See :meth:`LRScheduler.load_state_dict`; the momentum goes back too."""
        super().load_state_dict(state)
        self._move_momentum()

    def _move_momentum(self) -> None:
        if self.cycle_momentum:
            height = self._height()
            bounds = self.base_momentum, self.max_momentum
            move_momentum(self, *bounds, lambda low, high: high - (high - low) * height)

    def first(self, lr: float, base: float) -> float:
        """The start of the cycle."""
        return self.rate(lr, base)

    def rate(self, lr: float, base: float) -> float:
        """The point of the cycle."""
        return base + (next(self._tops) - base) * self._height()

    def _height(self) -> float:
        """Where the rate is between its bounds, from 0 to 1 times the scale."""
        length = self.step_size_up + self.step_size_down
        up = self.step_size_up / length
        cycle = math.floor(1 + self.last_epoch / length)
        place = 1 + self.last_epoch / length - cycle
        share = place / up if place <= up else (place - 1) / (up - 1)
        scale, kind = SCALES[self.mode]
        if self.scale_fn is not None:
            argument = cycle if self.scale_mode == "cycle" else self.last_epoch
            return share * self.scale_fn(argument)
        return share * scale(cycle if kind == "cycle" else self.last_epoch, self.gamma)
