"""Elementwise work across the lines of what it reads: blocks, and what they leave at the edges."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

import jairika_nb as jrk


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_every_order_of_axes(device, order):
    x = np.random.default_rng(0).standard_normal((33, 50, 18), np.float32)
    y = np.random.default_rng(1).standard_normal(x.transpose(order).shape, np.float32)
    found = jrk.tensor(x).permute(*order) + jrk.tensor(y)
    np.testing.assert_array_equal(found.numpy(), x.transpose(order) + y)


def test_chunks_and_two_operands_across_each_other(device):
    x = np.arange(40 * 1100, dtype=np.float32).reshape(40, 1100)
    a, b = jrk.tensor(x), jrk.tensor(x.T.copy())
    np.testing.assert_array_equal((a.mT - b[::-1]).numpy(), x.T - x.T[::-1])
    np.testing.assert_array_equal((a - b.mT).numpy(), np.zeros_like(x))
    np.testing.assert_array_equal((a[:, :17] > 9).mT.numpy(), x[:, :17].T > 9)


def test_blocks_are_read_where_lines_lie_across(device):
    if device.is_reference or device.kind != "cpu":
        pytest.skip("the CPU schedule's")
    x = jrk.tensor(np.ones((64, 64), np.float32))
    assert "i0_block * 16" in str(x.mT.kernels())
    assert "_block" not in str((x * 2).kernels())
