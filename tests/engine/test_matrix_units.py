"""Products by matrix units: the instruction is done by hand here, all else is what GPUs run."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine import matrix_units, tiles
from jairika_nb.engine.matrix_units import Unit, intels
from jairika_nb.engine.tiles import MATRIX_SIZES, Choice, MatrixTile, matrix_tiles
from jairika_nb.errors import ArgumentError

RNG = np.random.default_rng(16)
# One instruction after another: NVIDIA's, and Intel's with sub-groups of 16 and of 8.
SMALL = (32, 32, 16, 16, 16)
# Half of the last bit that a type keeps, over sums of some hundred products.
ROUNDS = {"f16": 2**-11, "bf16": 2**-8, "tf32": 2**-11}
NAMES = {"f16": "float16", "bf16": "bfloat16", "tf32": "float32"}
KINDS = [(n, t) for n in MATRIX_SIZES for t in NAMES if (n, t) != (8, "tf32")]


def data(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def by_hand(lanes, type_):
    """An emulated unit: NVIDIA's or Intel's by the work-items of an instruction."""
    return Unit(type_, emulated=True) if lanes == 32 else intels(type_, lanes, emulated=True)


@pytest.fixture
def emulated(monkeypatch):
    """Devices whose units are emulated, with the tiles and the split that it is called with."""

    def choose(sizes=SMALL, parts=1, lanes=32):
        def chosen(m, n, k, batch, itemsize, of, unit=None):
            assert unit, "this product should have gone to the units"
            return Choice(MatrixTile(*sizes, unit), parts)

        found = [by_hand(n, t) for n, t in KINDS if n == lanes]
        monkeypatch.setattr(matrix_units, "units", lambda device: found)
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


@pytest.mark.parametrize(("lanes", "unit"), KINDS)
def test_ragged_products_of_each_type(gpu, emulated, lanes, unit):
    emulated(lanes=lanes)
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


@pytest.mark.parametrize(
    ("lanes", "sizes"),
    [(n, t[:-1]) for n in MATRIX_SIZES for t in matrix_tiles(by_hand(n, "bf16"))],
    ids=lambda v: f"{v[0]}x{v[1]}" if isinstance(v, tuple) else str(v),
)
def test_the_tiles_that_gpus_use(one_gpu, emulated, lanes, sizes):
    emulated(sizes, lanes=lanes)
    (a, b), (x, y) = operands("bf16", (70, 40), (40, 36))
    close((a.astype("float32") @ b.astype("float32")).numpy(), x @ y, 1e-5)


@pytest.mark.parametrize(("lanes", "type_"), KINDS)
def test_tiles_hold_what_the_kernel_needs(lanes, type_):
    unit = by_hand(lanes, type_)
    for tile in (*matrix_tiles(unit), MatrixTile(*SMALL, unit)):
        assert tile.high % unit.rows == tile.wide % unit.columns == 0
        assert tile.depth * unit.itemsize % 32 == 0, "whole instructions"
        for lines in (tile.rows, tile.columns):
            assert lines * tile.depth % (tile.items * 4) == 0
        assert tile.bytes(unit.itemsize) <= 32768


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


def test_the_probe_of_units_tells_right_from_wrong(gpu, monkeypatch):
    units = [by_hand(lanes, type_) for lanes, type_ in KINDS]
    assert all(matrix_units.works(gpu, unit) for unit in units)
    # As if sums lay elsewhere among the work-items.
    text = matrix_units.template("matrix_emulated.cl")
    moved = text.replace("sum_row(lane, i) * 8", "sum_row(lane ^ 4, i ^ 1) * 8")
    assert moved != text
    real = matrix_units.template
    monkeypatch.setattr(matrix_units, "template",
                        lambda name: moved if "emulated" in name else real(name))  # fmt: skip
    assert not any(matrix_units.works.__wrapped__(gpu, unit) for unit in units)
    # Without by_hand's emulation no CPU driver has them: found out without harm.
    assert not matrix_units.works(gpu, intels("bf16", 16))


class Handle:
    """What pyopencl tells of a GPU."""

    def __init__(self, extensions, major=0):
        self.extensions, self.compute_capability_major_nv = extensions, major


def found(handle):
    device = devices.Device("opencl:9", "a GPU", "a driver", "gpu", handle, probe="")
    kinds = (jrk.float16, jrk.bfloat16, jrk.float32)
    return [matrix_units.unit(device, kind) for kind in kinds]


def test_units_are_those_of_nvidia_from_compute_capability_8_on(monkeypatch):
    monkeypatch.setattr(matrix_units, "works", lambda device, unit: True)
    nvidia = "cl_khr_fp64 cl_nv_device_attribute_query"
    for major, wanted in ((7, [None] * 3), (8, [Unit("f16"), Unit("bf16"), None]),
                          (12, [Unit("f16"), Unit("bf16"), None])):  # fmt: skip
        assert found(Handle(nvidia, major)) == wanted
    assert found(Handle("cl_khr_fp64")) == [None] * 3


def test_units_of_intel_are_those_that_compute_rightly(monkeypatch):
    both = f"{matrix_units.INTEL} {matrix_units.INTEL}_tf32"
    monkeypatch.setattr(matrix_units, "_precision", "high")
    for lanes, wanted in ((16, ("f16", "bf16", "tf32")), (8, ("f16", "bf16", None)),
                          (0, (None, None, None))):  # fmt: skip
        monkeypatch.setattr(matrix_units, "works", lambda d, unit, n=lanes: unit.lanes == n)
        assert found(Handle(both)) == [intels(t, lanes) if t else None for t in wanted]
    monkeypatch.setattr(matrix_units, "works", lambda device, unit: True)
    assert found(Handle(matrix_units.INTEL)) == [intels("f16", 16), intels("bf16", 16), None]
