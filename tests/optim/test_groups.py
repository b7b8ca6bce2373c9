"""Groups of parameters by name, against PyTorch's param_groups, saved, replayed and refused."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ArchitectureError, TrainingError

X = np.random.default_rng(2).normal(size=(8, 3)).astype(np.float32)
Y = np.random.default_rng(3).normal(size=(8, 2)).astype(np.float32)


def network():
    jrk.random.seed(5)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    jrk.eval(*net.parameters())
    return net


def step(net, optimizer):
    loss = nn.MSELoss()(net(jrk.tensor(X)), Y)
    optimizer.update(net, loss.backward(net))


def test_groups_equal_param_groups_of_torch(device):
    torch = pytest.importorskip("torch")
    net = network()
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in net.state_dict().items()})
    bias = {"lr": 0.3, "weight_decay": 0, "betas": (0.5, 0.9)}
    last = {"amsgrad": True, "eps": 1e-3}
    ours = optim.AdamW(
        lr=0.1, weight_decay=0.2, groups=[{"match": "*.bias", **bias}, {"match": "2.*", **last}]
    )
    other = torch.optim.AdamW(
        [
            {"params": [theirs[0].weight]},
            {"params": [theirs[0].bias, theirs[2].bias], **bias},
            {"params": [theirs[2].weight], **last},
        ],
        lr=0.1, weight_decay=0.2,
    )  # fmt: skip
    for number in range(6):
        if number == 3:
            ours.lr = other.param_groups[0]["lr"] = 0.05
            other.param_groups[2]["lr"] = 0.05
            ours.groups[0]["lr"] = other.param_groups[1]["lr"] = 0.2
        step(net, ours)
        other.zero_grad()
        torch.nn.functional.mse_loss(theirs(torch.tensor(X)), torch.tensor(Y)).backward()
        other.step()
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(net.state_dict()[name].numpy(), value, rtol=1e-4, atol=1e-5)


def test_first_pattern_wins():
    opt = optim.SGD(groups=[{"match": "0.*", "lr": 1.0}, {"match": "*", "lr": 2.0}])
    rates = [opt.ruler(name, ())[1].lr for name in ("0.bias", "2.bias")]
    assert rates == [1.0, 2.0]


def test_groups_are_saved_with_the_state():
    opt = optim.Adam(lr=0.1, groups=[{"match": "*.bias", "lr": 0.01, "betas": (0.5, 0.6)}])
    net = network()
    step(net, opt)
    state = opt.state_dict()
    assert state["groups[0]:match"] == "*.bias"
    assert (state["groups[0]:lr"], state["groups[0]:beta2"]) == (0.01, 0.6)
    again = optim.Adam()
    again.load_state_dict({k: np.asarray(v) for k, v in state.items()})
    assert repr(again) == repr(opt)
    assert again.steps == opt.steps


def test_a_group_costs_no_launch_and_its_rate_no_trace(device):
    def make():
        return optim.SGD(lr=0.1, momentum=0.9, groups=[{"match": "*.bias", "lr": 0.2}])

    (net, opt), (other, same) = (network(), make()), (network(), make())
    run = jrk.compile(lambda: step(net, opt))
    for number in range(6):
        for optimizer in (opt, same):
            optimizer.groups[0]["lr"] = 0.2 / (number + 1)
            optimizer.momentum = 0.9 - number / 10
        with jrk.profile() as p:
            run()
        step(other, same)
    assert run.traces == 3
    assert p.launches <= 1
    for name, value in other.state_dict().items():
        np.testing.assert_allclose(net.state_dict()[name].numpy(), value.numpy(), rtol=2e-6)


def test_a_momentum_that_ends_is_seen_in_a_replay(device):
    (net, opt), (other, same) = ((network(), optim.SGD(lr=0.1, momentum=0.9)) for _ in range(2))
    run = jrk.compile(lambda: step(net, opt))
    for number in range(6):
        opt.momentum = same.momentum = 0.9 if number < 4 else 0
        run()
        step(other, same)
    for name, value in other.state_dict().items():
        np.testing.assert_allclose(net.state_dict()[name].numpy(), value.numpy(), rtol=2e-6)


def test_a_pattern_that_matches_nothing_names_the_parameters():
    opt = optim.SGD(groups=[{"match": "*.scale", "lr": 1.0}])
    with pytest.raises(ArchitectureError, match=r"'\*\.scale'.*has 0.weight, 0.bias, 2.weight"):
        step(network(), opt)


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"match": "*", "lr": -1}, "lr=-1 must be a number from 0"),
        ({"match": "*", "betas": (0.9, 2)}, r"betas\[1\]=2"),
        ({"match": "*", "velocity": 1}, "sets velocity; its options are lr, beta1"),
        ({"params": [], "lr": 1}, "a group is written"),
        ("*.bias", "a group is written"),
        ({"match": "*", "lr": float("nan")}, "lr=nan"),
    ],
)
def test_wrong_groups(group, words):
    with pytest.raises(TrainingError, match=words):
        optim.Adam(groups=[group])


def test_groups_must_go_together_as_all_options():
    with pytest.raises(TrainingError, match="nesterov=True needs momentum"):
        optim.SGD(momentum=0.9, nesterov=True, groups=[{"match": "*", "momentum": 0}])
