"""The training loop: fit and evaluate, with progress, clean stops and alarms."""

from jairika_nb.train.callbacks import Callback
from jairika_nb.train.evaluate import evaluate
from jairika_nb.train.fit import fit
from jairika_nb.train.history import History
from jairika_nb.train.loop import Training

__all__ = ["Callback", "History", "Training", "evaluate", "fit"]
