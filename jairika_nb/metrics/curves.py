"""The curves of a ranking: what each threshold on the scores costs and brings.

Source: T. Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27, 2006.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jairika_nb.errors import DataError
from jairika_nb.metrics.metric import shown


class Tally(NamedTuple):
    """Distinct scores, rising, and how many samples of the class, and not of it, have each."""

    scores: np.ndarray
    positive: np.ndarray
    negative: np.ndarray


class RocPoints(NamedTuple):
    """False and true positive rates at falling thresholds, the first above all scores."""

    fpr: np.ndarray
    tpr: np.ndarray
    thresholds: np.ndarray

    def area(self) -> float:
        """The area under the curve, by trapezoids."""
        return float((np.diff(self.fpr) * (self.tpr[1:] + self.tpr[:-1])).sum() / 2)

    def plot(self, ax: Any = None, label: str | None = None) -> Any:
        """Draw the curve on matplotlib's Axes ``ax``, or new ones, and return them."""
        from jairika_nb.metrics.plots import plot_roc

        return plot_roc({label: self}, ax)

    def __str__(self) -> str:
        return f"ROC curve of {len(self.fpr)} points, area {shown(self.area())}"

    def _repr_html_(self) -> str:
        return _table(str(self), self)


class PrecisionRecallPoints(NamedTuple):
    """Precision and recall at rising thresholds, and last precision 1 at recall 0."""

    precision: np.ndarray
    recall: np.ndarray
    thresholds: np.ndarray

    def area(self) -> float:
        """The average precision: the sum of precisions weighted by the steps of recall."""
        return max(0.0, float(-(np.diff(self.recall) * self.precision[:-1]).sum()))

    def plot(self, ax: Any = None, label: str | None = None) -> Any:
        """Draw the curve on matplotlib's Axes ``ax``, or new ones, and return them."""
        from jairika_nb.metrics.plots import plot_precision_recall

        return plot_precision_recall({label: self}, ax)

    def __str__(self) -> str:
        points = f"{len(self.precision)} points"
        return f"precision-recall curve of {points}, average precision {shown(self.area())}"

    def _repr_html_(self) -> str:
        return _table(str(self), self)


MOST_ROWS = 12


def _table(caption: str, points: RocPoints | PrecisionRecallPoints) -> str:
    # A few thresholds, evenly chosen, tell the curve; all of them are in the fields.
    names = ("thresholds", *points._fields[:2])
    length = len(points.thresholds)
    chosen = np.unique(np.linspace(0, length - 1, min(MOST_ROWS, length)).round().astype(int))
    head = "".join(f"<th scope='col'>{name}</th>" for name in names)
    rows = "".join(
        "<tr>" + "".join(f"<td>{shown(float(getattr(points, n)[i]))}</td>" for n in names) + "</tr>"
        for i in chosen
    )
    return f"<table><caption>{caption}</caption><tr>{head}</tr>{rows}</table>"


def _above(tally: Tally, what: str, need_negative: bool) -> tuple[np.ndarray, np.ndarray]:
    """Samples of the class, and not of it, at or above each score, the highest score first."""
    right = np.cumsum(tally.positive[::-1]).astype(np.float64)
    wrong = np.cumsum(tally.negative[::-1]).astype(np.float64)
    for count, kind in ((right, "positive"), (wrong, "negative")):
        if not count[-1] and (need_negative or kind == "positive"):
            raise DataError(f"{what} is undefined: the targets hold no {kind} sample")
    return right, wrong


def roc_points(tally: Tally, what: str, drop_intermediate: bool = True) -> RocPoints:
    """The ROC curve of a tally; ``drop_intermediate`` leaves out points on straight pieces."""
    right, wrong = _above(tally, what, need_negative=True)
    thresholds = tally.scores[::-1].astype(np.float64)
    if drop_intermediate and len(right) > 2:
        corner = (np.diff(right, 2) != 0) | (np.diff(wrong, 2) != 0)
        corner = np.concatenate([[True], corner, [True]])
        right, wrong, thresholds = right[corner], wrong[corner], thresholds[corner]
    return RocPoints(
        np.concatenate([[0.0], wrong / wrong[-1]]),
        np.concatenate([[0.0], right / right[-1]]),
        np.concatenate([[np.inf], thresholds]),
    )


def precision_recall_points(tally: Tally, what: str) -> PrecisionRecallPoints:
    """The precision-recall curve of a tally."""
    right, wrong = _above(tally, what, need_negative=False)
    return PrecisionRecallPoints(
        np.concatenate([(right / (right + wrong))[::-1], [1.0]]),
        np.concatenate([(right / right[-1])[::-1], [0.0]]),
        tally.scores.astype(np.float64),
    )
