"""The training loop: learning, stopping cleanly, alarms, and what it refuses."""

import os
import signal
import threading

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.data import DataLoader, TensorDataset, digits, mnist, split
from jairika_nb.errors import DataError, TrainingError
from jairika_nb.metrics import ConfusionMatrix

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(np.int32)
QUIET = {"progress": False}


def classifier(seed=0):
    jrk.random.seed(seed)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 2))


def bits(net):
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


def test_digits_are_learned(device):
    jrk.random.seed(1)
    train, held_out = split(digits(), [1437, 360], seed=1)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.ELU(), nn.Dropout(0.2), nn.Linear(128, 10)
    )
    history = jrk.fit(net, train, epochs=8, optimizer=optim.Adam(lr=5e-3), batch_size=64, **QUIET)
    matrix = ConfusionMatrix(10)
    found = jrk.evaluate(net, held_out, metrics=[matrix])
    assert matrix.accuracy() >= 0.95
    assert found["loss"] < 0.25
    assert history["loss"][-1] < history["loss"][0] / 8
    assert history.steps == 8 * 23


def _standardised(part):
    # Mean and deviation of MNIST's training pixels, as everybody's MNIST example has them.
    images, labels = zip(*(part[i] for i in range(len(part))), strict=True)
    return TensorDataset((np.stack(images) - 0.1307) / np.float32(0.3081), np.array(labels))


def test_mnist_reaches_its_floor(data_dir):
    jrk.random.seed(1)
    train, held_out = map(_standardised, split(mnist(data_dir, train=False), [8000, 2000], seed=1))
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ELU(), nn.Dropout(0.2), nn.Linear(512, 10)
    )
    opt = optim.Adam(lr=3e-3)
    options = {"optimizer": opt, "batch_size": 128, "validation": held_out}
    history = jrk.fit(net, train, epochs=4, **options, **QUIET)
    assert history.metrics["val_accuracy"] >= 0.93


def test_equal_seeds_make_equal_runs(device):
    runs = []
    for seed in (3, 3, 4):
        net = classifier(seed)
        jrk.fit(net, (X, LABELS), epochs=2, batch_size=16, **QUIET)
        runs.append(bits(net))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.usefixtures("reference")
class TestLoop:
    def test_the_loop_equals_one_written_by_hand(self):
        one, two = classifier(), classifier()
        loader = DataLoader(TensorDataset(X, LABELS), 16, shuffle=True, seed=9)
        jrk.random.seed(5)
        history = jrk.fit(one, loader, epochs=2, optimizer=optim.SGD(lr=0.1), **QUIET)
        loader.epoch = 0
        jrk.random.seed(5)
        opt, sums = optim.SGD(lr=0.1), []
        for _ in range(2):
            total = 0.0
            for x, y in loader:
                loss = nn.CrossEntropyLoss()(two(x), y)
                opt.update(two, loss.backward(two))
                total += loss.item() * len(y)
            sums.append(total / 40)
        assert bits(one) == bits(two)
        assert history["loss"] == pytest.approx(sums, rel=1e-6)

    def test_any_form_of_data_will_do(self):
        batches = [(jrk.tensor(X[:20]), jrk.tensor(LABELS[:20])), (X[20:], LABELS[20:])]

        class Again:
            def __iter__(self):
                return iter(batches)

        for data in ((X.astype(np.float64), LABELS), TensorDataset(X, LABELS), Again()):
            history = jrk.fit(classifier(), data, epochs=1, batch_size=20, **QUIET)
            assert history.steps == 2

    def test_several_inputs_reach_the_model(self):
        class Adds(nn.Module):
            def __init__(self):
                self.inner = nn.Linear(3, 1)

            def forward(self, a, b):
                return self.inner(a + b)

        data = TensorDataset(X, X, X[:, :1])
        history = jrk.fit(
            Adds(), data, epochs=30, loss=nn.MSELoss(), optimizer=optim.Adam(0.05), **QUIET
        )
        assert history.metrics["loss"] < 0.1

    def test_a_function_can_be_the_loss(self):
        history = jrk.fit(
            nn.Linear(3, 3), (X, X), epochs=1, loss=lambda p, y: ((p - y) ** 2).sum(), **QUIET
        )
        assert np.isfinite(history.metrics["loss"])

    def test_validation_is_measured_without_dropout_and_modes_return(self):
        net = classifier()
        net[2].eval()
        history = jrk.fit(net, (X, LABELS), epochs=1, validation=(X, LABELS), **QUIET)
        again = jrk.evaluate(net, (X, LABELS), batch_size=7)
        assert history.metrics["val_loss"] == pytest.approx(again["loss"], rel=1e-5)
        assert history.metrics["val_accuracy"] == again["accuracy"]
        assert [m.training for m in net.modules()] == [True, True, True, False, True]

    def test_callbacks_see_every_epoch_and_can_stop(self):
        seen = []

        def watch(history):
            seen.append(len(history))
            history.stop = len(history) == 2

        history = jrk.fit(classifier(), (X, LABELS), epochs=5, callbacks=[watch], **QUIET)
        assert seen == [1, 2]
        assert not history.interrupted

    def test_optimiser_state_goes_on_over_calls(self):
        one, two, opt = classifier(), classifier(), optim.Adam()
        loader = DataLoader(TensorDataset(X, LABELS), 16, shuffle=True, seed=2)
        jrk.random.seed(6)
        jrk.fit(one, loader, epochs=3, **QUIET)
        loader.epoch = 0
        jrk.random.seed(6)
        jrk.fit(two, loader, epochs=1, optimizer=opt, **QUIET)
        jrk.fit(two, loader, epochs=2, optimizer=opt, **QUIET)
        assert bits(one) == bits(two)


