"""First and second derivatives of linear algebra against finite differences in float64."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors

RNG = np.random.default_rng(11)
L = jrk.linalg
SQUARE = RNG.normal(size=(3, 3)) + 2 * np.eye(3)
BATCH = RNG.normal(size=(2, 3, 3)) + 2 * np.eye(3)
TALL, WIDE = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 4))
LOW_RANK = RNG.normal(size=(4, 2)) @ RNG.normal(size=(2, 3))


def symmetric(x):
    return x @ x.mT + x.mT @ x


def joined(*results):
    return jrk.concat([r.reshape(-1) for r in results])


def signs_fixed(u, s, vh):
    # Singular vectors are determined up to a sign, so only what does not change is compared.
    return joined(u * u, s, vh * vh, u @ vh)


FUNCTIONS = {
    "cholesky": (lambda x: L.cholesky(symmetric(x)), SQUARE),
    "cholesky, upper, batch": (lambda x: L.cholesky(symmetric(x), upper=True), BATCH),
    "solve": (lambda x: L.solve(x, x @ x + 1), BATCH),
    "solve a vector": (lambda x: L.solve(x, x[0]), SQUARE),
    "solve broadcasts": (lambda x: L.solve(x[0], x), BATCH),
    "inv": (L.inv, BATCH),
    "det": (L.det, BATCH),
    "slogdet": (lambda x: L.slogdet(x).logabsdet, BATCH),
    "qr, square": (lambda x: joined(*L.qr(x)), BATCH),
    "qr, tall": (lambda x: joined(*L.qr(x)), TALL),
    "qr, wide": (lambda x: joined(*L.qr(x)), WIDE),
    "qr, complete and wide": (lambda x: joined(*L.qr(x, mode="complete")), WIDE),
    "eigh": (lambda x: joined(*(v * v for v in L.eigh(symmetric(x)))), BATCH),
    "eigvalsh": (lambda x: L.eigvalsh(symmetric(x)), SQUARE),
    "svd, square": (lambda x: signs_fixed(*L.svd(x)), SQUARE),
    "svd, tall": (lambda x: signs_fixed(*L.svd(x, full_matrices=False)), TALL),
    "svd, wide": (lambda x: signs_fixed(*L.svd(x, full_matrices=False)), WIDE),
    "svdvals": (L.svdvals, BATCH),
    "pinv, tall": (L.pinv, TALL),
    "pinv, wide": (L.pinv, WIDE),
    "lstsq": (lambda x: L.lstsq(x, x[:, :1] * 2 + 1), TALL),
    "matrix_power": (lambda x: L.matrix_power(x, 3), SQUARE),
    "matrix_power of the inverse": (lambda x: L.matrix_power(x, -2), SQUARE),
    "cond": (L.cond, SQUARE),
    "diagonal": (lambda x: L.diagonal(x, offset=1) ** 2, WIDE),
    "trace": (lambda x: L.trace(x @ x), BATCH),
    "cross": (lambda x: L.cross(x, x[::-1] ** 2), SQUARE),
    "vecdot": (lambda x: L.vecdot(x, x[::-1], axis=0), SQUARE),
    "tensordot": (lambda x: L.tensordot(x, x, axes=([0], [1])), SQUARE),
    **{f"matrix_norm {ord}": (lambda x, ord=ord: L.matrix_norm(x, ord=ord), BATCH)
       for ord in ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)},
    **{f"vector_norm {ord}": (lambda x, ord=ord: L.vector_norm(x, axis=1, ord=ord), TALL)
       for ord in (2, 1, 3, 0.5, -1, np.inf, -np.inf)},
}  # fmt: skip


def weighted(function, size):
    weights = np.cos(np.arange(size) * 1.3) + 0.3

    def total(x):
        y = function(x)
        return (y * jrk.tensor(weights[: y.size].reshape(y.shape))).sum()

    return total


def numeric(function, x, h):
    out = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        up, down = (function(jrk.tensor(v)).item() for v in (x + step, x - step))
        out[i] = (up - down) / (2 * h)
    return out


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_derivatives_match_finite_differences(name):
    function, x = FUNCTIONS[name]
    with jrk.device("reference"):
        total = weighted(function, 64)
        t = jrk.tensor(x)
        (first,) = jrk.grad(total(t), [t])
        np.testing.assert_allclose(first.numpy(), numeric(total, x, 1e-6), rtol=1e-5, atol=1e-6)
        direction = jrk.tensor(np.sin(np.arange(x.size) + 1.0).reshape(x.shape))

        def slope(v):
            return (jrk.grad(total(v), [v])[0] * direction).sum()

        (second,) = jrk.grad(slope(t), [t])
        np.testing.assert_allclose(second.numpy(), numeric(slope, x, 1e-6), rtol=1e-4, atol=1e-5)


def test_a_singular_matrix_has_the_cofactors_as_derivative_of_its_determinant():
    with jrk.device("reference"):
        x = jrk.tensor(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 1.0]]))
        (got,) = jrk.grad(L.det(x), [x])
        # By hand: the sub-determinants of the matrix, with alternating signs.
        want = [[-2.0, -2.0, 2.0], [1.0, 1.0, -1.0], [0.0, 0.0, 0.0]]
        np.testing.assert_allclose(got.numpy(), want, atol=1e-12)


def test_pinv_of_a_matrix_of_low_rank_changes_as_the_formula_says():
    with jrk.device("reference"):
        # Along x -> (1 + t) x the rank stays, and pinv goes as 1 / (1 + t).
        t = jrk.tensor(0.5, dtype="float64")
        x = jrk.tensor(LOW_RANK)
        (got,) = jrk.grad(L.pinv(x * t).sum(), [t])
        assert got.item() == pytest.approx(-4 * np.linalg.pinv(LOW_RANK).sum(), rel=1e-8)


def test_equal_eigenvalues_leave_smooth_functions_their_derivative():
    with jrk.device("reference"):
        x = jrk.eye(3, dtype="float64") * 2
        (got,) = jrk.grad((L.eigvalsh(x) ** 2).sum(), [x])
        np.testing.assert_allclose(got.numpy(), 4 * np.eye(3), atol=1e-12)
        (got,) = jrk.grad(L.matrix_norm(x, ord="nuc"), [x])
        np.testing.assert_allclose(got.numpy(), np.eye(3), atol=1e-12)


def test_the_norm_of_zeros_has_derivative_zero(device):
    x = jrk.zeros((2, 3))
    for ord in (2, 3, 1):
        (got,) = jrk.grad(L.vector_norm(x, axis=1, ord=ord).sum(), [x])
        assert not got.numpy().any()


@pytest.mark.parametrize(
    "call,words",
    [
        (lambda x: L.svd(x).U, "full_matrices=False"),
        (lambda x: L.qr(x, mode="complete").Q, "mode='reduced'"),
    ],
)
def test_vectors_that_the_matrix_does_not_determine_have_no_derivative(call, words):
    with jrk.device("reference"):
        x = jrk.tensor(TALL)
        with pytest.raises(errors.GradientError, match=words):
            jrk.grad(call(x).sum(), [x])


def test_derivatives_equal_pytorch(device):
    torch = pytest.importorskip("torch")
    x = (RNG.normal(size=(2, 4, 4)) + 3 * np.eye(4)).astype("float32")

    def loss(m, lib, a):
        spd = a @ a.mT
        return (
            lib.tanh(m.inv(a)).sum() + m.cholesky(spd).sum() + m.slogdet(spd)[1].sum()
            + (m.qr(a)[1] ** 2).sum() + m.eigvalsh(spd).sum() + m.matrix_norm(a, ord="nuc").sum()
        )  # fmt: skip

    a = jrk.tensor(x)
    (got,) = jrk.grad(loss(L, jrk, a), [a])
    t = torch.tensor(x, requires_grad=True)
    (want,) = torch.autograd.grad(loss(torch.linalg, torch, t), [t])
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-3, atol=1e-4)
