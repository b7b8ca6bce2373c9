"""What the running epoch has measured so far: mean losses, and measures of the predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.train.batches import Batch
from jairika_nb.train.forward import on_host
from jairika_nb.train.measures import Measures, numbers
from jairika_nb.train.objective import Objective


class Tally:
    """Sums over the batches of an epoch, each weighted by its samples."""

    def __init__(self, objective: Objective, measures: Measures) -> None:
        self.objective, self.measures = objective, measures
        self.total: Any = 0.0
        self.count = 0

    def reset(self) -> None:
        """Begin another epoch."""
        self.total, self.count = 0.0, 0
        self.measures.reset()

    def add(self, losses: np.ndarray, prediction: Any, batch: Batch) -> None:
        """Take in a batch."""
        if self.measures:
            self.measures.update(on_host(prediction), batch.target)
        self.total = self.total + losses * batch.size
        self.count += batch.size

    def losses(self) -> dict[str, float]:
        """The mean losses so far by name."""
        return self.objective.named(self.total / self.count)

    def row(self) -> dict[str, float]:
        """The mean losses and those of the measures that are single numbers."""
        return self.losses() | numbers(self.measures.values())

    def state_dict(self) -> dict[str, Any]:
        """The sums so far."""
        total = np.asarray(self.total, np.float64)
        return {"total": total, "count": self.count, "measures": self.measures.state()}

    def load_state_dict(self, state: dict[str, Any], is_inside: bool) -> None:
        """Take back what ``state_dict`` gave; raises TrainingError for other measures."""
        self.measures.restore(state["measures"], is_inside)
        self.total, self.count = state["total"], int(state["count"])
