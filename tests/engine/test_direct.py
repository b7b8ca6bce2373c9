"""Convolutions summed tap by tap: values and derivatives against PyTorch in double precision."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")

# (samples, inputs, outputs, height, width), kernel, options; work for all three is above the least.
CASES = {
    "stride": ((12, 16, 48, 16, 16), (3, 3), {"stride": 2, "padding": 1}),
    "five by five": ((9, 32, 32, 7, 7), (5, 5), {"padding": 2}),
    "uneven": ((8, 32, 32, 11, 13), (3, 2),
               {"stride": (1, 3), "dilation": (2, 1), "padding": (2, 1)}),
    "three channels": ((8, 3, 32, 30, 28), (3, 3), {"padding": 1}),
    "single taps": ((40, 64, 32, 16, 3), (1, 1), {"stride": 2}),
    "planes of nine": ((40, 64, 32, 3, 3), (3, 3), {"padding": 1}),
}  # fmt: skip
# Drivers compile long for each kernel size.
COMPILED = ("stride", "three channels")


def draw(case):
    (n, c, k, h, w), kernel, _ = case
    rng = np.random.default_rng(3)
    weights = rng.standard_normal((k, c, *kernel)) / np.sqrt(c * np.prod(kernel))
    return [a.astype(np.float32) for a in (rng.standard_normal((n, c, h, w)), weights)]


def theirs(function, x, w, g, options):
    x, w = (torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (x, w))
    y = function(x, w, **options)
    g = np.ones(y.shape) if g is None else g
    found = [y, *torch.autograd.grad(y, [x, w], torch.tensor(g, dtype=torch.float64))]
    return [f.detach().numpy() for f in found]


def kernels(tensors):
    return " ".join(str(k) for t in tensors for k in t.kernels())


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("transposed", [False, True], ids=["", "transposed"])
def test_values_and_derivatives(device, name, transposed):
    if not device.is_reference and (name not in COMPILED or transposed):
        pytest.skip("compiles long")
    x, w = draw(CASES[name])
    options = CASES[name][2]
    if transposed:
        w = w.swapaxes(0, 1).copy()
    word = "conv_transpose2d" if transposed else "conv2d"
    shape = theirs(getattr(torch.nn.functional, word), x, w, None, options)[0].shape
    g = np.random.default_rng(4).standard_normal(shape).astype(np.float32)
    expected = theirs(getattr(torch.nn.functional, word), x, w, g, options)
    first, second = jrk.tensor(x), jrk.tensor(w)
    y = getattr(F, word)(first, second, **options)
    found = [y, *jrk.grad(y, [first, second], jrk.tensor(g))]
    if not device.is_reference and device.kind != "gpu":
        assert "direct_product" in kernels(found[:1])
        assert transposed or "direct_kernel" in kernels(found[2:])
    for ours, exact in zip(found, expected, strict=True):
        size = np.sqrt((exact**2).mean())
        assert abs(ours.numpy() - exact).max() < 2e-5 * size


def test_errors_hardly_grow_with_channels(device):
    # Sums of 4608 numbers in one go have four times this error.
    if device.kind == "gpu":
        pytest.skip("the CPU schedule's")
    rng = np.random.default_rng(7)
    x = rng.standard_normal((4, 512, 8, 8)).astype(np.float32)
    w = (rng.standard_normal((16, 512, 3, 3)) / 68).astype(np.float32)
    exact = theirs(torch.nn.functional.conv2d, x, w, None, {"stride": 2})[0]
    found = F.conv2d(jrk.tensor(x), jrk.tensor(w), stride=2).numpy()
    assert np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean()) < 4e-7


@pytest.mark.parametrize(
    ("samples", "outputs", "size", "stride"),
    [(6, 48, (15, 17), 2), (20, 48, (7, 5), (2, 1)), (60, 48, (4, 3), 2), (40, 48, (9, 10), 3),
     (2, 48, (5, 120), 2), (20, 80, (7, 5), (2, 1))],
)  # fmt: skip
def test_phases_of_any_size_are_stored_whole(device, samples, outputs, size, stride):
    # Sizes are arguments: but for the last, whose cotangents come in two chunks of channels, these
    # compile nothing that the case of strides does not.
    if device.is_reference:
        pytest.skip("drivers' kernels")
    rng = np.random.default_rng(6)
    x = rng.standard_normal((samples, 16, *size)).astype(np.float32)
    w = (rng.standard_normal((outputs, 16, 3, 3)) / 12).astype(np.float32)
    options = {"stride": stride, "padding": 1}
    conv2d = torch.nn.functional.conv2d
    g = rng.standard_normal(theirs(conv2d, x, w, None, options)[0].shape).astype(np.float32)
    expected = theirs(conv2d, x, w, g, options)[1:]
    given = [jrk.tensor(x), jrk.tensor(w)]
    found = jrk.grad(F.conv2d(*given, **options), given, jrk.tensor(g))
    again = jrk.grad(F.conv2d(*given, **options), given, jrk.tensor(g))
    for ours, same, exact in zip(found, again, expected, strict=True):
        assert abs(ours.numpy() - exact).max() < 2e-5 * np.sqrt((exact**2).mean())
        assert ours.numpy().tobytes() == same.numpy().tobytes()
