"""Schedules: when they are asked, their state, replayed steps, and what they refuse."""

import json
import warnings

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ArchitectureError, TrainingError


def made(opt):
    """One of each kind."""
    half = optim.ConstantLR(opt, 0.5, 4)
    return {
        "StepLR": lambda: optim.StepLR(opt, 3),
        "MultiStepLR": lambda: optim.MultiStepLR(opt, [2, 5]),
        "LinearLR": lambda: optim.LinearLR(opt),
        "LambdaLR": lambda: optim.LambdaLR(opt, lambda step: 0.9**step),
        "CosineAnnealingLR": lambda: optim.CosineAnnealingLR(opt, 6),
        "CosineAnnealingWarmRestarts": lambda: optim.CosineAnnealingWarmRestarts(opt, 2, 2),
        "OneCycleLR": lambda: optim.OneCycleLR(opt, 1.0, 30),
        "CyclicLR": lambda: optim.CyclicLR(opt, 0.1, 1.0, 3, 2, mode="triangular2"),
        "ReduceLROnPlateau": lambda: optim.ReduceLROnPlateau(opt, patience=1),
        "SequentialLR": lambda: optim.SequentialLR(opt, [half, optim.ExponentialLR(opt, 0.9)], [3]),
        "ChainedScheduler": lambda: optim.ChainedScheduler([half, optim.ExponentialLR(opt, 0.9)]),
        "WarmupLR": lambda: optim.WarmupLR(optim.PolynomialLR(opt, 9), 3),
    }


KINDS = list(made(optim.SGD()))


def advance(schedule, count, opt):
    rates = []
    for i in range(count):
        schedule.step(*([1.0 + i % 2] if schedule.needs_metric else []))
        rates.append((opt.lr, opt.momentum))
    return rates


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_schedule_goes_on_from_where_it_was(kind):
    opt = optim.SGD(lr=0.1, momentum=0.8)
    schedule = made(opt)[kind]()
    advance(schedule, 4, opt)
    # As JSON: nothing of it is code.
    state = json.loads(json.dumps(schedule.state_dict()))
    again = optim.SGD(lr=0.1, momentum=0.8)
    other = made(again)[kind]()
    other.load_state_dict(state)
    assert (again.lr, again.momentum) == (opt.lr, opt.momentum)
    assert other.state_dict() == schedule.state_dict()
    assert advance(other, 12, again) == advance(schedule, 12, opt)


def test_a_class_declares_when_it_is_asked():
    opt = optim.SGD(momentum=0.9)
    assert optim.StepLR(opt, 3).every == "epoch"
    assert optim.OneCycleLR(opt, 1.0, 10).every == "step"
    assert optim.StepLR(opt, 3, every="step").every == "step"
    assert optim.WarmupLR(optim.StepLR(opt, 3, every="step"), 2).every == "step"
    assert optim.ReduceLROnPlateau(opt).needs_metric
    assert not optim.StepLR(opt, 3).needs_metric


def test_a_rate_that_the_user_changes_is_a_new_start():
    opt = optim.SGD(lr=0.1)
    optim.LinearLR(opt, 0.5)
    assert optim.ExponentialLR(opt, 0.5).base_lrs == [0.1]
    opt.lr = 3.0
    assert optim.ExponentialLR(opt, 0.5).base_lrs == [3.0]


def test_rates_and_momenta_change_without_a_new_trace(device):
    ends, x = [], np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    for compiled in (False, True):
        jrk.random.seed(5)
        net = nn.Linear(3, 2)
        jrk.eval(*net.parameters())
        opt = optim.SGD(momentum=0.9, groups=[{"match": "bias", "lr": 1.0}])
        schedule = optim.OneCycleLR(opt, 0.1, total_steps=20)

        def step(x, net=net, opt=opt):
            opt.update(net, net(x).square().mean().backward(net))

        run = jrk.compile(step) if compiled else step
        for _ in range(20):
            run(jrk.tensor(x))
            schedule.step()
        ends.append(net.weight.numpy())
    assert run.traces == 3
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-5, atol=1e-7)


def test_steps_with_a_schedule_equal_torch():
    torch = pytest.importorskip("torch")
    with jrk.device("reference"):
        net, x = nn.Linear(3, 2), np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
        other = torch.nn.Linear(3, 2)
        net.load_state_dict({k: v.detach().numpy() for k, v in other.state_dict().items()})
        opt, theirs = optim.Adam(lr=0.1), torch.optim.Adam(other.parameters(), lr=0.1)
        mine = optim.OneCycleLR(opt, 0.2, 12)
        wanted = torch.optim.lr_scheduler.OneCycleLR(theirs, 0.2, 12)
        for _ in range(12):
            opt.update(net, net(x).square().mean().backward(net))
            mine.step()
            theirs.zero_grad()
            other(torch.tensor(x)).square().mean().backward()
            theirs.step()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wanted.step()
        weight = other.weight.detach().numpy()
        np.testing.assert_allclose(net.weight.numpy(), weight, rtol=1e-4, atol=1e-5)


def sgd():
    return optim.SGD(lr=0.1)


