"""Training in the background: the same bits, a notebook that stays usable, clean ends."""

import copy
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import data, nn, optim
from jairika_nb.errors import TrainingError
from jairika_nb.train import Callback, Checkpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)
SOON = 30


def network(seed=3):
    jrk.random.seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 2))


def bits(net):
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


def begin(net, **options):
    options = {"epochs": 3, "batch_size": 8, "progress": False, "background": True} | options
    return jrk.fit(net, (X, Y), **options)


class Gate(Callback):
    """Holds a run after each step until the test lets it go on."""

    def __init__(self):
        self.reached, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def on_step(self, training):
        self.reached.release()
        assert self.go.acquire(timeout=SOON)

    def step(self, steps=1):
        for _ in range(steps):
            self.go.release()
            assert self.reached.acquire(timeout=SOON)


def test_it_ends_with_the_bits_of_a_run_in_the_foreground(device):
    one, two = network(), network()
    jrk.random.seed(9)
    history = begin(one, background=False, validation=(X, Y))
    jrk.random.seed(9)
    job = begin(two, validation=(X, Y))
    # The notebook's own draws change nothing for the job.
    noise = [jrk.random.uniform((3,)).tolist() for _ in range(20)]
    assert len({tuple(row) for row in noise}) == 20
    assert job.wait(SOON).epochs == history.epochs
    assert bits(one) == bits(two)
    assert (job.state, job.progress, job.exception) == ("done", 1.0, None)


@pytest.mark.skipif(jrk.devices()[0].is_reference, reason="no OpenCL driver works here")
def test_batches_go_to_the_model_wherever_it_is():
    with jrk.device("reference"):
        net, twin = network(), network()
        jrk.random.seed(1)
        begin(twin, seed=1, background=False, validation=(X, Y), initialise="lsuv")
    jrk.random.seed(1)
    begin(net, seed=1, validation=(X, Y), initialise="lsuv").wait(SOON)
    assert bits(net) == bits(twin)
    assert jrk.evaluate(net, (X, Y))["accuracy"] > 0
    spoiled = np.full_like(X, np.nan)
    with pytest.raises(TrainingError, match="input 0 of the batch holds NaN"):
        jrk.fit(net, (spoiled, Y), epochs=1, progress=False)


