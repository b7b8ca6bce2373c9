"""Replays write new parameters over the old ones, but only where nobody else has those."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.engine.borrowing import borrow
from jairika_nb.engine.memory import usage

SHAPE = (64, 48)


def trained(device, steps=1, hold=lambda net, opt: None, dtype="float32"):
    """A step's function, its network and optimiser, after so many steps on the device."""
    rng = np.random.default_rng(0)
    net = nn.ParameterList([nn.Parameter(rng.standard_normal(SHAPE).astype(dtype))])
    opt = optim.Adam(lr=0.1)
    x = jrk.tensor(rng.standard_normal(SHAPE).astype(dtype))

    @jrk.compile
    def step(x):
        opt.update(net, {"0": 2 * (net[0] - x)})

    for _ in range(steps):
        step(x)
    return lambda: step(x), net, opt


def expected(steps):
    """Adam of D. P. Kingma and J. Ba 2015 in float64."""
    rng = np.random.default_rng(0)
    p, x = rng.standard_normal(SHAPE), rng.standard_normal(SHAPE)
    m, v = np.zeros(SHAPE), np.zeros(SHAPE)
    for t in range(1, steps + 1):
        g = 2 * (p - x)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p = p - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p, m, v


def state(net, opt):
    slots = opt.state[next(iter(opt.state))]
    return [net[0], slots["exp_avg"], slots["exp_avg_sq"]]


def buffers(net, opt):
    return [id(tensor.node.value) for tensor in state(net, opt)]


def test_steps_are_those_of_adam(device):
    _, net, opt = trained(device, 9)
    for found, wanted in zip(state(net, opt), expected(9), strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=2e-5, atol=1e-6)


def test_parameters_and_moments_stay_where_they_are(device):
    if device.is_reference:
        pytest.skip("NumPy makes new arrays")
    step, net, opt = trained(device, 4)
    before, live = buffers(net, opt), usage.live
    with jrk.profile() as p:
        step()
    assert buffers(net, opt) == before
    assert p.peak_bytes - live < 100  # the numbers of the step


HOLD = {
    "a detached tensor": lambda net, opt: net[0].detach(),
    "the state of the network": lambda net, opt: next(iter(net.state_dict().values())),
    "something that is still to be computed": lambda net, opt: net[0] * 1,
    "a view": lambda net, opt: net[0].reshape(-1).reshape(SHAPE),
    "a tensor of the moments": lambda net, opt: state(net, opt)[1],
    "a copy of the moments": lambda net, opt: opt.state_dict(),
    "the dict of the moments": lambda net, opt: opt.state[next(iter(opt.state))],
    "memory that is shared": lambda net, opt: np.from_dlpack(net[0].detach()),
}  # fmt: skip


def read(held):
    """The held values as plain arrays, in order of their names."""
    if isinstance(held, dict):
        return [a for key in sorted(held, key=str) for a in read(held[key])]
    if isinstance(held, jrk.Tensor):
        return [held.numpy()]
    return [np.array(held)]


@pytest.mark.parametrize("what", HOLD)
def test_what_somebody_holds_keeps_its_values(device, what):
    step, net, opt = trained(device, 4)
    held = HOLD[what](net, opt)
    # Computed from arrays in memory of their own, before and after.
    before = [a.copy() for a in read(HOLD[what](net, opt))]
    for _ in range(3):
        step()
    for a, b in zip(read(held), before, strict=True):
        np.testing.assert_array_equal(a, b)
    for found, wanted in zip(state(net, opt), expected(7), strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, rtol=2e-5, atol=1e-6)


def test_a_dict_of_old_moments_that_is_let_go_again_is_written_over(device):
    if device.is_reference:
        pytest.skip("NumPy makes new arrays")
    step, net, opt = trained(device, 4)
    held = opt.state[next(iter(opt.state))]
    first = buffers(net, opt)
    step()
    assert buffers(net, opt)[1:] != first[1:] and buffers(net, opt)[0] == first[0]
    del held
    second = buffers(net, opt)
    step()
    assert buffers(net, opt) == second


def test_an_old_value_that_is_returned_stays(device):
    net = nn.ParameterList([nn.Parameter(np.ones(SHAPE, np.float32))])

    @jrk.compile
    def step():
        old = net[0].detach()
        net[0][...] = net[0] * 2
        return old

    for n in range(5):
        assert (step().numpy() == 2**n).all()
    assert (net[0].numpy() == 32).all()


def test_swapped_values_are_not_mixed_up(device):
    a, b = (nn.Parameter(np.full(SHAPE, x, np.float32)) for x in (1, 2))
    net = nn.ParameterList([a, b])

    @jrk.compile
    def swap():
        first, second = net[0] + 0.5, net[1] - 0.5
        net[0][...] = second
        net[1][...] = first

    wanted = [1.0, 2.0]
    for _ in range(5):
        swap()
        wanted = [wanted[1] - 0.5, wanted[0] + 0.5]
        assert [float(p.numpy().max()) for p in net] == wanted
        assert [float(p.numpy().min()) for p in net] == wanted


def test_what_is_read_at_other_places_is_not_written_over(device):
    x = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    net = nn.ParameterList([nn.Parameter(x)])

    @jrk.compile
    def turn():
        net[0][...] = net[0].T + net[0].flip(0)

    for _ in range(4):
        turn()
        x = x.T + x[::-1]
        np.testing.assert_array_equal(net[0].numpy(), x)


