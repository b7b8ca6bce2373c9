"""The derivative of normalised values, which is written by hand, against PyTorch's in double."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")
T = torch.nn.functional

CASES = {
    "batch": lambda f, x, w, b: f.batch_norm(x, None, None, w, b, True),
    "batch, weight alone": lambda f, x, w, b: f.batch_norm(x, None, None, w, None, True),
    "batch, neither": lambda f, x, w, b: f.batch_norm(x, None, None, training=True) * w[0] * b[0],
    "layer": lambda f, x, w, b: f.layer_norm(x, (5, 4)) * w[0] * b[0],
    "groups": lambda f, x, w, b: f.group_norm(x, 3, w, b),
    "instance": lambda f, x, w, b: f.instance_norm(x, None, None, w, b),
}


def draw():
    rng = np.random.default_rng(8)
    return [
        rng.standard_normal(shape).astype(np.float32)
        for shape in ((7, 6, 5, 4), (6,), (6,), (7, 6, 5, 4))
    ]


def theirs(function, x, w, b, g):
    given = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, w, b)]
    y = function(T, *given) ** 2
    first = torch.autograd.grad(y, given, torch.tensor(g), create_graph=True, allow_unused=True)
    second = torch.autograd.grad((first[0] ** 2).sum(), given, allow_unused=True)
    return [y, *first, *second]


@pytest.mark.parametrize("name", CASES)
def test_first_and_second_derivatives(device, name):
    if not device.is_reference and name not in ("batch", "layer"):
        pytest.skip("compiles long")
    x, w, b, g = draw()
    given = [jrk.tensor(a) for a in (x, w, b)]
    y = CASES[name](F, *given) ** 2
    first = jrk.grad(y, given, jrk.tensor(g))
    second = jrk.grad((first[0] ** 2).sum(), given)
    expected = theirs(CASES[name], x, w, b, g.astype(np.float64))
    for ours, exact in zip([y, *first, *second], expected, strict=True):
        exact = np.zeros(ours.shape) if exact is None else exact.detach().numpy()
        assert abs(ours.numpy() - exact).max() <= 2e-5 * max(abs(exact).max(), 1)


def test_parameters_of_another_dtype(device):
    x, w, b, g = draw()
    given = [jrk.tensor(x), jrk.tensor(w).astype("float16"), jrk.tensor(b)]
    y = F.batch_norm(given[0], None, None, given[1], given[2], True)
    found = jrk.grad(y, given, jrk.tensor(g).astype(y.dtype))
    assert [each.dtype for each in found] == [each.dtype for each in given]
    w = w.astype(np.float16).astype(np.float64)
    exact = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, w, b)]
    value = T.batch_norm(exact[0], None, None, exact[1], exact[2], True)
    expected = torch.autograd.grad(value, exact, torch.tensor(g, dtype=torch.float64))
    for ours, theirs in zip(found, expected, strict=True):
        tolerance = 2e-3 if ours.dtype is jrk.float16 else 1e-5
        scale = abs(theirs.numpy()).max()
        assert abs(ours.numpy() - theirs.numpy()).max() < tolerance * scale


def test_two_sums_of_the_cotangent_serve_all_three_derivatives(device):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("kernels of the CPU schedule are counted")
    x, w, b, g = map(jrk.tensor, draw())
    compiled = jrk.compile(
        lambda x, w, b, g: jrk.grad(F.batch_norm(x, None, None, w, b, True), [x, w, b], g)
    )
    first = [each.numpy().tobytes() for each in compiled(x, w, b, g)]
    with jrk.profile() as p:
        again = compiled(x, w, b, g)
    assert [each.numpy().tobytes() for each in again] == first
    assert p.launches <= 2, str(p)
