"""All that a step changes, to be put back when the step fails.

Tensors are immutable, so a snapshot copies references, not values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.nn.module import Module
from jairika_nb.optim import Optimizer
from jairika_nb.tensors import random


class Snapshot:
    """Weights, buffers, optimiser state and random stream at the moment it is made."""

    def __init__(self, model: Module, optimizer: Optimizer) -> None:
        self.model = model
        self.optimizer = optimizer
        self.tensors = model.state_dict()
        self.state = {name: dict(slots) for name, slots in optimizer.state.items()}
        self.steps = dict(optimizer.steps)
        self.random: Any = random.state()

    def restore(self) -> None:
        """Put everything back."""
        self.model.replace(self.tensors)
        self.optimizer.state = {name: dict(slots) for name, slots in self.state.items()}
        self.optimizer.steps = dict(self.steps)
        random.restore(self.random)

    def spoiled(self) -> str:
        """The name of the first parameter or buffer that is not finite; empty if all are."""
        return next((name for name, t in self.tensors.items() if not_finite(t)), "")


def not_finite(tensor: Any) -> bool:
    """Whether a float tensor holds NaN or an infinity."""
    values = tensor.numpy()
    return values.dtype.kind == "f" and not np.isfinite(values).all()
