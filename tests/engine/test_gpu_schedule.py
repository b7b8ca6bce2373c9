"""The GPU schedule, run on the CPU drivers: the same numbers by other code."""

from __future__ import annotations

import numpy as np
import recurrences

import jairika_nb as jrk
from jairika_nb.engine import device as devices

RNG = np.random.default_rng(4)


def data(*shape):
    return RNG.uniform(-2, 2, shape).astype(np.float32)


def test_rows_longer_and_shorter_than_a_work_group(gpu):
    for shape in [(3, 10), (5, 64), (7, 300), (2, 3, 129)]:
        x = data(*shape)
        t = jrk.tensor(x)
        np.testing.assert_allclose(t.sum(axis=-1).numpy(), x.sum(-1), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(t.sum(axis=0).numpy(), x.sum(0), rtol=1e-4, atol=1e-4)
        e = np.exp(x - x.max(-1, keepdims=True))
        np.testing.assert_allclose(
            t.softmax(axis=-1).numpy(), e / e.sum(-1, keepdims=True), rtol=1e-5
        )


def test_a_long_sum_in_two_steps(gpu):
    x = data(1 << 17)
    assert abs(jrk.tensor(x).sum().item() - x.sum(dtype=np.float64)) < 0.05


def test_long_rows_do_not_drift_and_pass_infinity(gpu):
    x = np.full((2, 200000), 0.1, np.float32)
    x[1, 5] = np.inf
    got = jrk.tensor(x).sum(axis=1).numpy()
    np.testing.assert_allclose(got, [200000 * np.float64(np.float32(0.1)), np.inf], rtol=2e-6)


def test_products_with_epilogues_and_ragged_edges(gpu):
    for m, k, n in [(64, 64, 64), (70, 33, 90), (128, 100, 10)]:
        a, b, c = data(m, k), data(k, n), data(n)
        out = (jrk.tensor(a) @ jrk.tensor(b) + jrk.tensor(c)).relu()
        np.testing.assert_allclose(out.numpy(), np.maximum(a @ b + c, 0), rtol=1e-4, atol=1e-4)
    a, b = data(3, 40, 50), data(3, 60, 50)
    got = (jrk.tensor(a) @ jrk.tensor(b).mT).numpy()
    np.testing.assert_allclose(got, a @ b.transpose(0, 2, 1), rtol=1e-4, atol=1e-4)


def test_a_training_step_equals_the_reference(gpu):
    x, w = data(32, 40), data(40, 50)

    def step(where):
        with devices.using(where):
            a, b = jrk.tensor(x), jrk.tensor(w)
            loss = ((a @ b).tanh().softmax(axis=1) ** 2).sum()
            (g,) = jrk.grad(loss, [b])
            return (b - 0.1 * g).numpy()

    np.testing.assert_allclose(step(gpu), step("reference"), rtol=1e-4, atol=1e-5)


def test_recurrences_run_step_by_step(gpu):
    arrays = [a.astype(np.float32) for a in recurrences.sequence("lstm", 2, 2, 3)]

    def results():
        tensors = [jrk.tensor(a) for a in arrays]
        y = recurrences.run("lstm", True, [1, 2])(*tensors)
        found = [y, *jrk.grad((y * y).sum(), tensors)]
        jrk.eval(*found)
        return [v.numpy() for v in found]

    with devices.using("reference"):
        wanted = results()
    for ours, theirs in zip(results(), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
