"""Every schedule against PyTorch's over 36 steps, with two groups of rates."""

import re
import warnings

import numpy as np
import pytest

from jairika_nb import optim
from jairika_nb.optim import lr_scheduler as ours

torch = pytest.importorskip("torch")
theirs = torch.optim.lr_scheduler
STEPS = 36
METRICS = np.round(np.random.default_rng(7).gamma(2.0, size=STEPS), 2).cumsum() % 3


def single(name, *args, **kwargs):
    shown = re.sub(r"<function .*? at \w+>", "function", f"{name}{args}{kwargs}")
    return shown, lambda room, opt: getattr(room, name)(opt, *args, **kwargs)


def chained(*parts):
    made = [make for _, make in parts]
    names = f"Chained {[name for name, _ in parts]}"
    return names, lambda room, opt: room.ChainedScheduler([make(room, opt) for make in made])


def sequence(milestones, *parts):
    made = [make for _, make in parts]
    names = f"Sequential {milestones} {[name for name, _ in parts]}"
    return names, lambda room, opt: room.SequentialLR(opt, [m(room, opt) for m in made], milestones)


STEP, LINE = single("StepLR", 7, 0.3), single("LinearLR", 0.25, 0.75, 8)
COSINE, DECAY = single("CosineAnnealingLR", 9, 0.01), single("ExponentialLR", 0.9)
SCHEDULES = [
    STEP,
    single("StepLR", 1),
    single("MultiStepLR", [3, 9, 9, 20], 0.5),
    single("MultiStepLR", [20, 0, 4]),
    single("ConstantLR"),
    single("ConstantLR", 0.7, 11),
    single("LinearLR"),
    LINE,
    single("LinearLR", 0.3, 0.0, 10),
    DECAY,
    single("ExponentialLR", 1.05),
    single("PolynomialLR"),
    single("PolynomialLR", 20, 2.5),
    single("LambdaLR", lambda epoch: 0.9**epoch),
    single("LambdaLR", [lambda epoch: 1 / (1 + epoch), lambda epoch: epoch % 3]),
    single("MultiplicativeLR", lambda epoch: 0.95),
    single("MultiplicativeLR", [lambda epoch: 1 - 0.5 / epoch, lambda epoch: 1.1]),
    single("CosineAnnealingLR", 50),
    COSINE,
    single("CosineAnnealingLR", 1),
    single("CosineAnnealingWarmRestarts", 5),
    single("CosineAnnealingWarmRestarts", 4, 2, 0.01),
    single("OneCycleLR", 0.5, STEPS),
    single("OneCycleLR", [0.5, 2.0], epochs=6, steps_per_epoch=7, pct_start=0.1),
    single("OneCycleLR", 0.5, 40, three_phase=True, anneal_strategy="linear"),
    single("OneCycleLR", 0.5, 40, pct_start=0.4, three_phase=True, div_factor=5.0),
    single("OneCycleLR", 0.5, 40, cycle_momentum=False, final_div_factor=10.0),
    single("OneCycleLR", 0.5, 40, base_momentum=0.5, max_momentum=[0.6, 0.7]),
    single("CyclicLR", 0.1, 0.5, 5),
    single("CyclicLR", [0.1, 0.2], [0.5, 2.0], 4, 3, "triangular2", base_momentum=[0.5, 0.6]),
    single("CyclicLR", 0.1, 0.5, 5, mode="exp_range", gamma=0.95, cycle_momentum=False),
    single("CyclicLR", 0.1, 0.5, 5, 2, scale_fn=lambda x: 1 / x),
    single("CyclicLR", 0.1, 0.5, 5, scale_fn=lambda x: 0.9**x, scale_mode="iterations"),
    chained(single("ConstantLR", 0.5, 4), DECAY),
    chained(LINE, STEP, single("CosineAnnealingLR", 9)),
    sequence([5], single("LinearLR", 0.1, 1.0, 5), COSINE),
    sequence([4, 20], single("ConstantLR", 0.1, 3), DECAY, single("PolynomialLR", 12)),
    sequence([6], LINE, single("CosineAnnealingWarmRestarts", 4, 2)),
    sequence([3, 10], STEP, single("MultiStepLR", [2, 5]), single("LambdaLR", lambda e: 0.8**e)),
]


def optimisers(name="SGD"):
    own = {"momentum": 0.3} if name == "SGD" else {"betas": (0.8, 0.99)}
    ours = getattr(optim, name)(lr=0.1, **own, groups=[{"match": "*", "lr": 0.4, **own}])
    w = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [{"params": [w[0]]}, {"params": [w[1]], "lr": 0.4}]
    return ours, getattr(torch.optim, name)(groups, lr=0.1, **own)