BAD = {
    "no optimiser": (lambda: optim.StepLR(nn.Linear(1, 1), 3), "takes the optimiser .* not Linear"),
    "class": (lambda: optim.StepLR(optim.SGD, 3), "not SGD"),
    "step_size": (lambda: optim.StepLR(sgd(), 0), "step_size=0 must be an integer from 1 up"),
    "gamma": (lambda: optim.StepLR(sgd(), 3, -1), "gamma=-1"),
    "nan": (lambda: optim.ExponentialLR(sgd(), float("nan")), "gamma=nan"),
    "last_epoch": (lambda: optim.StepLR(sgd(), 3, last_epoch=4), "load_state_dict"),
    "every": (lambda: optim.StepLR(sgd(), 3, every="batch"), "every='batch' must be one of"),
    "milestones": (lambda: optim.MultiStepLR(sgd(), 30), r"milestones=30 .* such as \[30, 80\]"),
    "factor": (lambda: optim.ConstantLR(sgd(), 2.0), "factor=2.0 must be .* at most 1"),
    "start": (lambda: optim.LinearLR(sgd(), 0.0), "start_factor=0.0 must be a number above 0"),
    "T_max": (lambda: optim.CosineAnnealingLR(sgd(), 2.5), "T_max=2.5 must be an integer"),
    "T_mult": (lambda: optim.CosineAnnealingWarmRestarts(sgd(), 3, 0), "T_mult=0"),
    "total": (lambda: optim.OneCycleLR(sgd(), 1.0), "give total_steps, or epochs and steps"),
    "momentum": (lambda: optim.OneCycleLR(optim.Adagrad(), 1.0, 9), "Adagrad has no momentum"),
    "rates": (lambda: optim.OneCycleLR(sgd(), [1.0, 2.0], 9), "must be one number or 1"),
    "strategy": (lambda: optim.OneCycleLR(sgd(), 1.0, 9, anneal_strategy="exp"), "'cos', 'linear'"),
    "scale": (lambda: optim.CyclicLR(sgd(), 0.1, 1.0, scale_fn=2), "must be a function"),
    "cycle": (lambda: optim.CyclicLR(sgd(), 0.1, 1.0, mode="saw"), "'triangular', 'triangular2'"),
    "lambda": (lambda: optim.LambdaLR(sgd(), 0.5), "must be a function"),
    "negative": (lambda: optim.LambdaLR(sgd(), lambda epoch: -1), "lr=-0.1"),
    "mode": (lambda: optim.ReduceLROnPlateau(sgd(), "low"), "mode='low'"),
    "plateau": (lambda: optim.ReduceLROnPlateau(sgd(), factor=1.0), "factor=1.0 .* less than 1"),
    "none": (lambda: optim.ChainedScheduler([]), "takes a list of schedules"),
    "measured": (lambda: optim.ChainedScheduler([optim.ReduceLROnPlateau(sgd())]), "no measure"),
    "strangers": (
        lambda: optim.ChainedScheduler([optim.StepLR(sgd(), 1), optim.StepLR(sgd(), 1)]),
        "schedule 1 moves another optimiser",
    ),
    "milestone": (
        lambda: optim.SequentialLR(opt := sgd(), [optim.StepLR(opt, 1)], [4]),
        r"milestones=\[4\] must be 0 growing numbers",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_schedules(name):
    make, words = BAD[name]
    with pytest.raises(TrainingError, match=words):
        make()


def test_one_cycle_says_when_it_is_over():
    schedule = optim.OneCycleLR(optim.SGD(momentum=0.9), 1.0, 3)
    for _ in range(3):
        schedule.step()
    with pytest.raises(TrainingError, match="step 4 was asked, but it ends after total_steps=3"):
        schedule.step()


def test_schedules_that_lead_below_zero_together_say_so():
    # PyTorch goes on with a negative rate, which climbs.
    opt = optim.SGD(lr=0.1)
    parts = [optim.StepLR(opt, 7, 0.3), optim.CosineAnnealingLR(opt, 9, eta_min=0.01)]
    schedule = optim.ChainedScheduler(parts)
    with pytest.raises(TrainingError, match=r"lr=-0.* must be a number from 0 up"):
        for _ in range(36):
            schedule.step()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"type": "ExponentialLR"}, ArchitectureError, "a state of ExponentialLR does not fit"),
        ({"speed": 1}, ArchitectureError, "entries that differ: speed"),
        ({"step_size": 0}, TrainingError, "step_size=0"),
        ({"last_epoch": -3}, TrainingError, "last_epoch=-3"),
        ({"base_lrs": [0.1, 0.1]}, ArchitectureError, "an optimiser with 1 learning rates"),
        ({"last_lr": [float("nan")]}, TrainingError, r"last_lr\[0\]=nan"),
    ],
)
def test_states_that_do_not_fit(change, error, words):
    opt = optim.SGD(lr=0.1)
    schedule = optim.StepLR(opt, 3)
    before = schedule.state_dict()
    with pytest.raises(error, match=words):
        schedule.load_state_dict(before | change)
    assert schedule.state_dict() == before
