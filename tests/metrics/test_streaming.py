"""However samples are cut into batches, shared among accumulators, or kept as JSON: the same."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jairika_nb import metrics
from jairika_nb.errors import DataError, ShapeError
from jairika_nb.metrics.records import KINDS

RNG = np.random.default_rng(11)
SIZE = 40
CLASSES = np.concatenate([np.arange(4), RNG.integers(0, 4, SIZE - 4)])
RATES = RNG.random((SIZE, 4)) + np.eye(4)[CLASSES]
RATES /= RATES.sum(1, keepdims=True)
CHOICES = (RATES, CLASSES)
NUMBERS = (RNG.normal(size=(SIZE, 2)) + 5, RNG.normal(size=(SIZE, 2)) * [1, 9])
WORDS = np.array(["the", "a", "cat", "sat", "on", "mat"])
SENTENCES = [WORDS[RNG.integers(0, 6, n)].tolist() for n in RNG.integers(0, 9, SIZE)]
REFERENCES = [[WORDS[RNG.integers(0, 6, 6)].tolist() for _ in range(2)] for _ in range(SIZE)]

CASES = [
    (metrics.Accuracy, {"ignore_index": 3}, CHOICES),
    (metrics.TopKAccuracy, {"k": 2}, CHOICES),
    (metrics.BalancedAccuracy, {}, CHOICES),
    (metrics.ConfusionMatrix, {"classes": ["a", "b", "c", "d"], "normalize": "true"}, CHOICES),
    (metrics.CohenKappa, {"weights": "linear"}, CHOICES),
    (metrics.MatthewsCorrelation, {}, CHOICES),
    (metrics.Precision, {"average": "macro"}, CHOICES),
    (metrics.Recall, {"average": "micro", "ignore_index": 0}, CHOICES),
    (metrics.FBeta, {"average": "weighted", "beta": 2.0}, CHOICES),
    (metrics.F1, {"average": None, "zero_division": float("nan"), "classes": 6}, CHOICES),
    (metrics.Jaccard, {"threshold": 0.4}, (RATES[:, 1], (CLASSES == 1).astype(int))),
    (metrics.RocCurve, {}, CHOICES),
    (metrics.RocAuc, {"bins": 16, "average": "weighted"}, CHOICES),
    (metrics.RocAuc, {"logits": True, "multilabel": True}, (RATES, np.eye(4, dtype=int)[CLASSES])),
    (metrics.PrecisionRecallCurve, {}, (RATES[:, 1], (CLASSES == 1).astype(int))),
    (metrics.AveragePrecision, {"average": "micro"}, CHOICES),
    (metrics.LogLoss, {}, CHOICES),
    (metrics.Perplexity, {"ignore_index": 2}, CHOICES),
    (metrics.MeanSquaredError, {"multioutput": [0.3, 0.7]}, NUMBERS),
    (metrics.RootMeanSquaredError, {}, NUMBERS),
    (metrics.MeanAbsoluteError, {"multioutput": "raw_values"}, NUMBERS),
    (metrics.R2, {}, NUMBERS),
    (metrics.MedianAbsoluteError, {}, NUMBERS),
    (metrics.Bleu, {"smoothing": "exp"}, (SENTENCES, REFERENCES)),
]
NAMES = [kind.__name__ for kind, *_ in CASES]


def flat(value):
    """The numbers of any value, in order."""
    if isinstance(value, list | tuple):
        return np.concatenate([flat(v) for v in value])
    return np.ravel(value).astype(np.float64)


def equal(ours, theirs):
    np.testing.assert_allclose(flat(ours), flat(theirs), rtol=1e-11, atol=1e-14)


def test_every_measure_is_among_the_cases():
    assert {case[0] for case in CASES} == set(KINDS.values())
    public = {getattr(metrics, name) for name in metrics.__all__}
    kinds = {k for k in public if isinstance(k, type) and issubclass(k, metrics.Metric)}
    assert kinds - {metrics.Metric} == set(KINDS.values())


@pytest.mark.parametrize(("kind", "options", "samples"), CASES, ids=NAMES)
@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_cut_gives_the_same(kind, options, samples, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, SIZE), max_size=5)))
    owners = [data.draw(st.integers(0, 2)) for _ in range(len(cuts) + 1)]
    parts = [kind(**options) for _ in range(3)]
    for owner, start, end in zip(owners, [0, *cuts], [*cuts, SIZE], strict=True):
        parts[owner].update(samples[0][start:end], samples[1][start:end])
    third = metrics.from_json(json.loads(json.dumps(parts[2].to_json(), allow_nan=False)))
    total = parts[0].merge(parts[1]).merge(third)
    whole = kind(**options).update(*samples)
    assert total.count == whole.count
    equal(total.value(), whole.value())


@pytest.mark.parametrize(("kind", "options", "samples"), CASES, ids=NAMES)
def test_function_reset_and_display(kind, options, samples):
    measure = kind(**options)
    assert "0 seen" in repr(measure)
    with pytest.raises(DataError, match="no samples") as error:
        getattr(measure, "accuracy", measure.value)()
    assert "\n" not in str(error.value)
    measure.update(samples[0][5:20], samples[1][5:20]).reset()
    value = measure.update(*samples).value()
    name = {"top_2_accuracy": "top_k_accuracy"}.get(measure.name, measure.name)
    equal(value, getattr(metrics, name)(*samples, **options))
    assert str(measure)
    assert measure._repr_html_().startswith("<table>")
    assert repr(measure).startswith(f"{kind.__name__}(")


@pytest.mark.parametrize("kind", [metrics.Accuracy, metrics.CohenKappa, metrics.LogLoss])
def test_masked_samples_do_not_count(kind):
    mask = np.arange(SIZE) % 3 > 0
    masked = kind().update(RATES, CLASSES, mask).value()
    equal(masked, kind().update(RATES[mask], CLASSES[mask]).value())
    grid = (RATES.reshape(8, 5, 4), CLASSES.reshape(8, 5), mask.reshape(8, 5))
    equal(masked, kind().update(*grid).value())
    ignored = kind(ignore_index=-100).update(RATES, np.where(mask, CLASSES, -100))
    equal(masked, ignored.value())
    both = kind(ignore_index=3).update(RATES, CLASSES, mask).value()
    some = mask & (CLASSES != 3)
    equal(both, kind().update(RATES[some], CLASSES[some]).value())


@pytest.mark.parametrize("name", ["MeanSquaredError", "R2", "MedianAbsoluteError"])
def test_masked_numbers_may_be_nan(name):
    kind = KINDS[name]
    guesses, true = (n[:, 0].copy() for n in NUMBERS)
    mask = np.arange(SIZE) % 4 > 0
    guesses[~mask], true[~mask] = np.nan, np.inf
    masked = kind().update(guesses, true, mask).value()
    equal(masked, kind().update(guesses[mask], true[mask]).value())
    grid = (a.reshape(4, 10) for a in (guesses, true, mask))
    equal(masked, kind(None).update(*grid).value())


def test_a_mask_of_rows_counts_for_all_columns():
    rows = np.arange(SIZE) % 2 == 0
    few = [n[rows] for n in NUMBERS]
    masked = metrics.RootMeanSquaredError("raw_values").update(*NUMBERS, rows).value()
    equal(masked, metrics.root_mean_squared_error(*few, multioutput="raw_values"))
    labels = np.eye(4, dtype=int)[CLASSES]
    options = {"average": "macro", "multilabel": True, "threshold": 0.3}
    masked = metrics.f1(RATES, labels, mask=rows, **options)
    equal(masked, metrics.f1(RATES[rows], labels[rows], **options))


def test_only_equals_merge():
    with pytest.raises(DataError, match="cannot merge F1"):
        metrics.Precision().merge(metrics.F1())
    with pytest.raises(DataError, match="same options"):
        metrics.F1().merge(metrics.F1(zero_division=1.0))
    wide = metrics.RocAuc().update(RATES, CLASSES)
    with pytest.raises(ShapeError, match="4 classes"):
        metrics.RocAuc().update([0.1, 0.2], [0, 1]).merge(wide)
    with pytest.raises(ShapeError, match="multioutput=None"):
        metrics.R2().update(*NUMBERS).merge(metrics.R2().update([1, 2], [1, 3]))


def test_a_name_is_kept():
    measure = metrics.F1("macro").update(*CHOICES)
    measure.name = "f1_macro"
    assert metrics.from_json(measure.to_json()).name == "f1_macro"


@pytest.mark.parametrize(
    "change",
    [
        {"metric": "os.system"},
        {"metric": ["Accuracy"]},
        {"options": {"bogus": 1}},
        {"options": {"average": "bogus"}},
        {"options": {"classes": [[]] * 3, "average": 7}},
        {"options": None},
        {"name": 3},
        {"state": {}},
        {"state": {"count": -1, "right": [], "predicted": [], "true": []}},
        {"state": {"count": 1, "right": [2], "predicted": [1], "true": [1]}},
        {"state": {"count": 1, "right": [[1]], "predicted": [1], "true": [1]}},
        {"state": {"count": 1, "right": [1], "predicted": [1, 2], "true": [1]}},
        {"state": {"count": 1, "right": [1.5], "predicted": [2], "true": [2]}},
        {"state": {"count": 2**70, "right": [2**70], "predicted": [2], "true": [2]}},
        {"state": {"count": 1, "right": ["1"], "predicted": [2], "true": [2]}},
        {"state": {"count": 1, "right": "11", "predicted": [2], "true": [2]}},
    ],
)
def test_damaged_records_are_refused(change):
    record = metrics.F1("macro").update(*CHOICES).to_json()
    with pytest.raises(DataError):
        metrics.from_json(record | change)


@pytest.mark.parametrize(("kind", "options", "samples"), CASES, ids=NAMES)
def test_states_of_a_wrong_form_are_refused(kind, options, samples):
    record = kind(**options).update(*samples).to_json()
    for part, value in record["state"].items():
        for wrong in (None, "x", {}, [[[1]]], -5, [[1, 2], [3]], True):
            if value == wrong:
                continue
            with pytest.raises(DataError):
                metrics.from_json(record | {"state": record["state"] | {part: wrong}})
