"""A schedule that waits for a measure to stop getting better."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from jairika_nb.errors import TrainingError
from jairika_nb.optim.lr_scheduler.schedule import FACTOR, Checks, LRScheduler
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.options import Number, OneOf

PATIENCE = Number(whole=True)


class ReduceLROnPlateau(LRScheduler):
    """The rate times ``factor`` when a measure has not got better for ``patience`` epochs.

    ``step(measure)`` takes the loss (or with ``mode="max"`` an accuracy) of the epoch. Better
    means by more than ``threshold``: a share of the best with "rel", a difference with "abs".
    After a change ``cooldown`` epochs do not count; no rate goes below ``min_lr``, and none is
    changed by less than ``eps``.

    >>> from jairika_nb import optim
    >>> opt = optim.SGD(lr=1.0)
    >>> schedule = ReduceLROnPlateau(opt, factor=0.5, patience=1)
    >>> [(schedule.step(loss), opt.lr)[1] for loss in (3.0, 2.0, 2.0, 2.0, 2.0)]
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    needs_metric = True
    options = (
        "mode",
        "factor",
        "patience",
        "threshold",
        "threshold_mode",
        "cooldown",
        "min_lr",
        "eps",
    )
    counters = ("best", "cooldown_counter", "num_bad_epochs")
    checks: ClassVar[Checks] = {
        "mode": OneOf(("min", "max")),
        "factor": Number(below=1),
        "patience": PATIENCE,
        "threshold": FACTOR,
        "threshold_mode": OneOf(("rel", "abs")),
        "cooldown": PATIENCE,
        "eps": FACTOR,
    }

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
        *,
        every: str | None = None,
    ) -> None:
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.min_lr, self.eps = cooldown, min_lr, eps
        super().__init__(optimizer, -1, every)
        self._smallest()

    def begin(self) -> None:
        """Forget what was seen."""
        self.best = math.inf if self.mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = 0
        super().begin()

    def step(self, metrics: Any) -> None:  # type: ignore[override]
        """Look at the measure of an epoch, and change the rate if it has come to a halt."""
        value = float(metrics)
        self.last_epoch += 1
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def _is_better(self, value: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "abs":
            return sign * value > sign * self.best + self.threshold
        return sign * value > sign * self.best * (1 + sign * self.threshold)

    def _reduce(self) -> None:
        smallest = iter(self._smallest())

        def reduced(lr: float, base: float) -> float:
            new = max(lr * self.factor, next(smallest))
            return new if lr - new > self.eps else lr

        self.move(reduced)

    def _smallest(self) -> list[float]:
        count, given = len(self.optimizer.rows()), self.min_lr
        values = list(given) if isinstance(given, list | tuple) else [given] * count
        if len(values) != count:
            raise TrainingError(
                f"ReduceLROnPlateau: min_lr={given!r} must be one number or {count}: for the "
                "optimiser and each group with a rate of its own"
            )
        return [FACTOR("ReduceLROnPlateau", "min_lr", value) for value in values]
