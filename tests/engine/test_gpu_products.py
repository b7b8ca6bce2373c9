"""Products of the GPU schedule, run on the CPU drivers, against NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import tiles
from jairika_nb.engine.limits import Limits
from jairika_nb.engine.tiles import TILES, Choice, Tile

RNG = np.random.default_rng(12)
SMALL = Tile(16, 16, 8, 4, 4)


def data(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.fixture
def chosen(monkeypatch):
    """Sets the tile, and into how many parts the inner axis is split."""

    def choose(tile, parts=1):
        monkeypatch.setattr(tiles, "choose", lambda *_: Choice(tile, parts))

    return choose


def close(got, wanted, rtol=1e-5):
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol * np.abs(wanted).max())


@pytest.mark.parametrize("tile", TILES, ids=lambda t: f"{t.rows}x{t.columns}")
def test_every_tile_at_ragged_edges(one_gpu, chosen, tile):
    chosen(tile)
    a, b = data(2, 37, 50), data(2, 50, 41)
    got = (jrk.tensor(a) @ jrk.tensor(b)).numpy()
    close(got, a.astype(np.float64) @ b.astype(np.float64))


@pytest.mark.parametrize("tile", TILES, ids=lambda t: f"{t.rows}x{t.columns}")
def test_work_items_share_the_loading_of_a_tile_evenly(tile):
    for size in (tile.rows, tile.columns):
        assert size * tile.depth // 4 % tile.items == 0
    assert tile.depth % 4 == tile.rows % tile.high == tile.columns % tile.wide == 0
    assert tile.high % 4 == tile.wide % 4 == 0
    assert tile.bytes(4) <= 32768, "what every OpenCL device has"
    assert tile.items <= 256


@pytest.mark.parametrize("sizes", [(36, 44, 48), (33, 35, 51)])
def test_operands_read_through_views_make_no_copies(gpu, chosen, sizes):
    chosen(SMALL)
    m, k, n = sizes
    a, b, long = data(m, k), data(k, n), data(n, k + 4)
    x, y, z = jrk.tensor(a.T.copy()).T, jrk.tensor(b), jrk.tensor(long)[:, 4:].T
    for left, right, wanted in [
        (x, y, a.astype(np.float64) @ b),
        (x.abs(), z, np.abs(a).astype(np.float64) @ long[:, 4:].T),
    ]:
        with jrk.profile() as p:
            got = (left @ right).numpy()
        assert p.launches == 1
        close(got, wanted)


def test_vectors_are_read_where_they_are_aligned(gpu, chosen):
    chosen(SMALL)
    for k, wanted in [(48, 2), (47, 1)]:
        (source,) = (jrk.tensor(data(32, k)) @ jrk.tensor(data(k, 36))).kernels()
        assert source.text.count("*(global const float4 *)") == wanted


def test_the_inner_axis_is_split_where_tiles_are_few(gpu, chosen):
    a, b, c = data(20, 230), data(230, 24), data(20, 24)
    x, y, z = jrk.tensor(a), jrk.tensor(b), jrk.tensor(c)
    wanted = np.maximum(a.astype(np.float64) @ b + c, 0)
    chosen(SMALL, parts=4)
    results = []
    for _ in range(2):
        with jrk.profile() as p:
            results.append((x @ y + z).relu().numpy())
        assert p.launches == 2
        close(results[-1], wanted)
    np.testing.assert_array_equal(*results)


def test_parts_past_the_end_of_the_inner_axis_add_nothing(gpu, chosen):
    chosen(SMALL, 8)
    a, b = data(30, 36), data(36, 32)
    close((jrk.tensor(a) @ jrk.tensor(b)).numpy(), a.astype(np.float64) @ b)


def test_epilogues_with_results_of_other_types(gpu, chosen):
    chosen(SMALL)
    for n in (40, 39):
        a, b, bias = data(2, 18, 60), data(2, 60, n), data(n)
        x, y, z = jrk.tensor(a), jrk.tensor(b), jrk.tensor(bias)
        wanted = a.astype(np.float64) @ b + bias
        clear = np.abs(wanted) > 1e-4
        with jrk.profile() as p:
            above = (x @ y + z > 0).numpy()
            narrow = (x @ y + z).astype("bfloat16")
            jrk.eval(narrow)
        assert p.launches == 2
        np.testing.assert_array_equal(above[clear], (wanted > 0)[clear])
        close(narrow.astype("float32").numpy(), wanted, rtol=2**-8)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_narrow_operands_are_summed_in_float32(one_gpu, chosen, name):
    chosen(SMALL)
    a, b = (jrk.tensor(v).astype(name) for v in (data(20, 512), data(512, 24)))
    jrk.eval(a, b)
    with jrk.profile() as p:
        got = (a @ b).astype("float32").numpy()
    assert p.launches == 1
    wanted = a.astype("float64").numpy() @ b.astype("float64").numpy()
    close(got, wanted, rtol=2**-11 if name == "float16" else 2**-8)


def test_doubles(gpu, chosen):
    chosen(SMALL)
    a, b = RNG.standard_normal((33, 40)), RNG.standard_normal((40, 36))
    close((jrk.tensor(a) @ jrk.tensor(b)).numpy(), a @ b, rtol=1e-14)


def test_dear_operands_are_stored_and_cheap_ones_are_not(gpu, chosen):
    chosen(SMALL)
    a, b = data(32, 40), data(40, 32)
    x, y = jrk.tensor(a), jrk.tensor(b)
    wide = a.astype(np.float64)
    for left, launches, wanted in [
        (x * 2, 1, wide * 2),
        (x.exp().sin().cos(), 2, np.cos(np.sin(np.exp(wide)))),
    ]:
        with jrk.profile() as p:
            got = (left @ y).numpy()
        assert p.launches == launches
        close(got, wanted @ b)


def test_windows_of_a_convolution_are_never_stored(one_gpu):
    torch = pytest.importorskip("torch")
    x, w, b = data(2, 3, 9, 12), data(16, 3, 3, 3), data(16)
    arrays = [torch.tensor(v).double().requires_grad_() for v in (x, w, b)]
    wanted = torch.nn.functional.conv2d(*arrays, padding=1).relu()
    wanted.square().sum().backward()
    tensors = [jrk.tensor(v) for v in (x, w, b)]
    with jrk.profile() as p:
        y = jrk.nn.functional.conv2d(*tensors, padding=1).relu()
        jrk.eval(y)
    assert p.launches == 1
    close(y.numpy(), wanted.detach().numpy())
    for ours, theirs in zip(jrk.grad((y**2).sum(), tensors), arrays, strict=True):
        close(ours.numpy(), theirs.grad.numpy())


def test_choices_fit_the_device_and_keep_it_busy():
    small = Limits(4, 16384, 64)
    for sizes in [(4096, 4096, 4096, 1), (64, 64, 64, 1), (8, 4096, 4096, 1), (300, 10, 7, 40)]:
        tile, parts = tiles.choose(*sizes, 4, small)
        assert tile.items <= 64
        assert tile.bytes(4) <= 16384
        large = Limits(108, 49152, 1024)
        tile, parts = tiles.choose(*sizes, 4, large)
        m, n, k, batch = sizes
        groups = -(-m // tile.rows) * -(-n // tile.columns) * batch * parts
        assert groups >= 108 or k // (parts * 2) < tiles.FEWEST_STEPS


def test_dear_operands_are_stored_before_their_windows(one_gpu, chosen):
    torch = pytest.importorskip("torch")
    chosen(SMALL)
    x, w = data(2, 3, 9, 12), data(16, 3, 3, 3)
    with jrk.profile() as p:
        image = jrk.tensor(x).exp().sin().cos()
        got = jrk.nn.functional.conv2d(image, jrk.tensor(w), padding=1).numpy()
    assert [k.bytes for k in p.kernels][:-1] == [2 * x.nbytes]
    image = torch.tensor(x).double().exp().sin().cos()
    close(got, torch.nn.functional.conv2d(image, torch.tensor(w).double(), padding=1).numpy())