class StopAt:
    """A loss that presses Ctrl-C in its n-th call."""

    def __init__(self, call, times=1):
        self.call, self.times, self.calls = call, times, 0

    def __call__(self, prediction, target):
        self.calls += 1
        if self.calls == self.call:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        return nn.functional.mse_loss(prediction, target)


@pytest.mark.usefixtures("reference")
class TestStopping:
    def test_ctrl_c_ends_after_the_running_step(self):
        loader = DataLoader(TensorDataset(X, X), 10)
        one, two, opt = nn.Linear(3, 3), nn.Linear(3, 3), optim.SGD(lr=0.1)
        two.load_state_dict(one.state_dict())
        before = signal.getsignal(signal.SIGINT)
        history = jrk.fit(one, loader, epochs=9, loss=StopAt(6), optimizer=opt, **QUIET)
        assert signal.getsignal(signal.SIGINT) is before
        assert history.interrupted
        assert (len(history), history.steps) == (2, 6)
        assert history.partial
        reached, losses = 0, []
        for x, y in [*loader, *loader][:6]:
            loss = nn.functional.mse_loss(two(x), y)
            optimizer = optim.SGD(lr=0.1)
            optimizer.update(two, loss.backward(two))
            losses.append(loss.item())
            reached += 1
        assert reached == 6
        assert history["loss"] == pytest.approx([np.mean(losses[:4]), np.mean(losses[4:])])
        assert bits(one) == bits(two)
        assert one.training

    def test_ctrl_c_in_the_first_epoch_leaves_the_loss_so_far(self):
        data, seen = DataLoader(TensorDataset(X, X), 10), []
        options = {"loss": StopAt(1), "validation": (X, X), "callbacks": [seen.append]}
        net, before = nn.Linear(3, 3), nn.Linear(3, 3)
        before.load_state_dict(net.state_dict())
        history = jrk.fit(net, data, epochs=9, **options, **QUIET)
        first = nn.functional.mse_loss(before(X[:10]), X[:10]).item()
        assert history.metrics == {"loss": pytest.approx(first)}
        assert history.summary().startswith("0 epochs and part of one, 1 step in ")
        assert history.to_json()["partial"]
        assert not seen

    def test_a_whole_epoch_is_not_partial(self):
        history = jrk.fit(nn.Linear(3, 3), (X, X), epochs=1, loss=nn.MSELoss(), **QUIET)
        assert not history.partial
        assert history.summary().startswith("1 epoch, 1 step in ")

    def test_a_second_ctrl_c_interrupts_at_once_with_whole_weights(self):
        net = nn.Linear(3, 3)
        loss = StopAt(6, times=2)
        one = nn.Linear(3, 3)
        one.load_state_dict(net.state_dict())
        loader = DataLoader(TensorDataset(X, X), 10)
        with pytest.raises(KeyboardInterrupt):
            jrk.fit(net, loader, epochs=9, loss=loss, optimizer=optim.SGD(lr=0.1), **QUIET)
        for x, y in [*loader, *loader][:5]:
            value = nn.functional.mse_loss(one(x), y)
            optim.SGD(lr=0.1).update(one, value.backward(one))
        assert bits(net) == bits(one)

    def test_a_thread_can_train_too(self):
        found = []
        thread = threading.Thread(
            target=lambda: found.append(
                jrk.fit(nn.Linear(3, 3), (X, X), epochs=1, loss=nn.MSELoss(), **QUIET)
            )
        )
        thread.start()
        thread.join()
        assert len(found[0]) == 1

    @pytest.mark.skipif(os.name == "nt", reason="SIGINT reaches whole groups there")
    def test_outside_a_run_ctrl_c_is_as_before(self):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


