"""Going on with a run: all that a next step depends on, out of it and into a new one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from jairika_nb.errors import JairikaError, TrainingError
from jairika_nb.tensors import random
from jairika_nb.train.packing import packed, unpacked
from jairika_nb.train.snapshot import Snapshot

if TYPE_CHECKING:
    from jairika_nb.train.loop import Training

FORMAT = 1


def state_of(training: Training) -> dict[str, Any]:
    """Counters, sums, history, random stream, data position, and what callbacks remember.

    Weights and the optimiser's state are kept beside it, in places of their own. Raises
    TrainingError where a measure cannot go on from here.
    """
    training.settle()
    if training.standing.step and training.closing is None:
        training.tally.measures.check_can_go_on()
    history = training.history
    return {
        "format": FORMAT,
        "epoch": training.standing.epoch,
        "step": training.standing.step,
        "epochs": training.standing.epochs,
        "closing": training.closing,
        "tally": training.tally.state_dict(),
        "history": {
            "epochs": history.epochs[:-1] if history.partial else history.epochs,
            "steps": history.steps,
            "updates": history.updates,
            "skipped": history.skipped,
            "seconds": training.elapsed,
        },
        "random": list(random.state()),
        "data": training.batches.position(training.standing.step > 0),
        "validation": training.validation[1].position(False) if training.validation else None,
        "schedule": None if training.schedule is None else training.schedule.state_dict(),
        "step state": training.run_step.state_dict(),
        "callbacks": [
            {"type": type(row).__name__, "state": row.state_dict()}
            for row in training.callbacks.stateful()
        ],
    }


def restore(training: Training, state: dict[str, Any]) -> None:
    """Put a run where the state was taken; raises TrainingError where it is another run."""
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise TrainingError("the state to go on from is of another version of fit")
    try:
        _restore(training, state)
    except JairikaError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TrainingError(
            f"the state to go on from does not fit this run ({type(error).__name__}: {error})"
        ) from error


def _restore(training: Training, state: dict[str, Any]) -> None:
    training.standing.epoch, training.start = int(state["epoch"]), int(state["step"])
    training.standing.step = training.start
    history, kept = training.history, state["history"]
    history.epochs[:] = [{name: float(v) for name, v in row.items()} for row in kept["epochs"]]
    history.steps, history.updates = int(kept["steps"]), int(kept["updates"])
    history.skipped, history.seconds = int(kept["skipped"]), float(kept["seconds"])
    training.batches.go_to(state["data"])
    if training.validation and state["validation"]:
        training.validation[1].go_to(state["validation"])
    closing = state.get("closing")
    training.closing = None if closing is None else {n: float(v) for n, v in closing.items()}
    is_inside = training.start > 0 and closing is None
    training.tally.load_state_dict(state["tally"], is_inside)
    _check(training.schedule is None, state["schedule"] is None, "schedule")
    if training.schedule is not None:
        training.schedule.load_state_dict(state["schedule"])
    training.run_step.load_state_dict(state["step state"])
    rows = training.callbacks.stateful()
    if [type(row).__name__ for row in rows] != [kept["type"] for kept in state["callbacks"]]:
        raise TrainingError(
            f"the run to go on from had the callbacks {_types(state['callbacks'])}: give the same "
            "ones in the same order"
        )
    for row, kept in zip(rows, state["callbacks"], strict=True):
        row.load_state_dict(kept["state"])
    random.restore(tuple(state["random"]))


def _check(here: bool, there: bool, what: str) -> None:
    if here != there:
        raise TrainingError(
            f"the run to go on from had {'no' if there else 'a'} {what}: give the same arguments"
        )


def _types(rows: list[Any]) -> str:
    return ", ".join(str(row["type"]) for row in rows) or "none"


def packed_state(training: Training) -> dict[str, Any]:
    """The state of a run as arrays by name."""
    return packed(state_of(training))


def resume(training: Training, source: Any) -> None:
    """Go on from an iteration with the state of a run: weights, optimiser, and all the rest.

    ``source`` is an iteration, a variant (its newest one), a model (of the variant in use), or
    an address. Raises TrainingError where it holds no run, or one that does not fit.
    """
    if isinstance(source, str | os.PathLike):
        from jairika_nb import store

        with store.open(source) as model:
            resume(training, model)
            return
    branch = _branch(source)
    iteration = getattr(branch, "head", branch)
    if not hasattr(iteration, "training_state"):
        raise TrainingError(
            f"resume takes an iteration, a variant, a model or an address, not {source!r}"
        )
    kept = iteration.training_state()
    if not kept:
        raise TrainingError(
            f"iteration {iteration.name!r} holds no run to go on from; {_way_out(branch)}"
        )
    state = unpacked(kept)
    before = Snapshot(training.run_step, training.schedule)
    options = training.optimizer.state_dict()
    try:
        training.model.load_state_dict(iteration.arrays())
        training.optimizer.load_state_dict(iteration.optimizer_state())
        restore(training, state)
    except BaseException:
        training.optimizer.load_state_dict(options)
        before.restore()
        raise


def _branch(source: Any) -> Any:
    """The variant in use of a model; anything else as it is."""
    is_model = hasattr(source, "current") and hasattr(source, "variants")
    return source[source.current] if is_model else source


def _way_out(branch: Any) -> str:
    """Where there is a run to go on from, or how to keep one."""
    names = reversed(branch.iterations) if hasattr(branch, "iterations") else ()
    other = next((name for name in names if branch[name].training_state()), None)
    if other is not None:
        return f"{other!r} does: resume=model[{branch.name!r}][{other!r}]"
    return "train with callbacks=[jrk.train.Checkpoint(model)] to keep one"
