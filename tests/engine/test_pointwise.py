"""Convolutions that see one place: values, derivatives and launches, against PyTorch in double."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")

# (samples, inputs, *size), outputs, groups.
CASES = {
    "image": ((5, 24, 8, 8), 40, 1),
    "one place more than a panel": ((3, 8, 3, 11), 12, 1),
    "planes of 49": ((3, 17, 7, 7), 33, 1),
    "line": ((4, 12, 31), 9, 1),
    "volume": ((2, 6, 3, 4, 5), 10, 1),
    "groups": ((3, 12, 8, 8), 18, 3),
    "a group for each channel": ((3, 12, 8, 8), 12, 12),
    "few places": ((6, 20, 2, 2), 10, 1),
    "more channels than places": ((2, 96, 4, 4), 80, 1),
    "one sample": ((1, 48, 16, 16), 32, 1),
}  # fmt: skip
COMPILED = ("image", "planes of 49", "groups", "more channels than places")


def draw(name):
    shape, outputs, groups = CASES[name]
    rng = np.random.default_rng(5)
    size = (1,) * (len(shape) - 2)
    weights = rng.standard_normal((outputs, shape[1] // groups, *size))
    g = rng.standard_normal((shape[0], outputs, *shape[2:]))
    drawn = (rng.standard_normal(shape), weights / np.sqrt(weights.shape[1]), g)
    return [a.astype(np.float32) for a in drawn]


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives(device, name):
    if not device.is_reference and name not in COMPILED:
        pytest.skip("compiles long")
    x, w, g = draw(name)
    word, groups = f"conv{x.ndim - 2}d", CASES[name][2]
    exact = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, w)]
    y = getattr(torch.nn.functional, word)(*exact, groups=groups)
    expected = [y, *torch.autograd.grad(y, exact, torch.tensor(g, dtype=torch.float64))]
    given = [jrk.tensor(a) for a in (x, w)]
    y = getattr(F, word)(*given, groups=groups)
    found = [y, *jrk.grad(y, given, jrk.tensor(g))]
    for ours, theirs in zip(found, expected, strict=True):
        theirs = theirs.detach().numpy()
        assert ours.shape == theirs.shape
        assert abs(ours.numpy() - theirs).max() < 1e-5 * np.sqrt((theirs**2).mean())


def test_padding_and_half_precision(device):
    x, w, _ = draw("image")
    y = F.conv2d(jrk.tensor(x), jrk.tensor(w), padding=(1, 2)).numpy()
    exact = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w), padding=(1, 2)).numpy()
    np.testing.assert_allclose(y, exact, atol=1e-5)
    half = F.conv2d(jrk.tensor(x).astype("float16"), jrk.tensor(w).astype("float16"))
    assert half.dtype == jrk.float16
    inside = exact[:, :, 1:-1, 2:-2]
    np.testing.assert_allclose(half.numpy(), inside, atol=4e-3 * abs(inside).max())


def test_products_read_and_store_images_as_they_lie(device):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("kernels of the CPU schedule are counted")
    x, w, g = map(jrk.tensor, draw("image"))
    bias = jrk.tensor(np.linspace(-1, 1, w.shape[0], dtype=np.float32))
    with jrk.profile() as forward:
        F.conv2d(x, w, bias).relu().realize()
    assert forward.launches == 1
    # The image's derivative has the kernel turned around first; the kernel's has a sum behind it.
    dx, dw = jrk.grad(F.conv2d(x, w), [x, w], g)
    with jrk.profile() as backward:
        dx.realize()
        dw.realize()
    assert backward.launches == 4
