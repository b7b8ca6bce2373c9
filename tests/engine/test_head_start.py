"""Kernels that begin before it is known whether a replay is right: what they do never shows."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.engine import memory, replay
from jairika_nb.errors import KernelError, OutOfMemory, OutOfRange
from jairika_nb.tensors.guards import Places
from jairika_nb.tensors.head_start import PAUSE

RNG = np.random.default_rng(5)
CALLS = 5


def drawn(*shape):
    return RNG.standard_normal(shape, dtype=np.float32)


def head(function):
    return function._recordings[0].head_start


def was_used(function):
    return head(function).last is not None and head(function).last.is_used


def is_reference(device):
    if device.is_reference:
        pytest.skip("NumPy has nothing to launch")


@pytest.fixture
def dense(device):
    """A compiled product, a NumPy array that it multiplies by, and the tensor of it."""
    is_reference(device)
    weight = drawn(24, 32)
    held = {"w": jrk.tensor(weight, device=device)}

    @jrk.compile
    def step(x):
        return (x @ held["w"]).tanh() @ held["w"].T

    with jrk.device(device):
        for _ in range(CALLS):
            check(step, drawn(8, 24), weight)
        yield step, weight, held


def check(step, x, weight):
    found = step(jrk.tensor(x)).numpy()
    np.testing.assert_allclose(found, np.tanh(x @ weight) @ weight.T, rtol=2e-4, atol=2e-4)


def during_the_guards(monkeypatch, what):
    """Let ``what`` happen when the next call is looked at, after its kernels began."""
    holds = Places.holds

    def looked_at(*args):
        monkeypatch.setattr(Places, "holds", holds)
        what()
        return holds(*args)

    monkeypatch.setattr(Places, "holds", looked_at)


def test_other_arguments_are_handed_in(dense):
    step, weight, _ = dense
    for _ in range(3):
        check(step, drawn(8, 24), weight)
        assert was_used(step)
    assert step.traces == 2


def test_results_of_earlier_calls_stay(dense):
    step, weight, _ = dense
    inputs = [drawn(8, 24) for _ in range(4)]
    found = [step(jrk.tensor(x)) for x in inputs]
    assert was_used(step)
    for x, y in zip(inputs, found, strict=True):
        np.testing.assert_allclose(y.numpy(), np.tanh(x @ weight) @ weight.T, rtol=2e-4, atol=2e-4)


def test_a_replaced_weight_is_seen_and_costs_a_pause(dense):
    step, weight, held = dense
    check(step, drawn(8, 24), weight)
    new = drawn(24, 32)
    old, held["w"] = held["w"], jrk.tensor(new)
    check(step, drawn(8, 24), new)
    assert not was_used(step)
    assert step.traces == 2
    for _ in range(PAUSE):
        check(step, drawn(8, 24), new)
        assert head(step).last is None
    check(step, drawn(8, 24), new)
    assert was_used(step)
    assert old.shape == (24, 32)


def test_a_weight_that_is_gone_lets_nothing_begin(dense):
    step, _, held = dense
    new = drawn(24, 32)
    held["w"] = jrk.tensor(new)
    check(step, drawn(8, 24), new)
    assert head(step).last is None
    check(step, drawn(8, 24), new)
    assert was_used(step)


@pytest.mark.parametrize(
    "other",
    [drawn(4, 24), drawn(8, 24).astype(np.float64), 3.0, None],
    ids=["fewer rows", "another dtype", "a number", "nothing"],
)
def test_arguments_of_another_kind_begin_nothing(dense, other):
    step, weight, _ = dense
    given = jrk.tensor(other) if isinstance(other, np.ndarray) else other
    try:
        expected = step.function(given).numpy()
    except Exception as error:
        with pytest.raises(type(error)):
            step(given)
    else:
        np.testing.assert_array_equal(step(given).numpy(), expected)
    assert step.traces == 3
    check(step, drawn(8, 24), weight)


def test_too_few_arguments_are_an_error_and_nothing_is_lost(dense):
    step, weight, _ = dense
    with pytest.raises(TypeError):
        step()
    check(step, drawn(8, 24), weight)
    assert step.traces == 3


def test_lazy_arguments_are_computed_first(dense):
    step, weight, _ = dense
    x = drawn(8, 24)
    found = step(jrk.tensor(x) * 2).numpy()
    np.testing.assert_allclose(found, np.tanh(2 * x @ weight) @ weight.T, rtol=2e-4, atol=2e-4)


@pytest.fixture
def counting(device):
    """A compiled product of an argument, added to a tensor in place: only its first part begins."""
    is_reference(device)
    weight = drawn(256, 256)
    w = jrk.tensor(weight, device=device)
    held = {"sum": jrk.tensor(np.zeros((256, 256), np.float32), device=device)}

    @jrk.compile
    def step(x):
        held["sum"] = held["sum"] + (x @ w).tanh() @ w

    def expected(x):
        return np.tanh(x @ weight) @ weight

    with jrk.device(device):
        for _ in range(CALLS):
            step(jrk.tensor(drawn(256, 256)))
        held["sum"] = jrk.tensor(np.zeros((256, 256), np.float32))
        yield step, held, expected


def test_what_comes_after_the_head_waits_for_the_guards(counting, monkeypatch):
    step, held, expected = counting
    x = drawn(256, 256)
    assert head(step).head.many < len(head(step).step.runs)
    seen = []
    during_the_guards(monkeypatch, lambda: seen.append(held["sum"].numpy().any()))
    step(jrk.tensor(x))
    assert was_used(step)
    assert seen == [False]
    np.testing.assert_allclose(held["sum"].numpy(), expected(x), rtol=1e-3, atol=1e-3)


def another_step():
    """A compiled function that is replayed, and what to call it with."""
    other = jrk.compile(lambda x: (x @ x).sin() @ x)
    big = jrk.tensor(drawn(256, 256))
    for _ in range(CALLS):
        other(big)
    return other, big


def test_what_another_step_computes_meanwhile_does_no_harm(counting, monkeypatch):
    step, held, expected = counting
    other, big = another_step()
    mine, others = (f._recordings[0].parts[0].step.arena.blocks[0] for f in (step, other))
    assert mine is others
    x = drawn(256, 256)
    ran = []
    during_the_guards(monkeypatch, lambda: ran.append(other(big)))
    step(jrk.tensor(x))
    assert ran
    assert not was_used(step)
    np.testing.assert_allclose(held["sum"].numpy(), expected(x), rtol=1e-3, atol=1e-3)


def test_a_head_start_that_breaks_off_ends_those_before_it(counting, monkeypatch):
    step, held, expected = counting
    other, big = another_step()
    theirs = other._recordings[0].parts[0].step
    launched, enqueue = [], theirs.enqueue

    def refused(*args):
        if launched:
            raise OutOfMemory("no room for the second kernel")
        launched.append(enqueue(*args))

    def broken():
        theirs.enqueue = refused
        assert head(other).begin((big,), {}) is None
        theirs.enqueue = enqueue

    x = drawn(256, 256)
    during_the_guards(monkeypatch, broken)
    step(jrk.tensor(x))
    assert launched
    np.testing.assert_allclose(held["sum"].numpy(), expected(x), rtol=1e-3, atol=1e-3)


def test_memory_that_is_released_meanwhile_is_bound_anew(dense, monkeypatch):
    step, weight, _ = dense
    during_the_guards(monkeypatch, step._recordings[0].parts[0].step.release)
    check(step, drawn(8, 24), weight)
    assert not was_used(step)


def test_making_room_for_results_takes_nothing_that_runs(dense, monkeypatch):
    step, weight, _ = dense
    mine = step._recordings[0].parts[0].step
    take = memory.Room.take

    def released(room, nbytes):
        mine.release()
        return take(room, nbytes)

    x = jrk.tensor(drawn(8, 24))
    monkeypatch.setattr(memory.Room, "take", released)
    found = step(x).numpy()
    assert mine.arena is not None
    assert was_used(step)
    np.testing.assert_allclose(found, np.tanh(x.numpy() @ weight) @ weight.T, rtol=2e-4, atol=2e-4)


def test_an_interrupt_meanwhile_leaves_things_whole(dense, monkeypatch):
    step, weight, _ = dense

    def interrupted():
        raise KeyboardInterrupt

    during_the_guards(monkeypatch, interrupted)
    with pytest.raises(KeyboardInterrupt):
        check(step, drawn(8, 24), weight)
    for _ in range(3):
        check(step, drawn(8, 24), weight)


def test_threads_do_not_see_what_others_began(dense):
    step, weight, _ = dense
    other = jrk.compile(lambda x: (x @ x.T).tanh() @ x)
    failed = []

    def work(function, x, expected):
        try:
            for _ in range(40):
                found = function(jrk.tensor(x)).numpy()
                np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)
        except BaseException as error:
            failed.append(error)

    x, y = drawn(8, 24), drawn(64, 16)
    expected = np.tanh(x @ weight) @ weight.T, np.tanh(y @ y.T) @ y
    device = jrk.tensor(x).device

    def started(*task):
        with jrk.device(device):
            work(*task)

    tasks = [(step, x, expected[0]), (other, y, expected[1])] * 2
    threads = [threading.Thread(target=started, args=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_indices_out_of_range_are_refused_before_anything_begins(device):
    is_reference(device)
    with jrk.device(device):
        table = jrk.tensor(drawn(10, 4))
        step = jrk.compile(lambda i: table[i] * 2)
        for _ in range(CALLS):
            step(jrk.tensor([1, 2]))
        with pytest.raises(OutOfRange, match="index 10"):
            step(jrk.tensor([1, 10]))
        found = step(jrk.tensor([9, 0])).numpy()
        np.testing.assert_array_equal(found, table.numpy()[[9, 0]] * 2)


def test_indices_of_what_broke_off_are_not_those_of_later_calls(device, monkeypatch):
    is_reference(device)

    def interrupted():
        raise KeyboardInterrupt

    with jrk.device(device):
        table = jrk.tensor(drawn(10, 4))
        step = jrk.compile(lambda i: table[i] * 2)
        for _ in range(CALLS):
            step(jrk.tensor([1, 2]))
        during_the_guards(monkeypatch, interrupted)
        with pytest.raises(KeyboardInterrupt):
            step(jrk.tensor([1, 10]))
        computed = (jrk.tensor([3, 4]) + 1).realize()  # what bounds they have, nobody knows
        np.testing.assert_array_equal(step(computed).numpy(), table.numpy()[[4, 5]] * 2)


def test_training_is_the_same_bit_for_bit(device):
    is_reference(device)

    def trained(is_begun):
        with jrk.device(device):
            jrk.random.seed(0)
            net = nn.Sequential(
                nn.Linear(100, 256),
                nn.ReLU(),
                nn.Linear(256, 64),
                nn.Dropout(0.2),
                nn.Linear(64, 3),
            )
            optimizer = optim.Adam(lr=1e-2)

            @jrk.compile
            def step(x, y):
                loss = nn.functional.cross_entropy(net(x), y)
                optimizer.update(net, loss.backward(net))
                return loss

            rng = np.random.default_rng(1)
            losses, used = [], 0
            for _ in range(12):
                x = jrk.tensor(rng.standard_normal((64, 100), dtype=np.float32))
                y = jrk.tensor(rng.integers(0, 3, 64).astype(np.int32))
                losses.append(float(step(x, y)))
                if step.replays:
                    used += was_used(step)
                    if not is_begun:
                        head(step).head = None
            return losses, [p.numpy().tobytes() for p in net.parameters()], used

    plain, ahead = trained(False), trained(True)
    assert plain[:2] == ahead[:2]
    assert ahead[2] > 5
    assert len(set(plain[0])) == 12


def test_a_failed_launch_holds_no_memory(dense, monkeypatch):
    step, _, _ = dense
    x = jrk.tensor(drawn(8, 24))
    before = memory.usage.live

    def failing(*args):
        raise KernelError("refused")

    monkeypatch.setattr(replay.Step, "_launch", failing)
    with pytest.raises(KernelError, match="refused") as raised:
        step(x)
    assert memory.usage.live == before
    assert raised


def test_what_began_holds_no_memory(dense):
    step, weight, held = dense
    check(step, drawn(8, 24), weight)
    before = memory.usage.live
    old, held["w"] = held["w"], jrk.tensor(drawn(24, 32))
    for _ in range(2):
        step(jrk.tensor(drawn(8, 24)))  # the first begins for
    del old
    assert memory.usage.live == before
