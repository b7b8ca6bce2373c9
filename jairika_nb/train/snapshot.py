"""All that a step changes, to be put back when the step fails.

Tensors are immutable, so a snapshot copies references, not values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jairika_nb.tensors import random

if TYPE_CHECKING:
    from jairika_nb.train.step import Step


class Snapshot:
    """Weights, buffers, gathered gradients, optimiser, schedule and random stream, as they are."""

    def __init__(self, step: Step, schedule: Any = None) -> None:
        self.step, self.schedule = step, schedule
        self.model, self.optimizer = step.model, step.optimizer
        self.tensors = self.model._tensors()
        self.gradients = step.gradients
        self.memory = self.optimizer.memory()
        self.moved = None if schedule is None else schedule.state_dict()
        self.random: Any = random.state()

    def restore(self) -> None:
        """Put everything back."""
        self.model.replace(self.tensors)
        self.optimizer.recall(self.memory)
        self.step.gradients = self.gradients
        if self.schedule is not None and self.moved is not None:
            self.schedule.load_state_dict(self.moved)
        random.restore(self.random)

    def undo_update(self) -> None:
        """Put parameters and the optimiser back; running statistics and draws stay."""
        names = [name for name, _ in self.model.named_parameters()]
        self.model.replace({name: self.tensors[name] for name in names})
        self.optimizer.recall(self.memory)

    def spoiled(self) -> str:
        """The name of the first parameter or buffer that is not finite; empty if all are."""
        return next((name for name, t in self.tensors.items() if not_finite(t)), "")


def not_finite(tensor: Any) -> bool:
    """Whether a float tensor holds NaN or an infinity."""
    values = tensor.numpy()
    return values.dtype.kind == "f" and not np.isfinite(values).all()
