"""The measures that are taken beside the loss, of one output or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jairika_nb.errors import TrainingError
from jairika_nb.train.objective import Objective


class Measures:
    """Streaming measures (``jrk.metrics``) by output, taken in batch by batch.

    ``metrics`` is a list for the one output, or for all of several; or a dict by output, whose
    values are measures or lists of them. Measures of several outputs are called
    ``NAME_OUTPUT``, as in ``accuracy_age``.
    """

    def __init__(self, metrics: Any, objective: Objective) -> None:
        keys = objective.keys
        rows = _by_output(metrics, keys)
        for _, metric in rows:
            _check(metric)
        self.rows = [
            (key, metric, metric.name if key is None else f"{metric.name}_{key}")
            for key, metric in rows
        ]
        names = [name for *_, name in self.rows]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            raise TrainingError(f"two metrics are called {twice}; leave one out")

    def __bool__(self) -> bool:
        return bool(self.rows)

    def reset(self) -> None:
        """Forget all batches."""
        for _, metric, _ in self.rows:
            metric.reset()

    def check_can_go_on(self) -> None:
        """Raise TrainingError for a measure that cannot be kept in the middle of an epoch."""
        for _, metric, name in self.rows:
            if not (hasattr(metric, "to_json") and hasattr(metric, "restore")):
                raise TrainingError(
                    f"the metric {name} cannot be kept in the middle of an epoch, as it has no "
                    "to_json() and restore(state): make it a subclass of jrk.metrics.Metric, or "
                    "keep checkpoints at the ends of epochs only, without steps= and seconds="
                )

    def state(self) -> list[Any]:
        """What each measure has seen of the running pass."""
        return [metric.to_json()["state"] if hasattr(metric, "to_json") else None
                for _, metric, _ in self.rows]  # fmt: skip

    def restore(self, states: list[Any], is_inside: bool) -> None:
        """Take back what ``state`` gave; raises TrainingError for other measures.

        Only where it was taken inside of an epoch do they need to know how to go on.
        """
        if len(states) != len(self.rows):
            raise TrainingError(
                f"the run to go on from took {len(states)} metrics of the training batches, this "
                f"one takes {len(self.rows)}: give the same ones"
            )
        for (_, metric, name), state in zip(self.rows, states, strict=True) if is_inside else ():
            if state is None or not hasattr(metric, "restore"):
                raise TrainingError(f"the metric {name} cannot go on in the middle of an epoch")
            metric.restore(state)

    def update(self, prediction: Any, target: Any) -> None:
        """Take in a batch, on the host."""
        for key, metric, _ in self.rows:
            of = (prediction, target) if key is None else (prediction[key], target[key])
            metric.update(*_classes_last(*map(np.asarray, of)))

    def values(self) -> dict[str, Any]:
        """What each measure says so far, by name."""
        return {name: metric.value() for _, metric, name in self.rows}


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Those of the values that are single numbers, which a history can keep."""
    return {name: float(value) for name, value in values.items() if np.ndim(value) == 0}


def _by_output(metrics: Any, keys: list[Any] | None) -> list[tuple[Any, Any]]:
    if isinstance(metrics, Mapping):
        unknown = [str(key) for key in metrics if keys is None or key not in keys]
        if unknown:
            known = ", ".join(map(str, keys)) if keys else "one output without a name"
            raise TrainingError(f"metrics names {', '.join(unknown)}, but loss has {known}")
        return [(key, m) for key, rows in metrics.items() for m in _listed(rows)]
    if keys is None:
        return [(None, metric) for metric in _listed(metrics)]
    if _listed(metrics):
        raise TrainingError(
            "metrics of several outputs need a dict by output, as in "
            f"metrics={{{keys[0]!r}: [jrk.metrics.Accuracy()]}}"
        )
    return []


def _listed(metrics: Any) -> Sequence[Any]:
    return metrics if isinstance(metrics, list | tuple) else [metrics]


def _check(metric: Any) -> None:
    if isinstance(metric, type):
        name = metric.__name__
        raise TrainingError(f"metrics takes measures, not the class {name}; make one: {name}()")
    if not all(hasattr(metric, part) for part in ("update", "value", "reset", "name")):
        raise TrainingError(
            f"metrics takes streaming measures such as jrk.metrics.Accuracy(), not {metric!r}"
        )


def _classes_last(prediction: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if prediction.ndim == target.ndim + 1 and prediction.ndim > 2:
        # Networks keep classes on axis 1, measures on the last.
        return np.moveaxis(prediction, 1, -1), target
    return prediction, target
