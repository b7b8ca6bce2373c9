"""The training loop: epochs, steps, and what happens between them."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator

import numpy as np

from jairika_nb.errors import TrainingError
from jairika_nb.nn.modes import mode
from jairika_nb.nn.module import Module
from jairika_nb.optim import Optimizer
from jairika_nb.tensors.autograd import eval as compute
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.accumulate import in_groups
from jairika_nb.train.batches import Batch, Batches
from jairika_nb.train.callbacks import Callbacks
from jairika_nb.train.evaluate import Evaluation
from jairika_nb.train.forward import Outcome
from jairika_nb.train.history import History
from jairika_nb.train.interrupt import Wish, stopping
from jairika_nb.train.measures import numbers
from jairika_nb.train.precision import LossScale
from jairika_nb.train.progress import Silent
from jairika_nb.train.snapshot import Snapshot
from jairika_nb.train.standing import Standing
from jairika_nb.train.step import Step
from jairika_nb.train.tally import Tally
from jairika_nb.train.undoing import Waiting, undone

# Weights of so many bytes are not kept three times over to save the host's time.
MANY_BYTES = 32 << 20


class Training:
    """A run of ``fit``, which callbacks are given.

    ``model``, ``optimizer`` and ``history`` are those of the run; ``epoch`` and ``step`` count
    what is done, from 0; ``stop()`` ends the run after the running step.
    """

    def __init__(
        self,
        step: Step,
        batches: Batches,
        epochs: int,
        *,
        tally: Tally,
        validation: tuple[Evaluation, Batches] | None,
        callbacks: Callbacks,
        display: Silent,
    ) -> None:
        self.model: Module = step.model
        self.run_step, self.batches, self.schedule = step, batches, step.schedule
        self.optimizer: Optimizer = step.optimizer
        self.tally, self.validation = tally, validation
        self.callbacks, self.display = callbacks, display
        self.standing = Standing(epochs, batches.steps)
        self.history = History()
        self.standing.rows = self.history.epochs
        self.wish = Wish()
        self.waiting: Waiting | None = None
        self.last_loss = math.nan
        self.error: BaseException | None = None
        self.closing: dict[str, float] | None = None  # the row of an epoch until it is validated
        self.is_whole = True  # whether counters and weights are of one moment
        self.published: Callable[[dict[str, Tensor]], None] | None = None
        self.start = 0  # batches of the running epoch that are done already
        self.started = time.perf_counter()

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.standing.epoch

    @property
    def step(self) -> int:
        """Steps done in the running epoch."""
        return self.standing.step

    @property
    def loss(self) -> float:
        """The loss of the last step."""
        self.settle()
        return self.last_loss

    @property
    def elapsed(self) -> float:
        """Seconds of training, with those of the run that this one goes on with."""
        return time.perf_counter() - self.started

    def stop(self) -> None:
        """End the run after the running step."""
        self.wish.stop = True

    def go(self) -> History:
        """Train, and return the record of it."""
        self.started = time.perf_counter() - self.history.seconds
        self.standing.started = time.perf_counter()
        self.standing.share_at_start = self.standing.share
        # Fresh weights are lazy draws; computed once, every step has the same graph.
        compute(*self.model._tensors().values())
        state = "failed"
        try:
            with stopping(self.wish):
                self.callbacks.call("on_start", self)
                self._epochs()
                self.callbacks.call("on_end", self)
            state = "interrupted" if self.history.interrupted else "done"
        except BaseException as error:
            self._failed(error)
            raise
        finally:
            self.standing.state, self.standing.ended = state, time.perf_counter()
            self.history.seconds = self.elapsed
            self.history.uncompiled = self.run_step.reason
            self.display.end(self.standing)
        return self.history

    def _failed(self, error: BaseException) -> None:
        self.error, self.standing.error = error, f"{type(error).__name__}: {error}"
        # Nobody knows where a second Ctrl-C, or the end of the program, came in between.
        self.is_whole = self.is_whole and isinstance(error, Exception)
        if self.is_whole:
            try:
                self.settle()
            except Exception as other:
                error.add_note(f"the step before it failed too: {other}")
        self.callbacks.failed(self, error)

    def _epochs(self) -> None:
        while self.standing.epoch < self.standing.epochs:
            with mode(self.model, training=True):
                is_whole = self._pass()
            if not is_whole:
                self.history.interrupted = self.history.partial = True
                self.history.epochs.append(self.tally.row())
                return
            self._close_epoch()
            if self.wish.stop or self.history.stop:
                self.history.interrupted = self.wish.stop
                return

    def _pass(self) -> bool:
        """Go through the data once; False where a wish to stop ended it, also in its last step."""
        self._begin_pass()
        batches = self.batches.after(self.start)
        groups = in_groups(batches, self.run_step.accumulate, self.start)
        with self._telling_where():
            for number, batch, ends_group in groups:
                self._step(number, batch, ends_group)
                if self.wish.stop:
                    break
            self.settle()
        self.start = 0
        self.standing.steps = max(self.standing.steps, self.standing.step)
        return not self.wish.stop

    @contextlib.contextmanager
    def _telling_where(self) -> Iterator[None]:
        """Let errors say in which step of which epoch they came."""
        try:
            yield
        except Exception as error:
            if not getattr(error, "__notes__", ()) and not isinstance(error, TrainingError):
                error.add_note(
                    f"raised in epoch {self.standing.epoch + 1}, step {self.standing.step + 1}; "
                    "the weights are those of the steps before"
                )
            raise

    def _begin_pass(self) -> None:
        if not self.start:
            self.tally.reset()
        self.standing.step = self.start
        self.at_start = Snapshot(self.run_step, self.schedule)
        held = sum(t.size * t.dtype.itemsize for t in self.run_step.tensors())
        self.is_heavy = held > MANY_BYTES

    def _step(self, number: int, batch: Batch, is_last: bool) -> None:
        if self.is_heavy:
            self.settle()
        outcome = self.run_step.learn(batch, is_last)
        # The loss of the step before is read only now, while the device computes this one.
        self.settle()
        after = None if self.published is None else self.model._tensors()
        counted = self.history.steps, self.history.updates
        self.waiting = Waiting(outcome, batch, number, counted, self.run_step.before, after)
        self.standing.step = number + 1
        self.history.steps += 1
        if is_last:
            self._updated(outcome)
        self.display.step(self.standing)

    def _updated(self, outcome: Outcome) -> None:
        """What follows a step of the optimiser."""
        scale = self.run_step.scale
        if scale is not None and not self._is_finite(outcome, scale):
            self.history.skipped += 1
            return
        self.history.updates += 1
        if self.schedule is not None and self.schedule.every == "step":
            self.schedule.step(*([self.loss] if self.schedule.needs_metric else []))
        if self.callbacks.watches_steps:
            self.settle()
            self.callbacks.call("on_step", self)

    def _is_finite(self, outcome: Outcome, scale: LossScale) -> bool:
        """Whether gradients did not overflow in float16; a step that did is taken back."""
        waiting, finite = self.waiting, bool(outcome.losses.numpy()[-1])
        if not finite and waiting is not None:
            waiting.after = waiting.before.tensors
        self.settle()
        if not finite and waiting is not None:
            waiting.before.undo_update()
        scale.update(finite)
        return finite

    def settle(self) -> None:
        """Read the waiting step's loss; undo and explain the step where it is not finite."""
        waiting, self.waiting = self.waiting, None
        if waiting is None:
            return
        losses = waiting.outcome.losses.numpy().astype(np.float64)
        losses = self.run_step.losses_of(losses)
        self.last_loss = float(np.ravel(losses)[0])
        if not math.isfinite(self.last_loss):
            raise undone(self, waiting, self.last_loss)
        self.tally.add(losses, waiting.outcome.prediction, waiting.batch)
        self.standing.measures = self.tally.losses()
        self.standing.add_loss(self.last_loss)
        if self.published is not None and waiting.after is not None:
            self.published(waiting.after)

    def _validate(self) -> dict[str, float]:
        assert self.validation is not None
        evaluate, data = self.validation
        try:
            return numbers(evaluate(data))
        except Exception as error:
            error.add_note(f"raised by the validation data after epoch {self.standing.epoch + 1}")
            raise

    def _close_epoch(self) -> None:
        # Validation takes the measures for itself, so that they are lost where it fails.
        row = self.closing = self.closing or self.tally.row()
        if self.validation is not None:
            row = row | {f"val_{name}": value for name, value in self._validate().items()}
        self.closing = None
        self.history.epochs.append(row)
        if self.schedule is not None and self.schedule.every == "epoch":
            watched = row.get("val_loss", row["loss"])
            self.schedule.step(*([watched] if self.schedule.needs_metric else []))
        self.standing.measures = dict(row)
        self.display.epoch(self.standing)
        self.standing.epoch += 1
        self.standing.step = 0
        self.callbacks.call("on_epoch", self)