@pytest.mark.usefixtures("reference")
class TestWhileItRuns:
    def test_the_model_has_the_weights_of_whole_steps(self):
        """The bias follows the weight in each step: a mixture of two steps would show."""

        class Follows(nn.Module):
            def __init__(self):
                self.weight = nn.Parameter(np.zeros(64, np.float32))
                self.bias = nn.Parameter(np.zeros(64, np.float32))

            def forward(self, x):
                return self.weight + self.bias + x

        net = Follows()
        data = (np.zeros((80, 64), np.float32), np.full((80, 64), -1e3, np.float32))
        job = jrk.fit(
            net, data, epochs=10**6, batch_size=8, loss=nn.MSELoss(), progress=False,
            optimizer=optim.SGD(lr=1e-4), background=True,
        )  # fmt: skip
        seen = set()
        deadline = time.monotonic() + SOON
        while len(seen) < 5 and time.monotonic() < deadline:
            state = net.state_dict()
            weight, bias = state["weight"].numpy(), state["bias"].numpy()
            np.testing.assert_array_equal(weight, bias)
            out = net(jrk.zeros((64,))).numpy()
            assert len(set(out.tolist())) == 1
            seen.add(float(weight[0]))
        job.stop()
        assert job.wait(SOON).interrupted
        assert job.state == "interrupted"
        assert len(seen) >= 5

    def test_evaluating_does_not_disturb_it(self):
        """Evaluation puts a network into another mode: the job's dropout goes on all the same."""
        gate, quiet = Gate(), Gate()
        one, two = network(), network()
        jrk.random.seed(1)
        job = begin(one, epochs=1, callbacks=[gate])
        jrk.random.seed(1)
        other = begin(two, epochs=1, callbacks=[quiet])
        for _ in range(8):
            assert gate.reached.acquire(timeout=SOON)
            assert quiet.reached.acquire(timeout=SOON)
            jrk.evaluate(one, (X, Y))
            one.eval()
            one(X[:4]).numpy()
            gate.go.release()
            quiet.go.release()
        assert job.wait(SOON).epochs == other.wait(SOON).epochs
        assert bits(one) == bits(two)
        assert not one.training

    def test_history_and_progress_can_be_read(self):
        gate = Gate()
        job = begin(network(), epochs=2, callbacks=[gate])
        assert gate.reached.acquire(timeout=SOON)
        gate.step(9)
        assert job.state == "running"
        assert len(job.history) == 1
        assert 10 / 16 <= job.progress <= 11 / 16
        assert "running, epoch 2/2" in repr(job)
        assert "progressbar" in job._repr_html_()
        with pytest.raises(TrainingError, match=r"not over; job.wait\(\) waits"):
            job.result  # noqa: B018
        with pytest.raises(TimeoutError, match=r"goes on after 0\.01 s"):
            job.wait(0.01)
        gate.go.release(20)
        assert job.wait(SOON) is job.result is job.history

    def test_stop_ends_after_the_running_step_with_its_weights(self):
        gate = Gate()
        net, twin = network(), network()
        jrk.random.seed(2)
        job = begin(net, callbacks=[gate], optimizer=optim.SGD(lr=0.1), seed=1)
        assert gate.reached.acquire(timeout=SOON)
        gate.step(2)
        job.stop()
        gate.go.release()
        assert job.wait(SOON).steps == 3
        jrk.random.seed(2)

        class Third(Callback):
            def on_step(self, training):
                if training.history.steps == 3:
                    training.stop()

        begin(twin, callbacks=[Third()], optimizer=optim.SGD(lr=0.1), seed=1, background=False)
        assert bits(net) == bits(twin)

    def test_two_models_at_once(self):
        ends = []
        for at_once in (False, True):
            nets = [network(1), network(2)]
            jobs = []
            for number, net in enumerate(nets):
                jrk.random.seed(number)
                jobs.append(begin(net))
                if not at_once:
                    jobs[-1].wait(SOON)
            ends.append([job.wait(SOON).epochs for job in jobs] + [bits(net) for net in nets])
        assert ends[0] == ends[1]

    def test_one_model_is_trained_once_at_a_time(self):
        gate, net, opt = Gate(), network(), optim.Adam()
        job = begin(net, callbacks=[gate], optimizer=opt)
        assert gate.reached.acquire(timeout=SOON)
        for background in (True, False):
            with pytest.raises(TrainingError, match="trains this model: <Job running, epoch 1/3"):
                begin(net, background=background)
            with pytest.raises(TrainingError, match="a part of this model"):
                begin(nn.Sequential(net[0], nn.Linear(8, 2)), background=background)
            with pytest.raises(TrainingError, match="this optimiser"):
                begin(network(), optimizer=opt, background=background)
        job.stop()
        gate.go.release()
        job.wait(SOON)
        begin(net, optimizer=opt).wait(SOON)

    def test_the_interrupt_of_a_kernel_is_not_for_it(self):
        gate = Gate()
        job = begin(network(), epochs=1, callbacks=[gate])
        assert gate.reached.acquire(timeout=SOON)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        gate.go.release(20)
        assert not job.wait(SOON).interrupted


@pytest.mark.usefixtures("reference")
class Counting(nn.Module):
    """Counts its forwards in a buffer that is not saved."""

    def __init__(self):
        self.inner = nn.Linear(4, 2)
        self.register_buffer("seen", jrk.zeros(()), persistent=False)

    def forward(self, x):
        if self.training:
            self.seen = self.seen + 1
        return self.inner(x)


def test_buffers_that_are_not_saved_come_back_too():
    with jrk.device("reference"):
        net, twin = Counting(), Counting()
        twin.load_state_dict(net.state_dict())
        begin(net, epochs=2, seed=1).wait(SOON)
        begin(twin, epochs=2, seed=1, background=False)
        assert net.seen.item() == twin.seen.item() == 16
        assert bits(net) == bits(twin)
        spoiled = np.where(np.arange(64)[:, None] == 60, np.nan, X)
        with pytest.raises(TrainingError, match="the loss became nan"):
            jrk.fit(net, data.DataLoader(data.TensorDataset(spoiled, Y), 8), epochs=1,
                    progress=False)  # fmt: skip
        assert net.seen.item() == 23


def test_nothing_is_loaded_into_a_model_in_training():
    with jrk.device("reference"):
        gate, net = Gate(), network()
        state = net.state_dict()
        job = begin(net, callbacks=[gate])
        assert gate.reached.acquire(timeout=SOON)
        for part in (net, net[0], nn.Sequential(net)):
            names = part.state_dict()
            with pytest.raises(TrainingError, match=r"a job in the background trains this .*stop"):
                part.load_state_dict(names)
        copy.deepcopy(net).load_state_dict(state)
        gate.go.release(99)
        job.wait(SOON)
        net.load_state_dict(state)
        assert np.array_equal(net[0].weight.numpy(), state["0.weight"].numpy())


