"""Schedules that multiply the rate: by steps, by a constant, along a line, by functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from jairika_nb.errors import TrainingError
from jairika_nb.optim.lr_scheduler.schedule import COUNT, FACTOR, Checks, LRScheduler
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.options import Number

Function = Callable[[int], float]


class StepLR(LRScheduler):
    """The rate times ``gamma`` every ``step_size`` epochs.

    >>> from jairika_nb import optim
    >>> opt = optim.SGD(lr=1.0)
    >>> schedule = StepLR(opt, step_size=2, gamma=0.5)
    >>> [(opt.lr, schedule.step())[0] for _ in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    options = ("step_size", "gamma")
    checks: ClassVar[Checks] = {"step_size": COUNT, "gamma": FACTOR}

    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int,
        gamma: float = 0.1,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch, every)

    def rate(self, lr: float, base: float) -> float:
        """Unchanged, but at multiples of ``step_size``."""
        return lr if self.last_epoch % self.step_size else lr * self.gamma


def _milestones(own: str, name: str, value: Any) -> list[int]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TrainingError(f"{own}: {name}={value!r} must be numbers of epochs such as [30, 80]")
    return sorted(Number(whole=True)(own, name, number) for number in value)


class MultiStepLR(LRScheduler):
    """The rate times ``gamma`` at each of ``milestones``; one named twice counts twice."""

    options = ("milestones", "gamma")
    checks: ClassVar[Checks] = {"milestones": _milestones, "gamma": FACTOR}

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.milestones, self.gamma = milestones, gamma
        super().__init__(optimizer, last_epoch, every)

    def first(self, lr: float, base: float) -> float:
        """As at any epoch."""
        return self.rate(lr, base)

    def rate(self, lr: float, base: float) -> float:
        """Unchanged, but at milestones."""
        return lr * self.gamma ** list(self.milestones).count(self.last_epoch)


class ConstantLR(LRScheduler):
    """The rate times ``factor`` until epoch ``total_iters``, then as it was."""

    options = ("factor", "total_iters")
    checks: ClassVar[Checks] = {
        "factor": Number(above=0, most=1),
        "total_iters": Number(whole=True),
    }

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch, every)

    def first(self, lr: float, base: float) -> float:
        """The smaller rate."""
        return lr * self.factor

    def rate(self, lr: float, base: float) -> float:
        """Unchanged, but at ``total_iters``."""
        return lr * (1 / self.factor) if self.last_epoch == self.total_iters else lr


class LinearLR(LRScheduler):
    """A line from ``start_factor`` to ``end_factor`` times the rate, in ``total_iters`` epochs."""

    options = ("start_factor", "end_factor", "total_iters")
    checks: ClassVar[Checks] = {
        "start_factor": Number(above=0, most=1),
        "end_factor": Number(most=1),
        "total_iters": COUNT,
    }

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch, every)

    def first(self, lr: float, base: float) -> float:
        """The start of the line."""
        return lr * self.start_factor

    def rate(self, lr: float, base: float) -> float:
        """The next point of the line, as a share of the one before."""
        if self.last_epoch > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return lr * (1 + rise / before)


class ExponentialLR(LRScheduler):
    """The rate times ``gamma`` after every epoch."""

    options = ("gamma",)
    checks: ClassVar[Checks] = {"gamma": FACTOR}

    def __init__(
        self,
        optimizer: Optimizer,
        gamma: float,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch, every)

    def rate(self, lr: float, base: float) -> float:
        """A share of the one before."""
        return lr * self.gamma


class PolynomialLR(LRScheduler):
    """The rate times ``(1 - epoch / total_iters) ** power``, 0 from ``total_iters`` on."""

    options = ("total_iters", "power")
    checks: ClassVar[Checks] = {"total_iters": COUNT, "power": FACTOR}

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch, every)

    def rate(self, lr: float, base: float) -> float:
        """The next point of the curve, as a share of the one before."""
        if self.last_epoch > self.total_iters:
            return lr
        left = 1 - self.last_epoch / self.total_iters
        return lr * (left / (1 - (self.last_epoch - 1) / self.total_iters)) ** self.power


class LambdaLR(LRScheduler):
    """The rate before any schedule times a function of the epoch, counted from 0.

    ``lr_lambda`` may be a list with one function for the optimiser and each group that has a rate
    of its own. Functions are code, so ``state_dict`` leaves them out: make the schedule with them
    again, then load.

    >>> from jairika_nb import optim
    >>> opt = optim.SGD(lr=2.0)
    >>> LambdaLR(opt, lambda epoch: 0.5 ** epoch).step()
    >>> opt.lr
    1.0
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Function | list[Function],
        last_epoch: int = -1,
        *,
        every: str | None = None,
    ) -> None:
        self.lr_lambdas = _functions(type(self).__name__, optimizer, lr_lambda)
        super().__init__(optimizer, last_epoch, every)

    def move(self, by: Any) -> None:
        """Set each rate by its own function."""
        # Asked one after the other, and only where a rate needs it.
        self._factors = (f(self.last_epoch) for f in self.lr_lambdas)
        super().move(by)
        del self._factors

    def first(self, lr: float, base: float) -> float:
        """As at any epoch."""
        return self.rate(lr, base)

    def rate(self, lr: float, base: float) -> float:
        """A share of the one before any schedule."""
        return base * next(self._factors)


class MultiplicativeLR(LambdaLR):
    """The rate times a function of the epoch, which is first asked at epoch 1."""

    def first(self, lr: float, base: float) -> float:
        """The rate as it is."""
        return lr

    def rate(self, lr: float, base: float) -> float:
        """A share of the one before."""
        return lr * next(self._factors)


def _functions(own: str, optimizer: Any, given: Any) -> list[Function]:
    count = len(optimizer.rows()) if isinstance(optimizer, Optimizer) else 1
    functions = list(given) if isinstance(given, list | tuple) else [given] * count
    if len(functions) != count or not all(map(callable, functions)):
        raise TrainingError(
            f"{own}: lr_lambda={given!r} must be a function of the epoch, or {count} of them: one "
            "for the optimiser and each group with a rate of its own"
        )
    return functions
