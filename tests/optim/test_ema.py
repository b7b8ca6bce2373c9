"""Averages of weights against PyTorch's AveragedModel, in replays, saved, and after surgery."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ArchitectureError, TrainingError

X = np.random.default_rng(2).normal(size=(8, 3)).astype(np.float32)


def network():
    jrk.random.seed(3)
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    jrk.eval(*net.state_dict().values())
    return net


def step(net, opt, ema, x=X):
    grads = net(jrk.tensor(x)).square().mean().backward(net)
    opt.update(net, grads)
    ema.update()


def values(net):
    return {name: value.numpy() for name, value in net.state_dict().items()}


@pytest.mark.parametrize("use_buffers", [False, True])
def test_averages_equal_torch(use_buffers):
    torch = pytest.importorskip("torch")
    swa = torch.optim.swa_utils
    with jrk.device("reference"):
        net = network()
        other = torch.nn.Sequential(
            torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2)
        )
        other.load_state_dict({k: torch.tensor(v) for k, v in values(net).items()})
        opt, ema = optim.SGD(lr=0.5), optim.EMA(net, 0.8, use_buffers=use_buffers)
        theirs = torch.optim.SGD(other.parameters(), lr=0.5)
        averaged = swa.AveragedModel(
            other, multi_avg_fn=swa.get_ema_multi_avg_fn(0.8), use_buffers=use_buffers
        )
        for _ in range(5):
            step(net, opt, ema)
            theirs.zero_grad()
            other(torch.tensor(X)).square().mean().backward()
            theirs.step()
            averaged.update_parameters(other)
        before = values(net)
        with ema.average_parameters() as inside:
            assert inside is net
            found = values(net)
        for name, value in averaged.module.state_dict().items():
            if "num_batches" not in name:
                np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
        for name, value in before.items():
            assert np.array_equal(net.state_dict()[name].numpy(), value)


def test_a_compiled_step_averages_without_a_launch_of_its_own(device):
    ends, launches = [], []
    for compiled, averages in ((False, True), (True, True), (True, False)):
        jrk.random.seed(3)
        net, opt = nn.Linear(3, 2), optim.SGD(lr=0.1)
        jrk.eval(*net.parameters())
        ema = optim.EMA(net, 0.9, warmup=True)

        def run(x, net=net, opt=opt, ema=ema, averages=averages):
            opt.update(net, net(x).square().mean().backward(net))
            if averages:
                ema.update()

        call = jrk.compile(run) if compiled else run
        for number in range(7):
            ema.decay = 0.9 + number / 100
            with jrk.profile() as p:
                call(jrk.tensor(X))
        launches.append(p.launches)
        if averages:
            assert ema.updates == 7
            ends.append({name: value.numpy() for name, value in ema.average.items()})
    assert call.traces <= 4
    assert launches[1] <= launches[2]
    for name, value in ends[0].items():
        np.testing.assert_allclose(ends[1][name], value, rtol=1e-5, atol=1e-6)


def test_warm_up_follows_its_formula():
    net = nn.Linear(1, 1, bias=False)
    ema, average = optim.EMA(net, 0.5, warmup=True), None
    for number in range(12):
        net.load_state_dict({"weight": [[float(number * number)]]})
        ema.update()
        decay = min(0.5, (1 + number) / (10 + number))
        weight = number * number
        average = weight if average is None else decay * average + (1 - decay) * weight
        assert ema.average["weight"].item() == pytest.approx(average, rel=1e-6)


def test_a_saved_average_goes_on():
    net, opt = network(), optim.SGD(lr=0.1)
    ema = optim.EMA(net, 0.9, warmup=True)
    for _ in range(3):
        step(net, opt, ema)
    state = {k: np.asarray(v) for k, v in ema.state_dict().items()}
    again = optim.EMA(net)
    again.load_state_dict(state)
    assert repr(again) == repr(ema)
    for each in (ema, again):
        each.update()
    for name, value in ema.average.items():
        assert np.array_equal(again.average[name].numpy(), value.numpy())


def test_a_resized_layer_starts_from_its_own_weights():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    ema = optim.EMA(net, 0.9)
    ema.update()
    net[1] = nn.Linear(4, 5)
    ema.update()
    assert ema.average["1.weight"].shape == (5, 4)
    assert np.array_equal(ema.average["1.weight"].numpy(), net[1].weight.numpy())
    ema.copy_to()
    assert np.array_equal(net[0].weight.numpy(), ema.average["0.weight"].numpy())


def test_fit_updates_it_after_every_step():
    with jrk.device("reference"):
        jrk.random.seed(0)
        net = nn.Linear(3, 1)
        ema = optim.EMA(net, 0.5)
        loss, data = nn.MSELoss(), (X, X.sum(1, keepdims=True))
        history = jrk.fit(
            net, data, epochs=4, batch_size=4, loss=loss, progress=False, callbacks=[ema],
            optimizer=optim.SGD(lr=0.05),
        )  # fmt: skip
        assert ema.updates == history.steps == 8
        own = jrk.evaluate(net, data, loss=loss)["loss"]
        with ema.average_parameters():
            averaged = jrk.evaluate(net, data, loss=loss)["loss"]
        assert averaged != own
        assert averaged < 3


def test_errors_inside_the_block_put_the_weights_back():
    net = network()
    ema = optim.EMA(net)
    ema.update()
    weight = net[0].weight
    with pytest.raises(ZeroDivisionError), ema.average_parameters():
        _ = 1 / 0
    assert net[0].weight is weight


def test_writing_to_the_models_weights_changes_no_average():
    net = nn.Linear(2, 1, device="reference")
    ema = optim.EMA(net)
    ema.update()
    before = ema.average["weight"].tolist()
    ema.copy_to()
    net.weight[0, 0] = 77.0
    with ema.average_parameters():
        assert net.weight.tolist() == before
        net.weight[0, 1] = 88.0
    assert net.weight.tolist()[0][0] == 77.0
    assert ema.average["weight"].tolist() == before


def test_wrong_use():
    net = nn.Linear(2, 1)
    with pytest.raises(TrainingError, match="takes a model, not Adam"):
        optim.EMA(optim.Adam())
    with pytest.raises(TrainingError, match=r"decay=1\.5"):
        optim.EMA(net, 1.5)
    ema = optim.EMA(net)
    with pytest.raises(TrainingError, match="averaged nothing yet"), ema.average_parameters():
        pass
    ema.update()
    state = ema.state_dict()
    for change, words in (
        ({"type": "SGD"}, "a state of SGD"),
        ({"extra.average": np.zeros(1)}, "does not fit the model: extra"),
        ({"weight.average": np.zeros((2, 2))}, "does not fit the model: weight"),
    ):
        with pytest.raises(ArchitectureError, match=words):
            ema.load_state_dict(state | change)
    with pytest.raises(TrainingError, match="decay=nan"):
        ema.load_state_dict(state | {"decay": float("nan")})
