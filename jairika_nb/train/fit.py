"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jairika_nb.errors import TrainingError
from jairika_nb.nn.losses import CrossEntropyLoss
from jairika_nb.nn.module import Module
from jairika_nb.optim import Adam, Optimizer
from jairika_nb.tensors.autograd import eval as compute
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.alarm import blame
from jairika_nb.train.arguments import check_loss, check_model, check_optimizer
from jairika_nb.train.batches import Batches, as_input, float_dtype, measured_loss
from jairika_nb.train.evaluate import evaluate, mode
from jairika_nb.train.history import History
from jairika_nb.train.interrupt import Wish, stopping
from jairika_nb.train.progress import Silent, choose
from jairika_nb.train.snapshot import Snapshot
from jairika_nb.train.standing import Standing

Callback = Callable[[History], Any]


def fit(
    model: Module,
    data: Any,
    *,
    epochs: int,
    optimizer: Optimizer | None = None,
    loss: Any = None,
    validation: Any = None,
    progress: bool | str | Silent = True,
    callbacks: Iterable[Callback] = (),
    batch_size: int = 64,
    seed: int | None = None,
) -> History:
    """Train a model and return the record of it.

    ``data`` is a DataLoader, a dataset, a tuple ``(inputs, targets)`` of arrays, or any iterable
    of batches; ``batch_size`` and ``seed`` matter where it is not cut into batches yet. Float
    arrays are converted to the dtype of the model's parameters. ``optimizer`` defaults to
    ``Adam()``, ``loss`` to cross-entropy, any function of prediction and target will do.
    ``validation`` data is measured after every epoch. ``callbacks`` are called with the history
    after every epoch. ``progress`` is True for what fits the place, or "notebook", "terminal",
    "log", "none".

    Ctrl-C ends after the running step; the history then says ``interrupted``, and its last row
    holds the loss of the steps done. A loss that is NaN or infinite raises TrainingError naming
    epoch, step and what went first, and leaves the weights from before that step. Raises DataError
    for empty data or labels out of range, TrainingError for a model, an optimiser or a loss that
    is none.

    >>> import jairika_nb as jrk
    >>> from jairika_nb import nn, optim
    >>> jrk.random.seed(0)
    >>> x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    >>> line = nn.Linear(1, 1)
    >>> history = fit(line, (x, 3 * x + 1), epochs=50, optimizer=optim.SGD(lr=0.3),
    ...               loss=nn.MSELoss(), progress=False)
    >>> history.metrics["loss"] < 0.01
    True
    """
    check_model("fit", model)
    check_optimizer(optimizer)
    check_loss(loss)
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise TrainingError(f"epochs={epochs!r} must be an integer from 1 up")
    if next(model.parameters(), None) is None:
        raise TrainingError(f"{type(model).__name__} has no parameters: there is nothing to train")
    batches = Batches(data, batch_size, shuffle=True, seed=seed)
    run = _Run(
        model,
        batches,
        optimizer if optimizer is not None else Adam(),
        loss if loss is not None else CrossEntropyLoss(),
        validation,
        choose(progress),
        tuple(callbacks),
        Standing(epochs, batches.steps),
    )
    return run.go()


@dataclass
class _Step:
    """A step on its way: its lazy loss and what is needed to undo and to explain it."""

    loss: Tensor
    inputs: tuple[Tensor, ...]
    size: int
    number: int
    before: Snapshot


@dataclass
class _Run:
    model: Module
    batches: Batches
    optimizer: Optimizer
    loss: Any
    validation: Any
    display: Silent
    callbacks: tuple[Callback, ...]
    standing: Standing
    history: History = field(default_factory=History)
    waiting: _Step | None = None
    total: float = 0.0
    count: int = 0

    def go(self) -> History:
        start = time.perf_counter()
        self.dtype = float_dtype(self.model)
        # Fresh weights are lazy draws; computed once, every step has the same graph.
        compute(*self.model.state_dict().values())
        state = "failed"
        try:
            with stopping() as wish:
                self._epochs(wish)
            state = "interrupted" if self.history.interrupted else "done"
        finally:
            self.standing.state = state
            self.history.seconds = time.perf_counter() - start
            self.display.end(self.standing)
        return self.history

    def _epochs(self, wish: Wish) -> None:
        for epoch in range(self.standing.epochs):
            self.standing.epoch, self.standing.step = epoch, 0
            with mode(self.model, training=True):
                self._pass(wish)
            if wish.stop:
                self.history.interrupted = self.history.partial = True
                self.history.epochs.append(self._row())
                return
            self._close_epoch()
            if wish.stop or self.history.stop:
                self.history.interrupted = wish.stop
                return

    def _pass(self, wish: Wish) -> None:
        self.total, self.count = 0.0, 0
        self.at_start = Snapshot(self.model, self.optimizer)
        for number, (inputs, target) in enumerate(self.batches):
            self._step(number, inputs, target)
            self.standing.step = number + 1
            self.history.steps += 1
            self.display.step(self.standing)
            if wish.stop:
                break
        self.standing.steps = max(self.standing.steps, self.standing.step)
        self._settle()

    def _step(self, number: int, inputs: tuple[Any, ...], target: Any) -> None:
        before = Snapshot(self.model, self.optimizer)
        try:
            on_device = tuple(as_input(x, self.dtype) for x in inputs)
            loss = measured_loss(self.loss, self.model(*on_device), target)
            self._check_scalar(loss)
            gradients = loss.backward(self.model)
        except BaseException:
            before.restore()
            raise
        # The loss of the step before is read only now, so that building this step's graph, the
        # host's work, runs while the device computes.
        self._settle()
        try:
            self.optimizer.update(self.model, gradients)
            compute(loss, *self.model.state_dict().values(), *self.optimizer.tensors())
        except BaseException:
            before.restore()
            raise
        size = len(target) if np.ndim(target) else 1
        self.waiting = _Step(loss, on_device, size, number, before)

    def _check_scalar(self, loss: Any) -> None:
        if not isinstance(loss, Tensor) or loss.size != 1:
            what = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
            raise TrainingError(f"the loss must be a tensor with one element, not {what}")

    def _settle(self) -> None:
        """Read the waiting step's loss; undo and explain the step where it is not finite."""
        step, self.waiting = self.waiting, None
        if step is None:
            return
        value = float(step.loss)
        if not math.isfinite(value):
            self._fail(step, value)
        self.total += value * step.size
        self.count += step.size
        self.standing.measures["loss"] = self.total / self.count
        self.standing.add_loss(value)

    def _fail(self, step: _Step, value: float) -> None:
        step.before.restore()
        where = f"epoch {self.standing.epoch + 1}, step {step.number + 1}"
        with mode(self.model, training=True):
            cause = blame(step.before, step.inputs)
        step.before.restore()
        kept = "the weights are those before that step"
        if step.before.spoiled():
            self.at_start.restore()
            kept = "the weights are those at the start of the epoch"
        raise TrainingError(
            f"the loss became {value} in {where}: {cause}; {kept}; lower the learning rate or "
            "look at the data"
        )

    def _row(self) -> dict[str, float]:
        return {"loss": self.total / self.count}

    def _close_epoch(self) -> None:
        row = self._row()
        if self.validation is not None:
            found = evaluate(self.model, self.validation, loss=self.loss)
            row |= {f"val_{name}": value for name, value in found.items()}
        self.history.epochs.append(row)
        self.standing.measures = dict(row)
        self.display.epoch(self.standing)
        for callback in self.callbacks:
            callback(self.history)
