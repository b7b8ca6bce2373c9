"""One step of training: forward, losses, gradients and update of one batch."""

from __future__ import annotations

from typing import Any

from jairika_nb.nn.module import Module
from jairika_nb.optim import Optimizer
from jairika_nb.tensors.autograd import grad
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.forward import Forward, joined
from jairika_nb.train.objective import Objective
from jairika_nb.train.snapshot import Snapshot


class Step(Forward):
    """Learns from a batch; where it fails, model and optimiser stay as they were."""

    unwatched = (*Forward.unwatched, "before")
    what = "fit"

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        objective: Objective,
        *,
        gives_prediction: bool = False,
        compiled: bool = True,
    ) -> None:
        super().__init__(model, objective, gives_prediction=gives_prediction, compiled=compiled)
        self.optimizer = optimizer
        self.before = Snapshot(model, optimizer)

    def tensors(self) -> list[Tensor]:
        """Weights, buffers and the optimiser's state."""
        return [*self.model.state_dict().values(), *self.optimizer.tensors()]

    def _go(self, *arguments: Any) -> Any:
        self.before = Snapshot(self.model, self.optimizer)
        try:
            return super()._go(*arguments)
        except BaseException:
            self.before.restore()
            raise

    def uncompile(self, reason: str) -> None:
        # A trace that was given up has left tensors without values behind.
        self.before.restore()
        super().uncompile(reason)

    def _run(
        self, inputs: tuple[Any, ...], named: dict[str, Any], target: Any, clean: Any
    ) -> tuple[Tensor, Any]:
        parameters = dict(self.model.named_trainable_parameters())
        prediction, total, parts = self._losses(inputs, named, target, clean)
        gradients = dict(zip(parameters, grad(total, list(parameters.values())), strict=True))
        self.optimizer.update(self.model, gradients)
        return joined(total, parts), prediction if self.gives_prediction else None
