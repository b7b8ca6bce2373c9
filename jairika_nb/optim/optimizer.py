"""What optimisers share: going over parameters by name, and a state that can be saved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from jairika_nb.engine import tracing
from jairika_nb.engine.run import per_call
from jairika_nb.errors import ArchitectureError, ShapeError, TrainingError
from jairika_nb.nn.parts import Parts
from jairika_nb.nn.signature import FromInit
from jairika_nb.tensors import autograd
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor

Slots = dict[str, Tensor]


class Optimizer:
    """Base of optimisers: a subclass says what one parameter becomes.

    ``options`` are the attributes that ``state_dict`` keeps, ``slots`` the names of the tensors
    kept for each parameter. Hyper-parameters may be changed at any time: ``opt.lr = 0.01``.
    """

    options: tuple[str, ...] = ("lr",)
    slots: tuple[str, ...] = ()
    lr: float
    # What only `scalars` reads: it may change while a compiled step is replayed.
    live: tuple[str, ...] = ()
    unwatched: tuple[str, ...] = ("steps",)
    __signature__ = FromInit()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Seen here, as a constructor would rather say that lr came twice.
        if _are_parameters(args[0] if args else kwargs.get("params")):
            raise TrainingError(
                f"{cls.__name__}(lr=...) takes no parameters: fit, or {cls.__name__}(...)"
                ".update(model, grads), hands them over; leave out the first argument"
            )
        return super().__new__(cls)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # A rule of one's own may read anything, unless its class says what it leaves alone.
        if "rule" in vars(cls) and "live" not in vars(cls):
            cls.live = ()
        cls.unwatched = ("steps", *cls.live)

    def __init__(self) -> None:
        self.state: dict[str, Slots] = {}
        self.steps: dict[str, int] = {}

    def scalars(self, step: int) -> tuple[float, ...]:
        """The numbers that change from step to step, counted from 1."""
        raise NotImplementedError

    def rule(
        self, parameter: Tensor, gradient: Tensor, slots: Slots, scalars: list[Tensor]
    ) -> tuple[Tensor, Slots]:
        """The new parameter and its new slots."""
        raise NotImplementedError

    def update(self, model: Any, grads: Mapping[str, Tensor]) -> None:
        """Replace the model's parameters by what ``grads``, by parameter name, make of them.

        The step is started at once and nothing waits for it; a loss that somebody holds is
        computed with it. Parameters without a gradient stay. Where it fails, model and state stay
        as they were. Raises ArchitectureError for names that the model lacks, ShapeError for
        shapes that differ.
        """
        parameters = dict(model.named_parameters())
        _check(parameters, grads)
        before = dict(self.state), dict(self.steps)
        try:
            new = self._stepped(parameters, grads)
            if tracing.active.get() is None:
                # Running statistics too, before what they are made of is gone.
                autograd.eval(*new.values(), *self.tensors(), *model.buffers())
        except BaseException:
            self.state, self.steps = before
            raise
        model.replace(new)

    def _stepped(
        self, parameters: Mapping[str, Tensor], grads: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The parameters after a step; the state becomes that of after it."""
        together: dict[Any, list[str]] = {}
        for name in grads:
            parameter = parameters[name]
            key = (self._step(name, parameter), parameter.dtype, parameter.device)
            together.setdefault(key, []).append(name)
        new: dict[str, Tensor] = {}
        for names in together.values():
            numbers = self._numbers(names, parameters[names[0]])
            for name in names:
                slots = self.state.get(name, {})
                new[name], slots = self.rule(parameters[name], grads[name], slots, numbers)
                # Detached, so that a step does not keep the graphs of all the steps before it.
                new[name] = new[name].detach()
                self.state[name] = {slot: value.detach() for slot, value in slots.items()}
        return new

    def _numbers(self, names: list[str], parameter: Tensor) -> list[Tensor]:
        """The scalars of the next step of parameters that took equally many, which it counts."""

        def advance() -> np.ndarray:
            step = self.steps.get(names[0], 0) + 1
            self.steps.update(dict.fromkeys(names, step))
            return np.array(self.scalars(step), dtype=np.float64)

        def holds() -> bool:
            return len({self.steps.get(name, 0) for name in names}) == 1

        # As data, not as constants of the graph: else every step would compile new kernels.
        node = per_call(self, advance, holds, parameter.dtype, parameter.device)
        row = Tensor(node)
        return [row[i] for i in range(row.shape[0])]

    def _step(self, name: str, parameter: Tensor) -> int:
        slots = self.state.get(name, {})
        if any(value.shape != parameter.shape for value in slots.values()):
            # The layer was resized: what is known about the old one says nothing any more.
            self.state.pop(name)
            self.steps.pop(name, None)
        elif any(value.device is not parameter.device for value in slots.values()):
            self.state[name] = {k: v.to(parameter.device) for k, v in slots.items()}
        return self.steps.get(name, 0) + 1

    def tensors(self) -> list[Tensor]:
        """All tensors of the state, to be computed together with the parameters."""
        return [value for slots in self.state.values() for value in slots.values()]

    def state_dict(self) -> dict[str, Any]:
        """All there is to save: hyper-parameters, and ``PARAMETER.step``, ``PARAMETER.SLOT``."""
        flat: dict[str, Any] = {"type": type(self).__name__}
        flat |= {option: getattr(self, option) for option in self.options}
        for name, step in self.steps.items():
            flat[f"{name}.step"] = step
            flat |= {f"{name}.{slot}": value for slot, value in self.state[name].items()}
        return flat

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state; ArchitectureError lists all entries that do not fit."""
        own = type(self).__name__
        if str(state.get("type")) != own:
            raise ArchitectureError(f"a state of {state.get('type')} does not fit {own}")
        entries = [key for key in state if "." in key]
        unknown = [key for key in entries if key.rpartition(".")[2] not in (*self.slots, "step")]
        unknown += [key for key in state if key not in (*entries, *self.options, "type")]
        missing = [option for option in self.options if option not in state]
        missing += [
            f"{name}.step"
            for name in dict.fromkeys(key.rpartition(".")[0] for key in entries)
            if f"{name}.step" not in state
        ]
        if unknown or missing:
            parts = {"missing": missing, "unexpected": unknown}
            shown = "; ".join(f"{k}: {', '.join(v)}" for k, v in parts.items() if v)
            raise ArchitectureError(f"the state does not fit {own}: {shown}")
        self._load(state, entries)

    def _load(self, state: Mapping[str, Any], entries: list[str]) -> None:
        slots: dict[str, Slots] = {}
        steps: dict[str, int] = {}
        for key in entries:
            name, _, slot = key.rpartition(".")
            held = slots.setdefault(name, {})
            if slot == "step":
                steps[name] = int(state[key])
            else:
                value = state[key]
                held[slot] = value.detach() if isinstance(value, Tensor) else tensor(value)
        for option in self.options:
            value = np.asarray(state[option]).item()
            setattr(self, option, value)
        self.state, self.steps = slots, steps

    def __repr__(self) -> str:
        shown = ", ".join(f"{option}={getattr(self, option)}" for option in self.options)
        return f"{type(self).__name__}({shown})"


def _are_parameters(value: Any) -> bool:
    many = list(value.values()) if isinstance(value, dict) else value
    if isinstance(many, list | tuple):
        return any(isinstance(part, Tensor | dict) for part in many)
    return isinstance(value, Tensor | Parts | Iterator)


def _check(parameters: Mapping[str, Tensor], grads: Mapping[str, Tensor]) -> None:
    unknown = [name for name in grads if name not in parameters]
    if unknown:
        raise ArchitectureError(
            f"gradients for {', '.join(unknown)}, which the model has not; it has "
            f"{', '.join(parameters) or 'no parameters'}"
        )
    for name, gradient in grads.items():
        if gradient.shape != parameters[name].shape:
            raise ShapeError(
                f"the gradient of {name} has shape {gradient.shape}, the parameter "
                f"{parameters[name].shape}"
            )


def check_option(optimizer: str, name: str, value: float, below: float = math.inf) -> float:
    """The number itself; TrainingError unless it is from 0 to less than ``below``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < below:
        limit = f" and less than {below:g}" if math.isfinite(below) else ""
        raise TrainingError(f"{optimizer}: {name}={value!r} must be a number from 0 up{limit}")
    return value


def zeros_like(parameter: Tensor) -> Tensor:
    """Zeros in memory of their own.

    As a constant they would give the first step a graph of its own and compile its kernels twice.
    """
    zeros = np.zeros(parameter.shape, parameter.dtype.numpy)
    return tensor(zeros, dtype=parameter.dtype, device=parameter.device)
