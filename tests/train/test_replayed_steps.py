"""Steps that are replayed give the bits of steps that run as they are written."""

import warnings

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.data import DataLoader, TensorDataset
from jairika_nb.errors import DataError, TrainingError

RNG = np.random.default_rng(1)
X = RNG.normal(size=(44, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)
QUIET = {"progress": False}


def network(seed=2):
    jrk.random.seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))


def run(net, loss=None, opt=None, data=(X, Y), epochs=3, **options):
    opt = opt or optim.Adam(lr=0.02)
    loader = DataLoader(TensorDataset(*data), 8, shuffle=True, seed=3)
    history = jrk.fit(net, loader, epochs=epochs, optimizer=opt, loss=loss, **QUIET, **options)
    bits = {k: v.numpy().tobytes() for k, v in (net.state_dict() | opt.state_dict()).items()
            if hasattr(v, "numpy")}  # fmt: skip
    return history, bits, jrk.random.state()


def test_the_same_bits(device):
    # 44 samples in batches of 8: the last batch of an epoch has another shape.
    ends = [run(network(), compiled=compiled, validation=(X, Y)) for compiled in (True, False)]
    assert ends[0][1:] == ends[1][1:]
    assert ends[0][0].epochs == ends[1][0].epochs
    assert ends[0][0].uncompiled == ""
    assert ends[1][0].uncompiled == "compiled=False"


@pytest.mark.usefixtures("reference")
class TestOnReference:
    @pytest.mark.parametrize(
        "make",
        [
            lambda: (nn.CrossEntropyLoss(weight=[1.0, 2.0, 0.5]), Y),
            lambda: (nn.CrossEntropyLoss(ignore_index=1, label_smoothing=0.1), Y),
            lambda: (nn.CrossEntropyLoss(), np.eye(3)[Y]),
            lambda: (nn.MSELoss(), np.eye(3, dtype=np.int64)[Y]),
            lambda: (nn.MSELoss(), np.eye(3, dtype=bool)[Y]),
            lambda: (lambda p, y: ((p - y) ** 2).sum(), np.eye(3)[Y]),
        ],
    )
    def test_losses_with_their_targets(self, make):
        loss, target = make()
        ends = [run(network(), loss, data=(X, target), compiled=c) for c in (True, False)]
        assert ends[0][1:] == ends[1][1:]

    def test_steps_are_replayed(self):
        from jairika_nb.train.step import Step

        seen = []
        step = Step.learn

        def watch(self, batch, is_last):
            seen.append(self)
            return step(self, batch, is_last)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Step, "learn", watch)
            run(network(), epochs=4)
        # Two shapes, and the first step of Adam makes its slots: each is traced twice.
        assert seen[0].compiled.traces <= 6
        assert seen[0].compiled.replays == 4 * 6 - seen[0].compiled.traces

    def test_labels_are_looked_at_in_replayed_steps_too(self):
        wrong = Y.copy()
        wrong[20] = 3
        net = network()
        with pytest.raises(DataError, match="the first is 3: with 3 outputs"):
            run(net, data=(X, wrong))
        loader = DataLoader(TensorDataset(X, Y), 8)
        late = [*loader.arrays()] * 3 + [(X[:8], Y[:8] + 5)]

        class Late:
            def __iter__(self):
                return iter(late)

        twin, opt = network(), optim.SGD(lr=0.1)
        with pytest.raises(DataError, match="8 of 8 labels"):
            jrk.fit(twin, Late(), epochs=1, optimizer=opt, **QUIET)
        assert opt.steps["0.weight"] == 18

    def test_other_losses_look_at_their_targets_too(self):
        targets = np.where(np.eye(3)[Y] > 0, 1.0, -1.0)
        run(network(), nn.HingeEmbeddingLoss(), data=(X, targets))
        targets[20, 1] = 0.5
        with pytest.raises(DataError, match=r"neither 1 nor -1, the first is 0\.5"):
            run(network(), nn.HingeEmbeddingLoss(), data=(X, targets))
        with pytest.raises(DataError, match="with 3 outputs labels must be 0 to 2"):
            run(network(), nn.MultiMarginLoss(), data=(X, Y + 2))
        with pytest.raises(TrainingError, match="the loss itself went first"):
            run(network(), nn.MultiLabelMarginLoss(), data=(X, np.full((len(X), 3), 5)))

    def test_a_model_that_reads_on_the_host_runs_uncompiled_and_says_so(self):
        class Reads(nn.Module):
            def __init__(self):
                self.inner = nn.Linear(6, 3)

            def forward(self, x):
                return self.inner(x) * (2.0 if float(x.sum()) > 1e9 else 1.0)

        jrk.random.seed(0)
        one, two = Reads(), nn.Linear(6, 3)
        two.load_state_dict(one.inner.state_dict())
        opt, other = optim.SGD(lr=0.1), optim.SGD(lr=0.1)
        with pytest.warns(UserWarning, match="fit runs uncompiled.*needs values"):
            history, *_ = run(one, opt=opt)
        assert "needs values" in history.uncompiled
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run(two, opt=other)
        np.testing.assert_array_equal(one.inner.weight.numpy(), two.weight.numpy())

    def test_what_changes_at_every_step_ends_compiling(self):
        class Counts(nn.Module):
            calls = 0

            def forward(self, x):
                self.calls += 1
                return x * (1.0 + self.calls)

        with pytest.warns(UserWarning, match="almost every batch differs"):
            history, *_ = run(nn.Sequential(Counts(), nn.Linear(6, 3)), epochs=9)
        assert history.steps == 54
