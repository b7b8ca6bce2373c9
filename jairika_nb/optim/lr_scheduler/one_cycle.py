"""The one-cycle policy (Smith and Topin 2019)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from jairika_nb.errors import TrainingError
from jairika_nb.optim.lr_scheduler.momenta import each, momentum_of, move_momentum
from jairika_nb.optim.lr_scheduler.schedule import COUNT, Checks, LRScheduler
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.options import Number, OneOf, flag

ABOVE_ZERO = Number(above=0)
SHARE = Number(most=1)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (math.cos(math.pi * share) + 1)


def _line(start: float, end: float, share: float) -> float:
    return (end - start) * share + start


ANNEAL = {"cos": _cosine, "linear": _line}


class OneCycleLR(LRScheduler):
    """Up to ``max_lr`` and down again far below, once; the momentum goes the other way.

    It starts at ``max_lr / div_factor`` and ends at that over ``final_div_factor``. Give
    ``total_steps``, or ``epochs`` and ``steps_per_epoch``; it is asked after every step, and
    raises TrainingError after the last. ``pct_start`` is the share of steps that go up.
    ``three_phase`` comes down to the start first, and goes below it only then. ``cycle_momentum``
    moves ``momentum``, or the first of ``betas``, between ``max_momentum`` and ``base_momentum``.
    Lists give a value for the optimiser and each group with an own rate.

    >>> from jairika_nb import optim
    >>> opt = optim.SGD(momentum=0.9)
    >>> schedule = OneCycleLR(opt, max_lr=1.0, total_steps=10)
    >>> [(round(opt.lr, 2), schedule.step())[0] for _ in range(9)]
    [0.04, 0.52, 1.0, 0.95, 0.81, 0.61, 0.39, 0.19, 0.05]
    """

    every = "step"
    options = (
        "max_lr",
        "total_steps",
        "pct_start",
        "anneal_strategy",
        "cycle_momentum",
        "base_momentum",
        "max_momentum",
        "div_factor",
        "final_div_factor",
        "three_phase",
    )
    checks: ClassVar[Checks] = {
        "total_steps": COUNT,
        "pct_start": SHARE,
        "anneal_strategy": OneOf(("cos", "linear")),
        "cycle_momentum": flag,
        "div_factor": ABOVE_ZERO,
        "final_div_factor": ABOVE_ZERO,
        "three_phase": flag,
    }

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.max_lr = max_lr
        self.total_steps: Any = total_steps
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise TrainingError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
            own = type(self).__name__
            counts = COUNT(own, "epochs", epochs), COUNT(own, "steps_per_epoch", steps_per_epoch)
            self.total_steps = counts[0] * counts[1]
        self.pct_start, self.anneal_strategy = pct_start, anneal_strategy
        self.cycle_momentum = cycle_momentum
        self.base_momentum, self.max_momentum = base_momentum, max_momentum
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.three_phase = three_phase
        if cycle_momentum is True and isinstance(optimizer, Optimizer):
            momentum_of("OneCycleLR", optimizer)
        super().__init__(optimizer, last_epoch, every)

    def begin(self) -> None:
        """Start from ``max_lr / div_factor``, whatever the rate was."""
        tops = each("OneCycleLR", self.optimizer, "max_lr", self.max_lr, "lr")
        self.base_lrs = [top / self.div_factor for top in tops]
        super().begin()

    def move(self, by: Any) -> None:
        """Set rates, and the momentum with them."""
        if self.last_epoch > self.total_steps:
            raise TrainingError(
                f"OneCycleLR: step {self.last_epoch} was asked, but it ends after "
                f"total_steps={self.total_steps}: make it as long as the training"
            )
        super().move(by)
        self._move_momentum()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See :meth:`LRScheduler.load_state_dict`; the momentum goes back too."""
        super().load_state_dict(state)
        self._move_momentum()

    def _move_momentum(self) -> None:
        if self.cycle_momentum:
            bounds = self.base_momentum, self.max_momentum
            move_momentum(self, *bounds, lambda low, high: self._between(high, low, high, high))

    def first(self, lr: float, base: float) -> float:
        """The start of the cycle."""
        return base

    def rate(self, lr: float, base: float) -> float:
        """The point of the cycle."""
        return self._between(base, base * self.div_factor, base, base / self.final_div_factor)

    def _between(self, start: float, top: float, again: float, end: float) -> float:
        """The value now, of one that goes from ``start`` to ``top``, ``again`` and ``end``."""
        up, last = self.pct_start * self.total_steps - 1, self.total_steps - 1
        legs = [(up, start, top), (last, top, end)]
        if self.three_phase:
            legs[1:] = [(2 * up, top, again), (last, again, end)]
        begun = 0.0
        while len(legs) > 1 and self.last_epoch > legs[0][0]:
            begun = legs.pop(0)[0]
        until, a, b = legs[0]
        share = (self.last_epoch - begun) / (until - begun) if until != begun else 1.0
        return ANNEAL[self.anneal_strategy](a, b, share)
