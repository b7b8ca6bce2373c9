"""How well scores put the samples of a class before the others: curves and their areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jairika_nb.metrics.curves import (
    PrecisionRecallPoints,
    RocPoints,
    precision_recall_points,
    roc_points,
)
from jairika_nb.metrics.metric import Metric, function_of, one_of
from jairika_nb.metrics.scores import Ranking


@dataclass(eq=False, repr=False)
class RocCurve(Ranking):
    """The ROC curve: true against false positive rate at every threshold on the scores.

    The value is ``(fpr, tpr, thresholds)`` of class 1, or a list with one such for each class.
    ``drop_intermediate`` leaves out points between others on a straight piece.

    >>> fpr, tpr, thresholds = RocCurve().update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).value()
    >>> fpr.tolist(), tpr.tolist()
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0])
    """

    drop_intermediate: bool = True

    name = "roc_curve"

    def value(self) -> RocPoints | list[RocPoints]:
        """The curve or curves so far; DataError before the first sample."""
        points = self._points()
        return points if self.width() > 1 else points[0]

    def _points(self) -> list[RocPoints]:
        whats = [f"the ROC curve of class {name}" for name in self.labels()]
        pairs = zip(self.tallies(), whats, strict=True)
        return [roc_points(tally, what, self.drop_intermediate) for tally, what in pairs]

    def plot(self, ax: Any = None) -> Any:
        """Draw each class's curve on matplotlib's Axes ``ax``, or new ones, and return them."""
        from jairika_nb.metrics.plots import plot_roc

        return plot_roc(dict(zip(self.labels(), self._points(), strict=True)), ax)

    def rows(self) -> list[tuple[str, Any]]:
        pairs = zip(self.labels(), self._points(), strict=True)
        return [(f"area, class {name}", points.area()) for name, points in pairs]


@dataclass(eq=False, repr=False)
class PrecisionRecallCurve(Ranking):
    """Precision against recall at every threshold on the scores.

    The value is ``(precision, recall, thresholds)`` of class 1, or a list with one such for each
    class.

    >>> points = PrecisionRecallCurve().update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).value()
    >>> points.precision.round(2).tolist(), points.recall.tolist()
    ([0.5, 0.67, 0.5, 1.0, 1.0], [1.0, 1.0, 0.5, 0.5, 0.0])
    """

    name = "precision_recall_curve"

    def value(self) -> PrecisionRecallPoints | list[PrecisionRecallPoints]:
        """The curve or curves so far; DataError before the first sample."""
        points = self._points()
        return points if self.width() > 1 else points[0]

    def _points(self) -> list[PrecisionRecallPoints]:
        pairs = zip(self.labels(), self.tallies(), strict=True)
        return [precision_recall_points(t, f"recall of class {name}") for name, t in pairs]

    def plot(self, ax: Any = None) -> Any:
        """Draw each class's curve on matplotlib's Axes ``ax``, or new ones, and return them."""
        from jairika_nb.metrics.plots import plot_precision_recall

        return plot_precision_recall(dict(zip(self.labels(), self._points(), strict=True)), ax)

    def rows(self) -> list[tuple[str, Any]]:
        pairs = zip(self.labels(), self._points(), strict=True)
        return [(f"average precision, class {name}", points.area()) for name, points in pairs]


@dataclass(eq=False, repr=False)
class Area(Ranking):
    """Base of areas under curves, averaged over classes where there are several.

    ``average`` is "macro" (mean over classes), "weighted" (by targets), "micro" (all classes'
    decisions as one ranking) or None (an array by class).
    """

    average: str | None = "macro"

    def check(self) -> None:
        super().check()
        one_of("average", self.average, ("micro", "macro", "weighted", None))

    def points(self, tally: Any, name: str) -> RocPoints | PrecisionRecallPoints:
        """The curve of a tally."""
        raise NotImplementedError

    def value(self) -> float | np.ndarray:
        """The area so far; DataError before the first sample."""
        together = self.average == "micro"
        tallies = self.tallies(together)
        names = ["any"] if together else self.labels()
        pairs = zip(tallies, names, strict=True)
        areas = np.array([self.points(tally, name).area() for tally, name in pairs])
        if self.width() == 1:
            return float(areas[0])
        weights = [t.positive.sum() for t in tallies] if self.average == "weighted" else None
        return areas if self.average is None else float(np.average(areas, weights=weights))

    def rows(self) -> list[tuple[str, Any]]:
        if self.average is not None or self.width() == 1:
            return Metric.rows(self)
        values = np.ravel(self.value()).tolist()
        return [(f"{self.name} {n}", v) for n, v in zip(self.labels(), values, strict=True)]


@dataclass(eq=False, repr=False)
class RocAuc(Area):
    """The area under the ROC curve: how often a sample of the class scores above another.

    >>> RocAuc().update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).value()
    0.75
    """

    name = "roc_auc"

    def points(self, tally: Any, name: str) -> RocPoints:
        return roc_points(tally, f"the area under the ROC curve of class {name}")


@dataclass(eq=False, repr=False)
class AveragePrecision(Area):
    """The average precision: the area under the steps of the precision-recall curve.

    >>> round(AveragePrecision().update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).value(), 4)
    0.8333
    """

    name = "average_precision"

    def points(self, tally: Any, name: str) -> PrecisionRecallPoints:
        return precision_recall_points(tally, f"average precision of class {name}")


roc_curve = function_of(RocCurve, "roc_curve")
roc_auc = function_of(RocAuc, "roc_auc")
precision_recall_curve = function_of(PrecisionRecallCurve, "precision_recall_curve")
average_precision = function_of(AveragePrecision, "average_precision")
