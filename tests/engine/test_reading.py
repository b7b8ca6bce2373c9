"""Pieces of stored tensors are read in place: the right elements, and no kernel for them."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk

X = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
IN_ONE_PIECE = [
    (1,), (0, 2), (1, 2, 3, 4), (-1, 0, -1, -1), (slice(0, 1), 1), (1, slice(1, 3)),
    (0, 0, slice(1, 4)), (1, 1, 2, slice(2, 5)), (slice(None), ), (1, None, slice(2, 3)),
    (slice(1, 2), slice(2, 3), slice(0, 1), slice(3, 4)), (0, slice(2, 0, -3)),
]  # fmt: skip
APART = [
    (slice(None), 1), (0, slice(0, 3, 2)), (1, slice(None), 2), (0, 0, slice(0, 2), slice(0, 2)),
    (slice(None, None, -1),), (0, 0, 0, slice(3, 0, -1)),
]  # fmt: skip


@pytest.mark.parametrize("key", IN_ONE_PIECE + APART, ids=str)
def test_every_part_of_a_stored_tensor_is_read_right(device, key):
    x = jrk.tensor(X)
    np.testing.assert_array_equal(x[key].numpy(), X[key])
    turned = x.reshape(6, 20)[2:5].reshape(3, 4, 5)
    np.testing.assert_array_equal(
        turned[1, 2].numpy(), X.reshape(6, 20)[2:5].reshape(3, 4, 5)[1, 2]
    )


@pytest.mark.parametrize("key", IN_ONE_PIECE, ids=str)
def test_a_part_in_one_piece_needs_no_kernel(device, key):
    if device.is_reference:
        pytest.skip("the reference launches nothing")
    x = (jrk.tensor(X) + 1).realize()
    with jrk.profile() as p:
        got = x[key].numpy()
    assert p.launches == 0
    np.testing.assert_array_equal(got, X[key] + 1)


def test_a_part_that_is_computed_sees_its_own_values(device):
    x = jrk.tensor(X)
    x[0, 1] = 7.0
    assert x[0, 1, 2, 3].item() == 7.0 and x[1, 1, 2, 3].item() == X[1, 1, 2, 3]
    assert (x * 2)[1, 0, 0, 1].item() == 2 * X[1, 0, 0, 1]
    assert x[:, 5:][0:0].numpy().shape == (0, 0, 4, 5)
