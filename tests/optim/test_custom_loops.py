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
