"""One step of training: forward, losses, gradients and update of one batch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.nn.module import Module
from jairika_nb.nn.placing import on_device_of
from jairika_nb.optim import Optimizer
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.joining import concat
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.batches import Batch
from jairika_nb.train.forward import Forward, Outcome, joined
from jairika_nb.train.gradients import Gradients, are_finite, clipped, gathered
from jairika_nb.train.objective import Objective
from jairika_nb.train.precision import LossScale, converted, lowered
from jairika_nb.train.snapshot import Snapshot


class Step(Forward):
    """Learns from a batch; where it fails, model and optimiser stay as they were.

    Of ``accumulate`` batches the gradients are gathered, weighted by their samples, before the
    optimiser takes a step. ``precision`` is the dtype of the forward, None for the model's own;
    in float16 the loss is scaled, and the last of the losses tells whether gradients are finite.
    """

    unwatched = (*Forward.unwatched, "before", "scale", "samples", "schedule")

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        objective: Objective,
        *,
        gives_prediction: bool = False,
        compiled: bool = True,
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        precision: Any = None,
        schedule: Any = None,
    ) -> None:
        super().__init__(model, objective, gives_prediction=gives_prediction, compiled=compiled)
        self.optimizer, self.schedule = optimizer, schedule
        self.accumulate = accumulate
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.precision = precision
        self.scale = LossScale() if precision is dtypes.float16 else None
        self.gradients: Gradients = {}
        self.samples = 0
        self.before = Snapshot(self, schedule)

    def learn(self, batch: Batch, is_last: bool) -> Outcome:
        """Launch a batch; the optimiser takes a step where it is the last of those gathered."""
        self.before = Snapshot(self, self.schedule)
        share = whole = scale = None
        if self.accumulate > 1:
            # Losses that are sums add up as they are; means are weighted by their samples.
            weight = 1 if self.objective.is_sum else batch.size
            self.samples += weight
            share = np.array(weight, np.float32)
            whole = np.array(1 if self.objective.is_sum else self.samples, np.float32)
        if self.scale is not None:
            scale = np.array(self.scale.value, np.float32)
        try:
            outcome = self(batch, share, whole if is_last else None, scale, is_last)
        except BaseException:
            self.before.restore()
            raise
        self.samples = 0 if is_last else self.samples
        return outcome

    def tensors(self) -> list[Tensor]:
        """Weights, buffers, the optimiser's state, and gradients that wait for others."""
        own = self.model._tensors().values()
        return [*own, *self.optimizer.tensors(), *self.gradients.values()]

    def uncompile(self, reason: str) -> None:
        """Run as it is written from now on, and say so."""
        # A trace that was given up has left tensors without values behind.
        self.before.restore()
        super().uncompile(reason)
        warnings.warn(f"fit runs uncompiled, which is slower: {reason}", stacklevel=2)

    def predict(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """The model's output, through a forward in the lower precision where one is asked for."""
        if self.precision is None:
            return super().predict(inputs, named)
        with lowered(self.model, self.precision):
            low = converted((inputs, named), self.precision)
            return converted(super().predict(*low), dtypes.float32)

    def _run(
        self,
        inputs: tuple[Any, ...],
        named: dict[str, Any],
        target: Any,
        clean: Any,
        share: Any = None,
        whole: Any = None,
        scale: Any = None,
        is_last: bool = True,
    ) -> tuple[Tensor, Any]:
        share, whole, scale = map(_as_tensor, (share, whole, scale))
        prediction, total, parts = self._losses(inputs, named, target, clean)
        losses = joined(total, parts)
        new = (total if scale is None else total * scale).backward(self.model)
        gradients = gathered(self.gradients, new, share)
        if is_last:
            finite = self._update(gradients, whole, scale)
            self.gradients = {}
            if finite is not None:
                losses = concat([losses.reshape((-1,)), finite.reshape((1,))])
        else:
            self.gradients = {name: g.detach() for name, g in gradients.items()}
        return losses, prediction if self.gives_prediction else None

    def _update(
        self, gradients: Gradients, whole: Tensor | None, scale: Tensor | None
    ) -> Tensor | None:
        divisor = scale if whole is None else whole if scale is None else whole * scale
        if divisor is not None:
            gradients = {name: g / divisor.astype(g.dtype) for name, g in gradients.items()}
        finite = None if scale is None else are_finite(gradients)
        self.optimizer.update(self.model, clipped(gradients, self.clip_norm, self.clip_value))
        return finite

    def losses_of(self, values: np.ndarray) -> np.ndarray:
        """The losses among what a step gave; in float16 the last of a step tells overflows."""
        has_flag = self.scale is not None and values.ndim and len(values) > self.objective.count
        return values[:-1] if has_flag else values

    def state_dict(self) -> dict[str, Any]:
        """What the next step needs beside weights and the optimiser's state."""
        scale = None if self.scale is None else [self.scale.value, self.scale.good]
        return {"gradients": self.gradients, "samples": self.samples, "scale": scale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        with on_device_of(self.model):
            self.gradients = {name: tensor(v) for name, v in state["gradients"].items()}
        self.samples = int(state["samples"])
        if self.scale is not None and state["scale"] is not None:
            self.scale.value, self.scale.good = float(state["scale"][0]), int(state["scale"][1])


def _as_tensor(value: Any) -> Tensor | None:
    return value if value is None or isinstance(value, Tensor) else tensor(value)
