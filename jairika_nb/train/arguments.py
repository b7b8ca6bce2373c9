"""Mistakes in what ``fit`` and ``evaluate`` are given, told before anything runs."""

from __future__ import annotations

from typing import Any

from jairika_nb import optim
from jairika_nb.errors import TrainingError
from jairika_nb.nn.lazy import Lazy
from jairika_nb.nn.module import Module
from jairika_nb.optim import Optimizer
from jairika_nb.tensors.plain import whole


def check_model(word: str, model: Any) -> None:
    """Raise TrainingError for anything but a network."""
    if isinstance(model, Module):
        return
    if isinstance(model, type) and issubclass(model, Module):
        raise TrainingError(
            f"{word} takes a network, not the class {model.__name__}; make one: "
            f"{model.__name__}(...)"
        )
    raise TrainingError(
        f"{word} takes a network such as nn.Sequential(...) first, not {_shown(model)}"
    )


def check_sizes(model: Module) -> None:
    """Raise TrainingError for a network with layers that have not found their sizes yet."""
    for name, part in model.named_modules():
        if isinstance(part, Lazy):
            raise TrainingError(
                f"layer {name!r}, {part}, has not found its sizes yet; call the network once with "
                "an example, net(x), before it is trained"
            )


def check_optimizer(optimizer: Any) -> None:
    """Raise TrainingError for anything but an optimiser or None, which stands for the default."""
    if optimizer is None or isinstance(optimizer, Optimizer):
        return
    known = {name.lower(): name for name in optim.__all__ if name != "Optimizer"}
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        found, name = f"the class {optimizer.__name__}", optimizer.__name__
    else:
        found, name = _shown(optimizer), known.get(str(optimizer).lower(), "Adam")
    raise TrainingError(f"optimizer takes an optimiser, not {found}; use optim.{name}(lr=...)")


def check_loss(loss: Any) -> None:
    """Raise TrainingError for what cannot be called with a prediction and a target."""
    if isinstance(loss, dict | list | tuple) and loss:
        for part in loss.values() if isinstance(loss, dict) else loss:
            check_loss("None" if part is None else part)
        return
    if isinstance(loss, type) and issubclass(loss, Module):
        name = loss.__name__
        raise TrainingError(f"loss takes a loss, not the class {name}; use nn.{name}()")
    if loss is not None and not callable(loss):
        raise TrainingError(
            f"loss takes a function of prediction and target, not {_shown(loss)}; use "
            "nn.CrossEntropyLoss(), nn.MSELoss() or one of your own"
        )


def _shown(value: Any) -> str:
    if value is None or isinstance(value, str | bool | int | float):
        return repr(value)
    return f"a {type(value).__name__}"


def count(name: str, given: Any) -> int:
    """The count that an argument is; TrainingError for what is no integer from 1 up."""
    found = whole(given)
    if found is None or found < 1:
        raise TrainingError(f"{name}={given!r} must be an integer from 1 up")
    return found


def check_trainable(model: Module) -> None:
    """Raise TrainingError where training could change nothing."""
    own = type(model).__name__
    if next(model.parameters(), None) is None:
        raise TrainingError(f"{own} has no parameters: there is nothing to train")
    if next(model.named_trainable_parameters(), None) is None:
        raise TrainingError(
            f"all parameters of {own} are frozen: there is nothing to train; unfreeze some with "
            "model.unfreeze(...)"
        )


def optimizer_of(schedule: Any, optimizer: Optimizer | None) -> Optimizer:
    """The optimiser that a schedule moves, which must be the one given, if any is."""
    if isinstance(schedule, type) or not callable(getattr(schedule, "step", None)):
        raise TrainingError(
            f"schedule takes a schedule such as optim.StepLR(optimizer, 30), not {_shown(schedule)}"
        )
    moved = schedule.optimizer
    if optimizer is not None and optimizer is not moved:
        raise TrainingError(
            "the schedule moves another optimiser than the one given; make it of that one, or "
            "leave optimizer out"
        )
    return moved
