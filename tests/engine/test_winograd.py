"""3 x 3 convolutions by Winograd's transforms: against float64, and where they are used."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")

# Of the size of the result: root of the mean square, and the largest.
MEAN, LARGEST = 1e-6, 2e-5
# A GPU makes plain products, and longer sums.
MEAN_ON_GPU, LARGEST_ON_GPU = 2e-6, 3e-5
# (samples, inputs, outputs, height, width, padding): few tiles are transformed by a kernel of
# their own, many by the one that needs them; edges are cut, channels come in 16s and 32s, or are
# more than one chunk; rows are longer than a piece; samples have one tile each.
SHAPES = {
    "few tiles": (3, 80, 48, 9, 13, 1),
    "many tiles": (40, 16, 32, 17, 23, 2),
    "many channels": (5, 272, 48, 4, 4, 1),
    "long rows": (1, 16, 16, 6, 330, 1),
}


def draw(shape):
    rng = np.random.default_rng(5)
    n, c, k, h, w, pad = shape
    weights = rng.standard_normal((k, c, 3, 3)) / np.sqrt(9 * c)
    g = rng.standard_normal((n, k, h + 2 * pad - 2, w + 2 * pad - 2))
    return [a.astype(np.float32) for a in (rng.standard_normal((n, c, h, w)), weights, g)]


def ours(x, w, g, padding):
    x, w, g = map(jrk.tensor, (x, w, g))
    y = F.conv2d(x, w, padding=padding)
    return [y, *jrk.grad(y, [x, w], g)]


def theirs(x, w, g, padding, dtype):
    x, w = (torch.tensor(a, dtype=dtype, requires_grad=True) for a in (x, w))
    y = torch.nn.functional.conv2d(x, w, padding=padding)
    found = [y, *torch.autograd.grad(y, [x, w], torch.tensor(g, dtype=dtype))]
    return [f.detach().numpy() for f in found]


def errors(found, exact):
    size = np.sqrt((exact**2).mean())
    return np.sqrt(((found - exact) ** 2).mean()) / size, abs(found - exact).max() / size


@pytest.mark.parametrize("name", SHAPES)
def test_values_and_derivatives_are_near_those_of_double_precision(device, name):
    shape = SHAPES[name]
    arrays, padding = draw(shape), shape[-1]
    exact = theirs(*arrays, padding, torch.float64)
    single = theirs(*arrays, padding, torch.float32)
    is_gpu = device.kind == "gpu"
    limits = (MEAN_ON_GPU, LARGEST_ON_GPU) if is_gpu else (MEAN, LARGEST)
    for found, wanted, other in zip(ours(*arrays, padding), exact, single, strict=True):
        mean, largest = errors(found.numpy(), wanted)
        assert mean < limits[0] and largest < limits[1]
        assert mean < (10 if is_gpu else 5) * errors(other, wanted)[0]


def test_every_run_gives_the_same_bits(device):
    shape = SHAPES["many tiles"]
    first, second = ([t.numpy() for t in ours(*draw(shape), shape[-1])] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_where_it_is_used(device):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("the CPU schedule's")

    def used(channels=16, outputs=32, size=16, kernel=3, **options):
        x = jrk.zeros((8, channels, size, size))
        w = jrk.zeros((outputs, channels // options.get("groups", 1), kernel, kernel))
        return any("winograd" in str(k) for k in F.conv2d(x, w, **options).kernels())

    assert used(padding=1) and used()
    assert not used(channels=17) and not used(outputs=20) and not used(kernel=5)
    assert not used(stride=2) and not used(dilation=2) and not used(groups=2, channels=32)
    assert not used(size=7)  # 5 x 5 outputs of 8 x 8
