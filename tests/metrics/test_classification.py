"""Classification measures against scikit-learn's."""

import numpy as np
import pytest

from jairika_nb.errors import DataError, ShapeError
from jairika_nb.metrics import Accuracy, ConfusionMatrix, accuracy, confusion_matrix

sklearn_metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture
def labels():
    rng = np.random.default_rng(7)
    true = rng.integers(0, 5, 200)
    return np.where(rng.random(200) < 0.6, true, rng.integers(0, 5, 200)), true


def test_accuracy_equals_scikit_learn(labels):
    predicted, true = labels
    assert accuracy(predicted, true) == sklearn_metrics.accuracy_score(true, predicted)


def test_scores_count_by_their_largest(labels):
    predicted, true = labels
    scores = np.eye(5)[predicted] + np.random.default_rng(0).random((200, 5)) * 0.5
    assert accuracy(scores, true) == accuracy(predicted, true)


def test_batches_of_any_size_give_the_same(labels):
    predicted, true = labels
    measure, matrix = Accuracy(), ConfusionMatrix()
    for part in np.split(np.arange(200), [1, 7, 150]):
        measure.update(predicted[part], true[part])
        matrix.update(predicted[part], true[part])
    assert measure.value() == accuracy(predicted, true)
    assert np.array_equal(matrix.value(), sklearn_metrics.confusion_matrix(true, predicted))
    assert matrix.accuracy() == pytest.approx(measure.value())


def test_confusion_matrix_equals_scikit_learn_with_classes_unseen():
    predicted, true = [0, 2, 2], [0, 1, 2]
    expected = sklearn_metrics.confusion_matrix(true, predicted, labels=range(4))
    assert np.array_equal(confusion_matrix(predicted, true, classes=4), expected)


def test_reset_forgets():
    measure = Accuracy().update([1], [0])
    measure.reset()
    assert measure.update([1], [1]).value() == 1.0


def test_no_samples_have_no_accuracy():
    for measure in (Accuracy().value, ConfusionMatrix(3).accuracy):
        with pytest.raises(DataError, match="no samples"):
            measure()


@pytest.mark.parametrize("wrong", [-1, 3])
def test_a_class_outside_is_named(wrong):
    with pytest.raises(DataError, match=f"class {wrong} "):
        confusion_matrix([0, wrong], [0, 1], classes=3)


def test_shapes_and_dtypes_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2,\)"):
        accuracy([1, 2, 3], [1, 2])
    with pytest.raises(DataError, match="float64"):
        accuracy([0.5, 0.7], [1, 0])


def test_the_matrix_shows_its_names():
    matrix = ConfusionMatrix(["cat", "<dog>"]).update([0, 1, 1], [0, 0, 1])
    assert "cat" in str(matrix)
    html = matrix._repr_html_()
    assert "&lt;dog&gt;" in html
    assert "<dog>" not in html
    assert html.count("<td") == 4
