"""What measures refuse, and what they say then."""

import numpy as np
import pytest

from jairika_nb import metrics
from jairika_nb.errors import DataError, OutOfRange, ShapeError

RATES = np.full((4, 3), 1 / 3)
NAN = np.array([[0.5, 0.5], [np.nan, 0.1]])
CLASSIFIERS = [
    metrics.Accuracy,
    metrics.ConfusionMatrix,
    metrics.CohenKappa,
    metrics.F1,
    metrics.LogLoss,
    metrics.RocAuc,
    metrics.Perplexity,
]


def refused(kind, error, text, predictions, targets, mask=None, **options):
    measure = kind(**options)
    with pytest.raises(error, match=text) as raised:
        measure.update(predictions, targets, mask)
    assert "\n" not in str(raised.value)
    assert measure.count == 0


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_labels_out_of_range(kind):
    options = {"logits": False} if kind is metrics.Perplexity else {}
    refused(kind, DataError, "class 3 .* 3 classes", RATES, [0, 1, 2, 3], **options)
    refused(kind, DataError, "ignore_index=-100", RATES, [0, 1, 2, -100], **options)


@pytest.mark.parametrize("kind", [*CLASSIFIERS, metrics.TopKAccuracy])
def test_nan_scores(kind):
    options = {"k": 1} if kind is metrics.TopKAccuracy else {}
    refused(kind, DataError, "NaN", NAN, [0, 1], **options)


@pytest.mark.parametrize("kind", [*CLASSIFIERS, metrics.TopKAccuracy])
def test_shapes(kind):
    refused(kind, ShapeError, r"\(4, 3\).*\(3,\)", RATES, [0, 1, 2])
    refused(kind, ShapeError, "differ in length", [[0.1, 0.9], [1.0]], [0, 1])
    many = {"k": 1} if kind is metrics.TopKAccuracy else {}
    refused(kind, ShapeError, r"mask \(3,\)", RATES, [0, 1, 2, 0], np.ones(3, bool), **many)
    refused(kind, ShapeError, "mask .*int64", RATES, [0, 1, 2, 0], np.ones(4, int), **many)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_names_are_no_classes(kind):
    refused(kind, DataError, "map names to indices", ["a", "b"], ["a", "b"])
    refused(kind, DataError, "no class indices", RATES, [0.5, 1.0, 2.0, 1.0])


def test_one_score_needs_a_threshold():
    column = np.array([[0.2], [0.9]])
    refused(metrics.Accuracy, DataError, "threshold=0.5", column, [0, 1])
    refused(metrics.Accuracy, DataError, "threshold=", column[:, 0], [0, 1])
    assert metrics.accuracy(column, [0, 1], threshold=0.5) == 1.0
    assert metrics.accuracy(column, np.array([[0.0], [1.0]]), threshold=0.5) == 1.0
    refused(metrics.Accuracy, DataError, "class 2", column, [0, 2], threshold=0.5)


