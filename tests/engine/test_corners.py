"""Corners of shapes, dtypes and numbers in which kernels once went wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import jairika_nb as jrk


def test_a_constant_minus_zero_can_be_negated(device):
    got = (-jrk.full((3,), -0.0)).numpy()
    np.testing.assert_array_equal(np.signbit(got), [False] * 3)


def test_a_minus_zero_that_is_filled_in_is_not_the_zero_of_another_program(device):
    for fill in (0.0, -0.0):
        got = jrk.nn.functional.pad(jrk.tensor([1.0, 2.0]), (1, 2), value=fill).numpy()
        np.testing.assert_array_equal(np.signbit(got), np.signbit([fill, 1, 2, fill, fill]))


@pytest.mark.parametrize("shape", [(560, 7), (4000, 17), (9, 50, 9), (3000, 3, 5), (63, 33, 31)])
def test_sums_over_many_short_rows_do_not_drift(device, shape):
    x = np.random.default_rng(2).random(shape).astype(np.float32) + 0.5
    want = x.astype(np.float64)
    t = jrk.tensor(x)
    np.testing.assert_allclose(t.sum().item(), want.sum(), rtol=2e-7)
    np.testing.assert_allclose(t.var().item(), want.var(), rtol=4e-7)
    axes = tuple(range(len(shape) - 1))
    np.testing.assert_allclose(t.sum(axis=axes).numpy(), want.sum(axes), rtol=2e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "float64"])
def test_vectors_may_lie_anywhere_in_memory(device, dtype):
    # Rows of 33 and 35: a driver once took vectors of halves to be aligned, and the process died.
    x = (np.arange(33 * 33).reshape(33, 33) % 100).astype("float32")
    t = jrk.tensor(x).astype(dtype).realize()
    padded = jrk.concat([jrk.zeros((2, 35), dtype=dtype), jrk.concat([t, t[:, :2]], axis=1)])
    want = np.concatenate([np.zeros((2, 35)), np.concatenate([x, x[:, :2]], 1)])
    np.testing.assert_array_equal(padded.numpy().astype("float32"), want)
    np.testing.assert_array_equal((t[1:, 1:] + 1).numpy().astype("float32"), x[1:, 1:] + 1)
    grown = jrk.nn.functional.pad(t, (0, 2, 2, 0)).numpy().astype("float32")
    np.testing.assert_array_equal(grown, np.pad(x, ((2, 0), (0, 2))))


def test_columns_of_no_rows_sum_to_zero(device):
    assert jrk.zeros((0, 40)).sum(axis=0).tolist() == [0.0] * 40


@pytest.mark.parametrize("name", ["less", "less_equal", "greater", "greater_equal"])
def test_bools_are_ordered_in_vectors_as_in_scalars(device, name):
    x, y = np.arange(40) % 3 == 0, np.arange(40) % 2 == 0
    got = getattr(jrk, name)(jrk.tensor(x), jrk.tensor(y)).numpy()
    np.testing.assert_array_equal(got, getattr(np, name)(x, y))


def test_a_number_that_does_not_fit_is_refused_when_it_is_written(device):
    for x, number in [(jrk.tensor(np.uint8([1, 2])), 300), (jrk.tensor([1, 2]), 2**40)]:
        with pytest.raises(jrk.errors.DTypeError, match=f"{number} does not fit {x.dtype.name}"):
            x + number
    assert jrk.full((2,), 300).astype("uint8").tolist() == [44, 44]


def test_a_source_gets_its_derivative_through_other_sources(device):
    x = jrk.tensor(3.0)
    middle = x * 2
    through, whole = jrk.grad(middle * middle + x, [middle, x])
    assert (through.item(), whole.item()) == (12.0, 25.0)


def test_the_derivative_of_a_zeroth_power_is_zero_everywhere(device):
    x = jrk.tensor([0.0, 1.0, -2.0])
    assert jrk.grad((x**0).sum(), [x])[0].tolist() == [0.0, 0.0, 0.0]


def test_flipped_rows_of_joined_axes_come_from_the_right_place(device):
    x = np.arange(40, dtype=np.float32).reshape(4, 2, 5)
    got = jrk.tensor(x).permute(2, 1, 0).reshape(5, 8).flip(axis=1).numpy()
    np.testing.assert_array_equal(got, x.transpose(2, 1, 0).reshape(5, 8)[:, ::-1])


def test_views_of_two_thousand_million_elements_are_indexed_in_64_bits(device):
    x = jrk.tensor([[3.0]]).expand(2**16, 2**15)
    assert (x[:: 2**12, -5:].sum(axis=1) + 1).tolist() == [16.0] * 16


def test_a_tensor_larger_than_the_device_allows_is_refused_and_work_goes_on(device):
    if device.is_reference:
        return
    row = jrk.tensor([1.0])
    with pytest.raises(jrk.errors.OutOfMemory, match="compute in smaller pieces"):
        (row.expand(device.handle.max_mem_alloc_size // 4 + 1024) * 2.5).realize()
    assert (row * 2).tolist() == [2.0]


def test_an_interrupted_evaluation_can_be_repeated(device, monkeypatch):
    if device.is_reference:
        return
    from jairika_nb.engine import execute

    x = jrk.tensor(np.ones((500, 600), np.float32))
    total = (x * x).sum()
    a, b = x * total, x.T / total
    launch, calls = execute._launch, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return launch(*arguments)

    monkeypatch.setattr(execute, "_launch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        jrk.eval(a, b)
    jrk.eval(a, b)
    np.testing.assert_allclose(a.numpy(), np.full((500, 600), 3e5))
    np.testing.assert_allclose(b.numpy(), np.full((600, 500), 1 / 3e5), rtol=1e-6)


def test_threads_share_a_device_and_lazy_tensors(device):
    x = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    shared = (jrk.tensor(x) @ jrk.tensor(x)).tanh().detach()
    want = np.tanh(x @ x)

    def work(number):
        return (shared * float(number) + 1).numpy()

    with ThreadPoolExecutor(6) as pool:
        for number, got in enumerate(pool.map(work, range(60))):
            np.testing.assert_allclose(got, want * number + 1, rtol=1e-4)


@pytest.mark.parametrize("shape", [(3, 5, 0), (3, 0, 5), (0, 3), (0,)])
def test_tensors_without_elements_need_no_kernel_of_their_own(device, shape):
    x = jrk.tensor(np.zeros(shape, np.float32))
    got = x.softmax(axis=0) if shape[0] else x.tanh()
    total = (x * 2).sum() + jrk.concat([x, x + 1], axis=-1).sum()
    jrk.eval(got, total, *jrk.grad(total, [x]))
    assert got.numpy().shape == shape and total.item() == 0


def test_a_kernel_with_sines_and_cosines_of_one_value_compiles(device):
    x = jrk.tensor(np.full(1, 0.5, np.float32))
    y = x.sin().sin()
    (g,) = jrk.grad((y * y).mean(), [x])
    jrk.eval(y, g)
    want = 2 * np.sin(np.sin(0.5)) * np.cos(np.sin(0.5)) * np.cos(0.5)
    np.testing.assert_allclose(g.numpy(), [want], rtol=1e-6)
