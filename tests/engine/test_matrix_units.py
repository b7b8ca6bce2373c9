"""Products by matrix units: the instruction is done by hand here, all else is what GPUs run."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine import matrix_units, tiles
from jairika_nb.engine.matrix_units import Unit
from jairika_nb.engine.tiles import MATRIX_TILES, Choice, MatrixTile
from jairika_nb.errors import ArgumentError

RNG = np.random.default_rng(16)
SMALL = {2: MatrixTile(32, 32, 16, 16, 16), 4: MatrixTile(32, 32, 16, 16, 16)}
# Half of the last bit that a type keeps, over sums of some hundred products.
ROUNDS = {"f16": 2**-11, "bf16": 2**-8, "tf32": 2**-11}
NAMES = {"f16": "float16", "bf16": "bfloat16", "tf32": "float32"}


def data(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.fixture
def emulated(monkeypatch):
    """Devices whose units are emulated, with the tiles and the split that it is called with."""
    monkeypatch.setattr(matrix_units, "has_units", lambda device: True)
    monkeypatch.setattr(matrix_units, "Unit", lambda name: Unit(name, emulated=True))

    def choose(tile=None, parts=1):
        def chosen(m, n, k, batch, itemsize, of, unit=None):
            assert unit, "this product should have gone to the units"
            return Choice(tile or SMALL[unit.itemsize], parts, unit)

        monkeypatch.setattr(tiles, "choose", chosen)

    yield choose
    jrk.set_float32_matmul_precision("highest")


def operands(unit, *shapes):
    """Tensors of a unit's type, and their values in float64."""
    tensors = [jrk.tensor(data(*s)).astype(NAMES[unit]) for s in shapes]
    jrk.eval(*tensors)
    return tensors, [t.astype("float64").numpy() for t in tensors]


def close(got, wanted, bound):
    np.testing.assert_allclose(got, wanted, rtol=bound, atol=bound * np.abs(wanted).max())


@pytest.mark.parametrize("unit", NAMES)
def test_ragged_products_of_each_type(gpu, emulated, unit):
    emulated()
    jrk.set_float32_matmul_precision("high")
    (a, b), (x, y) = operands(unit, (37, 50), (50, 41))
    with jrk.profile() as p:
        got = (a @ b).astype("float32").numpy()
    assert p.launches == 1
    close(got, x @ y, ROUNDS[unit])


def test_sums_stay_in_float32_and_operands_exact(one_gpu, emulated):
    emulated()
    # Small whole numbers are exact in every type: so must the products be.
    a, b = (RNG.integers(-8, 9, s) for s in ((40, 64), (64, 36)))
    for name in ("float16", "bfloat16"):
        x, y = (jrk.tensor(v).astype(name).astype("float32") for v in (a, b))
        np.testing.assert_array_equal((x @ y).numpy(), a @ b)


def test_views_epilogues_batches_and_parts(one_gpu, emulated):
    (a, b), (x, y) = operands("f16", (2, 48, 36), (2, 40, 48))
    bias = data(40)
    emulated(parts=2)
    with jrk.profile() as p:
        product = a.mT.astype("float32") @ b.mT.astype("float32")
        got = (product + jrk.tensor(bias)).relu().numpy()
    assert p.launches == 2
    close(got, np.maximum(x.swapaxes(1, 2) @ y.swapaxes(1, 2) + bias, 0), 1e-5)
    emulated()
    with jrk.profile() as p:
        got = (a.mT.astype("float32") @ b.mT.astype("float32") * 2).numpy()
    assert p.launches == 1
    close(got, 2 * x.swapaxes(1, 2) @ y.swapaxes(1, 2), 1e-5)


@pytest.mark.parametrize("tile", MATRIX_TILES[2], ids=lambda t: f"{t.rows}x{t.columns}")
def test_the_tiles_that_gpus_use(one_gpu, emulated, tile):
    emulated(tile)
    (a, b), (x, y) = operands("bf16", (70, 40), (40, 36))
    close((a.astype("float32") @ b.astype("float32")).numpy(), x @ y, 1e-5)


@pytest.mark.parametrize("size", MATRIX_TILES)
def test_tiles_hold_what_the_kernel_needs(size):
    for tile in (*MATRIX_TILES[size], SMALL[size]):
        assert tile.high % 16 == tile.wide % 8 == 0
        assert tile.depth * size % 32 == 0, "whole instructions"
        for lines in (tile.rows, tile.columns):
            assert lines * tile.depth % (tile.items * 4) == 0
        assert tile.bytes(size) <= 32768


def test_rounding_is_asked_for_by_name(one_gpu, emulated):
    emulated()
    a, b = jrk.tensor(data(32, 64)), jrk.tensor(data(64, 32))
    exact = a.astype("float64").numpy() @ b.astype("float64").numpy()
    with pytest.raises(AssertionError, match="should have gone"):
        (a @ b).numpy()
    errors = []
    for name in ("high", "medium"):
        jrk.set_float32_matmul_precision(name)
        errors.append(np.abs((a @ b).numpy() - exact).max() / np.abs(exact).max())
    assert 1e-6 < errors[0] < 2**-10 < errors[1] * 2 < 2**-6


def test_rounding_to_the_units_types_keeps_what_is_no_number(one_gpu, emulated):
    emulated()
    jrk.set_float32_matmul_precision("high")
    x = np.zeros((32, 64), np.float32)
    x[0, 0], x[1, 0], x[2, 0], x[3, 0] = np.inf, -np.inf, np.nan, 3e38
    y = np.ones((64, 32), np.float32)
    got = (jrk.tensor(x) @ jrk.tensor(y)).numpy()[:4, 0]
    np.testing.assert_allclose(got, [np.inf, -np.inf, np.nan, 3e38], rtol=2**-11)


def test_bad_precisions_are_refused():
    with pytest.raises(ArgumentError, match="highest, high, medium"):
        jrk.set_float32_matmul_precision("fast")
    assert jrk.get_float32_matmul_precision() == "highest"


def test_the_probe_of_units_tells_right_from_wrong(gpu):
    assert matrix_units.works(gpu, Unit("bf16", emulated=True))
    # As if halves of words were taken for floats of another type.
    assert not matrix_units.works(gpu, Unit("tf32", emulated=True))


def test_units_are_those_of_nvidia_from_compute_capability_8_on(monkeypatch):
    class Handle:
        compute_capability_major_nv = 7
        extensions = "cl_khr_fp64 cl_nv_device_attribute_query"

    monkeypatch.setattr(matrix_units, "works", lambda device, unit: True)
    for major, wanted in ((7, None), (8, Unit("f16")), (12, Unit("f16"))):
        handle = Handle()
        handle.compute_capability_major_nv = major
        device = devices.Device("opencl:9", "a GPU", "NVIDIA CUDA", "gpu", handle, probe="")
        assert matrix_units.unit(device, jrk.float16) == wanted
        assert matrix_units.unit(device, jrk.float32) is None