def test_probabilities_must_add_up():
    logits = np.array([[3.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
    for kind in (metrics.LogLoss, metrics.RocAuc, metrics.RocCurve):
        refused(kind, DataError, "logits=True", logits, [0, 1])
    refused(metrics.LogLoss, DataError, "not 0.5 and 1.5.*logits=True", [1.5, 0.5], [1, 0])
    refused(metrics.LogLoss, DataError, "between 0 and 1", [-1.5, 0.5], [1, 0])
    refused(metrics.RocAuc, DataError, "logits=True", [1.5, -0.5], [1, 0], bins=8)
    refused(metrics.RocAuc, DataError, "infinities", [np.inf, 0.5], [1, 0])


def test_curves_need_both_kinds_of_samples():
    for kind, text in ((metrics.RocAuc, "no negative"), (metrics.RocCurve, "no negative")):
        with pytest.raises(DataError, match=text):
            kind().update([0.1, 0.2], [1, 1]).value()
    with pytest.raises(DataError, match="two classes"):
        metrics.balanced_accuracy([0, 1], [1, 1], adjusted=True)
    with pytest.raises(DataError, match=r"class 2 .*no positive"):
        metrics.average_precision(RATES, [0, 1, 1, 0])


def test_what_is_not_defined_yet_is_shown_with_the_reason():
    for measure in (metrics.RocAuc().update([0.1], [1]), metrics.F1().update([2], [1])):
        for text in (str(measure), measure._repr_html_()):
            assert measure.name in text
            assert "no negative" in text or "average=" in text


def test_widths_that_change():
    measure = metrics.RocAuc().update(RATES, [0, 1, 2, 0])
    with pytest.raises(ShapeError, match="1 classes follow scores of 3"):
        measure.update([0.1, 0.9], [0, 1])
    refused(metrics.RocAuc, ShapeError, "3 classes are not for 4", RATES, [0, 1, 2, 0], classes=4)
    for kind in (metrics.F1, metrics.RocAuc):
        several = {"average": "macro", "multilabel": True}
        refused(kind, ShapeError, r"\(1, 2\).*\(2,\).*last axis", [[0, 1]], [0, 1], **several)
        refused(kind, ShapeError, "mask", [[0, 1]], [[0, 1]], [[True, False]], **several)
        refused(kind, ShapeError, "differ in length", [[0, 1], [1]], [[0, 1]], **several)
    labels = metrics.F1("macro", multilabel=True).update([[0, 1]], [[0, 1]])
    with pytest.raises(ShapeError, match="3 labels follow batches of 2"):
        labels.update([[0, 1, 1]], [[0, 1, 1]])


def test_a_class_too_many():
    refused(metrics.F1, DataError, "class 5 is none of 3", [0, 5], [0, 1], classes=3)
    refused(metrics.ConfusionMatrix, DataError, "class 1000000000", [0, 1], [0, 10**9])
    with pytest.raises(DataError, match="always right"):
        metrics.top_k_accuracy(RATES, [0, 1, 2, 0], k=4)


def test_numbers():
    for kind in (metrics.MeanSquaredError, metrics.R2, metrics.MedianAbsoluteError):
        refused(kind, ShapeError, r"\(2, 1\).*\(2,\).*broadcast", [[1.0], [2.0]], [1.0, 2.0])
        refused(kind, DataError, "predictions hold NaN", [np.nan, 1.0], [1.0, 1.0])
        refused(kind, DataError, "targets hold NaN", [1.0, 1.0], [np.inf, 1.0])
    with pytest.raises(DataError, match="two on"):
        metrics.r2([1.0], [1.0])
    with pytest.raises(ShapeError, match="multioutput=None"):
        metrics.R2().update(np.ones((3, 2)), np.ones((3, 2))).update(RATES, RATES)
    with pytest.raises(ShapeError, match="3 weights do not fit 2 outputs"):
        metrics.mean_squared_error(np.ones((3, 2)), np.ones((3, 2)), multioutput=[1, 1, 1])


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (metrics.F1, {"average": "mean"}),
        (metrics.F1, {"average": True}),
        (metrics.F1, {"pos_label": 2}),
        (metrics.F1, {"zero_division": 0.5}),
        (metrics.F1, {"zero_division": "warn"}),
        (metrics.F1, {"multilabel": True}),
        (metrics.F1, {"classes": "cat"}),
        (metrics.F1, {"classes": 0}),
        (metrics.FBeta, {"beta": -1.0}),
        (metrics.FBeta, {"beta": float("nan")}),
        (metrics.ConfusionMatrix, {"classes": 10**6}),
        (metrics.ConfusionMatrix, {"normalize": "rows"}),
        (metrics.CohenKappa, {"weights": "cubic"}),
        (metrics.TopKAccuracy, {"k": 0}),
        (metrics.TopKAccuracy, {"k": 1.5}),
        (metrics.RocAuc, {"bins": 1}),
        (metrics.RocAuc, {"average": "binary"}),
        (metrics.RocAuc, {"multilabel": True, "ignore_index": 3}),
        (metrics.MeanSquaredError, {"multioutput": "mean"}),
        (metrics.MeanSquaredError, {"multioutput": "variance_weighted"}),
        (metrics.MeanSquaredError, {"multioutput": [[1.0]]}),
        (metrics.Bleu, {"n": 0}),
        (metrics.Bleu, {"smoothing": "method1"}),
        (metrics.Bleu, {"weights": [1.0]}),
        (metrics.Bleu, {"epsilon": 0.0}),
    ],
)
def test_options(kind, options):
    with pytest.raises(OutOfRange, match=next(iter(options))):
        kind(**options)
