"""Training steps that are compiled learn as those that are not: same bits, same state."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.engine import device as devices

STEPS = 9
CLASSES, FEATURES, BATCH = 5, 12, 8


def batches(count=STEPS):
    rng = np.random.default_rng(3)
    x = rng.random((count, BATCH, FEATURES), np.float32)
    y = rng.integers(0, CLASSES, (count, BATCH)).astype(np.int32)
    return [(jrk.tensor(a), jrk.tensor(b)) for a, b in zip(x, y, strict=True)]


def network(dropout=0.25):
    jrk.random.seed(11)
    net = nn.Sequential(
        nn.Linear(FEATURES, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, CLASSES)
    )
    jrk.eval(*net.state_dict().values())
    return net


def step_of(net, opt, loss=None):
    loss = loss or nn.CrossEntropyLoss()

    def step(x, y):
        value = loss(net(x), y)
        opt.update(net, value.backward(net))
        return value

    return step


def plainly(net, opt, step):
    """The same step without compiling: everything it makes is computed together."""

    def run(x, y):
        value = step(x, y)
        jrk.eval(value, *net.state_dict().values(), *opt.tensors())
        return value

    return run


def state_of(net, opt):
    held = {name: t.numpy() for name, t in net.state_dict().items()}
    kept = {k: v for k, v in opt.state_dict().items() if not isinstance(v, str)}
    return held | {f"opt.{k}": np.asarray(v) for k, v in kept.items()}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=2e-6, atol=1e-7, err_msg=name)


OPTIMISERS = {
    "Adam": lambda: optim.Adam(lr=0.01),
    "AdamW": lambda: optim.AdamW(lr=0.01, amsgrad=True),
    "SGD": lambda: optim.SGD(lr=0.1),
    "momentum": lambda: optim.SGD(lr=0.1, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_compiled_step_learns_what_the_plain_one_learns(device, name):
    ends = []
    for compiled in (False, True):
        net, opt = network(), OPTIMISERS[name]()
        step = step_of(net, opt)
        run = jrk.compile(step) if compiled else plainly(net, opt, step)
        losses = [run(x, y).item() for x, y in batches()]
        ends.append((losses, state_of(net, opt), jrk.random.state()))
    np.testing.assert_allclose(ends[0][0], ends[1][0], rtol=2e-6)
    assert_same(ends[0][1], ends[1][1])
    assert ends[0][2] == ends[1][2]
    assert run.replays >= STEPS - 4


def test_networks_and_optimisers_may_be_arguments(device):
    @jrk.compile
    def step(net, opt, x, y):
        value = nn.functional.cross_entropy(net(x), y)
        opt.update(net, value.backward(net))
        return value

    rates = (0.01, 0.05)
    ours = [(network(0.0), optim.Adam(lr=rate)) for rate in rates]
    theirs = [(network(0.0), optim.Adam(lr=rate)) for rate in rates]
    for x, y in batches():
        for (net, opt), (other, same) in zip(ours, theirs, strict=True):
            want = plainly(other, same, step_of(other, same))(x, y)
            np.testing.assert_allclose(step(net, opt, x, y).item(), want.item(), rtol=2e-6)
    for (net, opt), (other, same) in zip(ours, theirs, strict=True):
        assert_same(state_of(net, opt), state_of(other, same))


def test_training_and_evaluation_mode_are_told_apart(device):
    net = network(0.5)
    predict = jrk.compile(lambda x: net(x))
    x = batches()[0][0]
    for _ in range(3):
        net.train()
        noisy = [predict(x).numpy() for _ in range(3)]
        assert not np.array_equal(noisy[1], noisy[2])
        net.eval()
        calm = [predict(x).numpy() for _ in range(3)]
        np.testing.assert_array_equal(calm[1], calm[2])
        np.testing.assert_allclose(calm[0], net(x).numpy(), rtol=1e-6)


def test_a_learning_rate_may_change_without_a_new_trace(device):
    net, opt = network(0.0), optim.Adam(lr=0.01)
    other, same = network(0.0), optim.Adam(lr=0.01)
    step = jrk.compile(step_of(net, opt))
    run = plainly(other, same, step_of(other, same))
    for i, (x, y) in enumerate(batches()):
        opt.lr = same.lr = 0.01 / (i + 1)
        np.testing.assert_allclose(step(x, y).item(), run(x, y).item(), rtol=2e-6)
    assert_same(state_of(net, opt), state_of(other, same))
    assert step.traces == 3


def test_a_rule_of_ones_own_sees_its_learning_rate(device):
    class Plain(optim.SGD):
        def rule(self, parameter, gradient, slots, scalars):
            return parameter - gradient * self.lr, slots

    net, opt = network(0.0), Plain(lr=0.1)
    other, same = network(0.0), optim.SGD(lr=0.1)
    step = jrk.compile(step_of(net, opt))
    run = plainly(other, same, step_of(other, same))
    for i, (x, y) in enumerate(batches()):
        opt.lr = same.lr = 0.1 / (1 + i // 3)
        np.testing.assert_allclose(step(x, y).item(), run(x, y).item(), rtol=2e-6)


def test_weights_and_state_may_be_put_back(device):
    net, opt = network(0.0), optim.Adam(lr=0.01)
    step = jrk.compile(step_of(net, opt))
    rows = batches()
    for x, y in rows[:4]:
        step(x, y)
    weights = {k: v.numpy() for k, v in net.state_dict().items()}
    saved = opt.state_dict()
    first = [step(x, y).item() for x, y in rows[4:]]
    net.load_state_dict(weights)
    opt.load_state_dict(saved)
    again = [step(x, y).item() for x, y in rows[4:]]
    np.testing.assert_array_equal(first, again)


def test_a_layer_may_be_replaced_between_steps(device):
    net, opt = network(0.0), optim.Adam(lr=0.01)
    other, same = network(0.0), optim.Adam(lr=0.01)
    step = jrk.compile(step_of(net, opt))
    run = plainly(other, same, step_of(other, same))
    for i, (x, y) in enumerate(batches()):
        if i == 4:
            for model in (net, other):
                jrk.random.seed(1)
                model[3] = nn.Linear(16, CLASSES, bias=False)
                jrk.eval(*model.state_dict().values())
            for o in (opt, same):
                o.state.pop("3.bias")
                o.steps.pop("3.bias")
        np.testing.assert_allclose(step(x, y).item(), run(x, y).item(), rtol=2e-6)


def test_running_averages_go_on(device):
    class Average(nn.Module):
        def __init__(self):
            self.register_buffer("mean", jrk.zeros(FEATURES))

        def forward(self, x):
            if self.training:
                self.mean = (self.mean * 0.9 + x.mean(axis=0) * 0.1).detach()
            return x - self.mean

    module = Average()
    f = jrk.compile(module)
    want = np.zeros(FEATURES, np.float32)
    for x, _ in batches():
        f(x)
        want = want * np.float32(0.9) + x.numpy().mean(axis=0) * np.float32(0.1)
        np.testing.assert_allclose(module.mean.numpy(), want, rtol=1e-4)
    assert f.replays >= STEPS - 3


OPENCL = [d.id for d in devices.devices() if not d.is_reference]


@pytest.fixture(params=OPENCL)
def opencl(request):
    with devices.using(request.param) as chosen:
        yield chosen


def test_a_captured_step_compiles_and_allocates_nothing_after_its_first_call(opencl):
    from jairika_nb.engine import memory

    net, opt = network(), optim.Adam(lr=0.01)
    step = jrk.compile(step_of(net, opt))
    room = memory.room(opencl)
    rows = batches()
    loss = step(*rows[0])
    before = room.allocations, room.taken
    with jrk.profile() as p:
        for x, y in rows[1:]:
            loss = step(x, y)
        loss.item()
    assert p.compiles == 0
    assert (room.allocations, room.taken) == before
    assert p.launches == step_launches(step) * (STEPS - 1)


def step_launches(step):
    return sum(len(p.step.runs) for p in step._recordings[0].parts)


def test_the_peak_of_a_loop_is_flat_after_three_steps(opencl):
    from jairika_nb.engine.memory import usage

    net, opt = network(), optim.Adam(lr=0.01)
    step = jrk.compile(step_of(net, opt))
    rows = batches()
    peaks = []
    for i in range(100):
        usage.reset()
        loss = step(*rows[i % STEPS])
        peaks.append(usage.peak)
    assert loss.item() > 0
    assert len(set(peaks[3:])) == 1 and peaks[3] <= peaks[2]


def test_a_compiled_network_still_has_its_parameters(device):
    net = network(0.0)
    fast = jrk.compile(net)
    x, _ = batches()[0]
    for _ in range(3):
        np.testing.assert_allclose(fast(x).numpy(), net(x).numpy(), rtol=1e-6)
    assert [n for n, _ in fast.named_parameters()] == [n for n, _ in net.named_parameters()]
    fast.eval()
    assert not net.training


def test_a_step_that_fails_leaves_everything_as_it_was(device, monkeypatch):
    net, opt = network(0.0), optim.Adam(lr=0.01)
    other, same = network(0.0), optim.Adam(lr=0.01)
    step = jrk.compile(step_of(net, opt))
    run = plainly(other, same, step_of(other, same))
    for i, (x, y) in enumerate(batches()):
        if i == 5:
            (part,) = step._recordings[0].parts
            with monkeypatch.context() as patch:
                patch.setattr(part.step, "run", full)
                with pytest.raises(jrk.errors.OutOfMemory):
                    step(x, y)
        np.testing.assert_allclose(step(x, y).item(), run(x, y).item(), rtol=2e-6)
    assert_same(state_of(net, opt), state_of(other, same))


def full(*_):
    raise jrk.errors.OutOfMemory("the device is full")


@pytest.mark.parametrize("held", [None, "weight", "state"])
def test_values_that_somebody_held_before_a_step_stay_as_they_were(device, held):
    # All weights and means are written over in place but those that are held; the loss is new.
    net, plain = network(dropout=0), network(dropout=0)
    opt, opt2 = optim.Adam(0.01), optim.Adam(0.01)
    step, plainly = jrk.compile(step_of(net, opt)), step_of(plain, opt2)
    for number, (x, y) in enumerate(batches(6)):
        kept = None
        if held and number > 2:
            first = next(iter(opt.state))
            kept = net[0].weight if held == "weight" else opt.state[first]["exp_avg"]
            before = kept.numpy()
        loss, expected = step(x, y), plainly(x, y)
        np.testing.assert_allclose(float(loss), float(expected), rtol=2e-6)
        if kept is not None:
            assert np.array_equal(kept.numpy(), before)
            assert not np.array_equal(net[0].weight.numpy(), before)
        assert_same(state_of(net, opt), state_of(plain, opt2))
    assert step.replays == 3
