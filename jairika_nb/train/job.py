"""Training in the background: a run in a thread of its own, and the handle that watches it."""

from __future__ import annotations

import atexit
import contextvars
import threading
from collections.abc import Callable
from html import escape
from typing import Any

from jairika_nb.errors import TrainingError
from jairika_nb.nn.module import Module, guards
from jairika_nb.tensors import random
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.claims import check_free, copied, running, starting
from jairika_nb.train.history import History
from jairika_nb.train.loop import Training
from jairika_nb.train.progress import NotebookProgress, html
from jairika_nb.train.stop_button import show_stop_button


class Job:
    """A run of ``fit(..., background=True)``, which goes on while the notebook is used.

    The run works on a copy of the model. After each step whose loss is finite the model has its
    weights, all of one step: predictions, ``evaluate`` and commits meanwhile see no mixture. The
    run draws its random numbers from a stream of its own, so it ends with the bits of a run in the
    foreground. ``history`` grows as it goes, ``progress`` is the share done, ``state`` "running",
    "done", "interrupted" or "failed". ``stop()`` ends it after the running step. ``wait()`` gives
    the history when it is over, and raises what the run raised; Ctrl-C only ends the waiting.
    Where the program ends, running jobs are stopped.

    >>> import numpy as np
    >>> from jairika_nb import nn
    >>> from jairika_nb.train import fit
    >>> x = np.ones((8, 2), np.float32)
    >>> job = fit(nn.Linear(2, 2), (x, x), epochs=3, loss=nn.MSELoss(), progress=False,
    ...           background=True)
    >>> len(job.wait()), job.state, job.progress
    (3, 'done', 1.0)
    """

    def __init__(self, model: Module, twin: Module, training: Training) -> None:
        self.model, self._twin, self._training = model, twin, training
        self._guard = threading.RLock()
        self._over = threading.Event()
        self.exception: BaseException | None = None
        self.at_end: list[Callable[[], Any]] = []
        training.published = self._publish

    def start(self) -> Job:
        """Begin; raises TrainingError where model or optimiser are in training already."""
        with starting:
            check_free(self.model, self._training.optimizer)
            running[id(self)] = self
        # Moments are those of the model, and of the copy while that is trained.
        self._training.optimizer.owners.hand_over(self.model, self._twin)
        try:
            self._begin()
        except BaseException:
            self._let_go()
            raise
        return self

    def _begin(self) -> None:
        guards[self.model] = self._guard
        if isinstance(self._training.display, NotebookProgress):
            show_stop_button(self)
            self.at_end.append(lambda: self._training.display.end(self._training.standing))
        with random.apart():
            context = contextvars.copy_context()
        # A daemon, so that a program can end; what it holds is let go in order at exit.
        name = f"training of {type(self.model).__name__}"
        self._thread = threading.Thread(target=context.run, args=(self._run,), name=name)
        self._thread.daemon = True
        self._thread.start()

    def _run(self) -> None:
        try:
            self._training.go()
        except BaseException as error:
            self.exception = error
        try:
            self._publish(self._twin._tensors())
            self._let_go()
            self._finish()
        except Exception as error:
            self.exception = self.exception or error
        finally:
            self._let_go()
            self._over.set()

    def _let_go(self) -> None:
        self._training.optimizer.owners.hand_over(self._twin, self.model)
        running.pop(id(self), None)
        with self._guard:
            guards.pop(self.model, None)

    def _finish(self) -> None:
        for function in self.at_end:
            function()

    def _publish(self, state: dict[str, Tensor]) -> None:
        with self._guard:
            own = self.model._tensors()
            odd = [name for name in {**own, **state} if _shape(own, name) != _shape(state, name)]
            if odd:
                raise TrainingError(
                    f"{odd[0]} of the model was changed while a job trained it; stop the job "
                    "before surgery, its weights are lost otherwise"
                )
            self.model.replace(state)

    @property
    def history(self) -> History:
        """The record so far."""
        return self._training.history

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1."""
        return self._training.standing.share

    @property
    def state(self) -> str:
        """ "running", "done", "interrupted" or "failed"."""
        if not self._over.is_set():
            return "running"
        return "failed" if self.exception is not None else self._training.standing.state

    def stop(self) -> None:
        """End the run after the running step; ``wait()`` waits for that."""
        self._training.stop()

    def wait(self, timeout: float | None = None) -> History:
        """The history, when the run is over; raises what it raised.

        Raises TimeoutError after ``timeout`` seconds; the run goes on.
        """
        if not self._over.wait(timeout):
            raise TimeoutError(f"the training goes on after {timeout:g} s: {self!r}")
        # Programs that run notebooks only listen to the running cell, which is the waiting one.
        self._finish()
        return self.result

    @property
    def result(self) -> History:
        """The history of a run that is over; raises what it raised, TrainingError before."""
        if not self._over.is_set():
            raise TrainingError("the training is not over; job.wait() waits for it")
        if self.exception is not None:
            raise self.exception
        return self.history

    @property
    def ok(self) -> bool:
        """Whether it did not fail."""
        return self.state != "failed"

    def to_json(self) -> dict[str, Any]:
        """State, progress and record as JSON data."""
        error = None if self.exception is None else str(self.exception)
        facts = {"state": self.state, "progress": self.progress, "error": error}
        return facts | {"history": self.history.to_json()}

    def trains(self, model: Module, optimizer: Any = None) -> bool:
        """Whether the run changes any part of ``model``, or ``optimizer``."""
        own = {id(part) for part in self.model.modules()}
        is_same = optimizer is not None and optimizer is self._training.optimizer
        return is_same or any(id(part) in own for part in model.modules())

    def snapshot(self, model: Module) -> Module:
        """A copy of a model that this run changes, with weights of one moment."""
        with self._guard:
            return copied(model)

    def __repr__(self) -> str:
        standing = self._training.standing
        told = f": {self.exception}" if self.exception is not None else ""
        return f"<Job {self.state}, {standing.counters()} {standing.measured()}>{told}"

    def _repr_html_(self) -> str:
        told = f"<div>{escape(str(self.exception))}</div>" if self.exception is not None else ""
        return html(self._training.standing) + told


def _shape(state: dict[str, Tensor], name: str) -> tuple[int, ...] | None:
    return state[name].shape if name in state else None


@atexit.register
def _stop_all() -> None:
    """Let no thread launch kernels while the interpreter is taken down."""
    jobs = list(running.values())
    for job in jobs:
        job.stop()
    for job in jobs:
        job._over.wait()
