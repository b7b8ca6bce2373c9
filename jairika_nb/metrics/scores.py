"""Scores as measures of ranking and of probability want them, and a store of them by class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np

from jairika_nb.errors import DataError, OutOfRange, ShapeError
from jairika_nb.metrics.confusion import known_classes
from jairika_nb.metrics.curves import Tally
from jairika_nb.metrics.inputs import host, in_range, indices, kept, of_labels
from jairika_nb.metrics.metric import Metric, whole_from
from jairika_nb.metrics.state import Chunks

TOLERANCE = 1e-2  # of a sum of probabilities, each of which may have been rounded to bfloat16


def probabilities(logits: np.ndarray, several: bool) -> np.ndarray:
    """Softmax over the last axis, or sigmoid where each score stands alone, in float64."""
    wide = logits.astype(np.float64)
    if not several:
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-wide))
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def scored(
    predictions: Any,
    targets: Any,
    mask: Any = None,
    ignore_index: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Scores (samples, classes) and classes (samples,) that count; one column is class 1's.

    Raises ShapeError where shapes do not fit, DataError for NaN and for labels out of range.
    """
    scores, true = host("scores", predictions), host("targets", targets)
    true = indices("targets", true, float_too=True)
    if scores.shape == true.shape:
        scores = scores[..., None]
    if scores.shape[:-1] != true.shape or scores.ndim != true.ndim + 1 or not scores.shape[-1]:
        raise ShapeError(
            f"scores {np.shape(predictions)} do not fit targets {true.shape}: give scores of "
            "class 1 in the targets' shape, or one more, last axis for the classes"
        )
    which = kept(true, mask, ignore_index)
    flat, true = scores[which].reshape(-1, scores.shape[-1]), true[which].ravel()
    if np.isnan(flat).any():
        raise DataError("scores hold NaN; look at the model or its data")
    in_range("target", true, max(2, flat.shape[1]))
    return flat, true


def check_sums(scores: np.ndarray) -> None:
    """Raise DataError where the rows of several classes are no probabilities."""
    sums = scores.sum(axis=1, dtype=np.float64)
    far = np.abs(sums - 1) > TOLERANCE
    if far.any() or (scores.size and scores.min() < 0):
        wrong = float(sums[far][0]) if far.any() else float(scores.min())
        raise DataError(
            f"scores of {scores.shape[1]} classes are probabilities that add to 1, not {wrong:.4g};"
            " give logits=True where they are logits"
        )


