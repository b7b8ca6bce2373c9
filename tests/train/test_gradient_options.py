"""Gradients that are gathered, clipped, or computed in 16 bits, beside PyTorch's own loops."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.data import DataLoader, TensorDataset
from jairika_nb.errors import TrainingError
from jairika_nb.train import Callback

RNG = np.random.default_rng(2)
X = RNG.normal(size=(44, 5)).astype(np.float32)
Y = RNG.integers(0, 3, 44)
QUIET = {"progress": False}


def network(seed=1):
    jrk.random.seed(seed)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))


def weights(net):
    return {name: value.numpy() for name, value in net.state_dict().items()}


def trained(net=None, batch=8, epochs=2, data=(X, Y), opt=None, **options):
    net = net or network()
    loader = DataLoader(TensorDataset(*data), batch)
    history = jrk.fit(
        net, loader, epochs=epochs, optimizer=opt or optim.SGD(lr=0.5, momentum=0.9),
        **QUIET, **options,
    )  # fmt: skip
    return weights(net), history


def assert_close(found, wanted, rtol=1e-4, atol=1e-6):
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], np.asarray(value), rtol=rtol, atol=atol)


class Steps(Callback):
    count = 0

    def on_step(self, training):
        self.count += 1


def test_gathered_batches_are_one_large_batch(device):
    """44 samples: batches of 8 by 3 are 24 and 20, the last of them of 4 samples."""
    found, history = trained(accumulate=3)
    wanted, _ = trained(batch=24)
    assert_close(found, wanted)
    assert (history.steps, history.updates) == (12, 4)


@pytest.mark.usefixtures("reference")
class TestGathering:
    @pytest.mark.parametrize(
        ("batch", "accumulate", "updates"),
        [(8, 6, 1), (8, 7, 1), (44, 3, 1), (10, 2, 3), (1, 44, 1)],
    )
    def test_exact_count_of_steps_at_a_ragged_end(self, batch, accumulate, updates):
        steps, opt = Steps(), optim.SGD(lr=0.5)
        found, history = trained(
            batch=batch, accumulate=accumulate, callbacks=[steps], epochs=3, opt=opt
        )
        assert history.updates == steps.count == 3 * updates
        assert set(opt.steps.values()) == {3 * updates}
        wanted, _ = trained(batch=batch * accumulate, epochs=3, opt=optim.SGD(lr=0.5))
        assert_close(found, wanted)

    def test_sums_add_up(self):
        loss = nn.CrossEntropyLoss(reduction="sum")
        options = {"loss": loss, "opt": optim.SGD(lr=0.01)}
        assert_close(trained(accumulate=3, **options)[0], trained(batch=24, **options)[0])

    def test_uncompiled_gathers_the_same_bits(self):
        ends = [trained(accumulate=4, compiled=c)[0] for c in (True, False)]
        for name, value in ends[0].items():
            np.testing.assert_array_equal(value, ends[1][name])

    def test_data_without_a_length(self):
        class Stream:
            def __iter__(self):
                return DataLoader(TensorDataset(X, Y), 8).arrays()

        net = network()
        opt = optim.SGD(lr=0.5, momentum=0.9)
        history = jrk.fit(net, Stream(), epochs=2, accumulate=3, optimizer=opt, **QUIET)
        assert history.updates == 4
        assert_close(weights(net), trained(batch=24)[0])


def pytorch(torch, adjust, steps=10, **options):
    """Ten steps of PyTorch on the same batches; ``adjust`` may change gradients or the forward."""
    net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    net.load_state_dict({k: torch.tensor(v) for k, v in weights(network()).items()})
    opt = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
    batches = [*DataLoader(TensorDataset(X[:40], Y[:40]), 8).arrays()] * 2
    for x, y in batches[:steps]:
        loss = torch.nn.functional.cross_entropy(net(torch.tensor(x)), torch.tensor(y))
        opt.zero_grad()
        loss.backward()
        adjust(net)
        opt.step()
    return {name: value.numpy() for name, value in net.state_dict().items()}


@pytest.mark.parametrize("limit", [0.05, 100.0])
def test_clipping_by_norm_is_pytorchs(device, limit):
    torch = pytest.importorskip("torch")
    clip = torch.nn.utils.clip_grad_norm_
    wanted = pytorch(torch, lambda net: clip(net.parameters(), limit))
    assert_close(trained(data=(X[:40], Y[:40]), clip_norm=limit)[0], wanted)


@pytest.mark.usefixtures("reference")
class TestClipping:
    def test_by_value_is_pytorchs(self):
        torch = pytest.importorskip("torch")
        clip = torch.nn.utils.clip_grad_value_
        wanted = pytorch(torch, lambda net: clip(net.parameters(), 0.01))
        assert_close(trained(data=(X[:40], Y[:40]), clip_value=0.01)[0], wanted)

    def test_the_gathered_gradient_is_clipped_not_its_parts(self):
        options = {"clip_norm": 0.05}
        assert_close(trained(accumulate=3, **options)[0], trained(batch=24, **options)[0])

    @pytest.mark.parametrize(
        "wrong",
        [
            {"clip_norm": 0},
            {"clip_value": -1.0},
            {"clip_norm": "1"},
            {"accumulate": 0},
            {"accumulate": 1.5},
            {"precision": "float8"},
            {"precision": 16},
        ],
    )
    def test_refusals(self, wrong):
        (name,) = wrong
        with pytest.raises(TrainingError, match=f"^{name}="):
            trained(**wrong)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_sixteen_bits_learn_over_weights_in_thirty_two(device, precision):
    found, history = trained(epochs=10, precision=precision)
    wanted, full = trained(epochs=10)
    assert {value.dtype for value in found.values()} == {np.dtype(np.float32)}
    assert history["loss"][-1] == pytest.approx(full["loss"][-1], rel=0.05)
    assert history.skipped == 0
    # Between two bfloat16 numbers: the masters are not rounded to it.
    kept = found["0.weight"]
    assert not np.array_equal(kept, kept.astype(np.float16).astype(np.float32))
    assert not np.array_equal(found["0.weight"], wanted["0.weight"])


@pytest.mark.usefixtures("reference")
class TestPrecision:
    def test_a_step_in_bfloat16_is_pytorchs_autocast(self):
        """Weights and inputs rounded, products in bfloat16, the loss and the rest in float32."""
        torch = pytest.importorskip("torch")
        net = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
        net.load_state_dict({k: torch.tensor(v) for k, v in weights(network()).items()})
        opt = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
        for x, y in [*DataLoader(TensorDataset(X[:40], Y[:40]), 8).arrays()] * 2:
            with torch.autocast("cpu", torch.bfloat16):
                out = net(torch.tensor(x))
            loss = torch.nn.functional.cross_entropy(out.float(), torch.tensor(y))
            opt.zero_grad()
            loss.backward()
            opt.step()
        wanted = {name: value.detach().numpy() for name, value in net.state_dict().items()}
        found, _ = trained(data=(X[:40], Y[:40]), precision="bfloat16")
        # bfloat16 has 8 bits: roundings differ by order of summation.
        assert_close(found, wanted, rtol=0.05, atol=0.03)

    def test_steps_that_overflow_are_skipped_and_the_scale_halves(self):
        """Gradients of 1,000 times 2**16 are beyond float16; with 2**5 and below they are not."""
        jrk.random.seed(0)
        net, seen = nn.Linear(5, 1), []

        class Scales(Callback):
            def on_epoch(self, training):
                seen.append(training.run_step.scale.value)

        target = np.full((44, 1), 500.0, np.float32)
        opt = optim.SGD(lr=1e-6)
        loader = DataLoader(TensorDataset(X, target), 44)
        history = jrk.fit(net, loader, epochs=14, loss=nn.MSELoss(), optimizer=opt,
                          precision="float16", callbacks=[Scales()], **QUIET)  # fmt: skip
        assert history.skipped > 0
        assert history.updates == 14 - history.skipped == opt.steps["weight"]
        assert seen[-1] == 2.0 ** (16 - history.skipped)
        assert np.isfinite(net.weight.numpy()).all()

    def test_a_forward_that_overflows_raises_and_names_the_layer(self):
        net = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 3))
        net[0].load_state_dict({"weight": np.full((3, 5), 6e4), "bias": np.full(3, 6e4)})
        before = weights(net)
        with pytest.raises(TrainingError, match="step 1: the output of layer '0', Linear"):
            trained(net, precision="float16", data=(np.abs(X) + 1, Y))
        assert_close(weights(net), before, 0, 0)

    def test_a_model_of_another_dtype_is_refused(self):
        net = nn.Linear(5, 3)
        net.weight = net.weight.astype("float16")
        with pytest.raises(TrainingError, match="master weights in float32, but weight is not"):
            trained(net, precision="bfloat16")

    def test_the_scale_grows_after_many_good_steps(self):
        from jairika_nb.train.precision import LossScale

        scale = LossScale(8.0)
        for _ in range(2000):
            scale.update(True)
        assert scale.value == 16.0
        scale.update(False)
        assert (scale.value, scale.good) == (8.0, 0)
        with pytest.raises(TrainingError, match="overflow float16 however"):
            for _ in range(40):
                scale.update(False)
