"""Callbacks: when they are called, what they can do, and what happens where one fails."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import TrainingError
from jairika_nb.train import Callback

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
QUIET = {"progress": False, "loss": nn.MSELoss(), "batch_size": 10}
pytestmark = pytest.mark.usefixtures("reference")


class Notes(Callback):
    def __init__(self):
        self.seen = []

    def on_start(self, training):
        self.seen.append("start")

    def on_step(self, training):
        self.seen.append((training.epoch, training.step, training.loss))

    def on_epoch(self, training):
        self.seen.append(training.history.metrics["loss"])

    def on_end(self, training):
        self.seen.append("end")


def test_every_moment_comes_once_in_order():
    notes = Notes()
    history = jrk.fit(nn.Linear(3, 3), (X, X), epochs=2, callbacks=[notes], **QUIET)
    assert (notes.seen[0], notes.seen[-1]) == ("start", "end")
    steps = [row[:2] for row in notes.seen if isinstance(row, tuple)]
    assert steps == [(e, s) for e in (0, 1) for s in (1, 2, 3, 4)]
    losses = [row[2] for row in notes.seen if isinstance(row, tuple)]
    assert np.mean(losses[:4]) == pytest.approx(history["loss"][0])
    assert [row for row in notes.seen if isinstance(row, float)] == history["loss"]


def test_any_object_with_a_moment_will_do_and_a_function_gets_the_history():
    class Bare:
        def on_epoch(self, training):
            training.stop()

    rows = []
    history = jrk.fit(nn.Linear(3, 3), (X, X), epochs=9, callbacks=[Bare(), rows.append], **QUIET)
    assert rows == [history]
    assert len(history) == 1


def test_stopping_in_a_step_ends_after_it():
    class Third(Callback):
        def on_step(self, training):
            if training.step == 3:
                training.stop()

    history = jrk.fit(nn.Linear(3, 3), (X, X), epochs=9, callbacks=[Third()], **QUIET)
    assert (history.steps, history.partial) == (3, True)


def test_one_that_raises_says_where_and_leaves_whole_weights():
    class Breaks(Callback):
        def on_step(self, training):
            if training.step == 2:
                raise RuntimeError("no disk")

    net, twin = nn.Linear(3, 3), nn.Linear(3, 3)
    twin.load_state_dict(net.state_dict())
    data = jrk.data.DataLoader(jrk.data.TensorDataset(X, X), 10)
    opt = optim.SGD(lr=0.1)
    with pytest.raises(RuntimeError, match="no disk") as caught:
        jrk.fit(net, data, epochs=1, callbacks=[Breaks()], optimizer=opt, **QUIET)
    assert "callback Breaks (on_step) after epoch 1/1 step 2/4" in caught.value.__notes__[0]
    for x, y in [*data][:2]:
        loss = nn.functional.mse_loss(twin(x), y)
        optim.SGD(lr=0.1).update(twin, loss.backward(twin))
    np.testing.assert_array_equal(net.weight.numpy(), twin.weight.numpy())
    assert opt.steps["weight"] == 2


@pytest.mark.parametrize(("wrong", "words"), [(Notes, "make one: Notes"), (3, "a int is no callb")])
def test_what_is_no_callback(wrong, words):
    with pytest.raises(TrainingError, match=words):
        jrk.fit(nn.Linear(3, 3), (X, X), epochs=1, callbacks=[wrong], **QUIET)


def test_one_alone_is_asked_for_in_a_list():
    with pytest.raises(TrainingError, match="callbacks takes a list"):
        jrk.fit(nn.Linear(3, 3), (X, X), epochs=1, callbacks=Notes(), **QUIET)
