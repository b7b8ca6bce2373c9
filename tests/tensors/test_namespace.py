"""Functions of the array API standard made of others, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 11
V = np.array([3.0, -4.0, 0.0, 1e30, -2.5], np.float32)
W = np.array([4.0, 3.0, 0.0, 1e30, 0.5], np.float32)

CASES = {
    "moveaxis": (lambda p, x, v, w: p.moveaxis(x, 0, -1)),
    "moveaxis of several": (lambda p, x, v, w: p.moveaxis(x, (0, 2), (1, 0))),
    "roll": (lambda p, x, v, w: p.roll(x, 5)),
    "roll along axes": (lambda p, x, v, w: p.roll(x, (1, -2), axis=(0, 2))),
    "tile": (lambda p, x, v, w: p.tile(x, (2, 1, 3, 2))),
    "repeat": (lambda p, x, v, w: p.repeat(x, 3, axis=1)),
    "repeat flat": (lambda p, x, v, w: p.repeat(x, 2)),
    "tril": (lambda p, x, v, w: p.tril(x, k=-1)),
    "triu": (lambda p, x, v, w: p.triu(x, k=1)),
    "hypot": (lambda p, x, v, w: p.hypot(v, w)),
    "logaddexp": (lambda p, x, v, w: p.logaddexp(v, w)),
    "count_nonzero": (lambda p, x, v, w: p.count_nonzero(x, axis=1)),
    "diff": (lambda p, x, v, w: p.diff(x * x, axis=1, n=2)),
    "tensordot": (lambda p, x, v, w: p.tensordot(x, x, axes=((1, 2), (1, 2)))),
    "tensordot by number": (lambda p, x, v, w: p.tensordot(x, x[0].T, axes=1)),
    "outer": (lambda p, x, v, w: p.outer(v[:3], w)),
}


@pytest.mark.parametrize("name", CASES)
def test_functions_equal_numpy(device, name):
    got = CASES[name](jrk, jrk.tensor(X), jrk.tensor(V), jrk.tensor(W)).numpy()
    want = CASES[name](np, X, V, W)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-5)


@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_meshgrid_equals_numpy(device, indexing):
    rows = [np.arange(n, dtype=np.float32) for n in (3, 4, 2)]
    got = jrk.meshgrid(*map(jrk.tensor, rows), indexing=indexing)
    for g, want in zip(got, np.meshgrid(*rows, indexing=indexing), strict=True):
        np.testing.assert_array_equal(g.numpy(), want)


def test_unstack_is_the_inverse_of_stack(device):
    parts = jrk.unstack(jrk.tensor(X), axis=1)
    assert len(parts) == 3
    np.testing.assert_array_equal(jrk.stack(parts, axis=1).numpy(), X)


def test_a_triangle_of_truths_is_of_truths(device):
    for function, wanted in ((jrk.tril, np.tril), (jrk.triu, np.triu)):
        got = function(jrk.tensor(X > 0), k=1).numpy()
        assert got.dtype == np.bool_
        np.testing.assert_array_equal(got, wanted(X > 0, k=1))


def test_type_questions_follow_the_standard():
    assert jrk.finfo(jrk.float32).eps == np.finfo(np.float32).eps
    assert jrk.iinfo("int16").max == 32767
    assert jrk.isdtype(jrk.uint8, "integral") and not jrk.isdtype(jrk.bool, "numeric")
    assert jrk.isdtype(jrk.int8, ("bool", jrk.int8))
    assert jrk.result_type(jrk.int8, jrk.uint8) == jrk.int16
    assert jrk.result_type(jrk.float32, 1.0) == jrk.float32
    assert jrk.can_cast(jrk.int8, jrk.int32) and not jrk.can_cast(jrk.int32, jrk.int8)


@pytest.mark.parametrize(
    "wrong,error",
    [
        (lambda: jrk.repeat(jrk.ones((2,)), -1), errors.ShapeError),
        (lambda: jrk.tril(jrk.ones((2,))), errors.ShapeError),
        (lambda: jrk.tensordot(jrk.ones((2, 3)), jrk.ones((2, 3)), axes=1), errors.ShapeError),
        (lambda: jrk.roll(jrk.ones((2, 3)), (1, 2, 3), axis=(0, 1)), errors.ShapeError),
        (lambda: jrk.moveaxis(jrk.ones((2, 3)), 0, 5), errors.OutOfRange),
        (lambda: jrk.meshgrid(jrk.ones((2,)), indexing="zz"), errors.ShapeError),
        (lambda: jrk.finfo(jrk.int8), errors.DTypeError),
        (lambda: jrk.isdtype(jrk.int8, "wholes"), errors.DTypeError),
        (lambda: jrk.gelu(jrk.ones((2,)), "rough"), errors.OutOfRange),
    ],
)
def test_wrong_calls_are_refused(device, wrong, error):
    with pytest.raises(error):
        wrong()


def test_directional_derivatives_equal_pytorch(device):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(9)
    x, w, dx, dw = (rng.normal(size=s).astype(np.float32) for s in ((4, 5), (5, 6)) * 2)

    def function(lib):
        return lambda a, b: (lib.tanh(a @ b), lib.exp((a * a).sum()))

    got = jrk.jvp(function(jrk), list(map(jrk.tensor, (x, w))), [dx, dw])
    want = torch.func.jvp(
        function(torch), tuple(map(torch.tensor, (x, w))), tuple(map(torch.tensor, (dx, dw)))
    )
    for ours, theirs in zip(got, want, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-4, atol=1e-4)


def test_directional_derivatives_nest_and_check_their_shapes(device):
    def slope(x):
        return jrk.jvp(lambda v: v**4, [x], [jrk.tensor(1.0)])[1]

    _, second = jrk.jvp(slope, [jrk.tensor(2.0)], [jrk.tensor(1.0)])
    assert second.item() == pytest.approx(48.0)
    with pytest.raises(errors.ShapeError, match="tangent"):
        jrk.jvp(jrk.exp, [jrk.ones((2,))], [jrk.ones((3,))])


def test_names_are_offered_and_mistyped_ones_corrected():
    assert {"tensor", "grad", "nn", "random"} <= set(dir(jrk))
    assert "importlib" not in dir(jrk) and "threading" not in dir(jrk.random)
    with pytest.raises(AttributeError, match="did you mean 'zeros'"):
        jrk.zerso  # noqa: B018


def test_functions_of_one_tensor_are_methods_too(device):
    x = np.linspace(0.1, 0.9, 5, dtype=np.float32)
    for name in ("sinh", "asin", "log1p", "exp2", "sign", "trunc", "pow", "matmul"):
        more = (jrk.tensor(x),) if name in ("pow", "matmul") else ()
        got = getattr(jrk.tensor(x), name)(*more).numpy()
        want = getattr(jrk, name)(jrk.tensor(x), *more).numpy()
        np.testing.assert_array_equal(got, want)
