"""Counts and limits that NumPy made are as good as Python's; what is none is told."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import data, nn, optim
from jairika_nb.errors import DataError, TrainingError
from jairika_nb.train import Checkpoint, EarlyStopping

X, Y = np.ones((8, 3), np.float32), np.zeros(8, np.int64)
TWO, HALF = np.int64(2), np.float32(0.5)


def fit(**options):
    with jrk.device("reference"):
        options = {"epochs": 1, "batch_size": 4, "progress": False, "compiled": False} | options
        return jrk.fit(nn.Linear(3, 2), (X, Y), **options)


def test_fit_takes_what_numpy_counts():
    history = fit(
        epochs=TWO, accumulate=np.array(2), batch_size=TWO, seed=TWO, clip_norm=HALF,
        clip_value=TWO, callbacks=[EarlyStopping("loss", patience=TWO, min_delta=HALF)],
    )  # fmt: skip
    assert (len(history), history.steps, history.updates) == (2, 8, 4)


@pytest.mark.parametrize("name", ["epochs", "accumulate"])
@pytest.mark.parametrize("value", [0, -1, 2.0, HALF, True, np.bool_(True), "2", None, [2]])
def test_what_is_no_count_is_told(name, value):
    with pytest.raises(TrainingError, match=f"{name}=.* must be an integer from 1 up"):
        fit(**{name: value})


@pytest.mark.parametrize("name", ["clip_norm", "clip_value"])
@pytest.mark.parametrize("value", [0, -HALF, float("nan"), np.float32("nan"), True, "1", [1]])
def test_what_is_no_limit_is_told(name, value):
    with pytest.raises(TrainingError, match=f"{name}=.* must be a number above 0, or None"):
        fit(**{name: value})


def test_callbacks_and_loaders_take_them_too():
    assert EarlyStopping(patience=TWO).patience == 2
    assert Checkpoint("a.jrk.h5", steps=TWO, seconds=HALF).every == {"steps": 2, "seconds": 0.5}
    parts = data.split(data.TensorDataset(X, Y), [HALF, HALF], seed=TWO)
    assert [len(part) for part in parts] == [4, 4]
    loader = data.DataLoader(parts[0], TWO, num_workers=np.int8(0), prefetch_factor=None, seed=TWO)
    assert len(loader) == 2
    grads = {"weight": jrk.ones(4, device="reference")}
    assert optim.clip_grad_norm(grads, HALF, norm_type=np.float64(2))[1].item() == 2
    for wrong, error in (
        (lambda: EarlyStopping(patience=HALF), TrainingError),
        (lambda: Checkpoint("a.jrk.h5", steps=HALF), TrainingError),
        (lambda: data.DataLoader(parts[0], HALF), DataError),
        (lambda: optim.clip_grad_norm(grads, np.float32("nan")), TrainingError),
        (lambda: optim.clip_grad_norm(grads, 1.0, norm_type=True), TrainingError),
    ):
        with pytest.raises(error, match=r"must be|is not an integer"):
            wrong()
