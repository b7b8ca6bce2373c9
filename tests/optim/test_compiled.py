"""Every optimiser inside a compiled step: one launch, and no new trace for changed rates."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim

X = np.random.default_rng(2).normal(size=(8, 3)).astype(np.float32)
Y = np.random.default_rng(3).normal(size=(8, 2)).astype(np.float32)
KINDS = {name: value for name, value in vars(optim).items() if isinstance(value, type)}
NAMES = [name for name, kind in KINDS.items() if issubclass(kind, optim.Optimizer)
         and name not in ("Optimizer", "Muon")]  # fmt: skip
# All on the reference; on drivers those whose numbers change most from step to step.
SOME = ("NAdam", "RAdam", "ASGD", "Lion")


@pytest.mark.parametrize("name", NAMES)
def test_changed_rates_are_replayed(name):
    with jrk.device("reference"):
        replayed(name)


@pytest.mark.parametrize("name", SOME)
def test_changed_rates_are_replayed_on_devices(device, name):
    replayed(name)


def replayed(name):
    ends = []
    for compiled in (False, True):
        jrk.random.seed(5)
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        jrk.eval(*net.parameters())
        opt = getattr(optim, name)(lr=0.01)

        def step(x, y, net=net, opt=opt):
            loss = nn.functional.mse_loss(net(x), y)
            opt.update(net, loss.backward(net))
            return loss

        run = jrk.compile(step) if compiled else step
        for number in range(7):
            opt.lr = 0.01 / (number + 1)
            if "beta1" in opt.options:
                opt.betas = 0.9 - number / 100, opt.beta2
            with jrk.profile() as p:
                run(jrk.tensor(X), jrk.tensor(Y))
        ends.append({k: v.numpy() for k, v in net.state_dict().items()})
    assert run.traces == 3
    assert p.launches <= 1
    for key, value in ends[0].items():
        np.testing.assert_allclose(ends[1][key], value, rtol=2e-6, atol=1e-7)
