"""How probable the targets are under the predicted probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from jairika_nb.engine.dtypes import float32
from jairika_nb.errors import DataError, ShapeError
from jairika_nb.metrics.inputs import host, in_range, indices, kept
from jairika_nb.metrics.metric import Metric, function_of
from jairika_nb.metrics.scores import check_sums, scored
from jairika_nb.tensors.tensor import Tensor


@dataclass(eq=False, repr=False)
class Likelihood(Metric):
    """Base of measures of the mean negative log-likelihood of the targets, in nats."""

    logits: bool = False
    ignore_index: int | None = None

    parts = ("count", "total")

    def reset(self) -> None:
        """Forget all batches."""
        self.count, self.total = 0, 0.0

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in one batch."""
        if self.logits and _many_classes(predictions, targets):
            losses = _on_device(predictions, targets, mask, self.ignore_index)
        else:
            scores, true = scored(predictions, targets, mask, self.ignore_index)
            losses = of_logits(scores, true) if self.logits else of_probabilities(scores, true)
        self.total += float(losses.sum())
        self.count += len(losses)
        return self

    def consistent(self) -> bool:
        return self.total >= 0


def _many_classes(predictions: Any, targets: Any) -> bool:
    if not isinstance(predictions, Tensor) or predictions.ndim == np.ndim(targets):
        return False
    return predictions.shape[-1] > 1


def of_logits(scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The negative log-likelihood of each class under softmax, or sigmoid of one column."""
    wide = scores.astype(np.float64)
    if wide.shape[1] == 1:
        wide = np.concatenate([np.zeros_like(wide), wide], axis=1)
    top = wide.max(axis=1, keepdims=True)
    own = np.take_along_axis(wide, true[:, None], axis=1)
    return (np.log(np.exp(wide - top).sum(axis=1, keepdims=True)) + top - own)[:, 0]


def of_probabilities(scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """The negative log of each class's probability, kept off 0 and 1 by the type's epsilon."""
    if scores.shape[1] == 1:
        if scores.size and not 0 <= scores.min() <= scores.max() <= 1:
            raise DataError(
                f"probabilities lie between 0 and 1, not {scores.min():.4g} and "
                f"{scores.max():.4g}; give logits=True where they are logits"
            )
        scores = np.concatenate([1 - scores, scores], axis=1)
    else:
        check_sums(scores)
    kind = scores.dtype if scores.dtype in (np.float32, np.float64) else np.float32
    least = np.finfo(kind).eps
    own = np.take_along_axis(scores, true[:, None], axis=1)[:, 0]
    return -np.log(np.clip(own, least, 1 - least).astype(np.float64))


def _on_device(logits: Tensor, targets: Any, mask: Any, ignore_index: int | None) -> np.ndarray:
    """As ``of_logits`` in float32; of the logits only one number for each target is fetched."""
    from jairika_nb.nn.functional import cross_entropy

    true = indices("targets", host("targets", targets))
    if logits.shape[:-1] != true.shape:
        raise ShapeError(
            f"logits {logits.shape} do not fit targets {true.shape}: they have one more, last "
            "axis for the classes"
        )
    which = kept(true, mask, ignore_index)
    in_range("target", true[which], logits.shape[-1])
    classes = np.zeros(true.shape, np.int32)
    classes[which] = true[which]
    rows = logits.reshape(-1, logits.shape[-1]).astype(float32)
    losses = cross_entropy(rows, classes.ravel(), reduction="none").numpy()
    chosen = losses.reshape(true.shape)[which].ravel().astype(np.float64)
    if np.isnan(chosen).any():
        raise DataError("logits hold NaN; look at the model or its data")
    return chosen


@dataclass(eq=False, repr=False)
class LogLoss(Likelihood):
    """The mean negative log-likelihood of the targets, in nats; also called cross-entropy.

    Predictions are probabilities of class 1 in the targets' shape, or probabilities with the
    classes on one more, last axis; with ``logits=True`` what a sigmoid or softmax makes into
    them. Probabilities are kept off 0 and 1 by the epsilon of their float type. Targets equal to
    ``ignore_index`` do not count. Raises DataError for NaN, labels out of range and rows that do
    not add to 1.

    >>> round(LogLoss().update([[0.9, 0.1], [0.2, 0.8]], [0, 1]).value(), 4)
    0.1643
    """

    name = "log_loss"

    def value(self) -> float:
        """The mean so far; DataError before the first sample."""
        self.some()
        return self.total / self.count


@dataclass(eq=False, repr=False)
class Perplexity(Likelihood):
    """The exponential of the mean negative log-likelihood of the targets, for language models.

    Predictions are logits with the vocabulary on the last axis, after the targets' shape, or
    probabilities with ``logits=False``. Targets equal to ``ignore_index`` do not count, nor those
    where ``update``'s mask is false. Infinite where a target has no probability. Raises DataError
    for NaN and labels out of range.

    >>> Perplexity().update([[[0.0, 0.0], [1.0, 1.0]]], [[0, 1]]).value()
    2.0
    """

    logits: bool = True

    name = "perplexity"

    def value(self) -> float:
        """The perplexity so far; DataError before the first sample."""
        self.some()
        with np.errstate(over="ignore"):
            return float(np.exp(self.total / self.count))


log_loss = function_of(LogLoss, "log_loss")
perplexity = function_of(Perplexity, "perplexity")
