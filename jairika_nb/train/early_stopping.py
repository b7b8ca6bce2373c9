"""Ends a run that gets no better."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from jairika_nb.train.arguments import count
from jairika_nb.train.callbacks import Callback
from jairika_nb.train.monitor import Monitor

if TYPE_CHECKING:
    from jairika_nb.train.loop import Training


class EarlyStopping(Callback):
    """Ends a run after ``patience`` epochs in which ``monitor`` got no better.

    Better means by more than ``min_delta``, downwards or upwards as ``mode`` says ("auto" knows
    losses and errors by name). ``restore_best_weights`` puts the weights and buffers of the best
    epoch back when the run ends, also after its last epoch, but not where it is interrupted, so
    that it can go on. ``stopped_epoch`` is the number of epochs done when it stopped the run,
    ``best_epoch`` that of the best. Each run begins anew, unless it goes on with another.

    >>> EarlyStopping("val_accuracy", patience=3).patience
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best_weights: bool = True,
    ) -> None:
        self.monitor = Monitor(monitor, mode, min_delta)
        self.patience = count("EarlyStopping: patience", patience)
        self.restore_best_weights = restore_best_weights
        self._reset()

    def _reset(self) -> None:
        self.monitor.best = None
        self.best_epoch = self.stopped_epoch = 0
        self.weights: dict[str, Any] = {}

    def on_start(self, training: Training) -> None:
        """Forget an earlier run: its weights may be those of another network."""
        if not training.history.steps:
            self._reset()

    def on_epoch(self, training: Training) -> None:
        """Look at the newest measures."""
        if self.monitor.improves(training.history.metrics):
            self.best_epoch = training.epoch
            # Only handles are copied: what they hold never changes.
            best = training.model.state_dict() if self.restore_best_weights else {}
            self.weights = {name: copy(value) for name, value in best.items()}
        elif training.epoch - self.best_epoch >= self.patience:
            self.stopped_epoch = training.epoch
            training.history.stop = True

    def on_end(self, training: Training) -> None:
        """Put the best weights back, unless the run is to go on."""
        if self.weights and not training.history.interrupted:
            training.model.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """The best so far."""
        return {
            "best": self.monitor.best,
            "best_epoch": self.best_epoch,
            "stopped_epoch": self.stopped_epoch,
            "weights": self.weights,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        self.monitor.best = state["best"]
        self.best_epoch, self.stopped_epoch = state["best_epoch"], state["stopped_epoch"]
        self.weights = dict(state["weights"])
