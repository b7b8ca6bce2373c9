"""Pictures of measures hold the measures' numbers, on new Axes or on given ones."""

import sys

import numpy as np
import pytest

from jairika_nb import metrics
from jairika_nb.errors import MissingPackage
from jairika_nb.train.history import History

matplotlib = pytest.importorskip("matplotlib")
TRUE = np.array([0, 1, 2, 2, 1, 0])
RATES = np.array(
    [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3], [0.4, 0.3, 0.3], [1, 0, 0]]
)


@pytest.fixture
def pyplot(monkeypatch):
    before = matplotlib.get_backend()
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")
    matplotlib.use(before)


def texts(ax):
    return [t.get_text() for t in ax.texts]


def labels(ax):
    return [t.get_text() for t in ax.get_legend().get_texts()]


def test_a_matrix_shows_counts_or_shares(pyplot):
    measure = metrics.ConfusionMatrix(["a", "b", "c"]).update(RATES, TRUE)
    ax = measure.plot()
    assert texts(ax) == list(map(str, measure.value().ravel()))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]
    shares = metrics.ConfusionMatrix(3, normalize="true").update(RATES, TRUE)
    assert ".50" in texts(shares.plot())
    many = metrics.ConfusionMatrix(40).update([1], [2]).plot()
    assert not many.texts


def test_curves_have_their_areas_in_the_legend(pyplot):
    areas = metrics.roc_auc(RATES, TRUE, average=None)
    ax = metrics.RocCurve(classes=["a", "b", "c"]).update(RATES, TRUE).plot()
    expected = [f"{n}: area {v:.4g}" for n, v in zip("abc", areas, strict=True)]
    assert labels(ax) == expected
    points = metrics.roc_curve(RATES[:, 1], TRUE == 1)
    line = points.plot().lines[-1]
    assert np.array_equal(line.get_xdata(), points.fpr)
    assert np.array_equal(line.get_ydata(), points.tpr)
    ax = metrics.PrecisionRecallCurve().update(RATES[:, 1], TRUE == 1).plot()
    assert labels(ax) == [f"1: AP {metrics.average_precision(RATES[:, 1], TRUE == 1):.4g}"]


def test_given_axes_are_drawn_on_and_keep_their_style(pyplot):
    figure, ax = pyplot.subplots()
    background = figure.get_facecolor()
    points = metrics.precision_recall_curve(RATES[:, 1], TRUE == 1)
    assert points.plot(ax=ax, label="mine") is ax
    assert points._repr_html_().count("<tr>") == len(points.thresholds) + 1
    assert figure.get_facecolor() == background
    assert pyplot.get_fignums() == [figure.number]


def test_a_history_shows_its_losses_or_what_is_named(pyplot):
    history = History()
    history.epochs = [
        {"loss": 2.0, "val_loss": 2.5, "val_accuracy": 0.5},
        {"loss": 1.0, "val_loss": 1.5, "val_accuracy": 0.75},
    ]
    ax = history.plot()
    assert labels(ax) == ["loss", "val_loss"]
    assert [list(line.get_ydata()) for line in ax.lines] == [[2.0, 1.0], [2.5, 1.5]]
    assert ax.lines[0].get_color() == ax.lines[1].get_color()
    _, given = pyplot.subplots()
    assert history.plot("val_accuracy", ax=given) is given
    assert labels(given) == ["val_accuracy"]
    with pytest.raises(KeyError, match="no measure 'bogus'"):
        history.plot("bogus")


def test_matplotlib_is_asked_for_only_then(monkeypatch):
    measure = metrics.ConfusionMatrix(3).update(RATES, TRUE)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingPackage, match="pip install matplotlib"):
        measure.plot()