@dataclass(eq=False, repr=False)
class Ranking(Metric):
    """Base of measures that look at all scores: they collect them, or count them in bins.

    Predictions are scores of class 1 in the targets' shape, or probabilities with the classes on
    one more, last axis; each class is then ranked against the rest. With ``logits=True`` they go
    through sigmoid or softmax first. With ``multilabel`` the last axis of both holds a score, and
    a yes or no, for each class. Targets equal to ``ignore_index`` do not count. Without ``bins``
    the result is exact and memory grows with the samples; with it scores from 0 to 1 are rounded
    down to multiples of 1/``bins``, and memory is bounded. ``classes`` names classes.
    Raises DataError for NaN, labels out of range, and classes all or none of the samples are of.
    """

    _: KW_ONLY
    bins: int | None = None
    logits: bool = False
    multilabel: bool = False
    classes: int | Sequence[str] | None = None
    ignore_index: int | None = None

    parts = ("count", "scores", "hits", "positive", "negative")

    def check(self) -> None:
        if self.bins is not None:
            whole_from("bins", self.bins, 2)
        if self.multilabel and self.ignore_index is not None:
            raise OutOfRange("multilabel does not go with ignore_index; mask samples instead")
        self.size, self.names = known_classes(self.classes)

    def reset(self) -> None:
        """Forget all batches."""
        self.count = 0
        self.scores, self.hits = Chunks(2, np.float64), Chunks(2, np.int8)
        self.positive, self.negative = np.zeros((2, 0, self.bins or 0), np.int64)

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in one batch."""
        read = self._labelled if self.multilabel else self._ranked
        scores, hits = read(predictions, targets, mask)
        if not len(scores):
            return self
        if not np.isfinite(scores).all():
            raise DataError("scores hold infinities, which have no place on a curve")
        self._check_width(scores.shape[1])
        self._keep(scores, hits)
        self.count += len(scores)
        return self

    def _ranked(self, predictions: Any, targets: Any, mask: Any) -> tuple[np.ndarray, np.ndarray]:
        scores, true = scored(predictions, targets, mask, self.ignore_index)
        if self.logits:
            scores = probabilities(scores, scores.shape[1] > 1)
        elif scores.shape[1] > 1:
            check_sums(scores)
        if scores.shape[1] <= 2:
            return scores[:, -1:], (true == 1)[:, None]
        return scores, true[:, None] == np.arange(scores.shape[1])

    def _labelled(self, predictions: Any, targets: Any, mask: Any) -> tuple[np.ndarray, np.ndarray]:
        scores, hits = of_labels(predictions, targets, mask)
        width = scores.shape[1]
        flat, true = scored(scores, hits)
        flat = probabilities(flat, False) if self.logits else flat
        return flat.reshape(-1, width), true.reshape(-1, width) == 1

    def _keep(self, scores: np.ndarray, hits: np.ndarray) -> None:
        if self.bins is None:
            self.scores.append(scores)
            self.hits.append(hits.astype(np.int8))
            return
        if scores.min() < 0 or scores.max() > 1:
            raise DataError(
                f"scores from {scores.min():.4g} to {scores.max():.4g} do not fit into bins from "
                "0 to 1; give logits=True where they are logits"
            )
        width = scores.shape[1]
        place = np.minimum((scores.astype(np.float64) * self.bins).astype(np.int64), self.bins - 1)
        place += np.arange(width) * self.bins
        if not len(self.positive):
            self.positive, self.negative = np.zeros((2, width, self.bins), np.int64)
        for counts, which in ((self.positive, hits), (self.negative, ~hits)):
            counts += np.bincount(place[which], minlength=counts.size).reshape(counts.shape)

    def merge(self, other: Metric) -> Self:
        """Take in all that ``other``, a measure of the same kind and options, has seen."""
        if isinstance(other, Ranking) and 0 not in (self.width(), other.width()):
            self._check_width(other.width())
        return super().merge(other)

    def _check_width(self, width: int) -> None:
        if self.width() not in (0, width):
            raise ShapeError(f"scores of {width} classes follow scores of {self.width()}")
        if self.size not in (None, max(2, width), width):
            raise ShapeError(f"scores of {width} classes are not for {self.size}")

    def width(self) -> int:
        """How many columns of scores there are; 0 before the first batch."""
        if self.bins is not None:
            return len(self.positive)
        return self.scores[0].shape[1] if self.scores else 0

    def tallies(self, together: bool = False) -> list[Tally]:
        """A tally for each class, or one of all classes together."""
        self.some()
        if self.bins is not None:
            return _of_bins(self.positive, self.negative, together)
        scores, hits = self.scores.joined(), self.hits.joined()
        if together:
            scores, hits = scores.reshape(-1, 1), hits.reshape(-1, 1)
        return [_of_scores(scores[:, i], hits[:, i]) for i in range(scores.shape[1])]

    def labels(self) -> list[str]:
        """A name for each class that has a curve."""
        if self.width() == 1:
            return [self.names[1] if len(self.names) == 2 else "1"]
        return [*self.names] or [str(i) for i in range(self.width())]

    def consistent(self) -> bool:
        if self.bins is None:
            scores, hits = self.scores.joined(), self.hits.joined()
            same = scores.shape == hits.shape and len(scores) == self.count
            return bool(same and np.isfinite(scores).all() and not (hits > 1).any())
        shape = (self.width(), self.bins) if self.count else (0, 0)
        total = (self.positive + self.negative).sum(axis=1)
        return self.positive.shape == self.negative.shape == shape and (total == self.count).all()


def _of_scores(scores: np.ndarray, hits: np.ndarray) -> Tally:
    distinct, place = np.unique(scores, return_inverse=True)
    positive = np.bincount(place[hits == 1], minlength=len(distinct))
    return Tally(distinct, positive, np.bincount(place, minlength=len(distinct)) - positive)


def _of_bins(positive: np.ndarray, negative: np.ndarray, together: bool) -> list[Tally]:
    edges = np.arange(positive.shape[1]) / positive.shape[1]
    if together:
        positive, negative = positive.sum(axis=0)[None], negative.sum(axis=0)[None]
    used = [p + n > 0 for p, n in zip(positive, negative, strict=True)]
    rows = zip(positive, negative, used, strict=True)
    return [Tally(edges[u], p[u], n[u]) for p, n, u in rows]
