"""Activations at their joints and far out, and what wrong calls say; the rest is in conformance."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.nn import functional as f

POINTS = np.array([-120, -6.5, -1.2, -0.3, 0.2, 0.7, 2.5, 7.1, 120, -np.inf, np.inf], "float32")
CALLS = {
    "relu6": {}, "hardtanh": {"min_val": -2, "max_val": 0.5}, "hardsigmoid": {}, "hardswish": {},
    "hardshrink": {"lambd": 0.4}, "softshrink": {"lambd": 0.4}, "celu": {"alpha": 1.5},
    "elu": {}, "selu": {}, "softplus": {"beta": 2, "threshold": 5}, "logsigmoid": {}, "mish": {},
    "softsign": {}, "tanhshrink": {}, "leaky_relu": {},
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_values_and_slopes_far_out_equal_pytorch(device, name):
    torch = pytest.importorskip("torch")
    finite = POINTS[np.isfinite(POINTS)]
    theirs = torch.tensor(finite, requires_grad=True)
    want = getattr(torch.nn.functional, name)(theirs, **CALLS[name])
    want.sum().backward()
    x = jrk.tensor(finite)
    got = getattr(f, name)(x, **CALLS[name])
    np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-5, atol=1e-6)
    (slope,) = jrk.grad(got.sum(), [x])
    np.testing.assert_allclose(slope.numpy(), theirs.grad.numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["relu6", "hardtanh", "hardshrink", "softshrink", "softplus"])
def test_not_a_number_stays_one(device, name):
    assert np.isnan(getattr(f, name)(jrk.tensor([jrk.nan])).numpy()).all()


def test_prelu_has_a_weight_for_each_channel(device):
    x = -jrk.ones((2, 3, 4))
    y = f.prelu(x, jrk.tensor([0.1, 0.2, 0.3]))
    np.testing.assert_allclose(y.numpy()[0, :, 0], [-0.1, -0.2, -0.3], rtol=1e-6)
    assert f.prelu(x, jrk.tensor([0.5])).numpy().tolist() == (x * 0.5).tolist()


@pytest.mark.parametrize(
    "call,error,words",
    [
        (lambda x: f.glu(x, axis=1), "ShapeError", "even"),
        (lambda x: f.prelu(x, jrk.ones((2,))), "ShapeError", r"\(2,\).*3 channels"),
        (lambda x: f.hardtanh(x, 2, 1), "OutOfRange", "exceeds"),
        (lambda x: f.softshrink(x, -1), "OutOfRange", "negative"),
        (lambda x: f.celu(x, 0), "OutOfRange", "relu"),
        (lambda x: f.softmin(x, dim=1), "ArgumentError", "axis="),
        (lambda x: f.mish(None), "DTypeError", "NoneType"),
    ],
)
def test_wrong_calls_say_what_is_wrong(call, error, words):
    with jrk.device("reference"), pytest.raises(getattr(errors, error), match=words):
        call(jrk.ones((2, 3)))
