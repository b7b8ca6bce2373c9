"""What schedules that cycle share: bounds for each rate, and the momentum moved the other way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jairika_nb.errors import TrainingError
from jairika_nb.optim.lr_scheduler.schedule import LRScheduler, write
from jairika_nb.optim.optimizer import Optimizer
from jairika_nb.optim.options import CHECKS


def momentum_of(own: str, optimizer: Optimizer) -> str:
    """The option that is an optimiser's momentum; TrainingError where there is none."""
    for option in ("beta1", "momentum"):
        if option in optimizer.options:
            return option
    raise TrainingError(
        f"{own}: {type(optimizer).__name__} has no momentum to cycle; give cycle_momentum=False"
    )


def each(own: str, optimizer: Optimizer, name: str, given: Any, option: str) -> list[float]:
    """One value for the optimiser and for each group that has an option of its own."""
    count = len(optimizer.rows(option))
    values = list(given) if isinstance(given, list | tuple) else [given] * count
    if len(values) != count:
        raise TrainingError(
            f"{own}: {name}={given!r} must be one number or {count}: for the optimiser and each "
            f"group with its own {option}"
        )
    return [CHECKS[option](own, name, value) for value in values]


def move_momentum(
    schedule: LRScheduler, base: Any, most: Any, between: Callable[[float, float], float]
) -> None:
    """Set every momentum to a value between its bounds."""
    own, optimizer = type(schedule).__name__, schedule.optimizer
    option = momentum_of(own, optimizer)
    low = each(own, optimizer, "base_momentum", base, option)
    high = each(own, optimizer, "max_momentum", most, option)
    for row, a, b in zip(optimizer.rows(option), low, high, strict=True):
        write(row, option, between(a, b))
