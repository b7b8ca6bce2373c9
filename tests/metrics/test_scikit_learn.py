"""Every measure that scikit-learn has too, against its value, on the same samples."""

import math

import numpy as np
import pytest

from jairika_nb import metrics
from jairika_nb.errors import DataError

sk = pytest.importorskip("sklearn.metrics")
RNG = np.random.default_rng(3)
TRUE = RNG.integers(0, 5, 150)
PREDICTED = np.where(RNG.random(150) < 0.55, TRUE, RNG.integers(0, 5, 150))
GAP_TRUE, GAP_PREDICTED = np.where(TRUE == 2, 4, TRUE), np.where(PREDICTED == 2, 3, PREDICTED)
LOGITS = RNG.normal(size=(150, 5)) + 1.5 * np.eye(5)[TRUE]
SHARES = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
YES = (RNG.random(150) < 0.4).astype(int)
SCORES = np.round(np.clip(RNG.normal(0.4 + 0.2 * YES, 0.25), 0, 1), 2)  # with ties
LABELS = (RNG.random((80, 4)) < 0.4).astype(int)
SAID = np.where(RNG.random((80, 4)) < 0.7, LABELS, 1 - LABELS)
LABEL_SCORES = np.round(RNG.random((80, 4)) * 0.6 + 0.4 * LABELS, 2)

OVERLAPS = {
    "precision": sk.precision_score,
    "recall": sk.recall_score,
    "f1": sk.f1_score,
    "jaccard": sk.jaccard_score,
}


