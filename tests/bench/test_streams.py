"""The loops that only stream: what they compute, and how many bytes that is."""

from dataclasses import replace

import numpy as np
import pytest

from jairika_nb.bench import streams


@pytest.fixture
def small(device, monkeypatch):
    """A device with arrays of a few thousand values, and two turns."""
    if device.is_reference:
        pytest.skip("NumPy has no loops of its own")
    monkeypatch.setattr(streams, "streamed", lambda: 1 << 15)
    monkeypatch.setattr(streams, "TURNS", 2)
    return device


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_each_kind_reads_and_writes_all_of_its_arrays(small, monkeypatch, kind):
    import pyopencl as cl

    if (small.id, kind) == ("opencl:1", "gpu"):
        pytest.skip("the text is the same; one driver is enough")
    device = replace(small, kind=kind)
    units = device.compute_units
    monkeypatch.setattr(streams, "_items", lambda device: (units, 4 * units))
    rng = np.random.default_rng(0)
    drawn = [rng.standard_normal(size, np.float32) for size in (1 << 16, 1 << 15)]
    given = iter([*drawn, np.full(1 << 15, np.nan, np.float32)])
    buffers, seen = [], {each.kernel: 0 for each in streams.KINDS}

    def filled(device, count):
        values = next(given)
        assert values.size == count
        buffers.append(streams.memory(device, values))
        return buffers[-1]

    def timed(device, kernel, items):
        cl.enqueue_nd_range_kernel(device.queue, kernel, (items,), None)
        found = np.empty(1 << 15, np.float32)
        cl.enqueue_copy(device.queue, found, buffers[2])
        x, y = drawn
        expected = {"copied": 2 * x[: y.size], "two_read": x[: y.size] + 3 * y}
        if kernel.function_name in expected:
            np.testing.assert_allclose(found, expected[kernel.function_name], rtol=1e-6, atol=1e-6)
        else:
            lanes = 16 if kind == "cpu" else 4
            np.testing.assert_allclose(found[: items * lanes].sum(), x.sum(), rtol=1e-3, atol=1e-2)
        seen[kernel.function_name] += 1
        return 1.0

    monkeypatch.setattr(streams, "_filled", filled)
    monkeypatch.setattr(streams, "_timed", timed)
    found = streams.rates(device)
    nbytes = 4 << 15
    assert found == {0: 2 * nbytes, 1 / 3: 3 * nbytes, 1 / 2: 2 * nbytes}
    assert set(seen.values()) == {2 * 2 * 2 * streams.TURNS}
