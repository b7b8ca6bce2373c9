"""Muon against PyTorch's, what it hands to AdamW, and its state."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ShapeError, TrainingError

X = np.random.default_rng(2).normal(size=(8, 3)).astype(np.float32)
Y = np.random.default_rng(3).normal(size=(8, 2)).astype(np.float32)
MATRICES = [
    {},
    {"lr": 0.1, "weight_decay": 0.3, "momentum": 0.7, "nesterov": False},
    {"lr": 0.1, "adjust_lr_fn": "match_rms_adamw", "ns_steps": 3, "eps": 1e-3},
    {"lr": 0.1, "ns_coefficients": (2.0, -1.5, 0.5), "adjust_lr_fn": "original"},
]


def network(bias=False):
    jrk.random.seed(5)
    net = nn.Sequential(nn.Linear(3, 6, bias=bias), nn.Tanh(), nn.Linear(6, 2, bias=bias))
    jrk.eval(*net.parameters())
    return net


def torch_network(torch, net, bias):
    other = torch.nn.Sequential(
        torch.nn.Linear(3, 6, bias=bias), torch.nn.Tanh(), torch.nn.Linear(6, 2, bias=bias)
    )
    other.load_state_dict({k: torch.tensor(v.numpy()) for k, v in net.state_dict().items()})
    return other


def step(net, opt):
    opt.update(net, nn.MSELoss()(net(jrk.tensor(X)), Y).backward(net))


def torch_step(torch, net, *optimisers):
    for optimiser in optimisers:
        optimiser.zero_grad()
    torch.nn.functional.mse_loss(net(torch.tensor(X)), torch.tensor(Y)).backward()
    for optimiser in optimisers:
        optimiser.step()


@pytest.fixture
def torch(monkeypatch):
    """PyTorch, whose Muon keeps the dtype instead of rounding to bfloat16."""
    library = pytest.importorskip("torch")
    if not hasattr(library.optim, "Muon"):
        pytest.skip("this PyTorch has no Muon")
    # Its iteration works in place on the rounded copy.
    monkeypatch.setattr(library.Tensor, "bfloat16", lambda x: x.clone())
    return library


def same(net, other):
    for name, value in other.state_dict().items():
        found = net.state_dict()[name].numpy()
        np.testing.assert_allclose(found, value, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("options", MATRICES)
def test_ten_steps_equal_torch(torch, options):
    with jrk.device("reference"):
        compare(torch, options, 10)


def test_steps_equal_torch_on_devices(torch, device):
    compare(torch, MATRICES[1], 3)


def compare(torch, options, steps):
    net = network()
    other = torch_network(torch, net, False)
    mine, theirs = optim.Muon(**options), torch.optim.Muon(other.parameters(), **options)
    for number in range(steps):
        if number == 4:
            mine.lr = theirs.param_groups[0]["lr"] = mine.lr / 2
        step(net, mine)
        torch_step(torch, other, theirs)
    same(net, other)


def test_the_rest_is_handed_to_adamw(torch):
    with jrk.device("reference"):
        net = network(bias=True)
        other = torch_network(torch, net, True)
        mine = optim.Muon(lr=0.1, others=optim.AdamW(lr=0.01), others_match=["2.*"])
        rest = [other[0].bias, other[2].weight, other[2].bias]
        theirs = torch.optim.Muon([other[0].weight], lr=0.1), torch.optim.AdamW(rest, lr=0.01)
        for _ in range(5):
            step(net, mine)
            torch_step(torch, other, *theirs)
        same(net, other)
        assert set(mine.state["0.weight"]) == {"momentum_buffer"}
        assert set(mine.state["2.weight"]) == {"exp_avg", "exp_avg_sq"}


def test_schedules_move_the_rates_of_both():
    mine = optim.Muon(lr=0.1, others=optim.AdamW(lr=0.01, groups=[{"match": "*", "lr": 0.5}]))
    schedule = optim.ExponentialLR(mine, 0.5)
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.005, 0.25]


def test_a_compiled_step_sees_both_rates(device):
    ends = []
    for compiled in (False, True):
        net, opt = network(bias=True), optim.Muon(lr=0.1, others=optim.AdamW(lr=0.01))
        run = jrk.compile(step) if compiled else step
        for number in range(5):
            opt.lr, opt.others.lr = 0.1 / (number + 1), 0.01 * (number + 1)
            run(net, opt)
        ends.append({k: v.numpy() for k, v in net.state_dict().items()})
    assert run.traces == 3
    for name, value in ends[0].items():
        np.testing.assert_allclose(ends[1][name], value, rtol=1e-4, atol=1e-5)


def test_a_saved_state_brings_back_what_it_was():
    with jrk.device("reference"):
        rest = optim.AdamW(lr=0.01, groups=[{"match": "*.bias", "weight_decay": 0}])
        net, opt = network(bias=True), optim.Muon(lr=0.1, others=rest, others_match=["2.weight"])
        step(net, opt)
        again = optim.Muon()
        again.load_state_dict({k: np.asarray(v) for k, v in opt.state_dict().items()})
        assert repr(again) == repr(opt)
        other = nn.build(net.architecture())
        other.load_state_dict({k: v.numpy() for k, v in net.state_dict().items()})
        step(net, opt)
        step(other, again)
        for name, value in net.state_dict().items():
            assert np.array_equal(other.state_dict()[name].numpy(), value.numpy())


def test_singular_values_come_near_one(device):
    x = np.random.default_rng(1).normal(size=(6, 9)).astype(np.float32)
    found = optim.Muon()._orthogonal(jrk.tensor(x)).numpy()
    assert np.abs(np.linalg.svd(found)[1] - 1).max() < 0.5


def test_wrong_use():
    with pytest.raises(ShapeError, match=r"0.bias has shape \(6,\): give others=optim.AdamW"):
        step(network(bias=True), optim.Muon())
    for options, words in (
        ({"others": optim.SGD()}, "must be an optim.AdamW"),
        ({"others_match": ["*"]}, "others_match needs others"),
        ({"others": optim.AdamW(), "others_match": "head.*"}, "a list of patterns"),
        ({"ns_steps": 100}, "ns_steps=100 must be an integer from 0 up and less than 100"),
        ({"ns_coefficients": (1, 2)}, "must be three numbers"),
        ({"adjust_lr_fn": "best"}, "'original', 'match_rms_adamw'"),
    ):
        with pytest.raises(TrainingError, match=words):
            optim.Muon(**options)