class Spoils(nn.Module):
    """Passes its input on, until in its n-th call it makes NaN of it."""

    def __init__(self, call):
        self.call, self.calls = call, 0

    def forward(self, x):
        self.calls += 1
        return x * float("nan") if self.calls >= self.call else x


@pytest.mark.usefixtures("reference")
class TestAlarms:
    def run(self, net, data=(X, X), **options):
        loader = DataLoader(TensorDataset(*data), 10)
        options = {"loss": nn.MSELoss(), "optimizer": optim.SGD(lr=0.1)} | options
        return jrk.fit(net, loader, epochs=3, **QUIET, **options)

    def test_a_layer_that_makes_nan_is_named_and_weights_are_kept(self):
        net, plain = nn.Sequential(nn.Linear(3, 3), Spoils(7)), nn.Linear(3, 3)
        plain.load_state_dict(net[0].state_dict())
        with pytest.raises(
            TrainingError, match=r"became nan in epoch 2, step 3.*layer '1', Spoils"
        ):
            self.run(net)
        loader = DataLoader(TensorDataset(X, X), 10)
        for x, y in [*loader, *loader][:6]:
            loss = nn.functional.mse_loss(plain(x), y)
            optim.SGD(lr=0.1).update(plain, loss.backward(plain))
        assert bits(net[0]) == bits(plain)

    def test_a_wild_learning_rate_is_caught_with_finite_weights(self):
        net, opt = nn.Linear(3, 3), optim.SGD(lr=1e25, momentum=0.9)
        with pytest.raises(TrainingError, match="lower the learning rate") as caught:
            self.run(net, optimizer=opt)
        assert "epoch 1, step" in str(caught.value)
        assert all(np.isfinite(p.numpy()).all() for p in net.parameters())
        assert all(np.isfinite(t.numpy()).all() for t in opt.tensors())

    def test_a_gradient_that_is_nan_under_a_finite_loss_names_the_parameter(self):
        class Root(nn.Module):
            def __init__(self):
                self.weight = nn.Parameter(np.zeros(3, np.float32))

            def forward(self, x):
                return x + (self.weight * self.weight).sqrt()

        net = Root()
        with pytest.raises(
            TrainingError, match=r"step 2: parameter weight went first.*start of the"
        ):
            self.run(net)
        assert net.weight.tolist() == [0, 0, 0]

    def test_nan_in_the_data_is_told_from_nan_in_the_network(self):
        spoiled = X.copy()
        spoiled[25, 1] = np.nan
        with pytest.raises(TrainingError, match="step 3: input 0 of the batch holds NaN"):
            self.run(nn.Linear(3, 3), (spoiled, X))

    def test_nan_in_the_targets_blames_the_loss(self):
        spoiled = X.copy()
        spoiled[0, 0] = np.inf
        with pytest.raises(TrainingError, match="became inf in epoch 1, step 1: the loss itself"):
            self.run(nn.Linear(3, 3), (X, spoiled))


