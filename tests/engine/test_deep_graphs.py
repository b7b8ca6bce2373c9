"""Long chains, wide sums and views of views: planned in reasonable time, without recursion."""

from __future__ import annotations

import time

import numpy as np

import jairika_nb as jrk
from jairika_nb.engine.plan import plan
from jairika_nb.engine.program import capture


def ramp(n=40):
    return jrk.tensor(np.linspace(0, 1, n, dtype=np.float32))


def test_a_chain_of_five_thousand_operations_runs(device):
    x = y = ramp()
    for _ in range(2500):
        y = y * 0.5 + 0.25
    np.testing.assert_allclose((y + 0 * x).numpy(), np.full(40, 0.5), rtol=1e-6)


def test_the_derivative_of_a_long_chain_is_right(device):
    x = y = ramp()
    for _ in range(150):
        y = (y * 0.5).sin() + y * 0.5
    ours = jrk.grad(y.sum(), [x])[0].numpy()
    value, slope = np.linspace(0, 1, 40), np.ones(40)
    for _ in range(150):
        slope *= 0.5 * np.cos(value * 0.5) + 0.5
        value = np.sin(value * 0.5) + value * 0.5
    np.testing.assert_allclose(ours, slope, rtol=1e-4)


def test_planning_two_thousand_operations_takes_seconds(device):
    if device.is_reference:
        return
    x = y = ramp()
    for _ in range(1000):
        y = y.tanh() + x
    program = capture([y.node])
    start = time.process_time()
    plan(program, device)
    assert time.process_time() - start < 5


def test_views_of_views_of_views_do_not_grow_without_end(device):
    x, want = ramp(), np.linspace(0, 1, 40, dtype=np.float32)
    for _ in range(60):
        x, want = x.reshape(8, 5).T.reshape(40), want.reshape(8, 5).T.reshape(40)
    np.testing.assert_array_equal(x.numpy(), want)


def test_repeated_halving_does_not_repeat_work_without_end(device):
    x, want = ramp(4096), np.linspace(0, 1, 4096, dtype=np.float32)
    for _ in range(12):
        x, want = x[::2] + x[1::2], want[::2] + want[1::2]
    np.testing.assert_allclose(x.numpy(), want, rtol=1e-5)


def test_a_sum_of_many_tensors_reads_them_in_several_kernels(device):
    rows = [jrk.tensor(np.full(4, i, np.float32)) for i in range(200)]
    assert jrk.concat(rows).sum().item() == 4 * sum(range(200))
    while len(rows) > 1:
        rows = [a + b for a, b in zip(rows[::2], rows[1::2], strict=False)] + (
            rows[-1:] if len(rows) % 2 else []
        )
    assert rows[0].tolist() == [sum(range(200))] * 4
