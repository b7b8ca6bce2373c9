"""Keeps a run in the model file while it goes, so that it can go on from there."""

from __future__ import annotations

import os
import time
import warnings
from typing import TYPE_CHECKING, Any

from jairika_nb.errors import TrainingError
from jairika_nb.tensors.plain import number, whole
from jairika_nb.train.callbacks import Callback
from jairika_nb.train.monitor import Monitor
from jairika_nb.train.resume import packed_state

if TYPE_CHECKING:
    from jairika_nb.train.loop import Training


class Checkpoint(Callback):
    """Commits weights, the optimiser's state and the state of the run to a model file.

    ``model`` is a ``Model`` open for adding, or its address. It commits after every ``epochs``
    epochs (default 1), ``steps`` steps or ``seconds`` seconds, whichever are given, and where a run
    is interrupted or fails; with ``best="val_loss"`` only after epochs that are the best so far by
    that measure (``mode`` "min" or "max"; accuracies and the like are known to be better when
    larger).
    ``fit(..., resume=model)`` goes on from the newest one, with the bits of a run that was never
    interrupted.

    A checkpoint takes the place of the one before it, as long as that is the newest iteration of
    its variant, without a tag and without a variant derived from it; ``keep=True`` keeps all,
    named after epoch and step. ``variant`` defaults to the one in use, ``name`` to ``checkpoint``.
    The checkpoints of an earlier run stay where a run begins anew.
    ``model.gc(days=0)`` wins back the room of what was replaced.

    >>> Checkpoint("digits.jrk.h5", steps=500, seconds=600)
    Checkpoint('digits.jrk.h5', steps=500, seconds=600)
    """

    comes_last = True

    def __init__(
        self,
        model: Any,
        *,
        epochs: int | None = None,
        steps: int | None = None,
        seconds: float | None = None,
        best: str | None = None,
        mode: str = "auto",
        keep: bool = False,
        variant: str | None = None,
        name: str = "checkpoint",
    ) -> None:
        from jairika_nb.store import names

        every = {"epochs": epochs, "steps": steps, "seconds": seconds}
        self.every = {w: _every(w, given) for w, given in every.items() if given is not None}
        if best is not None and (steps or seconds):
            raise TrainingError(
                "Checkpoint: best=... looks at the measures of epochs; leave steps and seconds out"
            )
        self.monitor = None if best is None else Monitor(best, mode)
        self.given, self.keep, self.variant = model, keep, variant
        self.name = names.checked("iteration", name)
        self.model: Any = None
        self.saved: str | None = None
        self.last_steps, self.last_time = 0, time.monotonic()

    @property
    def watches_steps(self) -> bool:  # type: ignore[override]
        """Whether it commits between epochs."""
        return not self.every.keys().isdisjoint(("steps", "seconds"))

    def on_start(self, training: Training) -> None:
        """Open the model, so that mistakes show before hours of training."""
        if isinstance(self.given, str | os.PathLike):
            from jairika_nb import store

            self.model = store.open(self.given, mode="a")
        else:
            self.model = self.given
        self.last_steps, self.last_time = training.history.steps, time.monotonic()
        self.model.check_fits(training.model, self.variant)
        if self.watches_steps:
            training.tally.measures.check_can_go_on()
        if not training.history.steps:
            self._forget()

    def _forget(self) -> None:
        """Leave the checkpoints of an earlier run as they are."""
        self.saved = None
        if self.monitor is not None:
            self.monitor.best = None

    def on_step(self, training: Training) -> None:
        """Commit where it is time."""
        is_due = training.history.steps - self.last_steps >= self.every.get("steps", float("inf"))
        is_late = time.monotonic() - self.last_time >= self.every.get("seconds", float("inf"))
        if is_due or is_late:
            self.save(training)

    def on_epoch(self, training: Training) -> None:
        """Commit where it is time, or the best so far."""
        is_turn = training.epoch % (self.every.get("epochs") or 1) == 0
        if not is_turn or ("epochs" not in self.every and self.every):
            return
        if self.monitor is None or self.monitor.improves(training.history.metrics):
            self.save(training)

    def on_end(self, training: Training) -> None:
        """Commit where a run was interrupted, unless that was right after the last commit."""
        try:
            if training.history.interrupted:
                self._save_rest(training)
        finally:
            self._close()

    def on_error(self, training: Training) -> None:
        """Commit what was learned since the last commit where a run fails."""
        try:
            if self.model is not None and training.is_whole:
                self._save_rest(training)
        finally:
            self._close()

    def _save_rest(self, training: Training) -> None:
        if training.history.steps == self.last_steps or self.monitor is not None:
            return
        try:
            run = packed_state(training)
        except TrainingError as error:
            run = None
            warnings.warn(f"kept without a run to go on with: {error}", stacklevel=2)
        self._commit(training, run)

    def _close(self) -> None:
        if self.model is not self.given and self.model is not None:
            self.model.close()
            self.model = None

    def save(self, training: Training) -> None:
        """Commit now."""
        self._commit(training, packed_state(training))

    def _commit(self, training: Training, run: dict[str, Any] | None) -> None:
        self.model.refresh()
        branch = self.model[self.model.current if self.variant is None else self.variant]
        newest = branch.iterations[-1] if branch.iterations else None
        is_own = self.saved == newest and not self.keep and not self._is_used(branch)
        # What can go on is not given up for what cannot.
        is_own = is_own and run is not None
        before = newest if is_own else None
        name = self._name(training, branch, before)
        self.saved, self.last_steps = name, training.history.steps
        history = training.history
        counts = {"epoch": training.epoch, "step": training.step}
        self.model.commit(
            training.model,
            variant=branch.name,
            name=name,
            message="automatic checkpoint",
            metrics=history.metrics | counts,
            optimizer=training.optimizer,
            training=run,
            replaces=before,
        )
        self.last_time = time.monotonic()

    def _is_used(self, branch: Any) -> bool:
        """Whether somebody has tagged the last checkpoint, or derived a variant from it."""
        last = branch.head
        tagged = any(each.id == last.id for each in self.model.tags.values())
        return tagged or any(
            self.model[name].parent == (branch.name, last.name) for name in self.model.variants
        )

    def _name(self, training: Training, branch: Any, before: str | None) -> str:
        base = self.name
        if self.keep:
            base = f"{base}-epoch-{training.epoch}"
            base += f"-step-{training.step}" if training.step else ""
        taken = set(branch.iterations) - {before}
        names = (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)

    def state_dict(self) -> dict[str, Any]:
        """The name of the last checkpoint, and the best measure."""
        best = None if self.monitor is None else self.monitor.best
        return {"saved": self.saved, "best": best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        self.saved = state["saved"]
        if self.monitor is not None and state["best"] is not None:
            self.monitor.best = float(state["best"])

    def __repr__(self) -> str:
        options = "".join(f", {what}={count}" for what, count in self.every.items())
        return f"Checkpoint({self.given!r}{options})"


def _every(what: str, given: Any) -> float:
    """After how many of ``what`` it is time; TrainingError for what is no positive number."""
    is_count = what != "seconds"
    found = whole(given) if is_count else number(given)
    if found is None or not found > 0:
        kind = "an integer" if is_count else "a number"
        raise TrainingError(f"Checkpoint: {what}={given!r} must be {kind} above 0")
    return found