class TestFailures:
    def test_what_it_raised_is_raised_for_who_waits(self):
        class Fails(Callback):
            def on_step(self, training):
                if training.step == 3:
                    raise OSError("no disk")

        net = network()
        job = begin(net, callbacks=[Fails()])
        with pytest.raises(OSError, match="no disk"):
            job.wait(SOON)
        assert job.state == "failed"
        assert isinstance(job.exception, OSError)
        assert "no disk" in repr(job)
        assert "no disk" in job._repr_html_()
        assert job.history.steps == 3
        begin(net, epochs=1).wait(SOON)

    def test_a_loss_that_is_no_number_leaves_the_last_good_weights(self):
        spoiled = X.copy()
        spoiled[30, 0] = np.nan
        net, twin = network(), network()
        options = {"optimizer": optim.SGD(lr=0.1), "progress": False}
        data = jrk.data.DataLoader(jrk.data.TensorDataset(spoiled, Y), 8)
        jrk.random.seed(0)
        job = jrk.fit(net, data, epochs=1, background=True, **options)
        with pytest.raises(TrainingError, match="step 4: input 0 of the batch"):
            job.wait(SOON)
        good = jrk.data.DataLoader(jrk.data.TensorDataset(X[:24], Y[:24]), 8)
        jrk.random.seed(0)
        jrk.fit(twin, good, epochs=1, **options)
        assert bits(net) == bits(twin)

    def test_a_model_that_is_changed_meanwhile_ends_the_job_with_an_error(self):
        gate, net = Gate(), network()
        job = begin(net, callbacks=[gate])
        assert gate.reached.acquire(timeout=SOON)
        net[3] = nn.Linear(8, 5)
        gate.go.release(99)
        with pytest.raises(TrainingError, match=r"3\.weight of the model was changed while"):
            job.wait(SOON)
        assert net[3].weight.shape == (5, 8)
        assert job.state == "failed"
        begin(nn.Linear(4, 2), epochs=1).wait(SOON)

    def test_mistakes_are_told_at_once(self):
        with pytest.raises(TrainingError, match="epochs=0"):
            begin(network(), epochs=0)

    def test_a_model_that_cannot_be_copied(self):
        net = network()
        net.lock = threading.Lock()
        with pytest.raises(TrainingError, match="this Sequential cannot be copied"):
            begin(net)

    def test_checkpoints_are_kept_and_a_stopped_job_goes_on(self, tmp_path):
        one, two, opt = network(), network(), optim.Adam()
        jrk.random.seed(4)
        begin(one, background=False)
        with jrk.init(tmp_path / "m.jrk.h5") as model:
            gate = Gate()
            jrk.random.seed(4)
            job = begin(two, callbacks=[Checkpoint(model), gate], optimizer=opt)
            assert gate.reached.acquire(timeout=SOON)
            gate.step(10)
            job.stop()
            gate.go.release()
            job.wait(SOON)
            rest = network(8)
            gate.go.release(99)
            begin(rest, callbacks=[Checkpoint(model), gate], resume=model).wait(SOON)
        assert bits(rest) == bits(one)


def test_a_program_that_ends_stops_its_jobs():
    code = """
import numpy as np, jairika_nb as jrk
x = np.ones((640, 3), np.float32)
job = jrk.fit(jrk.nn.Linear(3, 3), (x, x), epochs=10**7, loss=jrk.nn.MSELoss(), progress=False,
              background=True)
while job.history.steps < 3:
    pass
print("end", job.state)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=SOON, check=True
    )
    assert done.stdout == "end running\n"
    assert done.stderr == ""


@pytest.mark.usefixtures("reference")
class TestInitialising:
    def test_lsuv_gives_layers_the_moments_asked_for(self):
        seen = {}

        class Looks(Callback):
            def on_start(self, training):
                batch = X[: len(X)]
                seen["out"] = training.model[0](batch).numpy()

        net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
        options = {"batch_size": 64, "background": False, "epochs": 1, "callbacks": [Looks()]}
        begin(net, initialise="lsuv", **options)
        assert seen["out"].mean() == pytest.approx(0.02, abs=1e-4)
        assert seen["out"].var() == pytest.approx(0.9, abs=1e-4)
        import functools

        ours = functools.partial(nn.init.lsuv, mean=0.0, variance=1.0)
        begin(net, initialise=ours, **options)
        assert seen["out"].mean() == pytest.approx(0, abs=1e-4)
        assert seen["out"].var() == pytest.approx(1, abs=1e-4)

    def test_inputs_are_normalised_and_the_data_begins_anew(self):
        loader = jrk.data.DataLoader(jrk.data.TensorDataset(X * 7 + 3, Y), 64, shuffle=True, seed=1)
        net = nn.Sequential(nn.Normalization(4), nn.Linear(4, 2))
        jrk.fit(net, loader, epochs=1, initialise="lsuv", progress=False)
        assert loader.epoch == 1
        found = net[0](X * 7 + 3).numpy()
        np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
        np.testing.assert_allclose(found.var(0), 1, rtol=1e-4)

    def test_what_is_no_initialiser(self):
        with pytest.raises(TrainingError, match="initialise='magic' is unknown; use 'lsuv'"):
            begin(network(), initialise="magic", background=False)
