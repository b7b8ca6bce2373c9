"""Distinct elements and membership against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk

RNG = np.random.default_rng(8)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "int64", "float32", "float64"])
def test_distinct_elements_equal_numpy(device, dtype):
    x = RNG.integers(0, 2 if dtype == "bool" else 9, (4, 5)).astype(dtype)
    values, first, inverse, counts = np.unique(x, True, True, True)
    got = jrk.unique_all(jrk.tensor(x))
    assert got._fields == ("values", "indices", "inverse_indices", "counts")
    np.testing.assert_array_equal(got.values.numpy(), values)
    np.testing.assert_array_equal(got.indices.numpy(), first)
    np.testing.assert_array_equal(got.inverse_indices.numpy(), inverse.reshape(x.shape))
    np.testing.assert_array_equal(got.counts.numpy(), counts)
    assert got.values.dtype.name == dtype and got.counts.dtype == jrk.int32
    np.testing.assert_array_equal(jrk.unique_values(jrk.tensor(x)).numpy(), values)
    np.testing.assert_array_equal(jrk.unique_counts(jrk.tensor(x)).counts.numpy(), counts)
    again = jrk.unique_inverse(jrk.tensor(x))
    np.testing.assert_array_equal(again.values[again.inverse_indices].numpy(), x)


def test_every_nan_is_distinct_and_zeros_are_one(device):
    got = jrk.unique_all(jrk.tensor([np.nan, 0.0, -0.0, np.nan]))
    assert got.values.numpy()[0] == 0 and got.counts.tolist() == [2, 1, 1]


def test_distinct_rows_and_what_was_asked_for(device):
    x = np.array([[1, 2], [0, 5], [1, 2]])
    rows, inverse, counts = jrk.unique(
        jrk.tensor(x), return_inverse=True, return_counts=True, axis=0
    )
    assert rows.tolist() == [[0, 5], [1, 2]]
    assert inverse.tolist() == [1, 0, 1] and counts.tolist() == [1, 2]
    assert jrk.unique(jrk.tensor(x)).tolist() == [0, 1, 2, 5]


def test_runs_of_equal_elements_equal_pytorch(device):
    torch = pytest.importorskip("torch")
    for x in ([[1, 1, 2], [2, 3, 1]], [], [5]):
        got = jrk.unique_consecutive(
            jrk.tensor(np.array(x, "i4")), return_inverse=True, return_counts=True
        )
        want = torch.unique_consecutive(torch.tensor(x, dtype=torch.int32), True, True)
        for g, w in zip(got, want, strict=True):
            np.testing.assert_array_equal(g.numpy(), w.numpy())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32"])
def test_membership_equals_numpy(device, dtype):
    most = 2 if dtype == "bool" else 40
    x, of = (RNG.integers(0, most, n).astype(dtype) for n in ((5, 6), (11,)))
    with jrk.profile() as p:
        got = jrk.isin(jrk.tensor(x), jrk.tensor(of))
    assert p.launches == 0
    np.testing.assert_array_equal(got.numpy(), np.isin(x, of))
    out = jrk.isin(jrk.tensor(x), jrk.tensor(of), invert=True)
    np.testing.assert_array_equal(out.numpy(), np.isin(x, of, invert=True))


def test_membership_of_scalars_nan_and_nothing(device):
    x = jrk.tensor([1.0, np.nan, 3.0])
    assert jrk.isin(x, 3).tolist() == [False, False, True]
    assert jrk.isin(3, x).item() is True
    assert jrk.isin(x, x).tolist() == [True, False, True]
    assert jrk.isin(x, jrk.zeros((0,))).tolist() == [False] * 3
    assert jrk.isin(jrk.zeros((0, 2)), x).shape == (0, 2)
    assert jrk.isin(jrk.tensor([1, 2]), jrk.tensor([2.5, 1.0])).tolist() == [True, False]
