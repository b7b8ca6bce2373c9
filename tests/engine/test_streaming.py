"""Outputs larger than the caches are stored past them; the numbers stay what they are."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import execute, replay


@pytest.fixture
def small_cache(device, monkeypatch):
    """A device that believes its caches to be small, and plans anew."""
    if device.is_reference or device.kind == "gpu":
        pytest.skip("the schedule for CPUs")
    monkeypatch.setitem(device.__dict__, "last_cache", 4096)
    monkeypatch.setattr(execute, "_plans", type(execute._plans)())
    monkeypatch.setattr(replay, "_steps", type(replay._steps)())
    return device


def is_streamed(x):
    return any("stream_" in source.body for source in x.kernels())


@pytest.mark.parametrize("columns", [2048, 2037])
def test_streamed_rows_equal_numpy(small_cache, columns):
    x = np.random.default_rng(0).standard_normal((7, columns), np.float32)
    y = jrk.softmax(jrk.tensor(x) * 2, axis=-1)
    assert is_streamed(y)
    e = np.exp(2 * x.astype(np.float64) - 2 * x.max(1, keepdims=True))
    np.testing.assert_allclose(y.numpy(), e / e.sum(1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16", "int8", "bool"])
def test_every_type_is_streamed_right(small_cache, dtype):
    x = np.arange(20011, dtype=np.int32) % 251
    y = jrk.tensor(x).astype(dtype)
    assert is_streamed(y) == (dtype != "float16")
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    want = x.astype(kind).astype(np.float64)
    np.testing.assert_array_equal(y.numpy().astype(np.float64), want)


def test_slices_written_where_no_vector_begins_are_right(small_cache):
    x = np.arange(30000, dtype=np.float32)
    y = jrk.concat([jrk.tensor(x[:3]), jrk.tensor(x) * 2, jrk.tensor(x[:5])])
    np.testing.assert_array_equal(y.numpy(), np.concatenate([x[:3], x * 2, x[:5]]))


def test_what_is_written_over_its_input_is_right(small_cache):
    start = np.arange(20000, dtype=np.float32)
    net = jrk.nn.ParameterList([jrk.nn.Parameter(start)])
    optimizer = jrk.optim.SGD(lr=0.5)

    @jrk.compile
    def step(g):
        optimizer.update(net, {"0": g})

    for _ in range(4):
        step(jrk.tensor(start))
    np.testing.assert_allclose(next(iter(net.parameters())).numpy(), -start, rtol=1e-6)


def test_small_outputs_stay_in_the_cache(device):
    if device.is_reference:
        pytest.skip("no kernels")
    assert not is_streamed(jrk.ones((100, 1000)) * jrk.tensor(2.5))