def same(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
@pytest.mark.parametrize("name", OVERLAPS)
def test_overlaps_of_many_classes(name, average):
    measure, theirs = getattr(metrics, name), OVERLAPS[name]
    same(measure(PREDICTED, TRUE, average=average), theirs(TRUE, PREDICTED, average=average))
    listed = {"average": average, "labels": range(7), "zero_division": 1.0}
    ours = measure(PREDICTED, TRUE, average=average, classes=7, zero_division=1.0)
    same(ours, theirs(TRUE, PREDICTED, **listed))
    ours = measure(SAID, LABELS, average=average, multilabel=True)
    same(ours, theirs(LABELS, SAID, average=average))
    if average is not None:  # classes that nobody saw are no part of the means
        ours = measure(GAP_PREDICTED, GAP_TRUE, average=average)
        same(ours, theirs(GAP_TRUE, GAP_PREDICTED, average=average))


@pytest.mark.parametrize("zero", [0.0, 1.0, math.nan])
@pytest.mark.parametrize("name", OVERLAPS)
def test_overlaps_of_two_classes_and_nothing_over_nothing(name, zero):
    measure, theirs = getattr(metrics, name), OVERLAPS[name]
    for positive in (0, 1):
        ours = measure(SCORES > 0.5, YES, pos_label=positive)
        same(ours, theirs(YES, (SCORES > 0.5).astype(int), pos_label=positive))
    nothing = np.zeros(4, int)
    if not (name == "jaccard" and math.isnan(zero)):  # which scikit-learn refuses
        same(
            measure(nothing, nothing, zero_division=zero),
            theirs(nothing, nothing, zero_division=zero),
        )
        never = {"average": "weighted", "zero_division": zero}
        same(measure([1, 1], [0, 0], **never), theirs([0, 0], [1, 1], **never))
        for average in ("macro", "weighted", None):
            options = {"average": average, "zero_division": zero}
            same(
                measure([0, 2, 2], [0, 1, 1], classes=4, **options),
                theirs([0, 1, 1], [0, 2, 2], labels=range(4), **options),
            )


@pytest.mark.parametrize("beta", [0.0, 0.5, 2.0, math.inf])
def test_fbeta(beta):
    for average in ("micro", "macro", "weighted", None):
        ours = metrics.fbeta(PREDICTED, TRUE, average=average, beta=beta)
        same(ours, sk.fbeta_score(TRUE, PREDICTED, average=average, beta=beta))


def test_many_classes_have_no_binary_average():
    with pytest.raises(DataError, match="average='macro'"):
        metrics.f1(PREDICTED, TRUE)


def test_what_follows_from_the_matrix():
    for true, said in ((TRUE, PREDICTED), (YES, SCORES > 0.5), (GAP_TRUE, GAP_PREDICTED)):
        size = int(max(true.max(), said.max())) + 1
        for weights in (None, "linear", "quadratic"):
            theirs = sk.cohen_kappa_score(true, said, labels=range(size), weights=weights)
            same(metrics.cohen_kappa(said, true, weights=weights), theirs)
        same(metrics.matthews_correlation(said, true), sk.matthews_corrcoef(true, said))
        for normalize in (None, "true", "pred", "all"):
            theirs = sk.confusion_matrix(true, said, labels=range(size), normalize=normalize)
            same(metrics.confusion_matrix(said, true, normalize=normalize), theirs)
    for adjusted in (False, True):
        theirs = sk.balanced_accuracy_score(TRUE, PREDICTED, adjusted=adjusted)
        same(metrics.balanced_accuracy(PREDICTED, TRUE, adjusted=adjusted), theirs)


def test_degenerate_agreement():
    assert math.isnan(metrics.cohen_kappa([1, 1], [1, 1]))
    assert metrics.matthews_correlation([1, 1], [0, 1]) == sk.matthews_corrcoef([0, 1], [1, 1])


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k(k):
    theirs = sk.top_k_accuracy_score(TRUE, LOGITS, k=k, labels=range(5))
    same(metrics.top_k_accuracy(LOGITS, TRUE, k=k), theirs)


def test_the_first_of_equal_scores_is_first():
    scores = np.zeros((3, 3))
    assert metrics.top_k_accuracy(scores, [0, 1, 2], k=1) == metrics.accuracy(scores, [0, 1, 2])
    assert metrics.top_k_accuracy(scores, [0, 1, 2], k=2) == pytest.approx(2 / 3)


@pytest.mark.parametrize("drop", [True, False])
def test_roc_curve(drop):
    ours = metrics.roc_curve(SCORES, YES, drop_intermediate=drop)
    for mine, theirs in zip(ours, sk.roc_curve(YES, SCORES, drop_intermediate=drop), strict=True):
        same(mine, theirs)
    for i, points in enumerate(metrics.roc_curve(SHARES, TRUE, drop_intermediate=drop)):
        theirs = sk.roc_curve(i == TRUE, SHARES[:, i], drop_intermediate=drop)
        for mine, other in zip(points, theirs, strict=True):
            same(mine, other)


def test_precision_recall_curve():
    ours = metrics.precision_recall_curve(SCORES, YES)
    for mine, theirs in zip(ours, sk.precision_recall_curve(YES, SCORES), strict=True):
        same(mine, theirs)
    for i, points in enumerate(metrics.precision_recall_curve(SHARES, TRUE)):
        for mine, other in zip(
            points, sk.precision_recall_curve(i == TRUE, SHARES[:, i]), strict=True
        ):
            same(mine, other)


@pytest.mark.parametrize("average", ["macro", "weighted", "micro", None])
def test_areas(average):
    same(metrics.roc_auc(SCORES, YES, average=average), sk.roc_auc_score(YES, SCORES))
    same(
        metrics.average_precision(SCORES, YES, average=average),
        sk.average_precision_score(YES, SCORES),
    )
    theirs = sk.roc_auc_score(TRUE, SHARES, multi_class="ovr", average=average)
    same(metrics.roc_auc(SHARES, TRUE, average=average), theirs)
    same(metrics.roc_auc(LOGITS, TRUE, average=average, logits=True), theirs)
    theirs = sk.average_precision_score(TRUE, SHARES, average=average)
    same(metrics.average_precision(SHARES, TRUE, average=average), theirs)
    for ours, other in (
        (metrics.roc_auc, sk.roc_auc_score),
        (metrics.average_precision, sk.average_precision_score),
    ):
        mine = ours(LABEL_SCORES, LABELS, average=average, multilabel=True)
        same(mine, other(LABELS, LABEL_SCORES, average=average))


def test_two_columns_are_one_class_against_the_other():
    both = np.stack([1 - SCORES, SCORES], axis=1)
    assert metrics.roc_auc(both, YES) == metrics.roc_auc(SCORES, YES)
    logits = RNG.normal(size=(150, 2))
    assert metrics.roc_auc(logits, YES, logits=True) == pytest.approx(
        sk.roc_auc_score(YES, logits[:, 1] - logits[:, 0])
    )


@pytest.mark.parametrize("bins", [4, 64])
def test_bins_are_exact_for_rounded_scores(bins):
    rounded = np.minimum(np.floor(SHARES * bins), bins - 1) / bins
    for i, points in enumerate(metrics.roc_curve(SHARES, TRUE, bins=bins)):
        for mine, theirs in zip(points, sk.roc_curve(i == TRUE, rounded[:, i]), strict=True):
            same(mine, theirs)
    for average in ("macro", "weighted", "micro"):
        theirs = sk.average_precision_score(TRUE, rounded, average=average)
        same(metrics.average_precision(SHARES, TRUE, average=average, bins=bins), theirs)
    assert metrics.roc_auc([1.0, 0.0], [1, 0], bins=bins) == 1.0


def test_log_loss():
    theirs = sk.log_loss(TRUE, SHARES)
    same(metrics.log_loss(SHARES, TRUE), theirs)
    same(metrics.log_loss(LOGITS, TRUE, logits=True), theirs)
    same(metrics.log_loss(SCORES, YES), sk.log_loss(YES, SCORES))  # with zeros and ones
    sure = [0.0, 1.0, 1.0]
    same(metrics.log_loss(sure, [1, 0, 1]), sk.log_loss([1, 0, 1], sure))
    single = SCORES.astype(np.float32)
    assert metrics.log_loss(single, YES) == pytest.approx(sk.log_loss(YES, single), rel=1e-6)
    logits = RNG.normal(size=150) * 30
    theirs = np.logaddexp(0, np.where(YES == 1, -logits, logits)).mean()
    same(metrics.log_loss(logits, YES, logits=True), theirs)


NUMBERS = RNG.normal(3, 2, (60, 3))
GUESSES = NUMBERS + RNG.normal(0.1, [0.1, 1, 3], (60, 3))
REGRESSIONS = {
    "mean_squared_error": sk.mean_squared_error,
    "root_mean_squared_error": sk.root_mean_squared_error,
    "mean_absolute_error": sk.mean_absolute_error,
    "median_absolute_error": sk.median_absolute_error,
    "r2": sk.r2_score,
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(name):
    measure, theirs = getattr(metrics, name), REGRESSIONS[name]
    same(measure(GUESSES[:, 1], NUMBERS[:, 1]), theirs(NUMBERS[:, 1], GUESSES[:, 1]))
    for several in ("uniform_average", "raw_values", [0.5, 0.2, 0.3]):
        ours = measure(GUESSES, NUMBERS, multioutput=several)
        same(ours, theirs(NUMBERS, GUESSES, multioutput=several))
    flat = theirs(NUMBERS.ravel(), GUESSES.ravel())
    same(measure(GUESSES, NUMBERS, multioutput=None), flat)
    same(measure(GUESSES.reshape(5, 12, 3), NUMBERS.reshape(5, 12, 3)), flat)


def test_r2_of_variances_and_constants():
    ours = metrics.r2(GUESSES, NUMBERS, multioutput="variance_weighted")
    same(ours, sk.r2_score(NUMBERS, GUESSES, multioutput="variance_weighted"))
    constant = np.full((4, 2), 2.0)
    for guess in (constant, constant + 1, constant + np.arange(2)):
        same(metrics.r2(guess, constant), sk.r2_score(constant, guess))
    far = 1e9 + NUMBERS[:, 0]  # a mean far from 0 costs no digits
    assert metrics.r2(far + 0.5, far) == pytest.approx(sk.r2_score(far, far + 0.5), rel=1e-6)
