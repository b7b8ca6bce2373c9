"""Values that other systems state for small arrays: sums, extremes, views and products."""

import pytest

import jairika_nb as jrk
from jairika_nb.nn import functional as F


def cube():
    return jrk.arange(1, 9, dtype="float32").reshape(2, 2, 2)


@pytest.mark.parametrize(
    ("axis", "total", "largest"),
    [
        (0, [6, 8, 10, 12], [5, 6, 7, 8]),
        (1, [4, 6, 12, 14], [3, 4, 7, 8]),
        (2, [3, 7, 11, 15], [2, 4, 6, 8]),
    ],
)
def test_sums_and_extremes_along_an_axis(device, axis, total, largest):
    assert cube().sum(axis=axis).numpy().ravel().tolist() == total
    assert cube().max(axis=axis).numpy().ravel().tolist() == largest


def test_axes_change_places(device):
    assert cube().permute(1, 0, 2).numpy().ravel().tolist() == [1, 2, 5, 6, 3, 4, 7, 8]
    assert cube().permute(2, 1, 0).numpy().ravel().tolist() == [1, 5, 3, 7, 2, 6, 4, 8]


def test_padding_and_steps(device):
    ring = F.pad(jrk.ones((2, 2)), (1, 1, 1, 1)).numpy()
    assert ring.shape == (4, 4) and ring[1:3, 1:3].tolist() == [[1, 1], [1, 1]]
    assert ring.sum() == 4
    rows = jrk.arange(1, 9, dtype="float32").reshape(2, 4)
    assert rows[:, ::2].numpy().ravel().tolist() == [1, 3, 5, 7]
    assert rows[::2].numpy().ravel().tolist() == [1, 2, 3, 4]


def test_products_and_variances(device):
    product = jrk.full((2, 3), 2.0) @ jrk.full((3, 4), 3.0)
    assert (product == 18.0).all().item() and product.shape == (2, 4)
    assert jrk.arange(1, 11, dtype="float32").var().item() == 8.25
