"""Schedules made of others: one after another, several at once, and a warm-up before one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from jairika_nb.errors import ArchitectureError, TrainingError
from jairika_nb.optim.lr_scheduler.factors import LinearLR
from jairika_nb.optim.lr_scheduler.schedule import LRScheduler
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.options import Number


class _Several(LRScheduler):
    """Schedules of one optimiser; ``every`` is theirs."""

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None, last_epoch: int
    ) -> None:
        self.schedulers = _checked(type(self).__name__, schedulers, optimizer)
        own = self.schedulers[0]
        super().__init__(own.optimizer, last_epoch, own.every)

    def state_dict(self) -> dict[str, Any]:
        """The state of each, and which is at work."""
        return super().state_dict() | {"schedulers": [s.state_dict() for s in self.schedulers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state, with as many schedules of the same kinds."""
        values = dict(state)
        inner = values.pop("schedulers", None)
        kinds = [type(s).__name__ for s in self.schedulers]
        found = [s.get("type") if isinstance(s, Mapping) else s for s in inner or ()]
        if found != kinds:
            raise ArchitectureError(
                f"a state of {found} does not fit {type(self).__name__} of {kinds}"
            )
        for schedule, saved in zip(self.schedulers, inner or (), strict=True):
            schedule.load_state_dict(saved)
        super().load_state_dict(values)


class ChainedScheduler(_Several):
    """Several schedules at once: each changes what the one before it left.

    >>> from jairika_nb import optim
    >>> opt = optim.SGD(lr=1.0)
    >>> both = ChainedScheduler([optim.ConstantLR(opt, 0.5, 2), optim.ExponentialLR(opt, 0.5)])
    >>> [(opt.lr, both.step())[0] for _ in range(4)]
    [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        self.is_made = False
        super().__init__(schedulers, optimizer, -1)
        self.is_made = True

    def begin(self) -> None:
        """All start; when it is made they have already."""
        self.last_epoch = 0
        if self.is_made:
            for schedule in self.schedulers:
                schedule.begin()

    def step(self) -> None:
        """Set the next rate."""
        self.last_epoch += 1
        for schedule in self.schedulers:
            schedule.step()


class SequentialLR(_Several):
    """One schedule after another: the next begins, from the rate before any, at each milestone.

    >>> from jairika_nb import optim
    >>> opt = optim.SGD(lr=1.0)
    >>> parts = [optim.ConstantLR(opt, 0.5, 9), optim.ExponentialLR(opt, 0.1)]
    >>> schedule = SequentialLR(opt, parts, milestones=[2])
    >>> [(opt.lr, schedule.step())[0] for _ in range(4)]
    [0.5, 0.5, 1.0, 0.1]
    """

    options = ("milestones",)

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self.milestones = _growing(type(self).__name__, milestones, len(schedulers) - 1)
        super().__init__(schedulers, optimizer, last_epoch)

    def begin(self) -> None:
        """The first starts, from the rate before any schedule."""
        self.last_epoch = 0
        self._start(self.schedulers[bisect_right(self.milestones, 0)])

    def step(self) -> None:
        """Set the next rate."""
        self.last_epoch += 1
        schedule = self.schedulers[bisect_right(self.milestones, self.last_epoch)]
        if self.last_epoch in self.milestones:
            self._start(schedule)
        else:
            schedule.step()

    def _start(self, schedule: LRScheduler) -> None:
        self.move(lambda lr, base: base)
        schedule.begin()


class WarmupLR(SequentialLR):
    """A line up to the rate in ``total_iters`` steps, and then another schedule from its start.

    ``start_factor`` is the share of the rate to begin with. It is asked as often as ``schedule``
    is. The same as SequentialLR of LinearLR and ``schedule``.

    >>> from jairika_nb import optim
    >>> opt = optim.AdamW(lr=1.0)
    >>> schedule = WarmupLR(optim.CosineAnnealingLR(opt, 4, every="step"), 2, start_factor=0.5)
    >>> [(round(opt.lr, 3), schedule.step())[0] for _ in range(7)]
    [0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(self, schedule: LRScheduler, total_iters: int, start_factor: float = 0.01) -> None:
        (schedule,) = _checked(type(self).__name__, [schedule], None)
        opt = schedule.optimizer
        rise = LinearLR(opt, start_factor, total_iters=total_iters, every=schedule.every)
        super().__init__(opt, [rise, schedule], [total_iters])


def _checked(own: str, given: Any, optimizer: Any) -> list[LRScheduler]:
    schedules = list(given) if isinstance(given, list | tuple) else []
    if not schedules:
        raise TrainingError(f"{own} takes a list of schedules, not {given!r}")
    first = optimizer if optimizer is not None else getattr(schedules[0], "optimizer", None)
    for i, schedule in enumerate(schedules):
        if not isinstance(schedule, LRScheduler) or schedule.needs_metric:
            raise TrainingError(
                f"{own}: schedule {i} is {schedule!r}; it takes those whose step() needs no measure"
            )
        if schedule.optimizer is not first:
            raise TrainingError(f"{own}: schedule {i} moves another optimiser than the first")
        if schedule.every != schedules[0].every:
            raise TrainingError(
                f"{own}: schedule {i} is asked every {schedule.every}, the first every "
                f"{schedules[0].every}; give every= to one of them"
            )
    return schedules


def _growing(own: str, milestones: Any, count: int) -> list[int]:
    whole = Number(whole=True)
    found = [whole(own, "milestones", number) for number in milestones]
    if len(found) != count or sorted(set(found)) != found:
        raise TrainingError(
            f"{own}: milestones={list(milestones)!r} must be {count} growing numbers, one fewer "
            "than schedules"
        )
    return found
