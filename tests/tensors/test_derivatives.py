"""Derivatives of first and second order against finite differences in float64."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk

RNG = np.random.default_rng(2)

FUNCTIONS = {
    "exp": jrk.exp, "exp2": jrk.exp2, "expm1": jrk.expm1, "log": jrk.log, "log2": jrk.log2,
    "log10": jrk.log10, "log1p": jrk.log1p, "sqrt": jrk.sqrt, "rsqrt": jrk.rsqrt,
    "reciprocal": jrk.reciprocal, "sin": jrk.sin, "cos": jrk.cos, "tan": lambda x: jrk.tan(x / 2),
    "sinh": jrk.sinh, "cosh": jrk.cosh, "tanh": jrk.tanh, "atan": jrk.atan, "asinh": jrk.asinh,
    "asin": lambda x: jrk.asin(x / 3), "acos": lambda x: jrk.acos(x / 3),
    "atanh": lambda x: jrk.atanh(x / 3), "acosh": lambda x: jrk.acosh(x + 1),
    "erf": jrk.erf, "sigmoid": jrk.sigmoid, "abs": jrk.abs, "square": jrk.square,
    "pow": lambda x: x**3, "power of a tensor": lambda x: x ** (x * 0.5), "relu": jrk.relu,
    "silu": jrk.silu, "gelu": jrk.gelu, "gelu tanh": lambda x: jrk.gelu(x, "tanh"),
    "softmax": lambda x: x.softmax(axis=1), "log_softmax": lambda x: x.log_softmax(axis=0),
    "logsumexp": lambda x: x.logsumexp(axis=1), "sum": lambda x: x.sum(axis=0),
    "prod": lambda x: jrk.prod(x, axis=1), "mean": lambda x: x.mean(axis=1),
    "var": lambda x: x.var(axis=1), "std": lambda x: x.std(axis=0, correction=1),
    "max": lambda x: x.max(axis=1), "min": lambda x: x.min(axis=0),
    "reshape": lambda x: x.reshape(4, 3) * jrk.arange(3, dtype="float64"),
    "permute": lambda x: x.T @ x, "slice": lambda x: x[::-1, 1::2] ** 2,
    "slice back": lambda x: x[:, ::-2] ** 3, "expand": lambda x: x.expand(2, 3, 4) ** 2,
    "matmul": lambda x: x @ x.T, "vector product": lambda x: x @ x[0],
    "where": lambda x: jrk.where(x > 1.1, x * x, x), "clip": lambda x: jrk.clip(x, 0.7, 1.5) * x,
    "maximum": lambda x: jrk.maximum(x, x[::-1] * 1.1), "concat": lambda x: jrk.concat([x, x * x]),
    "divide": lambda x: x / (x[::-1] + 2), "atan2": lambda x: jrk.atan2(x, x[::-1]),
    "remainder": lambda x: x % 0.7, "cast": lambda x: x.astype("float64") * 2,
}  # fmt: skip


def values():
    return np.linspace(0.55, 1.8, 12).reshape(3, 4)[:, [2, 0, 3, 1]]


def scalar(function, weights):
    def total(x):
        y = function(x)
        return (y * jrk.tensor(weights[: y.size].reshape(y.shape))).sum()

    return total


def numeric(function, x, h=1e-5):
    out = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        up, down = (function(jrk.tensor(v)).item() for v in (x + step, x - step))
        out[i] = (up - down) / (2 * h)
    return out


@pytest.mark.parametrize("name", FUNCTIONS)
def test_first_and_second_derivatives_match_finite_differences(name):
    with jrk.device("reference"):
        total = scalar(FUNCTIONS[name], RNG.normal(size=24))
        x = values()
        t = jrk.tensor(x)
        (first,) = jrk.grad(total(t), [t])
        np.testing.assert_allclose(first.numpy(), numeric(total, x), rtol=1e-5, atol=1e-7)

        direction = RNG.normal(size=x.shape)

        def slope(v):
            (g,) = jrk.grad(total(v), [v])
            return (g * jrk.tensor(direction)).sum()

        (second,) = jrk.grad(slope(t), [t])
        np.testing.assert_allclose(second.numpy(), numeric(slope, x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["softmax", "matmul", "std", "slice back", "gelu", "prod", "max"])
def test_devices_agree_on_derivatives(device, name):
    x = jrk.tensor(values().astype("float32"))
    y = FUNCTIONS[name](x)
    (first,) = jrk.grad((y * y).sum(), [x])
    (second,) = jrk.grad((first * first).sum(), [x])
    with jrk.device("reference"):
        r = jrk.tensor(values())
        y = FUNCTIONS[name](r)
        (want,) = jrk.grad((y * y).sum(), [r])
        (want2,) = jrk.grad((want * want).sum(), [r])
    np.testing.assert_allclose(first.numpy(), want.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(second.numpy(), want2.numpy(), rtol=1e-3, atol=1e-3)


def test_any_order_of_a_polynomial(device):
    x = jrk.tensor(2.0)
    y, orders = x**5, []
    for _ in range(6):
        (y,) = jrk.grad(y, [x])
        orders.append(y.item())
    assert orders == [80.0, 160.0, 240.0, 240.0, 120.0, 0.0]


def test_an_unconnected_source_gives_zeros(device):
    x, z = jrk.ones((2, 3)), jrk.ones((4,))
    (g,) = jrk.grad((x * 2).sum(), [z])
    assert g.tolist() == [0, 0, 0, 0]


def test_equal_tensors_are_different_sources(device):
    a, b = jrk.ones((2,)), jrk.ones((2,))
    da, db = jrk.grad((a * b * b).sum(), [a, b])
    assert da.tolist() == [1, 1] and db.tolist() == [2, 2]


def test_ties_of_max_share_the_derivative(device):
    x = jrk.tensor([1.0, 3.0, 3.0])
    (g,) = jrk.grad(x.max(), [x])
    assert g.tolist() == [0, 0.5, 0.5]


def test_detach_cuts_and_inner_results_can_be_sources(device):
    x = jrk.tensor([1.0, 2.0])
    y = x * x
    (dx,) = jrk.grad((y.detach() * x).sum(), [x])
    assert dx.tolist() == [1, 4]
    (dy,) = jrk.grad((y * y).sum(), [y])
    assert dy.tolist() == [2, 8]


def test_upstream_weighs_the_result(device):
    x = jrk.tensor([1.0, 2.0])
    assert jrk.grad(x * x, [x], upstream=[1.0, 10.0])[0].tolist() == [2, 40]
    assert (x * x).backward([x], upstream=[1.0, 10.0])[0].tolist() == [2, 40]


@pytest.mark.parametrize(
    "wrong,error,words",
    [
        (lambda x: jrk.grad(x * x, [x]), "GradientError", "no scalar"),
        (lambda x: jrk.grad(x.sum(), x), "GradientError", "list"),
        (lambda x: jrk.grad(x.sum(), [jrk.tensor([1])]), "GradientError", "int32"),
        (lambda x: jrk.grad(x, [x], upstream=[1.0]), "ShapeError", r"\(1,\).*\(3,\)"),
    ],
)
def test_wrong_calls_say_what_is_wrong(device, wrong, error, words):
    with pytest.raises(getattr(jrk.errors, error), match=words):
        wrong(jrk.tensor([1.0, 2.0, 3.0]))


def test_derivatives_equal_pytorch(device):
    torch = pytest.importorskip("torch")
    x, w = (RNG.normal(size=s).astype("float32") for s in ((8, 20), (20, 30)))

    def loss(lib, a, b):
        h = lib.tanh(a @ b)
        return (lib.log_softmax(h, 1) ** 2).mean()

    a, b = jrk.tensor(x), jrk.tensor(w)
    got = jrk.grad(loss(jrk, a, b), [a, b])
    ta, tb = (torch.tensor(v, requires_grad=True) for v in (x, w))
    want = torch.autograd.grad(loss(torch, ta, tb), [ta, tb])
    for g, t in zip(got, want, strict=True):
        np.testing.assert_allclose(g.numpy(), t.numpy(), rtol=1e-4, atol=1e-6)
