"""Values that other systems state for small arrays: sums, extremes, views and products."""

import numpy as np
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


def butterfly(angles):
    """Rotations of halves, then of all: an orthonormal matrix of as many angles and one more."""
    size = len(angles) + 1
    if size == 1:
        return jrk.eye(1)
    half, middle = size // 2, angles[size // 2 - 1]
    upper, lower = butterfly(angles[: half - 1]), butterfly(angles[half:])
    cos, sin = jrk.cos(middle), jrk.sin(middle)
    rows = [jrk.concat([upper * cos, upper * -sin], axis=1),
            jrk.concat([lower * sin, lower * cos], axis=1)]  # fmt: skip
    return jrk.concat(rows, axis=0)


def closed_form(angles, i, j):
    """An entry as a product of one sine or cosine for each halving (Genz 1998)."""
    size, base, entry = len(angles) + 1, 0, 1.0
    while size > 1:
        size //= 2
        low, right = i >= size, j >= size
        angle = angles[base + size - 1]
        entry *= np.cos(angle) if low == right else np.sin(angle) * (1 if low else -1)
        i, j, base = i - size * low, j - size * right, base + size * low
    return entry


ANGLES = [0.25, 0.66, 1.88, 2.11, 2.44, 2.88, 3.0]
# The first entries of the first row.
CORNERS = {
    2: [0.96891242, -0.24740396],
    4: [0.76543329, -0.19544721, -0.59405653, 0.15168754],
    8: [-0.39301387, 0.10035292, 0.30502000, -0.07788439],
}


@pytest.mark.parametrize("size", CORNERS)
def test_orthonormal_matrices_of_angles(device, size):
    if size != 4 and not device.is_reference:
        pytest.skip("one size shows that drivers agree")
    angles = ANGLES[: size - 1]
    found = butterfly(jrk.tensor(angles))
    expected = [[closed_form(angles, i, j) for j in range(size)] for i in range(size)]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(found.numpy()[0, : len(CORNERS[size])], CORNERS[size], atol=1e-6)
    np.testing.assert_allclose((found @ found.T).numpy(), np.eye(size), atol=1e-6)
    vector = 0.123 * np.arange(size, dtype=np.float32)
    length = jrk.linalg.vector_norm(found @ jrk.tensor(vector))
    assert length.item() == pytest.approx(np.linalg.norm(vector), rel=1e-6)
    if device.is_reference:
        assert jrk.linalg.det(found).item() == pytest.approx(1, rel=1e-5)
        np.testing.assert_allclose(jrk.linalg.inv(found).numpy(), found.numpy().T, atol=1e-5)
        _, r = jrk.linalg.qr(found)
        np.testing.assert_allclose(np.abs(r.numpy()), np.eye(size), atol=1e-5)
