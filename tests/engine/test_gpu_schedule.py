"""The GPU schedule, run on the CPU drivers: the same numbers by other code."""

from __future__ import annotations

import numpy as np
import pytest
import recurrences

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine import schedule_gpu
from jairika_nb.engine.limits import Limits

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


def test_elements_by_fours_and_what_is_left(gpu):
    assert (jrk.tensor([2.0]) @ jrk.tensor([3.0])).item() == 6
    for shape in [(1,), (7,), (64,), (5, 8), (5, 9), (3, 1, 12)]:
        x, y = data(*shape), data(shape[-1])
        a, b = jrk.tensor(x), jrk.tensor(y)
        np.testing.assert_allclose((a * b + 1).numpy(), x * y + 1, rtol=1e-6)
        np.testing.assert_array_equal(
            a.transpose(0, a.ndim - 1).abs().numpy(), np.abs(x.swapaxes(0, -1))
        )
        np.testing.assert_array_equal((a > b).logical_not().numpy(), ~(x > y))
        if shape[-1] > 4:
            np.testing.assert_array_equal(
                jrk.flip(a, axis=-1)[..., 4:].numpy(), x[..., ::-1][..., 4:]
            )


@pytest.mark.parametrize(
    "name", ["int8", "uint8", "int16", "int64", "float16", "bfloat16", "float64", "bool"]
)
def test_vectors_of_every_type_in_memory(one_gpu, name):
    x = RNG.integers(0, 2 if name == "bool" else 100, (3, 24))
    a = jrk.tensor(x).astype(name)
    jrk.eval(a)
    b = jrk.where(a == a, a, a)
    (source,) = b.kernels()
    assert "fours" in source.text or "_half4" in source.text
    np.testing.assert_array_equal(b.astype("int32").numpy(), x)
    np.testing.assert_array_equal(b.astype("float32").sum(axis=1).numpy(), x.sum(1))


def test_rows_that_lie_side_by_side(gpu):
    for shape in [(70, 5), (300, 33), (2, 65, 40), (64, 1)]:
        x = data(*shape)
        t, wide = jrk.tensor(x), x.astype(np.float64)
        np.testing.assert_allclose(t.sum(axis=-2).numpy(), wide.sum(-2), rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(t.max(axis=-2).numpy(), x.max(-2))
        np.testing.assert_array_equal(t.argmax(axis=-2).numpy(), x.argmax(-2))
        e = np.exp(wide - wide.max(-2, keepdims=True))
        soft = e / e.sum(-2, keepdims=True)
        np.testing.assert_allclose(t.softmax(axis=-2).numpy(), soft, rtol=1e-5)


def test_a_vector_times_a_matrix_and_back(gpu):
    x, w, v = data(300), data(300, 70), data(70)
    wide = w.astype(np.float64)
    np.testing.assert_allclose(
        (jrk.tensor(x) @ jrk.tensor(w)).numpy(), x @ wide, rtol=1e-5, atol=1e-4
    )
    np.testing.assert_allclose(
        (jrk.tensor(w) @ jrk.tensor(v)).numpy(), wide @ v, rtol=1e-5, atol=1e-4
    )


def test_sums_down_long_columns_take_two_steps(gpu):
    x = data(4096, 36)
    t = jrk.tensor(x)
    with jrk.profile() as p:
        got = (t.sum(axis=0) * 2).numpy()
    assert p.launches == 2
    np.testing.assert_allclose(got, 2 * x.sum(0, dtype=np.float64), rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(got, (t.sum(axis=0) * 2).numpy())


def test_infinities_and_nan_pass_through_groups(gpu):
    x = data(3, 200)
    x[0, 7], x[1, 3], x[2, 100] = np.inf, np.nan, -np.inf
    t = jrk.tensor(x)
    np.testing.assert_array_equal(np.isnan(t.max(axis=1).numpy()), [False, True, False])
    np.testing.assert_array_equal(t.max(axis=1).numpy()[[0, 2]], x.max(1)[[0, 2]])
    np.testing.assert_allclose(t.sum(axis=1).numpy(), [np.inf, np.nan, -np.inf])


@pytest.mark.parametrize(
    ("room", "items"), [(Limits(2, 32768, 100), 64), (Limits(2, 260, 1024), 32)]
)
def test_groups_stay_within_what_a_device_reports(one_gpu, monkeypatch, room, items):
    monkeypatch.setattr(schedule_gpu, "limits", lambda device: room)
    x = data(70, 300)
    wide = np.exp(x.astype(np.float64))
    for axis in (0, 1):
        found = jrk.tensor(x).softmax(axis=axis)
        assert {s.local_size for s in found.kernels()} == {(items,)}
        np.testing.assert_allclose(found.numpy(), wide / wide.sum(axis, keepdims=True), rtol=1e-4)