def momenta(mine, other):
    option, place = ("momentum", None) if "momentum" in mine.options else ("beta1", "betas")
    found = [getattr(mine, option), mine.groups[0][option]]
    return found, [g[place][0] if place else g[option] for g in other.param_groups]


@pytest.mark.parametrize(("make"), [m for _, m in SCHEDULES], ids=[n for n, _ in SCHEDULES])
def test_rates_equal_torch(make):
    mine, other = optimisers()
    with warnings.catch_warnings():
        # No parameter moves here, which PyTorch's schedules warn about.
        warnings.simplefilter("ignore")
        schedule, wanted = make(ours, mine), make(theirs, other)
        for step in range(STEPS):
            rates = [group["lr"] for group in other.param_groups]
            np.testing.assert_allclose(schedule.get_last_lr(), rates, rtol=1e-12, atol=1e-15)
            assert [mine.lr, mine.groups[0]["lr"]] == schedule.get_last_lr()
            np.testing.assert_allclose(*momenta(mine, other), rtol=1e-12, err_msg=str(step))
            schedule.step()
            wanted.step()


def test_one_cycle_moves_the_first_beta():
    mine, other = optimisers("Adam")
    schedule = ours.OneCycleLR(mine, 0.5, 20)
    wanted = theirs.OneCycleLR(other, 0.5, 20)
    for _ in range(20):
        np.testing.assert_allclose(*momenta(mine, other), rtol=1e-12)
        assert mine.beta2 == 0.99
        schedule.step()
        other.step()
        wanted.step()


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2, "factor": 0.5},
        {"patience": 0, "mode": "max", "cooldown": 3, "threshold": 0.2},
        {"patience": 1, "threshold_mode": "abs", "threshold": 0.3, "min_lr": [0.02, 0.1]},
        {"patience": 1, "mode": "max", "threshold_mode": "abs", "factor": 0.9, "eps": 0.01},
    ],
)
def test_plateaus_equal_torch(options):
    mine, other = optimisers()
    schedule = ours.ReduceLROnPlateau(mine, **options)
    wanted = theirs.ReduceLROnPlateau(other, **options)
    for metric in METRICS:
        schedule.step(metric)
        wanted.step(metric)
        rates = [group["lr"] for group in other.param_groups]
        np.testing.assert_allclose(schedule.get_last_lr(), rates, rtol=1e-12)
    assert rates[1] < 0.4


def test_restarts_take_fractions_of_an_epoch():
    for multiple in (1, 2, 3):
        mine, other = optimisers()
        schedule = ours.CosineAnnealingWarmRestarts(mine, 3, multiple, 0.01)
        wanted = theirs.CosineAnnealingWarmRestarts(other, 3, multiple, 0.01)
        for epoch in np.arange(0, 30, 0.7).tolist():
            schedule.step(epoch)
            wanted.step(epoch)
            np.testing.assert_allclose(mine.lr, other.param_groups[0]["lr"], rtol=1e-9)


def test_warm_up_is_a_sequence_of_a_line_and_the_schedule():
    mine, other = optimisers()
    schedule = ours.WarmupLR(ours.CosineAnnealingLR(mine, 20), 8, start_factor=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parts = [theirs.LinearLR(other, 0.2, 1.0, 8), theirs.CosineAnnealingLR(other, 20)]
        wanted = theirs.SequentialLR(other, parts, [8])
        for _ in range(STEPS):
            rates = [group["lr"] for group in other.param_groups]
            np.testing.assert_allclose(schedule.get_last_lr(), rates, rtol=1e-12, atol=1e-15)
            schedule.step()
            wanted.step()


def test_a_sequence_in_a_sequence_keeps_to_its_milestones():
    # PyTorch reaches the inner milestone one step too early, so the expected rates are written.
    opt = optim.SGD(lr=1.0)
    inner = [ours.ConstantLR(opt, 0.5, 9), ours.ExponentialLR(opt, 0.1)]
    parts = [ours.SequentialLR(opt, inner, [2]), ours.ChainedScheduler([ours.StepLR(opt, 1, 0.5)])]
    schedule, rates = ours.SequentialLR(opt, parts, [4]), []
    for _ in range(6):
        rates.append(opt.lr)
        schedule.step()
    assert rates == [0.5, 0.5, 1.0, 0.1, 1.0, 0.5]
