"""What may look on while a model trains, and step in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from jairika_nb.errors import TrainingError

if TYPE_CHECKING:
    from jairika_nb.train.loop import Training

MOMENTS = ("on_start", "on_step", "on_epoch", "on_end", "on_error")


class Callback:
    """Base of callbacks; override what is needed, each is given the running :class:`Training`.

    ``on_step`` comes after every optimiser step, when its loss is known; ``on_epoch`` when an
    epoch's measures are in ``training.history``; ``on_end`` once, also where a run was
    interrupted; where it failed ``on_error`` in its place, with the exception in
    ``training.error``. ``state_dict`` and ``load_state_dict`` bring what a
    callback remembers through a checkpoint: numbers, text, tensors, and lists and dicts of them.

    >>> class Count(Callback):
    ...     steps = 0
    ...     def on_step(self, training):
    ...         self.steps += 1
    """

    # Whether it comes after those that change what it looks at.
    comes_last = False
    # Whether `on_step` has to be called; where no callback asks, steps need not wait for losses.
    watches_steps = True

    def on_start(self, training: Training) -> None:
        """Called before the first step."""

    def on_step(self, training: Training) -> None:
        """Called after a step of the optimiser."""

    def on_epoch(self, training: Training) -> None:
        """Called after an epoch and its validation."""

    def on_end(self, training: Training) -> None:
        """Called after the last epoch, or the step that was interrupted."""

    def on_error(self, training: Training) -> None:
        """Called where the run failed, with the weights of the last step that did not."""

    def state_dict(self) -> dict[str, Any]:
        """What to bring through a checkpoint."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""


class Callbacks:
    """The callbacks of a run, called in order; one that raises says where it stood.

    ``rows`` are objects with any of the methods of :class:`Callback`, or plain functions, which
    are called with the history after every epoch.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        if not isinstance(rows, Iterable):
            raise TrainingError(f"callbacks takes a list, as in [EarlyStopping()], not {rows!r}")
        listed = list(rows)
        for row in listed:
            _check(row)
        self.rows = sorted(listed, key=lambda row: getattr(row, "comes_last", False))
        self.watches_steps = any(_watches_steps(row) for row in self.rows)

    def call(self, moment: str, training: Training) -> None:
        """Call all for a moment of MOMENTS."""
        for row in self.rows:
            if _is_function(row):
                called: Callable[..., Any] | None = row if moment == "on_epoch" else None
                given: Any = training.history
            else:
                called, given = getattr(row, moment, None), training
            if called is None:
                continue
            try:
                called(given)
            except Exception as error:
                error.add_note(
                    f"raised by the callback {_name(row)} ({moment}) after "
                    f"{training.standing.counters()}; the weights are those after that step"
                )
                raise

    def failed(self, training: Training, error: BaseException) -> None:
        """Call all that look at failures; what goes wrong there is noted on the error itself."""
        for row in self.rows:
            try:
                getattr(row, "on_error", _ignore)(training)
            except Exception as other:
                told = f"{type(other).__name__}: {other}"
                error.add_note(f"the callback {_name(row)} (on_error) failed too: {told}")

    def stateful(self) -> list[Any]:
        """Those that remember something, in order."""
        return [row for row in self.rows if callable(getattr(row, "state_dict", None))]


def _ignore(training: Training) -> None:
    """What a callback without ``on_error`` does."""


def _is_function(row: Any) -> bool:
    return not any(hasattr(row, moment) for moment in MOMENTS)


def _watches_steps(row: Any) -> bool:
    if not getattr(row, "watches_steps", True):
        return False
    return hasattr(row, "on_step") and getattr(type(row), "on_step", None) is not Callback.on_step


def _check(row: Any) -> None:
    if isinstance(row, type) and any(hasattr(row, moment) for moment in MOMENTS):
        raise TrainingError(
            f"callbacks takes objects, not the class {row.__name__}; make one: {row.__name__}(...)"
        )
    if not callable(row) and _is_function(row):
        raise TrainingError(
            f"a {type(row).__name__} is no callback: give a function of the history, or an object "
            f"with one of {', '.join(MOMENTS)}"
        )


def _name(row: Any) -> str:
    return getattr(row, "__name__", None) or type(row).__name__
