"""What products store in their own place, and rows that are reduced where they are written."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices

F = jrk.nn.functional
ROWS, WIDTH, WIDE = 192, 64, 96
OPENCL = [d.id for d in devices.devices() if not d.is_reference]


@pytest.fixture(params=OPENCL)
def opencl(request):
    with devices.using(request.param) as chosen:
        yield chosen


def drawn(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(s).astype(np.float32) / np.float32(s[-1] ** 0.5) for s in shapes]


def traffic(*sizes):
    return 4 * sum(sizes)


def test_a_sum_that_later_blocks_need_is_stored_by_its_product(opencl):
    """y = x + a w + b is read by a layer norm and by what follows the next product."""
    arrays = drawn(1, (ROWS, WIDTH), (ROWS, WIDTH), (WIDTH, WIDTH), (WIDTH,), (WIDTH, WIDTH))
    x, a, w, b, v = map(jrk.tensor, arrays)
    with jrk.profile() as p:
        y = x + (a @ w + b)
        out = y + F.layer_norm(y, (WIDTH,)) @ v
        jrk.eval(out)
    block, square = ROWS * WIDTH, WIDTH * WIDTH
    assert [k.bytes for k in p.kernels] == [
        traffic(block, square, WIDTH, block, block),
        traffic(block, block),
        traffic(block, square, block, block),
    ]
    x, a, w, b, v = (each.astype(np.float64) for each in arrays)
    y = x + a @ w + b
    centred = y - y.mean(1, keepdims=True)
    want = y + centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) @ v
    np.testing.assert_allclose(out.numpy(), want, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("approximate", ["tanh", "none"])
def test_gelu_and_what_its_slope_needs_are_stored_by_one_product(opencl, approximate):
    torch = pytest.importorskip("torch")
    arrays = drawn(2, (ROWS, WIDTH), (WIDTH, WIDE), (WIDE,), (WIDE, WIDTH))
    x, w, b, v = map(jrk.tensor, arrays)
    with jrk.profile() as p:
        y = F.gelu(x @ w + b, approximate=approximate) @ v
        found = jrk.grad((y * y).sum(), [w, v])
        jrk.eval(*found)
    # One for each of five products: no other kernel passes over the wide values.
    assert [k.name[:4] for k in p.kernels] == ["gemm"] * 5
    assert p.kernels[0].bytes == traffic(ROWS * WIDTH, WIDTH * WIDE, WIDE, 2 * ROWS * WIDE)
    doubles = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in arrays]
    y = torch.nn.functional.gelu(doubles[0] @ doubles[1] + doubles[2], approximate=approximate)
    (y @ doubles[3]).square().sum().backward()
    for mine, theirs in zip(found, (doubles[1], doubles[3]), strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.grad.numpy(), rtol=1e-4, atol=1e-4)


def test_the_sums_of_a_layer_norm_are_stored_by_the_kernel_that_writes_along_its_rows(opencl):
    torch = pytest.importorskip("torch")
    arrays = drawn(3, (ROWS, WIDTH), (WIDTH, WIDTH))
    x, w = map(jrk.tensor, arrays)
    with jrk.profile() as p:
        y = F.layer_norm(x, (WIDTH,))
        (found,) = jrk.grad((F.softmax(y @ w, -1) * y).sum(), [x])
        jrk.eval(found)
    names = [k.name for k in p.kernels]
    assert names[0].startswith("row") and names[1].startswith("gemm"), names
    v, u = (torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in arrays)
    y = torch.nn.functional.layer_norm(v, (WIDTH,))
    (torch.softmax(y @ u, -1) * y).sum().backward()
    np.testing.assert_allclose(found.numpy(), v.grad.numpy(), rtol=1e-4, atol=1e-5)


def test_long_rows_and_images_are_reduced_first(opencl):
    """Rows that no first cache holds would be read from memory for each pass."""
    (x,) = map(jrk.tensor, drawn(4, (3, 9000)))
    mean = x.mean(axis=1, keepdims=True)
    with jrk.profile() as p:
        jrk.eval(((x - mean) * x).exp(), mean)
    want = x.numpy().astype(np.float64)
    want = np.exp((want - want.mean(1, keepdims=True)) * want)
    np.testing.assert_allclose(((x - mean) * x).exp().numpy(), want, rtol=1e-5)
    assert p.launches <= 2


def test_repeats_are_equal_bit_for_bit(opencl):
    arrays = drawn(5, (ROWS, WIDTH), (WIDTH, WIDE), (WIDE,), (WIDE, WIDTH))
    x, w, b, v = map(jrk.tensor, arrays)

    def once():
        y = x + F.gelu(F.layer_norm(x @ v.T @ v, (WIDTH,)) @ w + b, approximate="tanh") @ v
        return [g.numpy() for g in jrk.grad((F.layer_norm(y, (WIDTH,)) * y).sum(), [w, b, v])]

    first = once()
    for _ in range(5):
        assert all(np.array_equal(f, a) for f, a in zip(first, once(), strict=True))
