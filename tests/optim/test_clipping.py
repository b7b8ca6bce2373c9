"""Clipping against PyTorch, its derivatives, and how it fits into a compiled step."""

import math

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import TrainingError

RNG = np.random.default_rng(8)
ARRAYS = {"a.weight": RNG.normal(size=(4, 3)).astype(np.float32), "a.bias": np.float32([3, -4, 0])}


def theirs(torch):
    made = [torch.nn.Parameter(torch.zeros(v.shape)) for v in ARRAYS.values()]
    for parameter, value in zip(made, ARRAYS.values(), strict=True):
        parameter.grad = torch.tensor(value)
    return made


@pytest.mark.parametrize("most", [0.5, 100.0])
@pytest.mark.parametrize("kind", [2.0, 1.0, 3.0, math.inf])
def test_norms_equal_torch(kind, most):
    torch = pytest.importorskip("torch")
    with jrk.device("reference"):
        grads = {name: jrk.tensor(value) for name, value in ARRAYS.items()}
        found, norm = optim.clip_grad_norm(grads, most, kind)
        parameters = theirs(torch)
        wanted = torch.nn.utils.clip_grad_norm_(parameters, most, kind)
        assert norm.item() == pytest.approx(wanted.item(), rel=1e-6)
        assert optim.total_norm(grads, kind).item() == norm.item()
        for g, p in zip(found.values(), parameters, strict=True):
            np.testing.assert_allclose(g.numpy(), p.grad, rtol=1e-5)


def test_values_and_norms_on_devices(device):
    torch = pytest.importorskip("torch")
    grads = {name: jrk.tensor(value) for name, value in ARRAYS.items()}
    parameters = theirs(torch)
    torch.nn.utils.clip_grad_value_(parameters, 0.7)
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    with jrk.profile() as p:
        found, _ = optim.clip_grad_norm(optim.clip_grad_value(grads, 0.7), 1.0)
        assert p.launches == 0
        jrk.eval(*found.values())
    assert p.launches <= 4
    for g, own in zip(found.values(), parameters, strict=True):
        np.testing.assert_allclose(g.numpy(), own.grad, rtol=1e-5)


def test_the_norm_has_a_derivative(device):
    x = jrk.tensor([3.0, 4.0])
    found, norm = optim.clip_grad_norm({"x": x}, 1.0)
    assert jrk.grad(norm, [x])[0].numpy() == pytest.approx([0.6, 0.8])
    # x / |x| has the derivative (1 - x x' / |x|²) / |x|.
    assert jrk.grad(found["x"], [x], jrk.tensor([1.0, 0.0]))[0].numpy() == pytest.approx(
        [0.128, -0.096], abs=1e-5
    )


def test_half_precision_does_not_overflow():
    with jrk.device("reference"):
        grads = {"x": jrk.tensor([300.0, 400.0], dtype="float16")}
        found, norm = optim.clip_grad_norm(grads, 1.0)
        assert norm.item() == 500.0
        assert found["x"].dtype == jrk.float16
        assert found["x"].numpy() == pytest.approx([0.6, 0.8], rel=1e-3)


def test_a_compiled_step_clips(device):
    ends, x = [], RNG.normal(size=(8, 3)).astype(np.float32) * 30
    for compiled in (False, True):
        jrk.random.seed(1)
        net, opt = nn.Linear(3, 2), optim.SGD(lr=0.1)
        jrk.eval(*net.parameters())

        def step(x, net=net, opt=opt):
            grads, norm = optim.clip_grad_norm(net(x).square().mean().backward(net), 1.0)
            opt.update(net, grads)
            return norm

        run = jrk.compile(step) if compiled else step
        norms = [run(jrk.tensor(x)).item() for _ in range(4)]
        ends.append((norms, net.weight.numpy()))
    assert ends[0][0][0] > 10
    np.testing.assert_allclose(ends[1][0], ends[0][0], rtol=1e-5)
    np.testing.assert_allclose(ends[1][1], ends[0][1], rtol=1e-5)


def test_no_gradients_have_no_norm():
    assert optim.clip_grad_norm({}, 1.0)[0] == {}
    assert optim.total_norm({}).item() == 0


BAD = {
    "negative": (lambda g: optim.clip_grad_norm(g, -1.0), "max_norm=-1.0"),
    "nan": (lambda g: optim.clip_grad_value(g, math.nan), "clip_value=nan"),
    "kind": (lambda g: optim.clip_grad_norm(g, 1.0, 0), "norm_type=0 must be"),
    "list": (lambda g: optim.clip_grad_norm(list(g.values()), 1.0), "come by name"),
    "reading": (lambda g: optim.clip_grad_norm(g, 1.0, 2.0, True), "would wait for the norm"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls(name):
    call, words = BAD[name]
    with jrk.device("reference"), pytest.raises(TrainingError, match=words):
        call({"x": jrk.tensor([1.0])})
