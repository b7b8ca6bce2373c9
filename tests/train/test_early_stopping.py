"""Early stopping, checkpoints, schedules and averages, as callbacks and options of fit."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.data import DataLoader, TensorDataset
from jairika_nb.errors import TrainingError
from jairika_nb.train import Callback, Checkpoint, EarlyStopping
from jairika_nb.train.monitor import Monitor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
QUIET = {"progress": False}
pytestmark = pytest.mark.usefixtures("reference")


class Plays(Callback):
    """Writes a script of measures into the history, and notes the weights of each epoch."""

    def __init__(self, values, name="val_loss"):
        self.values, self.name, self.weights = values, name, []

    def on_epoch(self, training):
        training.history.epochs[-1][self.name] = self.values[training.epoch - 1]
        self.weights.append(training.model.weight.tolist())


def run(*callbacks, epochs=9, net=None, **options):
    net = net or nn.Linear(3, 3)
    loader = DataLoader(TensorDataset(X, X), 10)
    options = {"optimizer": optim.SGD(lr=0.1)} | options
    history = jrk.fit(
        net, loader, epochs=epochs, loss=nn.MSELoss(), callbacks=callbacks, **options, **QUIET
    )
    return net, history


class TestEarlyStopping:
    @pytest.mark.parametrize(
        ("values", "options", "best", "done"),
        [
            ([3, 2, 1, 2, 3, 4, 5, 6, 7], {"patience": 2}, 3, 5),
            ([3, 2, 1, 2, 0.5, 4, 5, 6, 7], {"patience": 2}, 5, 7),
            ([9, 8, 7, 6, 5, 4, 3, 2, 1], {"patience": 1}, 9, 9),
            ([3, 2.9, 2.8, 1, 1, 1, 1, 1, 1], {"patience": 2, "min_delta": 0.5}, 1, 3),
            ([3, 2.9, 2, 1.9, 1.8, 1, 1, 1, 1], {"patience": 2, "min_delta": 0.5}, 3, 5),
            ([1, 2, 3, 2, 1, 0, 0, 0, 0], {"patience": 2, "mode": "max"}, 3, 5),
            ([3, float("nan"), float("nan"), 1, 1, 1, 1, 1, 1], {"patience": 2}, 1, 3),
        ],
    )
    def test_it_waits_and_brings_the_best_back(self, values, options, best, done):
        plays, stops = Plays(values), EarlyStopping("val_loss", **options)
        net, history = run(plays, stops)
        assert len(history) == done
        assert stops.best_epoch == best
        assert net.weight.tolist() == plays.weights[best - 1]
        assert stops.stopped_epoch == (done if done < 9 else 0)

    def test_weights_may_stay_as_they_are(self):
        plays = Plays([1, 2, 3, 4])
        net, _ = run(plays, EarlyStopping(patience=2, restore_best_weights=False))
        assert net.weight.tolist() == plays.weights[-1] != plays.weights[0]

    def test_a_second_run_begins_anew(self):
        stops = EarlyStopping(patience=2)
        run(Plays([1, 2, 3]), stops)
        plays = Plays([9, 8, 9, 9])
        net, history = run(plays, stops)
        assert (len(history), stops.best_epoch, stops.stopped_epoch) == (4, 2, 4)
        assert net.weight.tolist() == plays.weights[1]

    def test_a_measure_that_is_not_there(self):
        with pytest.raises(TrainingError, match=r"no measure 'val_loss'.*there are loss") as caught:
            run(EarlyStopping())
        assert "callback EarlyStopping (on_epoch) after epoch 2/9" in caught.value.__notes__[0]

    @pytest.mark.parametrize(
        "wrong", [{"patience": 0}, {"patience": 1.5}, {"min_delta": -1}, {"mode": "down"}]
    )
    def test_refusals(self, wrong):
        with pytest.raises(TrainingError, match=next(iter(wrong))):
            EarlyStopping(**wrong)

    def test_losses_and_errors_fall_the_rest_rises(self):
        for name in ("loss", "val_loss_age", "val_mse", "mean_absolute_error", "val_perplexity"):
            assert Monitor(name).sign == -1
        for name in ("accuracy", "val_f1", "roc_auc", "val_bleu", "r2"):
            assert Monitor(name).sign == 1


class TestCheckpoint:
    def test_every_so_many_epochs_and_steps(self, tmp_path):
        for options, saved in (
            ({}, ["epoch-1", "epoch-2", "epoch-3"]),
            ({"epochs": 2}, ["epoch-2"]),
            (
                {"steps": 3},
                ["epoch-0-step-3", "epoch-1-step-2", "epoch-2-step-1", "epoch-2-step-4"],
            ),
            ({"seconds": 1e-9}, None),
            ({"seconds": 1e9}, []),
        ):
            path = tmp_path / "m.jrk.h5"
            path.unlink(missing_ok=True)
            with jrk.init(path) as model:
                run(Checkpoint(model, keep=True, **options), epochs=3)
                names = [name.removeprefix("checkpoint-") for name in model["main"].iterations[1:]]
                assert names == saved if saved is not None else len(names) == 12
                assert model.verify().ok

    def test_the_last_takes_the_place_of_the_one_before(self, tmp_path):
        with jrk.init(tmp_path / "m.jrk.h5") as model:
            net, history = run(Checkpoint(model), epochs=3)
            assert model["main"].iterations == ("prime", "checkpoint")
            kept = model["main"]["checkpoint"]
            assert kept.metrics == history.metrics | {"epoch": 3, "step": 0}
            assert kept.arrays()["weight"].tolist() == net.weight.tolist()
            assert kept.optimizer_state()["lr"] == 0.1
            # Another run leaves what is not its own.
            model.commit(net, name="mine")
            run(Checkpoint(model), epochs=3, net=net)
            assert model["main"].iterations == ("prime", "checkpoint", "mine", "checkpoint-2")

    def test_a_second_run_leaves_the_checkpoints_of_the_first(self, tmp_path):
        with jrk.init(tmp_path / "m.jrk.h5") as model:
            checkpoint = Checkpoint(model, best="val_loss")
            run(Plays([1, 2]), checkpoint, epochs=2)
            run(Plays([9, 8]), checkpoint, epochs=2)
            metrics = {name: model["main"][name].metrics for name in model["main"].iterations[1:]}
            assert {n: m["val_loss"] for n, m in metrics.items()} == {
                "checkpoint": 1, "checkpoint-2": 8
            }  # fmt: skip

    def test_an_interrupt_between_epochs_is_kept_once(self, tmp_path):
        class Stops(Callback):
            def on_epoch(self, training):
                if training.epoch == 3:
                    training.stop()

        for epochs, at in ((2, 3), (1, 3), (3, 3)):
            path = tmp_path / "m.jrk.h5"
            path.unlink(missing_ok=True)
            with jrk.init(path) as model:
                run(Stops(), Checkpoint(model, epochs=epochs, keep=True))
                names = model["main"].iterations
                assert names[-1] == f"checkpoint-epoch-{at}"
                assert len(names) == len(set(range(epochs, at, epochs)) | {at}) + 1

    def test_one_that_is_used_stays(self, tmp_path):
        class Uses(Callback):
            def on_step(self, training):
                if training.history.steps == 5:
                    model.tag("good", "checkpoint")
                if training.history.steps == 9:
                    model.derive("other", "main", "checkpoint-2")

        with jrk.init(tmp_path / "m.jrk.h5") as model:
            run(Uses(), Checkpoint(model), epochs=4)
            assert model["main"].iterations == (
                "prime", "checkpoint", "checkpoint-2", "checkpoint-3"
            )  # fmt: skip
            size = (tmp_path / "m.jrk.h5").stat().st_size
            model.gc(days=0)
            assert (tmp_path / "m.jrk.h5").stat().st_size < size
            assert model["main"]["checkpoint-3"].training_state()

    def test_the_best_only(self, tmp_path):
        with jrk.init(tmp_path / "m.jrk.h5") as model:
            plays = Plays([3, 1, 2, 0.5, 4])
            run(plays, Checkpoint(model, best="val_loss"), epochs=5)
            kept = model["main"]["checkpoint"]
            assert kept.metrics["val_loss"] == 0.5
            assert kept.arrays()["weight"].tolist() == plays.weights[3]

    def test_an_address_and_a_variant(self, tmp_path):
        path = tmp_path / "m.jrk.h5"
        with jrk.init(path, nn.Linear(3, 3)) as model:
            model.derive("other")
        run(Checkpoint(str(path), variant="other"), epochs=1)
        with jrk.open(path) as model:
            assert model["other"].iterations == ("prime", "checkpoint")

    def test_mistakes_show_before_the_first_step(self, tmp_path):
        net = nn.Linear(3, 3)
        before = net.weight.tolist()
        with pytest.raises(jrk.errors.AddressError):
            run(Checkpoint(str(tmp_path / "none.jrk.h5")), net=net)
        with jrk.init(tmp_path / "m.jrk.h5"):
            pass
        with (
            jrk.open(tmp_path / "m.jrk.h5") as model,
            pytest.raises(jrk.errors.ReadOnly, match="mode='a'"),
        ):
            run(Checkpoint(model), net=net)
        with (
            jrk.open(tmp_path / "m.jrk.h5", mode="a") as model,
            pytest.raises(jrk.errors.NotFound),
        ):
            run(Checkpoint(model, variant="nowhere"), net=net)
        assert net.weight.tolist() == before

        class Unknown(nn.Module):
            def __init__(self):
                self.weight = nn.Parameter(np.eye(3, dtype=np.float32))

            def forward(self, x):
                return x @ self.weight

        unknown = Unknown()
        with (
            jrk.open(tmp_path / "m.jrk.h5", mode="a") as model,
            pytest.raises(jrk.errors.ArchitectureError, match="Unknown"),
        ):
            run(Checkpoint(model), net=unknown)
        assert unknown.weight.tolist() == np.eye(3).tolist()
        other = nn.Linear(3, 3, bias=False)
        with jrk.open(tmp_path / "m.jrk.h5", mode="a") as model:
            model.commit(nn.Linear(3, 3))
            with pytest.raises(jrk.errors.ArchitectureError, match="'bias' is missing; derive"):
                run(Checkpoint(model), net=other)
            model.derive("other", switch=True)
            run(Checkpoint(model), net=other, epochs=1)
            assert model["other"].iterations == ("prime", "checkpoint")

    @pytest.mark.parametrize(
        "wrong",
        [{"epochs": 0}, {"epochs": 1.5}, {"steps": "3"}, {"seconds": -1.0}, {"seconds": np.nan}],
    )
    def test_refusals(self, wrong):
        with pytest.raises(TrainingError, match=next(iter(wrong))):
            Checkpoint("m.jrk.h5", **wrong)
        with pytest.raises(TrainingError, match="leave steps and seconds out"):
            Checkpoint("m.jrk.h5", best="loss", steps=3)
        with pytest.raises(jrk.errors.BadName, match="'a/b'"):
            Checkpoint("m.jrk.h5", name="a/b")


class TestSchedules:
    def rates(self, make, epochs=3, **options):
        seen = []

        class Notes(Callback):
            def on_step(self, training):
                seen.append(training.optimizer.lr)

        opt = optim.SGD(lr=0.1)
        run(Notes(), epochs=epochs, optimizer=opt, schedule=make(opt), **options)
        return seen

    def test_by_epoch_and_by_step(self):
        by_epoch = self.rates(lambda opt: optim.StepLR(opt, 1, gamma=0.5))
        assert by_epoch == [0.1] * 4 + [0.05] * 4 + [0.025] * 4
        by_step = self.rates(lambda opt: optim.ExponentialLR(opt, 0.5, every="step"), epochs=1)
        assert by_step == pytest.approx([0.05, 0.025, 0.0125, 0.00625])
        gathered = self.rates(
            lambda opt: optim.ExponentialLR(opt, 0.5, every="step"), epochs=1, accumulate=2
        )
        assert gathered == pytest.approx([0.05, 0.025])

    def test_one_that_watches_the_validation(self):
        class Worse:
            def __call__(self, prediction, target):
                return ((prediction - target) ** 2).mean()

        rates = self.rates(
            lambda opt: optim.ReduceLROnPlateau(opt, patience=0, threshold=1e9), validation=(X, X)
        )
        assert rates[0] == 0.1
        assert rates[-1] < rates[0]

    def test_ten_steps_with_momentum_are_pytorchs(self):
        torch = pytest.importorskip("torch")
        net = nn.Linear(3, 3)
        theirs = torch.nn.Linear(3, 3)
        theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in net.state_dict().items()})
        opt = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
        schedule = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.3, total_steps=12)
        for _ in range(3):
            for i in range(0, 40, 10):
                x = torch.tensor(X[i : i + 10])
                loss = torch.nn.functional.mse_loss(theirs(x), x)
                opt.zero_grad()
                loss.backward()
                opt.step()
                schedule.step()
        ours = optim.SGD(lr=0.1, momentum=0.9)
        one_cycle = optim.OneCycleLR(ours, max_lr=0.3, total_steps=12)
        run(epochs=3, net=net, optimizer=ours, schedule=one_cycle)
        np.testing.assert_allclose(
            net.weight.numpy(), theirs.weight.detach().numpy(), rtol=1e-4, atol=1e-6
        )

    def test_mistakes(self):
        opt = optim.SGD(lr=0.1)
        with pytest.raises(TrainingError, match="another optimiser"):
            run(optimizer=optim.SGD(lr=0.1), schedule=optim.StepLR(opt, 1))
        with pytest.raises(TrainingError, match="schedule takes a schedule such as"):
            run(schedule="cosine")


class TestAverages:
    def test_an_average_of_the_optimisers_room_follows_the_steps(self):
        torch = pytest.importorskip("torch")
        swa = torch.optim.swa_utils
        net, theirs = nn.Linear(3, 3), torch.nn.Linear(3, 3)
        ema = optim.EMA(net, 0.8)
        theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in net.state_dict().items()})
        average = swa.AveragedModel(theirs, multi_avg_fn=swa.get_ema_multi_avg_fn(0.8))

        class Beside(Callback):
            def on_step(self, training):
                state = {k: torch.tensor(v.numpy()) for k, v in net.state_dict().items()}
                theirs.load_state_dict(state)
                average.update_parameters(theirs)

        run(ema, Beside(), net=net, epochs=3)
        for name, value in average.module.state_dict().items():
            np.testing.assert_allclose(ema.average[name].numpy(), value.numpy(), rtol=1e-5)
        own = net.weight.tolist()
        with ema.average_parameters():
            assert net.weight.tolist() == ema.average["weight"].tolist() != own

    def test_it_follows_a_job_in_the_background(self):
        ends = []
        for background in (False, True):
            jrk.random.seed(0)
            net = nn.Linear(3, 3)
            ema = optim.EMA(net, 0.8)
            options = {"callbacks": [ema], "background": background, "epochs": 3, "seed": 1}
            found = jrk.fit(net, (X, X), loss=nn.MSELoss(), batch_size=10, **options, **QUIET)
            if background:
                found.wait(30)
            ends.append(ema.average["weight"].tolist())
        assert ends[0] == ends[1]
