"""The training loop: fit and evaluate, with progress, clean stops and alarms."""

from jairika_nb.train.callbacks import Callback
from jairika_nb.train.checkpoint import Checkpoint
from jairika_nb.train.early_stopping import EarlyStopping
from jairika_nb.train.evaluate import evaluate
from jairika_nb.train.fit import fit
from jairika_nb.train.history import History
from jairika_nb.train.job import Job
from jairika_nb.train.loop import Training

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "Job",
    "Training",
    "evaluate",
    "fit",
]
