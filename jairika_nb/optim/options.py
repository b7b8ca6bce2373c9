"""What the options of optimisers may be: one check by name, whatever optimiser takes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.errors import TrainingError

# Called with the optimiser's name, the option's as users write it, and the value; gives the value.
Check = Callable[[str, str, Any], Any]


@dataclass(frozen=True)
class Number:
    """Numbers from ``low`` up, less than ``below`` or at most ``most``."""

    low: float = 0.0
    below: float = math.inf
    most: float = math.inf
    above: float = -math.inf
    whole: bool = False

    def __call__(self, owner: str, name: str, value: Any) -> Any:
        """The number itself; TrainingError for any other."""
        plain = value.item() if isinstance(value, np.generic) else value
        kinds = int if self.whole else int | float
        if not isinstance(plain, bool) and isinstance(plain, kinds):
            within = self.low <= plain < self.below and self.above < plain <= self.most
            if within and math.isfinite(plain):
                return plain
        raise TrainingError(f"{owner}: {name}={value!r} must be {self._range()}")

    def _range(self) -> str:
        kind = "an integer" if self.whole else "a number"
        low = f" above {self.above:g}" if self.above >= self.low else f" from {self.low:g} up"
        if self.low == -math.inf and self.above == -math.inf:
            low = " that is finite"
        high = f" and less than {self.below:g}" if math.isfinite(self.below) else ""
        high = f" and at most {self.most:g}" if math.isfinite(self.most) else high
        return f"{kind}{low}{high}"


def flag(owner: str, name: str, value: Any) -> bool:
    """A bool; TrainingError for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise TrainingError(f"{owner}: {name}={value!r} must be True or False")
    return bool(value)


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def __call__(self, owner: str, name: str, value: Any) -> str:
        """The word itself; TrainingError for any other."""
        if value not in self.words:
            raise TrainingError(
                f"{owner}: {name}={value!r} must be one of {', '.join(map(repr, self.words))}"
            )
        return value


SHARE = Number(below=1)
ANY = Number(low=-math.inf)
CHECKS: dict[str, Check] = {
    "lr": Number(),
    "momentum": Number(),
    "dampening": ANY,
    "weight_decay": Number(),
    "nesterov": flag,
    "maximize": flag,
    "beta1": SHARE,
    "beta2": SHARE,
    "eps": Number(),
    "amsgrad": flag,
    "alpha": Number(),
    "centered": flag,
    "lr_decay": Number(),
    "initial_accumulator_value": Number(),
    "rho": Number(most=1),
    "momentum_decay": Number(),
    "decoupled_weight_decay": flag,
    "lambd": ANY,
    "t0": ANY,
    "eta_minus": Number(above=0, below=1),
    "eta_plus": Number(above=1),
    "step_size_min": Number(),
    "step_size_max": Number(),
    "ns_a": ANY,
    "ns_b": ANY,
    "ns_c": ANY,
    "ns_steps": Number(below=100, whole=True),
    "adjust_lr_fn": OneOf(("original", "match_rms_adamw")),
}


class Several:
    """An attribute that PyTorch writes as one tuple, kept as several options.

    >>> class Pair:
    ...     betas = Several("beta1", "beta2")
    >>> pair = Pair()
    >>> pair.betas = 0.9, 0.99
    >>> pair.beta2, pair.betas
    (0.99, (0.9, 0.99))
    """

    def __init__(self, *options: str) -> None:
        self.options = options

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else tuple(getattr(instance, o) for o in self.options)

    def __set__(self, instance: Any, value: Any) -> None:
        for option, part in self.parts(type(instance).__name__, value).items():
            setattr(instance, option, part)

    def parts(self, owner: str, value: Any) -> dict[str, Any]:
        """The options by name; TrainingError unless there are as many values."""
        if not isinstance(value, tuple | list) or len(value) != len(self.options):
            count = {2: "two", 3: "three"}[len(self.options)]
            raise TrainingError(
                f"{owner}: {self.name}={value!r} must be {count} numbers such as (0.9, 0.999)"
                if self.name == "betas"
                else f"{owner}: {self.name}={value!r} must be {count} numbers"
            )
        return dict(zip(self.options, value, strict=True))


def shown_name(kind: type, option: str) -> str:
    """What users call an option: ``betas[0]`` for ``beta1``."""
    for base in kind.__mro__:
        for name, held in vars(base).items():
            if isinstance(held, Several) and option in held.options:
                return f"{name}[{held.options.index(option)}]"
    return option


def checked(kind: type, option: str, value: Any) -> Any:
    """The value of an option; TrainingError for one that it may not have."""
    check = CHECKS.get(option)
    if check is None:
        return value
    return check(kind.__name__, shown_name(kind, option), value)
