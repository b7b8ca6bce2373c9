"""Large buffers of a CPU ask for large pages: for all of themselves, and for nothing beside."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import memory, paging


@pytest.fixture
def asked(device, monkeypatch):
    """The parts of memory that are asked for, as (first byte, length); nothing is granted."""
    if device.is_reference or device.kind == "gpu" or not hasattr(mmap, "MADV_HUGEPAGE"):
        pytest.skip("CPUs, where the system has large pages")
    found = []
    monkeypatch.setattr(paging, "_madvise", lambda: lambda at, n, advice: found.append((at, n)))
    memory.room(device).release()
    return found


def test_whole_large_pages_inside_of_new_memory_are_asked_for(asked, device):
    x = np.arange(3 << 20, dtype=np.float32)
    y = jrk.tensor(x)
    buffer = y.node.value.cl
    address = paging._address(device, buffer)
    ((at, length),) = asked
    assert at % paging.LARGE == length % paging.LARGE == 0
    assert address <= at and at + length <= address + x.nbytes
    assert length > x.nbytes - 2 * paging.LARGE
    np.testing.assert_array_equal(y.numpy(), x)


def test_small_memory_and_memory_of_the_pool_ask_for_nothing(asked, device):
    jrk.tensor(np.zeros(1000, np.float32))
    assert not asked
    for _ in range(3):
        y = jrk.zeros((5 << 20,)).realize()
        del y
    assert len(asked) == 1


def test_values_in_large_pages_are_right(device):
    x = np.random.default_rng(0).standard_normal(5 << 20).astype(np.float32)
    y = (jrk.tensor(x) * 2 + 1).realize()
    np.testing.assert_array_equal(y.numpy(), x * 2 + 1)
    del y
    again = (jrk.tensor(x) - 1).numpy()
    np.testing.assert_array_equal(again, x - 1)
