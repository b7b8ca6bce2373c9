"""How good a model is on data it need not have seen."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.metrics import Accuracy
from jairika_nb.nn.losses import CrossEntropyLoss
from jairika_nb.nn.modes import mode
from jairika_nb.nn.module import Module
from jairika_nb.train.arguments import check_loss, check_model
from jairika_nb.train.batches import Batch, Batches
from jairika_nb.train.claims import at_one_moment
from jairika_nb.train.forward import Forward, Outcome
from jairika_nb.train.measures import Measures
from jairika_nb.train.objective import Objective
from jairika_nb.train.tally import Tally

MANY_BATCHES = 16


def evaluate(
    model: Module,
    data: Any,
    *,
    loss: Any = None,
    loss_weights: Any = None,
    metrics: Any = None,
    batch_size: int = 256,
) -> dict[str, Any]:
    """The mean loss and the measures of a model over data, in evaluation mode.

    ``data`` is what ``fit`` takes. ``loss`` defaults to cross-entropy; for several outputs it is
    a dict or list by output, as for ``fit``. ``metrics`` are streaming measures of
    ``jrk.metrics``, which start anew; by default accuracy where the loss is cross-entropy.
    Raises DataError for empty data or labels out of range, TrainingError for a model or a loss
    that is none.

    >>> from jairika_nb import nn
    >>> x = np.ones((4, 2), np.float32)
    >>> evaluate(nn.Identity(), (x, x + 2), loss=nn.MSELoss())
    {'loss': 4.0}
    """
    check_model("evaluate", model)
    check_loss(loss)
    objective = Objective(CrossEntropyLoss() if loss is None else loss, loss_weights)
    model = at_one_moment(model)
    batches = Batches(data, batch_size, model=model)
    # Recording a forward takes the time of some batches.
    compiled = batches.steps >= MANY_BATCHES
    return Evaluation(model, objective, metrics, compiled=compiled)(batches)


class Evaluation:
    """Evaluates a model again and again; the recorded forward is kept."""

    def __init__(
        self, model: Module, objective: Objective, metrics: Any = None, *, compiled: bool = True
    ) -> None:
        self.model = model
        measures = Measures(default_metrics(objective) if metrics is None else metrics, objective)
        self.tally = Tally(objective, measures)
        self.forward = Forward(model, objective, gives_prediction=bool(measures), compiled=compiled)

    def __call__(self, batches: Batches) -> dict[str, Any]:
        """The mean losses and the measures over data."""
        self.tally.reset()
        waiting: list[tuple[Outcome, Batch]] = []
        with mode(self.model, training=False):
            for batch in batches:
                waiting.append((self.forward(batch), batch))
                # A batch is read while the device computes the next one.
                if len(waiting) > 1:
                    self._take(*waiting.pop(0))
            self._take(*waiting.pop())
        return self.tally.losses() | self.tally.measures.values()

    def _take(self, outcome: Outcome, batch: Batch) -> None:
        self.tally.add(outcome.losses.numpy().astype(np.float64), outcome.prediction, batch)


def default_metrics(objective: Objective) -> list[Any]:
    """Accuracy for a single cross-entropy, nothing else."""
    loss = objective.losses[0]
    if objective.keys is None and isinstance(loss, CrossEntropyLoss):
        return [Accuracy(ignore_index=loss.ignore_index)]
    return []