def test_an_index_out_of_range_leaves_all_as_it_was(device):
    table = nn.ParameterList([nn.Parameter(np.ones((8, 16), np.float32))])

    @jrk.compile
    def step(at):
        picked = jrk.take(table[0], at, axis=0)
        table[0][...] = table[0] + picked.sum()
        return picked

    # Computed on the device, so that nobody knows the index before it is used.
    good, bad = (jrk.tensor(np.array([i], np.int32)) * 1 for i in (3, 30))
    for _ in range(3):
        step(good)
    before = table[0].numpy()
    with pytest.raises(jrk.errors.OutOfRange):
        step(bad).numpy()
    np.testing.assert_array_equal(table[0].numpy(), before)
    step(good)
    assert table[0].numpy()[0, 0] > before[0, 0]


def test_a_product_may_update_what_it_does_not_read(device):
    rng = np.random.default_rng(0)
    a, x, y = (rng.standard_normal((48, 48)).astype(np.float32) for _ in range(3))
    net = nn.ParameterList([nn.Parameter(a)])

    @jrk.compile
    def step(x, y):
        net[0][...] = net[0] - 0.1 * (x @ y)

    given, at = [jrk.tensor(x), jrk.tensor(y)], []
    want = a.astype(float)
    for _ in range(5):
        step(*given)
        at.append(id(net[0].node.value))
        want = want - 0.1 * (x.astype(float) @ y)
        np.testing.assert_allclose(net[0].numpy(), want, rtol=1e-4, atol=1e-5)
    assert device.is_reference or at[-1] == at[-2]


def test_a_product_does_not_write_over_its_own_operand(device):
    rng = np.random.default_rng(0)
    a, x = (rng.standard_normal((48, 48)).astype(np.float32) * 0.1 for _ in range(2))
    net = nn.ParameterList([nn.Parameter(a)])

    @jrk.compile
    def step(x):
        net[0][...] = net[0] - net[0] @ x

    given, want = jrk.tensor(x), a.astype(float)
    for _ in range(5):
        step(given)
        want = want - want @ x
        np.testing.assert_allclose(net[0].numpy(), want, rtol=1e-3, atol=1e-5)


def test_memory_of_others_is_never_written(device):
    """Pages of a file, and arrays that are only borrowed, also where a replay meets them first."""
    if device.kind == "gpu":
        pytest.skip("a GPU copies what it reads")

    @jrk.compile
    def step(net):
        net[0][...] = net[0] * 2 + 1

    own = nn.ParameterList([nn.Parameter(np.ones(SHAPE, np.float32))])
    for _ in range(4):
        step(own)
    room = np.empty(4 * 64 * 48 + 64, np.uint8)  # aligned, so that a CPU reads it in place
    start = -room.ctypes.data % 64
    array = room[start : start + 4 * 64 * 48].view(np.float32).reshape(SHAPE)
    array[...] = 3
    net = nn.ParameterList([nn.Parameter(np.zeros(SHAPE, np.float32))])
    net.replace({"0": jrk.Tensor(borrow(array, jrk.float32, device))})
    replays = step.replays
    step(net)
    assert step.replays == replays + 1
    assert (net[0].numpy() == 7).all() and (array == 3).all()


def test_tensors_that_nobody_else_has_stay_themselves(device):
    if device.is_reference:
        pytest.skip("NumPy makes new arrays")
    step, net, opt = trained(device, 4)
    before = [(id(t), id(t.node)) for t in state(net, opt)]
    step()
    assert [(id(t), id(t.node)) for t in state(net, opt)] == before
    # One that is held becomes another, beside those that stay.
    held = opt.state[next(iter(opt.state))]["exp_avg"]
    step()
    found = [(id(t), id(t.node)) for t in state(net, opt)]
    assert found[0] == before[0] and found[1] != before[1] and id(held) == before[1][0]
    for tensor, wanted in zip(state(net, opt), expected(6), strict=True):
        np.testing.assert_allclose(tensor.numpy(), wanted, rtol=2e-5, atol=1e-6)


def test_a_loss_of_old_parameters_does_not_depend_on_new_ones(device):
    step, net, _ = trained(device, 4)
    square = jrk.compile(lambda x: (net[0] * x).sum())
    x = jrk.ones(SHAPE)
    losses = [square(x) for _ in range(3)]
    with pytest.raises(jrk.errors.GradientError, match="graph ends"):
        losses[-1].backward(net)
    step()
    assert (losses[-1].backward(net)["0"].numpy() == 0).all()
    np.testing.assert_allclose(square(x).item(), expected(5)[0].sum(), rtol=1e-4)


def test_what_changes_beside_tensors_that_stay_is_assigned(device):
    net = nn.ParameterList([nn.Parameter(np.ones(SHAPE, np.float32))])
    seen = {"sum": jrk.tensor(0.0), "same": net[0]}

    @jrk.compile
    def step(x):
        net[0][...] = net[0] * x
        seen["sum"] = net[0].sum()

    for n in range(1, 6):
        step(jrk.tensor(2.0))
        assert seen["sum"].item() == 64 * 48 * 2.0**n
        assert seen["same"] is net[0]
