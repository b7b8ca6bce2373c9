"""Memory: limits, graphs that flush themselves, running out and coming back."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine import run
from jairika_nb.engine.arena import Life, place
from jairika_nb.errors import ArgumentError, GradientError, OutOfMemory

OPENCL = [d.id for d in devices.devices() if not d.is_reference]
MIB = 2**20


@pytest.fixture(params=OPENCL)
def opencl(request):
    with devices.using(request.param) as chosen:
        yield chosen


@pytest.fixture
def limit(opencl):
    """A limit of 64 MiB on what tensors may take."""
    from jairika_nb.engine import memory

    gc.collect()
    memory.room(opencl).release()
    before = jrk.memory_limit()
    taken = memory.room(opencl).taken
    yield jrk.memory_limit(taken + 64 * MIB) - taken
    jrk.memory_limit(before)


def block(mib=1):
    return jrk.tensor(np.zeros(mib * MIB // 4, np.float32))


# Limits


def test_a_limit_is_read_and_set(opencl):
    before = jrk.memory_limit()
    assert before > 0
    assert jrk.memory_limit("1.5GiB") == 3 * 2**29 == jrk.memory_limit()
    assert jrk.memory_limit(before) == before
    for wrong in ("much", -1, 0, True, "0", "3 apples"):
        with pytest.raises(ArgumentError, match="no size"):
            jrk.memory_limit(wrong)
    with pytest.raises(ArgumentError, match="NumPy"):
        jrk.memory_limit(device="reference")


def test_beyond_the_limit_an_error_tells_what_to_do_and_memory_comes_back(opencl, limit):
    held = []
    with pytest.raises(OutOfMemory, match=r"no room for .* beside .* in use \(limit"):
        for _ in range(100):
            held.append(block())
    assert 50 <= len(held) <= 64
    first = held[0]
    assert first.numpy().sum() == 0
    held.clear()
    assert len([block() for _ in range(50)]) == 50


def test_memory_kept_for_reuse_is_given_back_before_anything_fails(opencl, limit):
    for mib in (1, 3, 7, 20, 40):
        for _ in range(3):
            assert (block(mib) + 1).sum().item() > 0


def test_memory_of_a_failed_evaluation_comes_back_though_its_error_is_kept(opencl, limit):
    from jairika_nb.engine import memory

    x = block(10)
    kept = None
    for _ in range(3):
        parts = [(x * (i + 2.5)).sin() for i in range(10)]
        try:
            jrk.eval(*parts)
        except OutOfMemory as error:
            kept = error
        assert kept is not None and kept.__traceback__ is not None
        del parts
        assert memory.room(opencl).pool.active_bytes <= x.nbytes * 2 + MIB
    assert (x + 1).sum().item() == x.size


def test_a_size_beyond_the_device_is_refused_before_anything_runs(opencl):
    n = int(opencl.handle.max_mem_alloc_size) // 4 + 1024
    x = jrk.tensor(np.ones(1, np.float32))
    with jrk.profile() as p, pytest.raises(OutOfMemory, match="allows at once"):
        jrk.eval(x + 1, x.expand(n) * 2)
    assert p.launches == 0
    assert (x + 1).tolist() == [2.0]


def test_histories_are_let_go_before_memory_runs_out(opencl, limit):
    total, losses = jrk.tensor(0.0), []
    for i in range(200):
        total = total + (block() + i).mean()
        losses.append(total)
        total.realize()
    assert total.item() == sum(range(200))


def test_a_derivative_through_a_history_that_was_let_go_raises(opencl, limit):
    x = jrk.tensor(2.0)
    y = (x * 3).realize()
    for i in range(100):
        y = y + (block() + i).mean() * 0
        y.realize()
    with pytest.raises(GradientError, match="the graph ends"):
        jrk.grad(y, [x])
    z = jrk.tensor(4.0)
    assert jrk.grad(y * z, [z])[0].item() == 6.0


# Graphs that only grow


def test_a_loop_of_a_hundred_thousand_additions_neither_grows_nor_overflows(device):
    # Drivers stop a little beyond the longest history: counting is the host's.
    many = 100_000 if device.is_reference else run.LONGEST_HISTORY + 2 * run.MOST_STRAIN
    x = jrk.tensor(np.zeros(4, np.float32))
    deepest = 0
    for i in range(many):
        x = x + 1
        if i % 997 == 0:
            deepest = max(deepest, length(x.node))
    assert x.tolist() == [float(many)] * 4
    assert deepest <= run.LONGEST_HISTORY + 2 * run.MOST_STRAIN


def length(node):
    count = 0
    while node.inputs:
        node, count = node.inputs[0], count + 1
    return count


def test_assignment_in_a_loop_neither_grows_nor_overflows(device, monkeypatch):
    monkeypatch.setattr(run, "MOST_STRAIN", 200)
    x = jrk.tensor(np.zeros(4, np.float32))
    for i in range(600):
        x[i % 4] = x[i % 4] + 1
    assert x.tolist() == [150.0] * 4


def test_what_waits_for_much_memory_is_computed(opencl, monkeypatch):
    monkeypatch.setattr(run, "MOST_STRAIN", 16)
    total = jrk.tensor(0.0)
    for _ in range(20):
        total = total + block(2).sum()
        assert total.node.value is not None or total.node.strain <= 16
    assert total.item() == 0


def test_derivatives_of_graphs_that_flushed_are_right(device, monkeypatch):
    monkeypatch.setattr(run, "MOST_STRAIN", 60)
    x = y = jrk.tensor(np.linspace(0, 1, 5, dtype=np.float32))
    for _ in range(50):
        y = (y * 0.5).sin() + y * 0.5
    slope = jrk.grad(y.sum(), [x])[0].numpy()
    value, want = np.linspace(0, 1, 5), np.ones(5)
    for _ in range(50):
        want *= 0.5 * np.cos(value * 0.5) + 0.5
        value = np.sin(value * 0.5) + value * 0.5
    np.testing.assert_allclose(slope, want, rtol=1e-4)


def test_a_very_long_history_has_no_derivative(device, monkeypatch):
    monkeypatch.setattr(run, "LONGEST_HISTORY", 300)
    monkeypatch.setattr(run, "MOST_STRAIN", 100)
    x = y = jrk.tensor(1.0)
    for _ in range(500):
        y = y + 1
    with pytest.raises(GradientError, match="the graph ends"):
        jrk.grad(y, [x])
    assert y.item() == 501


# Arenas


def test_values_that_do_not_live_together_share_bytes():
    lives = [Life(1000, 0, 1), Life(1000, 2, 3), Life(500, 1, 2), Life(500, 3, 4)]
    spots, sizes = place(lives, 128, 10**6)
    assert sizes == [1524]
    assert_apart(lives, spots)


@pytest.mark.parametrize("seed", range(20))
def test_no_two_values_overlap_in_place_and_time(seed):
    rng = np.random.default_rng(seed)
    lives = []
    for _ in range(60):
        first = int(rng.integers(0, 30))
        lives.append(Life(int(rng.integers(1, 5000)), first, first + int(rng.integers(0, 9))))
    spots, sizes = place(lives, 128, 20_000)
    assert all(offset % 128 == 0 for _, offset in spots)
    assert max(sizes) <= 20_000
    assert_apart(lives, spots)


def assert_apart(lives, spots):
    for i, (a, place_a) in enumerate(zip(lives, spots, strict=True)):
        for b, place_b in list(zip(lives, spots, strict=True))[:i]:
            together = a.first <= b.last and b.first <= a.last and place_a[0] == place_b[0]
            if together:
                assert place_a[1] + a.nbytes <= place_b[1] or place_b[1] + b.nbytes <= place_a[1]


def test_a_compiled_chain_of_layers_takes_little_more_than_two_of_its_values(opencl):
    weights = [jrk.tensor(np.eye(256, dtype=np.float32)) for _ in range(12)]

    @jrk.compile
    def chain(x):
        for w in weights:
            x = (x @ w).tanh()
        return x

    x = jrk.tensor(np.ones((256, 256), np.float32))
    for _ in range(3):
        chain(x)
    (part,) = chain._recordings[0].parts
    assert part.step.arena.nbytes <= 5 * x.nbytes
    want = np.ones((256, 256), np.float32)
    for _ in range(12):
        want = np.tanh(want)
    np.testing.assert_allclose(chain(x).numpy(), want, rtol=1e-4)


def test_the_arena_of_a_step_is_given_back_where_memory_is_short(opencl, limit):
    w = jrk.tensor(np.eye(1024, dtype=np.float32))

    @jrk.compile
    def chain(x):
        return (((x @ w).sin() @ w).sin() @ w).sum()

    x = jrk.tensor(np.zeros((1024, 1024), np.float32))
    for _ in range(3):
        assert chain(x).item() == 0
    (part,) = chain._recordings[0].parts
    assert part.step.arena.nbytes >= 4 * MIB
    held = [block() for _ in range(50)]
    assert part.step.arena is None
    del held
    assert chain(x).item() == 0


def test_the_peak_is_that_of_live_bytes(opencl):
    from jairika_nb.engine.memory import usage

    gc.collect()
    x = block(8)
    y = (x + 1).realize()
    live = usage.live
    with jrk.profile() as p:
        z = (y.sin() + 1).realize()
    assert p.peak_bytes == live + z.nbytes == usage.live
    with jrk.profile() as p:
        del z
        ((y * 2).sin()).realize()
    assert p.peak_bytes == live + y.nbytes
