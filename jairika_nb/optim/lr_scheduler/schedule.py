"""What schedules share: the rates they move, when they are asked to, and a state to go on from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from jairika_nb.errors import ArchitectureError, TrainingError
from jairika_nb.optim.groups import Group
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.options import Check, Number, OneOf
from jairika_nb.tensors.plain import number

Checks = Mapping[str, Check]
EVERY = OneOf(("epoch", "step"))
COUNT = Number(low=1, whole=True)
FACTOR = Number()
ROUNDING = 1e-12
# The rate before any schedule, and the one that a schedule set last, of optimisers and groups.
_known: WeakKeyDictionary[Any, tuple[float, float]] = WeakKeyDictionary()


class LRScheduler:
    """Base of schedules, which move an optimiser's learning rate while it trains.

    Making one sets the first rate; from then on ``step()`` sets the next one. ``schedule.every``
    tells when it is to be called: after each "epoch" (as most in PyTorch are) or after each "step",
    that is each update. A class declares its own, ``every=`` asks for the other. What
    ``needs_metric`` takes the measure to watch: ``step(loss)``. ``jrk.fit(..., schedule=...)``
    calls it so; in a loop of one's own::

        schedule = optim.CosineAnnealingLR(opt, T_max=epochs * len(loader), every="step")
        for epoch in range(epochs):
            for x, y in loader:
                training_step(x, y)
                schedule.step()

    The rate may change inside a compiled step: nothing is traced or compiled again. Groups with a
    learning rate of their own are moved like the optimiser's. Values are PyTorch's. A subclass
    gives ``first`` and ``rate``, and names its ``options`` and ``counters``, which ``state_dict``
    keeps.
    """

    every = "epoch"
    needs_metric = False
    options: tuple[str, ...] = ()
    counters: tuple[str, ...] = ()
    checks: ClassVar[Checks] = {}

    def __init__(
        self, optimizer: Optimizer, last_epoch: int = -1, every: str | None = None
    ) -> None:
        own = type(self).__name__
        if last_epoch != -1:
            raise TrainingError(
                f"{own}: last_epoch={last_epoch!r} is not taken; make the schedule anew and go on "
                "with load_state_dict"
            )
        self.optimizer = _checked_optimizer(own, optimizer)
        if every is not None:
            self.every = EVERY(own, "every", every)
        for option, check in self.checks.items():
            setattr(self, option, check(own, option, getattr(self, option)))
        self.base_lrs = [_initial(row) for row in optimizer.rows()]
        self.last_epoch = 0
        self.begin()

    def first(self, lr: float, base: float) -> float:
        """The rate at the start, where it is ``lr``; ``base`` is the one before any schedule."""
        return lr

    def rate(self, lr: float, base: float) -> float:
        """The rate at ``last_epoch``, from the one before it."""
        raise NotImplementedError

    def begin(self) -> None:
        """Start from the rates as they are now."""
        self.last_epoch = 0
        self.move(self.first)

    def step(self) -> None:
        """Set the next rate."""
        self.last_epoch += 1
        self.move(self.rate)

    def move(self, by: Any) -> None:
        """Set each rate to what ``by`` makes of it and of its base."""
        rows = self.optimizer.rows()
        if len(rows) != len(self.base_lrs):
            raise TrainingError(
                f"{type(self).__name__} moves {len(self.base_lrs)} learning rates, the optimiser "
                f"has {len(rows)} now: make the schedule after the groups"
            )
        for row, base in zip(rows, self.base_lrs, strict=True):
            self.set_rate(row, by(read(row, "lr"), base), base)

    def set_rate(self, row: Any, lr: float, base: float) -> None:
        """Set the rate of an optimiser or a group."""
        # At the end of a curve down to 0, rounding may leave a little less.
        lr = 0.0 if -ROUNDING * base <= lr < 0 else lr
        write(row, "lr", lr)
        _known[row] = base, lr

    def get_last_lr(self) -> list[float]:
        """The rates now: of the optimiser, then of groups that have one of their own."""
        return [read(row, "lr") for row in self.optimizer.rows()]

    def state_dict(self) -> dict[str, Any]:
        """Options, counters and rates as plain data; functions are left out."""
        kept = ("every", *self.options, "last_epoch", "base_lrs", *self.counters)
        found = {name: _copied(getattr(self, name)) for name in kept}
        return {"type": type(self).__name__, **found, "last_lr": self.get_last_lr()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state, and set the optimiser's rates to those of it.

        Raises ArchitectureError for a state of another schedule, TrainingError for wrong values.
        """
        own, values = type(self).__name__, dict(state)
        kind, rates = values.pop("type", None), values.pop("last_lr", None)
        known = {"every", *self.options, "last_epoch", "base_lrs", *self.counters}
        if kind != own or set(values) != known:
            differ = ", ".join(sorted(map(str, known ^ set(values)))) or "none"
            raise ArchitectureError(
                f"a state of {kind} does not fit {own}; entries that differ: {differ}"
            )
        EVERY(own, "every", values["every"])
        for option, check in self.checks.items():
            check(own, option, values[option])
        bases = self._rates("base_lrs", values["base_lrs"])
        last = self._rates("last_lr", rates)
        Number(whole=True)(own, "last_epoch", values["last_epoch"])
        for name in self.counters:
            _check_counter(own, name, values[name])
        for name, value in values.items():
            setattr(self, name, _copied(value))
        for row, lr, base in zip(self.optimizer.rows(), last, bases, strict=True):
            self.set_rate(row, lr, base)

    def _rates(self, name: str, given: Any) -> list[float]:
        own, count = type(self).__name__, len(self.optimizer.rows())
        if not isinstance(given, list | tuple) or len(given) != count:
            raise ArchitectureError(
                f"{own}: {name}={given!r} does not fit an optimiser with {count} learning rates"
            )
        return [FACTOR(own, f"{name}[{i}]", value) for i, value in enumerate(given)]

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self.options]
        shown += [f"every={self.every!r}", f"last_epoch={self.last_epoch}"]
        return f"{type(self).__name__}({', '.join(shown)})"


def read(row: Any, option: str) -> Any:
    """An option of an optimiser or of a group."""
    return row[option] if isinstance(row, Group) else getattr(row, option)


def write(row: Any, option: str, value: Any) -> None:
    """Set an option of an optimiser or of a group."""
    if isinstance(row, Group):
        row[option] = value
    else:
        setattr(row, option, value)


def _initial(row: Any) -> float:
    """The rate before any schedule: a later one starts from it, not from what others made of it."""
    lr = read(row, "lr")
    before, set_last = _known.get(row, (lr, lr))
    # Another rate than the one that a schedule left is the user's.
    return before if set_last == lr else lr


def _checked_optimizer(own: str, optimizer: Any) -> Optimizer:
    if isinstance(optimizer, Optimizer):
        return optimizer
    shown = optimizer.__name__ if isinstance(optimizer, type) else type(optimizer).__name__
    raise TrainingError(
        f"{own} takes the optimiser whose rate it moves, not {shown}: opt = optim.SGD(lr=0.1); "
        f"{own}(opt, ...)"
    )


def _check_counter(own: str, name: str, value: Any) -> None:
    numbers = value if isinstance(value, list | tuple) else [value]
    for found in map(number, numbers):
        if found is None or math.isnan(found):
            raise TrainingError(f"{own}: {name}={value!r} must be numbers")


def _copied(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value