@pytest.mark.usefixtures("reference")
class TestRefusals:
    @pytest.mark.parametrize("epochs", [0, -1, 2.0, True, None])
    def test_epochs(self, epochs):
        with pytest.raises(TrainingError, match=f"epochs={epochs}"):
            jrk.fit(classifier(), (X, LABELS), epochs=epochs, **QUIET)

    def test_a_model_without_parameters(self):
        with pytest.raises(TrainingError, match="Flatten has no parameters"):
            jrk.fit(nn.Flatten(), (X, LABELS), epochs=1, **QUIET)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"optimizer": optim.AdamW}, r"the class AdamW; use optim.AdamW\(lr=...\)"),
            ({"optimizer": "sgd"}, r"not 'sgd'; use optim.SGD\(lr=...\)"),
            ({"optimizer": 0.1}, r"not 0.1; use optim.Adam\(lr=...\)"),
            ({"loss": nn.MSELoss}, r"the class MSELoss; use nn.MSELoss\(\)"),
            ({"loss": "mse"}, r"prediction and target, not 'mse'; use nn.Cross"),
        ],
    )
    def test_what_is_no_optimiser_or_loss(self, options, words):
        with pytest.raises(TrainingError, match=words):
            jrk.fit(classifier(), (X, LABELS), epochs=1, **options, **QUIET)

    @pytest.mark.parametrize(
        ("model", "words"),
        [
            (None, r"such as nn.Sequential\(...\) first, not None"),
            (nn.Linear, r"not the class Linear; make one: Linear\(...\)"),
            (abs, "not a builtin_function"),
        ],
    )
    def test_what_is_no_network(self, model, words):
        with pytest.raises(TrainingError, match=f"fit takes a network.*{words}"):
            jrk.fit(model, (X, LABELS), epochs=1, **QUIET)
        with pytest.raises(TrainingError, match=f"evaluate takes a network.*{words}"):
            jrk.evaluate(model, (X, LABELS))

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ((X[:0], LABELS[:0]), "needs a sample"),
            ([], "empty"),
            ((X,), "no inputs and targets"),
            (5, "int is no data"),
            (iter([(X, LABELS)]), "gone through again"),
            ({1, 2}, "no inputs and targets"),
            (set(), "gave no batch"),
        ],
    )
    def test_data(self, data, words):
        with pytest.raises(DataError, match=words):
            jrk.fit(classifier(), data, epochs=1, **QUIET)

    def test_labels_out_of_range_leave_the_weights(self):
        net = classifier()
        before = bits(net)
        with pytest.raises(DataError, match=r"the first is 2.*2 outputs"):
            jrk.fit(net, (X, LABELS * 2), epochs=1, **QUIET)
        assert bits(net) == before

    def test_losses_that_are_no_number(self):
        for loss in (lambda p, y: p, lambda p, y: 3.0):
            with pytest.raises(TrainingError, match="one element, not"):
                jrk.fit(nn.Linear(3, 3), (X, X), epochs=1, loss=loss, **QUIET)

    def test_errors_of_a_step_say_where_and_leave_the_weights(self):
        batches = [(X[:8], LABELS[:8])] * 3 + [(X[:8, :2], LABELS[:8])]

        class Batches:
            def __iter__(self):
                return iter(batches)

        net, twin, opt = nn.Linear(3, 2), nn.Linear(3, 2), optim.SGD(lr=0.1)
        twin.load_state_dict(net.state_dict())
        with pytest.raises(jrk.errors.ShapeError, match="Linear") as caught:
            jrk.fit(net, Batches(), epochs=1, optimizer=opt, **QUIET)
        assert "raised in epoch 1, step 4; the weights" in caught.value.__notes__[0]
        assert "epoch 1, step 4" in caught.value._render_traceback_()[1]
        batches.pop()
        jrk.fit(twin, Batches(), epochs=1, optimizer=optim.SGD(lr=0.1), **QUIET)
        assert bits(net) == bits(twin)
        assert opt.steps["weight"] == 3
