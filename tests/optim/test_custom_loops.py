"""Training loops that people write themselves: reading only the loss costs what a step costs."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim


def _net_and_data():
    jrk.random.seed(0)
    net = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 4))
    rng = np.random.default_rng(0)
    x = jrk.tensor(rng.standard_normal((16, 20)).astype(np.float32))
    y = jrk.tensor(rng.integers(0, 4, 16).astype(np.int32))
    return net, x, y


@pytest.mark.parametrize("optimizer", [optim.SGD(lr=0.1, momentum=0.9), optim.Adam(lr=0.01)])
def test_steps_cost_the_same_when_only_the_loss_is_read(device, optimizer):
    net, x, y = _net_and_data()
    optimizer.load_state_dict(type(optimizer)(lr=optimizer.lr).state_dict())
    costs, losses = [], []
    for _ in range(5):
        with jrk.profile() as p:
            loss = nn.functional.cross_entropy(net(x), y)
            optimizer.update(net, loss.backward(net))
        costs.append(p.launches)
        with jrk.profile() as p:
            losses.append(loss.item())
        assert p.launches == 0
    assert losses[-1] < losses[0]
    assert costs[1:] == [costs[1]] * 4


def test_a_held_number_is_computed_with_what_needs_it(device):
    x = jrk.tensor(np.arange(6.0, dtype=np.float32))
    total = (x * 2).sum()
    y = x / total
    y.realize()
    with jrk.profile() as p:
        assert total.item() == 30.0
    assert p.launches == 0


@pytest.mark.parametrize("compiled", [False, True])
def test_a_step_that_fails_leaves_model_and_state_as_they_were(device, compiled):
    jrk.random.seed(0)
    table, net = jrk.tensor(np.eye(5, 20, dtype=np.float32)), nn.Linear(20, 4)
    optimizer = optim.Adam(lr=0.1)

    def step(places):
        loss = net(table[places * 1]).square().mean()
        optimizer.update(net, loss.backward(net))
        return loss

    run = jrk.compile(step) if compiled else step
    losses = [run(jrk.tensor([1, 4, 0])).item() for _ in range(4)]
    weights, state = net.weight.numpy(), optimizer.state_dict()
    with pytest.raises(jrk.errors.OutOfRange, match="index 77 is outside axis 0"):
        run(jrk.tensor([1, 77, 0])).item()
    assert np.array_equal(net.weight.numpy(), weights)
    for name, value in optimizer.state_dict().items():
        assert np.array_equal(np.asarray(value), np.asarray(state[name]))
    assert run(jrk.tensor([1, 4, 0])).item() < losses[0]


def test_indices_known_to_the_host_make_nothing_wait(device, monkeypatch):
    if device.is_reference:
        return
    from jairika_nb.engine import faults

    waited = []
    monkeypatch.setattr(faults, "confirm", lambda *given: waited.append(given))
    x = jrk.tensor(np.eye(6, dtype=np.float32))
    x[jrk.tensor([1, 5, -6])].realize()
    assert not waited
    x[jrk.tensor([2, 6, -5]) - 1].realize()
    assert len(waited) == 1
