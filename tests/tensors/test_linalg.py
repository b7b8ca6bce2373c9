"""Linear algebra against NumPy on every device, and what wrong matrices and shapes say."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors

RNG = np.random.default_rng(7)
L = jrk.linalg
N = np.linalg


def draw(*shape):
    return RNG.normal(size=shape).astype("float32")


def positive(*shape):
    x = draw(*shape)
    return x @ np.swapaxes(x, -1, -2) + 2 * np.eye(shape[-1], dtype="float32")


SAME_AS_NUMPY = {
    "cholesky": (lambda m, x: m.cholesky(x), [positive(4, 4)]),
    "cholesky of a batch": (lambda m, x: m.cholesky(x), [positive(2, 3, 4, 4)]),
    "det": (lambda m, x: m.det(x), [draw(2, 3, 3)]),
    "det of a singular matrix": (lambda m, x: m.det(x), [np.ones((3, 3), "float32")]),
    "slogdet": (lambda m, x: m.slogdet(x)[1], [draw(2, 3, 3)]),
    "slogdet sign": (lambda m, x: m.slogdet(x)[0], [draw(5, 3, 3)]),
    "slogdet of a singular matrix": (lambda m, x: m.slogdet(x)[1], [np.zeros((2, 2), "float32")]),
    "inv": (lambda m, x: m.inv(x), [positive(2, 4, 4)]),
    "solve matrices": (lambda m, a, b: m.solve(a, b), [positive(3, 3), draw(3, 2)]),
    "solve a vector": (lambda m, a, b: m.solve(a, b), [positive(3, 3), draw(3)]),
    "solve broadcasts": (lambda m, a, b: m.solve(a, b), [positive(2, 3, 3), draw(4, 1, 3, 2)]),
    "eigenvalues": (lambda m, x: m.eigvalsh(x), [positive(2, 4, 4)]),
    "singular values": (lambda m, x: m.svdvals(x), [draw(2, 3, 5)]),
    "pinv": (lambda m, x: m.pinv(x), [draw(2, 3, 5)]),
    "matrix_rank": (lambda m, x: m.matrix_rank(x), [np.ones((2, 3, 4), "float32")]),
    "matrix_power": (lambda m, x: m.matrix_power(x, 5), [draw(2, 3, 3)]),
    "matrix_power 0": (lambda m, x: m.matrix_power(x, 0), [draw(2, 3, 3)]),
    "matrix_power of the inverse": (lambda m, x: m.matrix_power(x, -2), [positive(3, 3)]),
    "multi_dot": (lambda m, a, b, c: m.multi_dot([a, b, c]), [draw(3), draw(3, 4), draw(4, 2)]),
    "cond": (lambda m, x: m.cond(x), [positive(2, 3, 3)]),
    **{
        f"norm {order} of matrices": (
            lambda m, x, order=order: m.norm(x, ord=order, axis=(0, 2)), [draw(3, 2, 4)]
        )
        for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    },
    **{
        f"norm {order} of vectors": (
            lambda m, x, order=order: m.norm(x, ord=order, axis=1), [draw(3, 4)]
        )
        for order in (0, 1, 2, 3, 0.5, -1, -2, np.inf, -np.inf)
    },
    "norm of everything": (lambda m, x: m.norm(x), [draw(2, 3, 4)]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME_AS_NUMPY)
def test_results_equal_numpy(device, name):
    function, arrays = SAME_AS_NUMPY[name]
    got = function(L, *map(jrk.tensor, arrays)).numpy()
    want = function(N, *(a.astype("float64") for a in arrays))
    np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 4, 3)])
@pytest.mark.parametrize("mode", ["reduced", "complete"])
def test_qr_gives_back_the_matrix(device, shape, mode):
    x = draw(*shape)
    q, r = L.qr(jrk.tensor(x), mode=mode)
    k = min(shape[-2:]) if mode == "reduced" else shape[-2]
    assert q.shape == (*shape[:-1], k) and r.shape == (*shape[:-2], k, shape[-1])
    np.testing.assert_allclose((q @ r).numpy(), x, atol=1e-5)
    np.testing.assert_allclose((q.mT @ q).numpy(), np.eye(k) + 0 * q.mT.numpy()[..., :k], atol=1e-5)
    assert not np.tril(r.numpy(), -1).any()


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 4, 3)])
@pytest.mark.parametrize("full", [True, False])
def test_svd_gives_back_the_matrix(device, shape, full):
    x = draw(*shape)
    m, n, k = *shape[-2:], min(shape[-2:])
    u, s, vh = L.svd(jrk.tensor(x), full_matrices=full)
    assert u.shape[-2:] == ((m, m) if full else (m, k))
    assert vh.shape[-2:] == ((n, n) if full else (k, n))
    back = u.numpy()[..., :k] * s.numpy()[..., None, :] @ vh.numpy()[..., :k, :]
    np.testing.assert_allclose(back, x, atol=1e-5)
    assert (np.diff(s.numpy(), axis=-1) <= 0).all()


def test_eigenvectors_turn_the_matrix_into_its_eigenvalues(device):
    x = positive(2, 4, 4)
    values, vectors = L.eigh(jrk.tensor(x))
    np.testing.assert_allclose((vectors * values[:, None, :] @ vectors.mT).numpy(), x, atol=1e-4)


def test_decompositions_are_steps_of_a_lazy_graph(device):
    x = jrk.tensor(positive(3, 3))
    y = (L.inv(x * 2 + 1) @ x).sum() * 2
    want = 2 * (N.inv(x.numpy() * 2 + 1) @ x.numpy()).sum()
    assert y.item() == pytest.approx(want, rel=1e-4)


def test_upper_cholesky_reads_the_upper_triangle(device):
    x = positive(3, 3)
    upper = L.cholesky(jrk.tensor(np.triu(x)), upper=True).numpy()
    np.testing.assert_allclose(upper.T @ upper, x, rtol=1e-5)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (2, 3, 3), (0, 3), (1, 1)])
@pytest.mark.parametrize("offset", [-4, -1, 0, 2, 5])
def test_diagonal_and_trace_equal_numpy(device, shape, offset):
    x = draw(*shape)
    t = jrk.tensor(x)
    want = np.diagonal(x, offset, -2, -1)
    np.testing.assert_array_equal(L.diagonal(t, offset=offset).numpy(), want)
    np.testing.assert_allclose(L.trace(t, offset=offset).numpy(), want.sum(-1), rtol=1e-5)


def test_cross_and_vecdot_broadcast(device):
    a, b = draw(2, 3, 4), draw(3, 1)
    ta, tb = jrk.tensor(a), jrk.tensor(b)
    np.testing.assert_allclose(L.cross(ta, tb, axis=-2).numpy(), np.cross(a, b, axis=-2), atol=1e-5)
    want = (a * b).sum(-2)
    np.testing.assert_allclose(L.vecdot(ta, tb, axis=-2).numpy(), want, rtol=1e-5, atol=1e-5)


def test_dtypes_follow_the_standard(device):
    ints = jrk.tensor([[2, 1], [1, 3]])
    assert L.inv(ints).dtype == jrk.float32 and L.matrix_power(ints, 2).dtype == jrk.int32
    assert L.vecdot(ints.astype("int8"), ints.astype("int8")).dtype == jrk.int8
    assert L.matrix_rank(ints).dtype == jrk.int32
    assert L.cholesky(ints).numpy().dtype == np.float32


def test_norms_of_short_floats_do_not_overflow_on_the_way(device):
    x = jrk.full((4,), 300.0, dtype="float16")
    norm = L.vector_norm(x)
    assert norm.dtype == jrk.float16 and norm.item() == 600.0
    assert L.inv(jrk.tensor([[4.0]], dtype="float16")).tolist() == [[0.25]]


def test_empty_matrices_have_the_values_of_empty_products(device):
    assert L.det(jrk.ones((0, 0))).item() == 1
    assert L.inv(jrk.ones((2, 0, 0))).shape == (2, 0, 0)
    assert L.pinv(jrk.ones((0, 3))).shape == (3, 0)
    assert L.matrix_rank(jrk.ones((2, 3, 0))).tolist() == [0, 0]
    assert L.svd(jrk.ones((0, 2))).Vh.tolist() == [[1, 0], [0, 1]]


def test_rtol_may_differ_in_a_batch(device):
    x = jrk.tensor(np.array([np.diag([1.0, 0.1])] * 2, "float32"))
    rtol = jrk.tensor([0.5, 0.01])
    assert L.matrix_rank(x, rtol=rtol).tolist() == [1, 2]
    np.testing.assert_allclose(L.pinv(x, rtol=rtol).numpy()[:, 1, 1], [0, 10], rtol=1e-5)


SINGULAR = np.array([[[2.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]], "float32")


@pytest.mark.parametrize(
    "call,words",
    [
        (
            lambda x: L.inv(x),
            r"inv: the matrix at \(1,\) of shape \(2, 2, 2\) has no inv.*pinv",
        ),
        (lambda x: L.solve(x, x), r"solve: the matrix at \(1,\) of shape \(2, 2, 2\)"),
        (lambda x: L.cholesky(x - 1), r"cholesky: .* is not positive definite"),
        (lambda x: L.svdvals(x + jrk.nan), r"svd: .* did not converge; look for NaN"),
    ],
)
def test_wrong_values_are_told_when_they_are_needed(device, call, words):
    y = call(jrk.tensor(SINGULAR))
    with pytest.raises(errors.MatrixError, match=words):
        y.numpy()
    assert (jrk.tensor(SINGULAR) + 1).sum().item() == 15  # the device goes on


@pytest.mark.parametrize(
    "call,error,words",
    [
        (lambda x: L.inv(x), "ShapeError", r"inv: shape \(2, 3\)"),
        (lambda x: L.det(x[0]), "ShapeError", r"det: shape \(3,\)"),
        (lambda x: L.cholesky(x), "ShapeError", "square"),
        (lambda x: L.qr(x[0]), "ShapeError", r"qr: shape \(3,\)"),
        (lambda x: L.qr(x, mode="full"), "OutOfRange", "'reduced' nor 'complete'"),
        (lambda x: L.solve(x, x), "ShapeError", r"\(2, 3\)"),
        (lambda x: L.solve(x.mT @ x, x), "ShapeError", r"\(3, 3\) and \(2, 3\)"),
        (lambda x: L.matrix_power(x, 2), "ShapeError", "square"),
        (lambda x: L.matrix_power(x.mT @ x, 0.5), "DTypeError", "integer"),
        (lambda x: L.eig(x), "DTypeError", "complex.*eigh"),
        (lambda x: L.matrix_norm(x, ord=3), "OutOfRange", "'fro'"),
        (lambda x: L.matrix_norm(x[0]), "ShapeError", "vector_norm"),
        (lambda x: L.vector_norm(x, axis=2), "OutOfRange", "axis 2"),
        (lambda x: L.vector_norm(x, ord="fro"), "OutOfRange", "'fro'"),
        (lambda x: L.norm(x.expand(2, 2, 3), ord=2), "ShapeError", "axis="),
        (lambda x: L.cross(x, x, axis=0), "ShapeError", "size 3"),
        (lambda x: L.cross(x, x, axis=2), "OutOfRange", "axis 2"),
        (lambda x: L.vecdot(x, x[:, :2]), "ShapeError", "3 and 2"),
        (lambda x: L.tensordot(x, x, axes=1), "ShapeError", "differ"),
        (lambda x: L.tensordot(x, x, axes=3), "OutOfRange", "0 to 2"),
        (lambda x: L.tensordot(x, x, axes=([0, 0], [0, 1])), "ShapeError", "twice"),
        (lambda x: L.tensordot(x, x, axes=([0, 2], [0, 1])), "OutOfRange", "outside"),
        (lambda x: L.outer(x, x), "ShapeError", "vectors"),
        (lambda x: L.diagonal(x[0]), "ShapeError", "two axes"),
        (lambda x: L.matrix_rank(x[0]), "ShapeError", "two axes"),
        (lambda x: L.multi_dot([x]), "ShapeError", "two matrices"),
        (lambda x: L.norm(x, dim=0), "ArgumentError", "axis="),
        (lambda x: L.vecdot(x, x, axis="a"), "ArgumentError", "axis='a'"),
        (lambda x: L.cross(x, x, axis=0.5), "ArgumentError", "axis=0.5"),
        (lambda x: L.multi_dot(None), "ArgumentError", "NoneType"),
        (lambda x: jrk.gelu(None), "DTypeError", "NoneType"),
        (lambda x: L.svd(x, some=True), "ArgumentError", "full_matrices="),
        (lambda x: L.inv("x"), "DTypeError", "'x'"),
    ],
)
def test_wrong_calls_are_told_at_once(call, error, words):
    with jrk.device("reference"), pytest.raises(getattr(errors, error), match=words):
        call(jrk.ones((2, 3)))


def test_compiled_functions_may_contain_host_steps(device):
    def solved(a, b):
        x = L.solve(a, b)
        return x, jrk.grad((x * x).sum(), [a])[0]

    compiled = jrk.compile(solved)
    for _ in range(3):
        a, b = jrk.tensor(positive(3, 3)), jrk.tensor(draw(3, 2))
        for got, want in zip(compiled(a, b), solved(a, b), strict=True):
            np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(errors.MatrixError, match="no inverse"):
        compiled(jrk.zeros((3, 3)), b)[0].numpy()
    np.testing.assert_allclose(compiled(a, b)[0].numpy(), solved(a, b)[0].numpy(), rtol=1e-4)
