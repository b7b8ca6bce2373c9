"""Schedules along a cosine (Loshchilov and Hutter 2017)."""

from __future__ import annotations

import math
from typing import ClassVar

from jairika_nb.errors import TrainingError
from jairika_nb.optim.lr_scheduler.schedule import COUNT, FACTOR, Checks, LRScheduler
from jairika_nb.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the rate down to ``eta_min`` in ``T_max`` epochs, then up again.

    >>> from jairika_nb import optim
    >>> opt = optim.SGD(lr=1.0)
    >>> schedule = CosineAnnealingLR(opt, T_max=4)
    >>> [(round(opt.lr, 3), schedule.step())[0] for _ in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    options = ("T_max", "eta_min")
    checks: ClassVar[Checks] = {"T_max": COUNT, "eta_min": FACTOR}

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch, every)

    def rate(self, lr: float, base: float) -> float:
        """The next point of the cosine, from the one before: other schedules may act as well."""
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            return lr + (base - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        now, before = (1 + math.cos(math.pi * (self.last_epoch - i) / self.T_max) for i in (0, 1))
        return now / before * (lr - self.eta_min) + self.eta_min


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the rate down to ``eta_min``, again and again from the top.

    The first takes ``T_0`` epochs, each later one ``T_mult`` times as many. ``step(epoch)`` sets
    the rate at a point in between, such as ``epoch + batch / batches``.
    """

    options = ("T_0", "T_mult", "eta_min")
    counters = ("T_cur", "T_i")
    checks: ClassVar[Checks] = {"T_0": COUNT, "T_mult": COUNT, "eta_min": FACTOR}

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        self.T_cur: float = 0
        self.T_i = T_0
        super().__init__(optimizer, last_epoch, every)

    def begin(self) -> None:
        """Start at the top."""
        self.T_cur, self.T_i = 0, self.T_0
        super().begin()

    def first(self, lr: float, base: float) -> float:
        """The top of the cosine."""
        return self.rate(lr, base)

    def rate(self, lr: float, base: float) -> float:
        """The point of the cosine."""
        share = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return self.eta_min + (base - self.eta_min) * share

    def step(self, epoch: float | None = None) -> None:
        """Set the next rate, or that of an epoch, which may be a fraction."""
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            self._place(FACTOR(type(self).__name__, "epoch", epoch))
        self.last_epoch = math.floor(epoch)
        self.move(self.rate)

    def _place(self, epoch: float) -> None:
        start, length = 0, self.T_0
        if self.T_mult == 1:
            start = int(epoch // length) * length
        while epoch >= start + length and self.T_mult > 1:
            start, length = start + length, length * self.T_mult
        self.T_cur, self.T_i = epoch - start, length

    def load_state_dict(self, state: dict) -> None:  # type: ignore[override]
        """See :meth:`LRScheduler.load_state_dict`."""
        length = state.get("T_i", 1)
        if isinstance(length, int | float) and not length >= 1:
            raise TrainingError(f"{type(self).__name__}: T_i={length!r} must be from 1 up")
        super().load_state_dict(state)
