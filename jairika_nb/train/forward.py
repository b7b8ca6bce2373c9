"""A model and its losses on one batch, recorded once and then replayed; see ``jrk.compile``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.errors import ReplayError
from jairika_nb.nn.module import Module
from jairika_nb.nn.placing import on_device_of
from jairika_nb.tensors.autograd import eval as compute
from jairika_nb.tensors.compiling import Compiled
from jairika_nb.tensors.joining import stack
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.batches import Batch, as_input, float_dtype
from jairika_nb.train.objective import Objective

# What is traced so often, and more often than it is replayed, runs better as it is.
MANY_TRACES = 24


@dataclass
class Outcome:
    """What a batch gave: its losses in one tensor, the total first, and the prediction."""

    losses: Tensor
    prediction: Any
    inputs: tuple[Any, ...]
    named: dict[str, Any]


class Forward:
    """Predictions and losses for batches.

    ``compiled`` is the recorded function, or None where it runs as it is written; ``reason``
    then says why. Both compute the same.
    """

    # What a recorded run need not look at: the host reads it before, and writes it in a trace.
    unwatched: tuple[str, ...] = ("compiled", "reason", "known", "host_target", "key")

    def __init__(
        self,
        model: Module,
        objective: Objective,
        *,
        gives_prediction: bool = False,
        compiled: bool = True,
    ) -> None:
        self.model, self.objective = model, objective
        self.gives_prediction = gives_prediction
        self.dtype = float_dtype(model)
        self.reason = "" if compiled else "compiled=False"
        self.compiled = Compiled(self._run) if compiled else None
        self.known: dict[Any, Any] = {}
        self.host_target: Any = None
        self.key: Any = None

    def __call__(self, batch: Batch, *more: Any) -> Outcome:
        """Launch what a batch needs, on the model's device; nothing waits for it."""
        with on_device_of(self.model):
            return self._launch(batch, *more)

    def _launch(self, batch: Batch, *more: Any) -> Outcome:
        inputs = tuple(as_input(x, self.dtype) for x in batch.inputs)
        named = {name: as_input(x, self.dtype) for name, x in batch.named.items()}
        target, clean = self.objective.on_device(batch.target, self.dtype)
        self.host_target = batch.target
        self.key = tuple((t.shape, t.dtype) for t in leaves((inputs, named)))
        if self.key in self.known:
            self.objective.check(self.known[self.key], batch.target)
        losses, prediction = self._go(inputs, named, target, clean, *more)
        return Outcome(losses, prediction, inputs, named)

    def _go(self, *arguments: Any) -> Any:
        if self.compiled is not None and self._is_worth_it(self.compiled):
            try:
                return self.compiled(*arguments)
            except ReplayError as error:
                self.uncompile(str(error))
        losses, prediction = self._run(*arguments)
        compute(losses, *leaves(prediction), *self.tensors())
        return losses, prediction

    def tensors(self) -> list[Tensor]:
        """What a batch changes."""
        return list(self.model.buffers())

    def uncompile(self, reason: str) -> None:
        """Run as it is written from now on."""
        self.compiled, self.reason = None, reason

    def _is_worth_it(self, runs: Compiled) -> bool:
        if runs.traces < MANY_TRACES or runs.replays >= runs.traces:
            return True
        self.uncompile(
            "almost every batch differs from those before in a shape, or in a value that the "
            "model or the loss reads; give batches of one shape, and tensors for what changes"
        )
        return False

    def _run(
        self, inputs: tuple[Any, ...], named: dict[str, Any], target: Any, clean: Any
    ) -> tuple[Tensor, Any]:
        prediction, total, parts = self._losses(inputs, named, target, clean)
        return joined(total, parts), prediction if self.gives_prediction else None

    def _losses(
        self, inputs: tuple[Any, ...], named: dict[str, Any], target: Any, clean: Any
    ) -> tuple[Any, Tensor, list[Tensor]]:
        prediction = self.predict(inputs, named)
        self._check(prediction)
        return prediction, *self.objective.total(prediction, target, clean)

    def predict(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The model's output."""
        return self.model(*inputs, **named)

    def _check(self, prediction: Any) -> None:
        """Look at labels on the host once the outputs' shapes are known."""
        shapes = self.objective.shapes(prediction)
        if self.known.get(self.key) != shapes:
            self.objective.check(shapes, self.host_target)
            self.known[self.key] = shapes


def joined(total: Tensor, parts: list[Tensor]) -> Tensor:
    """The losses as one tensor, so that the host reads once."""
    return stack([value.reshape(()) for value in (total, *parts)]) if parts else total.reshape(())


def leaves(value: Any) -> list[Tensor]:
    """All tensors inside lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [t for p in parts for t in leaves(p)] if isinstance(value, list | tuple | dict) else []


def on_host(value: Any) -> Any:
    """The same lists, tuples and dicts with arrays in place of tensors."""
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, dict):
        return {name: on_host(part) for name, part in value.items()}
    return (
        [on_host(part) for part in value] if isinstance(value, list | tuple) else np.asarray(value)
    )
