"""A step whose loss has not been read yet, and what is done where that is no number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jairika_nb.errors import TrainingError
from jairika_nb.nn.modes import mode
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.alarm import blame
from jairika_nb.train.batches import Batch
from jairika_nb.train.forward import Outcome
from jairika_nb.train.snapshot import Snapshot

if TYPE_CHECKING:
    from jairika_nb.train.loop import Training


@dataclass
class Waiting:
    """A step that was launched and whose loss has not been read."""

    outcome: Outcome
    batch: Batch
    number: int
    counted: tuple[int, int]  # steps and updates before it
    before: Snapshot
    after: dict[str, Tensor] | None = None


def undone(training: Training, waiting: Waiting, value: float) -> TrainingError:
    """Put back what was before a step with a loss that is no number; the error that explains it."""
    waiting.before.restore()
    where = f"epoch {training.standing.epoch + 1}, step {waiting.number + 1}"
    with mode(training.model, training=True):
        cause = blame(waiting.before, waiting.outcome.inputs, waiting.outcome.named)
    waiting.before.restore()
    training.standing.step = waiting.number
    training.history.steps, training.history.updates = waiting.counted
    kept = "the weights are those before that step"
    if waiting.before.spoiled():
        training.is_whole = False
        training.at_start.restore()
        kept = f"the weights are those at the start of the {'run' if training.start else 'epoch'}"
    return TrainingError(
        f"the loss became {value} in {where}: {cause}; {kept}; lower the learning rate or look at "
        "the data"
    )
