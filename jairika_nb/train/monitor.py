"""Watches a measure of a run: whether it got better, and which way better is."""

from __future__ import annotations

import math
from collections.abc import Mapping

from jairika_nb.errors import TrainingError
from jairika_nb.metrics.direction import smaller_is_better
from jairika_nb.tensors.plain import number


class Monitor:
    """The best value so far of the measure ``name``, where less than ``min_delta`` does not count.

    ``mode`` is "min", "max", or "auto", which tells losses and errors from the rest by name.

    >>> watch = Monitor("val_accuracy")
    >>> [watch.improves({"val_accuracy": v}) for v in (0.5, 0.4, 0.6)]
    [True, False, True]
    """

    def __init__(self, name: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise TrainingError(f"mode={mode!r} is unknown; use 'min', 'max' or 'auto'")
        least = number(min_delta)
        if least is None or not least >= 0:
            raise TrainingError(f"min_delta={min_delta!r} must be a number from 0 up")
        self.name = name
        self.sign = -1.0 if smaller_is_better(name, mode) else 1.0
        self.min_delta = float(least)
        self.best: float | None = None

    def improves(self, measures: Mapping[str, float]) -> bool:
        """Whether the newest value is the best so far; then it is remembered.

        Raises TrainingError where the measure is not there. NaN is never better.
        """
        if self.name not in measures:
            raise TrainingError(
                f"there is no measure {self.name!r} to watch; there are "
                f"{', '.join(measures) or 'none'}: give validation= or metrics="
            )
        value = float(measures[self.name])
        if math.isnan(value):
            return False
        is_better = self.best is None or self.sign * (value - self.best) > self.min_delta
        if is_better:
            self.best = value
        return is_better
