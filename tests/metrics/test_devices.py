"""Tensors on every device give what their arrays give, and little of them is fetched."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import metrics
from jairika_nb.errors import DataError, ShapeError

RNG = np.random.default_rng(2)
LOGITS = RNG.normal(size=(4, 6, 5)).astype(np.float32)
TRUE = RNG.integers(0, 5, (4, 6))
MASK = RNG.random((4, 6)) < 0.7


def test_classes_are_chosen_on_the_device(device):
    scores, true = jrk.tensor(LOGITS), jrk.tensor(TRUE.astype(np.int32))
    for kind in (metrics.Accuracy, metrics.CohenKappa):
        assert kind().update(scores, true).value() == kind().update(LOGITS, TRUE).value()
        assert (
            kind().update(scores, true, MASK).value() == kind().update(LOGITS, TRUE, MASK).value()
        )


def test_perplexity_is_summed_from_the_device(device):
    scores = jrk.tensor(LOGITS)
    targets = np.where(MASK, TRUE, -100)
    expected = metrics.Perplexity().update(LOGITS, TRUE, MASK).value()
    measure = metrics.Perplexity(ignore_index=-100)
    assert measure.update(scores, targets).value() == pytest.approx(expected, rel=1e-6)
    assert measure.count == MASK.sum()
    losses = metrics.LogLoss(logits=True).update(scores, TRUE, MASK)
    assert losses.value() == pytest.approx(np.log(expected), rel=1e-6)
    with pytest.raises(DataError, match="target class 7"):
        metrics.Perplexity().update(scores, np.full((4, 6), 7))
    with pytest.raises(ShapeError, match=r"\(4, 6, 5\).*\(4,\)"):
        metrics.Perplexity().update(scores, TRUE[:, 0])


def test_nan_on_the_device(device):
    spoiled = LOGITS.copy()
    spoiled[1, 2, 3] = np.nan
    scores = jrk.tensor(spoiled)
    for measure in (metrics.Accuracy(), metrics.Perplexity()):
        with pytest.raises(DataError, match="NaN"):
            measure.update(scores, TRUE)
        hidden = np.ones_like(MASK)
        hidden[1, 2] = False
        assert measure.update(scores, TRUE, hidden).count == TRUE.size - 1


def test_halves(device):
    rates = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    for dtype in (jrk.float16, jrk.bfloat16):
        half = jrk.tensor(rates).astype(dtype)
        assert metrics.log_loss(half, TRUE) == pytest.approx(
            metrics.log_loss(rates, TRUE), abs=1e-2
        )
        error = metrics.mean_absolute_error(half, rates)
        assert 0 < error < 2e-3
