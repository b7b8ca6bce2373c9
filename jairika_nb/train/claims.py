"""Which models are being trained in the background, and copies of them of one moment."""

from __future__ import annotations

import copy
import threading
from typing import TYPE_CHECKING

from jairika_nb.errors import TrainingError
from jairika_nb.nn.module import Module
from jairika_nb.optim import Optimizer

if TYPE_CHECKING:
    from jairika_nb.train.job import Job

# By id; lists of it are taken while other threads start and end jobs.
running: dict[int, Job] = {}
# Held from looking whether a model is free to taking it.
starting = threading.Lock()


def check_free(model: Module, optimizer: Optimizer | None) -> None:
    """Raise TrainingError where a job is training the model, a part of it, or its optimiser."""
    for job in list(running.values()):
        if job.trains(model, optimizer):
            shared = "this model" if job.model is model else "a part of this model"
            if not job.trains(model):
                shared = "this optimiser"
            raise TrainingError(
                f"a job in the background trains {shared}: {job!r}; wait for it with job.wait(), "
                "or end it with job.stop()"
            )


def at_one_moment(model: Module) -> Module:
    """The model itself, or a copy with weights of one moment where a job is training it."""
    job = next((job for job in list(running.values()) if job.trains(model)), None)
    return model if job is None else job.snapshot(model)


def copied(model: Module) -> Module:
    """A copy of a model that shares its tensors' memory; raises TrainingError where none can be."""
    try:
        return copy.deepcopy(model)
    except (TypeError, AttributeError, RecursionError) as error:
        raise TrainingError(
            f"background training works on a copy of the model, and this {type(model).__name__} "
            f"cannot be copied ({error}); train it without background=True"
        ) from error
