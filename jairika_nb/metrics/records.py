"""Measures that come back from JSON."""

from __future__ import annotations

import inspect
from typing import Any

from jairika_nb.errors import DataError, JairikaError
from jairika_nb.metrics.accuracy import Accuracy, TopKAccuracy
from jairika_nb.metrics.bleu import Bleu
from jairika_nb.metrics.confusion import (
    BalancedAccuracy,
    CohenKappa,
    ConfusionMatrix,
    MatthewsCorrelation,
)
from jairika_nb.metrics.explained import R2
from jairika_nb.metrics.likelihood import LogLoss, Perplexity
from jairika_nb.metrics.metric import Metric
from jairika_nb.metrics.overlap import F1, FBeta, Jaccard, Precision, Recall
from jairika_nb.metrics.ranking import AveragePrecision, PrecisionRecallCurve, RocAuc, RocCurve
from jairika_nb.metrics.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    MedianAbsoluteError,
    RootMeanSquaredError,
)

KINDS: dict[str, type[Metric]] = {
    kind.__name__: kind
    for kind in (
        *(Accuracy, TopKAccuracy, BalancedAccuracy, ConfusionMatrix, CohenKappa),
        *(MatthewsCorrelation, Precision, Recall, FBeta, F1, Jaccard),
        *(RocCurve, RocAuc, PrecisionRecallCurve, AveragePrecision, LogLoss, Perplexity),
        *(MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, R2, MedianAbsoluteError),
        Bleu,
    )
}
FLOATS = ("nan", "inf", "-inf")  # words for numbers that JSON lacks


def from_json(record: Any) -> Metric:
    """The measure that ``to_json`` wrote, ready to go on; raises DataError for anything else.

    >>> from jairika_nb.metrics import Accuracy
    >>> from_json(Accuracy().update([1, 0], [1, 1]).to_json()).update([1, 1], [1, 1]).value()
    0.75
    """
    parts = {"metric", "name", "options", "state"}
    if not isinstance(record, dict) or set(record) != parts or record["metric"] not in [*KINDS]:
        raise DataError(f"no record of a measure: it has {', '.join(sorted(parts))}")
    kind, options = KINDS[record["metric"]], record["options"]
    known = inspect.signature(kind).parameters
    if not isinstance(options, dict) or not options.keys() <= known.keys():
        raise DataError(f"the options of {kind.__name__} are {', '.join(known)}")
    try:
        metric = kind(**{n: float(v) if v in FLOATS else v for n, v in options.items()})
    except (JairikaError, TypeError, ValueError, OverflowError, MemoryError) as error:
        raise DataError(f"the options of {kind.__name__} are damaged: {error}") from None
    if not isinstance(record["name"], str):
        raise DataError(f"the name of {kind.__name__} must be text")
    metric.name = record["name"]
    return metric.restore(record["state"])
