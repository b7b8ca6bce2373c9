"""What is measured beside a loss where nobody asked for measures."""

import numpy as np
import pytest

from jairika_nb import evaluate, nn

SCORES = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]] * 4


@pytest.mark.parametrize(("loss", "ignored"), [(None, -100), (nn.CrossEntropyLoss(None, 1), 1)])
def test_accuracy_leaves_out_what_cross_entropy_ignores(loss, ignored):
    targets = np.array([0, ignored, 2, 2])
    found = evaluate(nn.Identity(), (SCORES, targets), loss=loss)
    assert found["accuracy"] == pytest.approx(2 / 3)


def test_other_losses_have_none():
    assert list(evaluate(nn.Identity(), (SCORES, SCORES), loss=nn.MSELoss())) == ["loss"]
