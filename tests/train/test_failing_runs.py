"""Runs that fail: what was learned is kept, and the run goes on as if nothing had happened."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import data, nn, optim, store
from jairika_nb.errors import TrainingError
from jairika_nb.train import Callback, Checkpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
pytestmark = pytest.mark.usefixtures("reference")


class Rows(data.Dataset):
    """Samples, of which one cannot be read, or is spoiled, as long as ``bad`` says so."""

    def __init__(self, bad=None, spoiled=False):
        self.bad, self.spoiled = bad, spoiled

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        if index == self.bad and not self.spoiled:
            raise OSError("the disk is gone")
        return X[index] * (np.nan if index == self.bad else 1), Y[index]


class FailsOnce(Callback):
    def __init__(self, moment, at):
        self.moment, self.at = moment, at

    def on_step(self, training):
        self._look("step", training.history.steps)

    def on_epoch(self, training):
        self._look("epoch", training.epoch)

    def _look(self, moment, number):
        if (moment, number) == (self.moment, self.at):
            self.at = None
            raise RuntimeError("no more paper")


def network():
    jrk.random.seed(5)
    return nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.3), nn.BatchNorm1d(4), nn.Linear(4, 2))


def run(net, rows, validation=(X, Y), **options):
    optimizer = optim.Adam(lr=0.01)
    loader = data.DataLoader(rows, 8, shuffle=True, seed=options.pop("seed", 1))
    options = {"epochs": 3, "progress": False, "compiled": False} | options
    schedule = optim.StepLR(optimizer, 2, every="step")
    return jrk.fit(net, loader, schedule=schedule, validation=validation,
                   metrics=[jrk.metrics.Accuracy()], **options)  # fmt: skip


def bits(net):
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


@pytest.fixture
def whole():
    net = network()
    jrk.random.seed(2)
    return net, run(net, Rows())


FAILURES = {
    "data": (lambda: Rows(17), (X, Y), [], OSError),
    "a loss that is no number": (lambda: Rows(17, spoiled=True), (X, Y), [], TrainingError),
    "validation": (lambda: Rows(), Rows(3), [], OSError),
    "a callback after a step": (lambda: Rows(), (X, Y), [FailsOnce("step", 7)], RuntimeError),
    "a callback after an epoch": (lambda: Rows(), (X, Y), [FailsOnce("epoch", 2)], RuntimeError),
}


@pytest.mark.parametrize("what", FAILURES)
def test_a_failed_run_goes_on_with_the_bits_of_one_that_never_failed(tmp_path, whole, what):
    make, validation, callbacks, error = FAILURES[what]
    rows = make()
    with jrk.init(tmp_path / "m.jrk.h5") as model:
        net, keeper = network(), Checkpoint(model, epochs=2)
        jrk.random.seed(2)
        with pytest.raises(error) as told:
            run(net, rows, validation, callbacks=[*callbacks, keeper])
        assert not any("failed too" in note for note in getattr(told.value, "__notes__", ()))
        # What is in memory is in the file.
        assert bits(model["main"]["checkpoint"].load()) == bits(net)
        rows.bad = None
        if isinstance(validation, Rows):
            validation = (X, Y)
        rest = network()
        history = run(rest, rows, validation, callbacks=[*callbacks, keeper], resume=model, seed=8)
        assert bits(rest) == bits(whole[0])
        assert history.epochs == whole[1].epochs
        assert (history.steps, history.updates) == (15, 15)


def test_a_file_that_was_opened_is_closed_and_nothing_new_is_not_kept_twice(tmp_path):
    path = tmp_path / "m.jrk.h5"
    store.init(path).close()
    with pytest.raises(RuntimeError, match="no more paper"):
        run(network(), Rows(), callbacks=[Checkpoint(str(path)), FailsOnce("epoch", 1)])
    with store.open(path, mode="a") as model:
        assert model["main"].iterations == ("prime", "checkpoint")
        assert model["main"]["checkpoint"].metrics["epoch"] == 1


def test_a_second_interrupt_keeps_what_was_kept_and_closes_the_file(tmp_path):
    class Twice(Callback):
        def on_step(self, training):
            if training.history.steps == 7:
                raise KeyboardInterrupt

    path = tmp_path / "m.jrk.h5"
    store.init(path).close()
    with pytest.raises(KeyboardInterrupt):
        run(network(), Rows(), callbacks=[Checkpoint(str(path)), Twice()])
    with store.open(path, mode="a") as model:
        assert model["main"]["checkpoint"].metrics["epoch"] == 1


def test_callbacks_are_told_and_their_own_failures_hide_nothing():
    seen = []

    class Looks(Callback):
        def on_error(self, training):
            seen.append((type(training.error), training.epoch, training.step))

        def on_end(self, training):
            seen.append("end")

    class Breaks(Callback):
        def on_error(self, training):
            raise ValueError("and this too")

    with pytest.raises(OSError, match="the disk is gone") as told:
        run(network(), Rows(17), callbacks=[Breaks(), Looks()])
    assert len(seen) == 1 and seen[0][0] is OSError
    assert told.value.__notes__[-1] == (
        "the callback Breaks (on_error) failed too: ValueError: and this too"
    )


class Batches:
    """A metric that counts, and cannot be kept in the middle of an epoch."""

    name = "batches"

    def reset(self):
        self.count = 0

    def update(self, prediction, target):
        self.count += 1

    def value(self):
        return self.count


def fit(*callbacks, **options):
    given = {"epochs": 3, "progress": False, "compiled": False, "batch_size": 8}
    options = given | {"metrics": [Batches()]} | options
    return jrk.fit(network(), (X, Y), callbacks=callbacks, **options)


def test_a_metric_that_cannot_be_kept_is_refused_before_the_first_step(tmp_path):
    notes = FailsOnce("step", 1)
    with jrk.init(tmp_path / "m.jrk.h5") as model:
        for often in ({"steps": 4}, {"seconds": 60.0}):
            with pytest.raises(TrainingError, match="metric batches cannot be kept in the middle"):
                fit(Checkpoint(model, **often), notes)
        assert model["main"].iterations == ("prime",)
        with pytest.raises(RuntimeError, match="no more paper"):
            fit(notes)


def test_weights_are_kept_where_the_run_cannot_be(tmp_path):
    with jrk.init(tmp_path / "m.jrk.h5") as model:
        with (
            pytest.warns(UserWarning, match="without a run to go on with: the metric batches"),
            pytest.raises(RuntimeError, match="no more paper"),
        ):
            fit(Checkpoint(model), FailsOnce("step", 7))
        assert model["main"].iterations == ("prime", "checkpoint", "checkpoint-2")
        assert model["main"]["checkpoint-2"].metrics["step"] == 2
        with pytest.raises(TrainingError, match=r"'checkpoint' does: resume=model\['main'\]"):
            fit(Checkpoint(model), resume=model)
        late = FailsOnce("step", 99)
        history = fit(Checkpoint(model), late, resume=model["main"]["checkpoint"])
        assert history["batches"] == [5, 5, 5]
