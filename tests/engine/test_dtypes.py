"""Data types: promotion, arithmetic in each, casts, and their limits on every device."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine import dtypes

RNG = np.random.default_rng(7)
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
NARROW = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}

# The table of JAX's documentation ("Type promotion semantics"), where its "f*" is float32 here.
SHORT = {
    "b1": "bool", "u1": "uint8", "u2": "uint16", "u4": "uint32", "u8": "uint64", "i1": "int8",
    "i2": "int16", "i4": "int32", "i8": "int64", "bf": "bfloat16", "f2": "float16",
    "f4": "float32", "f8": "float64",
}  # fmt: skip
PROMOTION = """
b1  b1 u1 u2 u4 u8 i1 i2 i4 i8 bf f2 f4 f8
u1  u1 u1 u2 u4 u8 i2 i2 i4 i8 bf f2 f4 f8
u2  u2 u2 u2 u4 u8 i4 i4 i4 i8 bf f2 f4 f8
u4  u4 u4 u4 u4 u8 i8 i8 i8 i8 bf f2 f4 f8
u8  u8 u8 u8 u8 u8 f4 f4 f4 f4 bf f2 f4 f8
i1  i1 i2 i4 i8 f4 i1 i2 i4 i8 bf f2 f4 f8
i2  i2 i2 i4 i8 f4 i2 i2 i4 i8 bf f2 f4 f8
i4  i4 i4 i4 i8 f4 i4 i4 i4 i8 bf f2 f4 f8
i8  i8 i8 i8 i8 f4 i8 i8 i8 i8 bf f2 f4 f8
bf  bf bf bf bf bf bf bf bf bf bf f4 f4 f8
f2  f2 f2 f2 f2 f2 f2 f2 f2 f2 f4 f2 f4 f8
f4  f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f4 f8
f8  f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8
"""
ROWS = [line.split() for line in PROMOTION.strip().splitlines()]


def plain(array):
    """As float64 or as it is: what NumPy's testing functions can compare."""
    return array.astype(np.float64) if array.dtype == ml_dtypes.bfloat16 else array


def all_same(rows):
    """Pairs of a tensor and an array; evaluated together, so that they compile together."""
    jrk.eval(*(got for got, _ in rows))
    for got, want in rows:
        same(got.numpy(), want)


def same(got, want):
    assert got.dtype == want.dtype, (got.dtype, want.dtype)
    np.testing.assert_array_equal(plain(got), plain(want))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: SHORT[row[0]])
def test_two_types_promote_as_in_the_table(row):
    for other, want in zip(SHORT, row[1:], strict=True):
        a, b = (jrk.ones((2,), dtype=SHORT[k], device="reference") for k in (row[0], other))
        assert (jrk.where(a.astype("bool"), a, b)).dtype.name == SHORT[want], (row[0], other)
        assert jrk.result_type(a, b).name == SHORT[want]


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS])
def test_python_scalars_never_widen_their_kind(name):
    x = jrk.ones((2,), dtype=name, device="reference")
    kept = name if name in FLOATS else "float32"
    assert (x + 1).dtype.name == name and (x * True).dtype.name == name
    assert (x + 0.5).dtype.name == kept and (0.5 - x).dtype.name == kept


def test_scalars_round_to_the_type_they_meet(device):
    for name, kind in NARROW.items():
        ones = jrk.ones((20,), dtype=name)
        same((ones * 0.1).numpy(), np.full(20, 0.1).astype(kind))
        same((ones + 1000.3).numpy(), np.full(20, 1).astype(kind) + kind(1000.3))
        assert (jrk.full((3,), 0.1, dtype=name).astype("float64") == float(kind(0.1))).all()


@pytest.mark.parametrize("name", NARROW)
def test_two_byte_arithmetic_is_rounded_as_in_numpy(device, name):
    kind = NARROW[name]
    x, y = (RNG.normal(size=(3, 37)).astype(kind) * kind(30) for _ in range(2))
    a, b = jrk.tensor(x), jrk.tensor(y)
    assert a.dtype.name == name and a.nbytes == 2 * a.size
    all_same([
        (a + b, x + y), (a - b, x - y), (a * b, x * y), (a / b, x / y), (-a, -x),
        (jrk.sqrt(jrk.abs(a)), np.sqrt(np.abs(x))), (jrk.maximum(a, b), np.maximum(x, y)),
        (jrk.floor(a), np.floor(x)), (jrk.where(a < b, a, b), np.where(x < y, x, y)),
        (a[:, ::-2] + 1, x[:, ::-2] + kind(1)), (a.T * b.T, x.T * y.T),
        (jrk.concat([a, b], axis=1), np.concatenate([x, y], 1)),
        (a < b, x < y), (a == a, x == x), (jrk.isnan(a), np.isnan(x)),
    ])  # fmt: skip


@pytest.mark.parametrize("name", NARROW)
def test_two_byte_values_do_not_depend_on_how_kernels_are_cut(device, name):
    x = jrk.tensor(RNG.normal(size=(5, 40))).astype(name)

    def chain(step):
        y = step(x * 1.1 + 0.3)
        z = step(y * y - x)
        top = step(z.max(axis=1, keepdims=True))
        return step(z - top), z == top

    whole, cut = chain(lambda v: v), chain(lambda v: v.realize())
    same(whole[0].numpy(), cut[0].numpy())
    same(whole[1].numpy(), cut[1].numpy())
    assert whole[1].any(axis=1).all()


@pytest.mark.parametrize("name", NARROW)
def test_the_largest_element_gets_the_derivative_though_it_was_rounded(device, name):
    x = jrk.tensor(RNG.normal(size=(4, 33))).astype(name)
    (g,) = jrk.grad((x * 1.7 + 0.2).max(axis=1).sum(), [x])
    assert ((g != 0).sum(axis=1) == 1).all() and g.dtype.name == name


@pytest.mark.parametrize("name", NARROW)
def test_two_byte_sums_and_products_accumulate_in_float32(device, name):
    kind = NARROW[name]
    x = np.full((3, 5000), 0.1).astype(kind)
    exact = x.astype(np.float64).sum(1)
    same(jrk.tensor(x).sum(axis=1).numpy(), exact.astype(np.float32).astype(kind))
    np.testing.assert_allclose(plain(jrk.tensor(x).mean(axis=1).numpy()), 0.1, rtol=1e-2)
    # A partial sum beyond float16's largest number.
    big = jrk.tensor(np.array([60000, 60000, -60000, -59968]).astype(kind))
    assert big.sum().item() == float(np.array([60000, 32][kind is np.float16]).astype(kind)) or (
        kind is not np.float16
    )
    a, b = RNG.normal(size=(40, 700)).astype(kind), RNG.normal(size=(700, 50)).astype(kind)
    got = plain((jrk.tensor(a) @ jrk.tensor(b)).numpy()).astype(np.float64)
    want = plain(a).astype(np.float64) @ plain(b).astype(np.float64)
    bound = 0.5 * float(ml_dtypes.finfo(kind).eps) * np.abs(want) + 1e-3
    assert (np.abs(got - want) <= bound).all()


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS])
def test_products_of_matrices_of_every_type_equal_numpy(device, name):
    low = 0 if name.startswith("u") else -9
    kind = NARROW.get(name, name)
    for m, k, n in [(3, 5, 4), (20, 40, 33), (65, 64, 66)]:
        x, y = (RNG.integers(low, 10, s).astype(kind) for s in ((m, k), (k, n)))
        want = (x.astype(np.float64) @ y.astype(np.float64)).astype(np.int64)
        want = want.astype(kind) if name in INTEGERS else want.astype(np.float32).astype(kind)
        same((jrk.tensor(x) @ jrk.tensor(y)).numpy(), want)


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_wrap_around(device, name):
    info = np.iinfo(name)
    x = np.array([info.max, info.min, info.max - 1, 3] * 9, dtype=name)
    t = jrk.tensor(x)
    with np.errstate(over="ignore"):
        all_same([
            (t + t, x + x), (t * t, x * x), (t - 5, x - np.array(5, name)), (-t, -x),
            (jrk.abs(t), np.abs(x)), (t**3, x * x * x),
            # In one kernel, where a compiler might assume that nothing overflows.
            (t + 1 > t, np.array([False, True, True, True] * 9)),
            (t.sum(dtype=name), np.asarray(x.sum(dtype=name))),
            (jrk.prod(t, dtype=name), np.asarray(x.prod(dtype=name))),
        ])  # fmt: skip


@pytest.mark.parametrize("name", INTEGERS)
def test_division_by_zero_and_of_the_smallest_number_does_not_trap(device, name):
    info = np.iinfo(name)
    x = np.array([info.min, info.max, 0, 7] * 10, dtype=name)
    y = np.array([0, 1, 2, info.max, info.min] * 8, dtype=name)
    if info.min < 0:
        y[:8] = -1
    with np.errstate(all="ignore"):
        t, d = jrk.tensor(x), jrk.tensor(y)
        all_same([(t // d, x // y), (t % d, x % y)])


@pytest.mark.parametrize("name", INTEGERS)
def test_shifts_by_the_width_and_more_leave_nothing_but_the_sign(device, name):
    bits = 8 * np.dtype(name).itemsize
    x = np.array([1, 5, 100, 7], dtype=name)
    x = np.concatenate([x, -x]) if name.startswith("i") else np.concatenate([x, ~x])
    x = np.repeat(x, 5)
    n = np.tile(np.array([0, 1, bits - 1, bits, bits + 3], dtype=name), 8)
    mask, sign = (1 << bits) - 1, [int(v) < 0 for v in x]
    left = [(int(v) << int(k)) & mask if k < bits else 0 for v, k in zip(x, n, strict=True)]
    right = [int(v) >> int(k) if k < bits else -int(s) for v, k, s in zip(x, n, sign, strict=True)]
    t, m = jrk.tensor(x), jrk.tensor(n)
    all_same([(t << m, np.array(left, np.uint64).astype(name)), (t >> m, np.array(right, x.dtype))])


def saturated(value, name):
    """Python's own arithmetic: drop the fraction, then the nearest number of the type."""
    info = np.iinfo(name)
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return info.max if value > 0 else info.min
    return min(max(math.trunc(value), info.min), info.max)


@pytest.mark.parametrize("source", FLOATS)
def test_floats_beyond_an_integer_type_become_its_nearest_number(device, source):
    ends = [e for k in (7, 8, 15, 16, 31, 32, 63, 64) for e in (2.0**k, -(2.0**k))]
    values = [*ends, *(e * 0.999999 for e in ends), *(e - 1 for e in ends), *(e + 1 for e in ends),
              0.0, -0.0, 0.9, -0.9, 1.5, -1.5, 254.7, 1e30, -1e30, math.inf, -math.inf,
              math.nan]  # fmt: skip
    with np.errstate(over="ignore"):
        x = np.array(values).astype(NARROW.get(source, source))
    t = jrk.tensor(x)
    wants = {n: np.array([saturated(float(v), n) for v in x], dtype=n) for n in INTEGERS}
    all_same([(t.astype(name), want) for name, want in wants.items()])
    few = t[6:9].realize()  # too few for a vector
    all_same([(few.astype(name), want[6:9]) for name, want in wants.items()])


@pytest.mark.parametrize("source", INTEGERS)
def test_integers_wrap_into_smaller_ones_and_round_into_floats(device, source):
    info = np.iinfo(source)
    x = np.array([info.min, info.max, 0, 1, info.max // 3, info.min // 3 + 1] * 4, dtype=source)
    t, rows = jrk.tensor(x), []
    for name in INTEGERS:
        bits, target = 8 * np.dtype(name).itemsize, np.iinfo(name)
        want = [(int(v) - target.min) % (1 << bits) + target.min for v in x]
        rows.append((t.astype(name), np.array(want, dtype=name)))
    for name in ("float32", "float64"):
        want = [float(int(v)) if name == "float64" else np.float32(int(v)) for v in x]
        rows.append((t.astype(name), np.array(want, dtype=name)))
    all_same([*rows, (t != 0, x != 0), (t.astype("bool"), x != 0)])


def nearest(value, name):
    """The closest number of a 2-byte type, ties to the one with an even last bit."""
    kind = NARROW[name]
    codes = np.arange(2**16, dtype=np.uint16).view(kind).astype(np.float64)
    finite = np.isfinite(codes)
    gap = np.abs(codes - value, where=finite, out=np.full(codes.shape, np.inf))
    best = np.flatnonzero(gap == gap.min())
    even = [i for i in best if i % 2 == 0 and np.signbit(codes[i]) == np.signbit(value)]
    return codes[even[0] if len(best) > 1 and even else best[0]]


@pytest.mark.parametrize("name", NARROW)
def test_wide_numbers_round_once_to_two_bytes(device, name):
    kind = NARROW[name]
    half = float(ml_dtypes.finfo(kind).eps) / 2
    tiny = float(ml_dtypes.finfo(kind).smallest_subnormal)
    ties = [(1 + half) * s * (1 + d) for s in (1, -3, 2**-6) for d in (0, 2**-45, -(2**-45))]
    ties += [tiny * 1.5, tiny * 0.5, tiny * (0.5 + 2**-40), tiny * 2.5, 3.25, 100.3]
    want = np.array([nearest(v, name) for v in ties])
    x = jrk.tensor(np.array(ties))
    np.testing.assert_array_equal(plain(x.astype(name).numpy()).astype(np.float64), want)
    # In vectors too, and where rounding leads to infinity.
    wide = jrk.tensor(np.array([*ties, 1e39, -1e39, math.inf, math.nan, -0.0] * 3))
    got = plain(wide.astype(name).numpy()).astype(np.float64)
    want = np.array([*want, math.inf, -math.inf, math.inf, math.nan, -0.0] * 3)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))
    # Integers that float32 cannot hold.
    whole = np.array([(2**30) + 2**22 + 1, 2**30 + 2**22, 2**31 - 1, -(2**24) - 1] * 5)
    if name == "bfloat16":
        got = jrk.tensor(whole.astype(np.int64)).astype(name).numpy().astype(np.float64)
        np.testing.assert_array_equal(got, [nearest(float(v), name) for v in whole])


@pytest.mark.parametrize("name", FLOATS)
def test_denormals_and_signed_zeros_are_kept(device, name):
    kind = NARROW.get(name, np.dtype(name).type)
    tiny = ml_dtypes.finfo(kind).smallest_subnormal
    x = np.array([tiny, -tiny, tiny * kind(3), 0.0, -0.0] * 7).astype(kind)
    t = jrk.tensor(x)
    same(t.numpy(), x)
    rows = [(t * 2, x * kind(2)), (t + t, x + x), (-t, -x), (t * 1.0, x)]
    all_same([*rows, (t == 0, x == 0)])
    for got, want in rows:
        np.testing.assert_array_equal(np.signbit(got.numpy()), np.signbit(want))


def test_64_bit_integers_keep_every_bit(device):
    x = np.array([2**53 + 1, 2**63 - 1, -(2**63), 2**62 + 3] * 5, dtype=np.int64)
    u = np.array([2**64 - 1, 2**63 + 1, 1, 0] * 5, dtype=np.uint64)
    same(jrk.tensor(x).numpy(), x)
    same((jrk.tensor(x) // 3).numpy(), x // 3)
    same((jrk.tensor(u) // 10).numpy(), u // 10)
    same(jrk.tensor(u).max().numpy(), np.uint64(2**64 - 1)[()].reshape(()))
    assert jrk.tensor(u)[0].item() == 2**64 - 1
    assert (jrk.tensor(u) == 2**64 - 1).tolist() == (u == 2**64 - 1).tolist()
    assert jrk.full((2,), 2**64 - 1, dtype="uint64").tolist() == [2**64 - 1] * 2
    assert jrk.full((2,), -(2**63), dtype="int64").tolist() == [-(2**63)] * 2


@pytest.mark.parametrize("name", [*INTEGERS, *FLOATS, "bool"])
def test_every_type_runs_in_vectors(name):
    cpus = [d for d in devices.devices() if d.kind == "cpu"]
    if not cpus:
        pytest.skip("no CPU driver")
    with devices.using(cpus[0]):
        x = jrk.tensor(np.ones(100)).astype(name).realize()  # of more elements than lanes
        y = jrk.where(x == x, x, x) if name == "bool" else (x + x) * x
        text = "".join(k.text for k in y.kernels())
    lane = dtypes.BY_NAME[name].lane
    assert f"const {lane}16 " in text or f"{lane}16 v" in text, text


def test_bfloat16_arrays_of_numpy_go_in_and_out(device):
    x = np.array([1.0, -2.5, 3e38, math.inf, math.nan], dtype=ml_dtypes.bfloat16)
    t = jrk.tensor(x)
    assert t.dtype is jrk.bfloat16 and t.numpy().dtype == x.dtype
    np.testing.assert_array_equal(plain(t.numpy()), plain(x))
    assert t[1].item() == -2.5 and type(t[1].item()) is float and t[:2].tolist() == [1.0, -2.5]
    assert "bfloat16" in repr(t)
    assert jrk.asarray([1, 2.5], dtype="bfloat16").tolist() == [1.0, 2.5]
    assert (t.astype("float32") == x.astype(np.float32)).tolist()[:4] == [True] * 4


@pytest.mark.parametrize("name", FLOATS)
def test_draws_from_the_unit_interval_stay_below_one(device, name):
    jrk.random.seed(3)
    u = plain(jrk.random.uniform((20000,), dtype=name).numpy()).astype(np.float64)
    assert u.min() >= 0 and u.max() < 1 and abs(u.mean() - 0.5) < 0.02
    n = plain(jrk.random.normal((20000,), dtype=name).numpy()).astype(np.float64)
    assert abs(n.mean()) < 0.05 and abs(n.std() - 1) < 0.05


def test_nothing_is_downcast_on_a_device_without_float64():
    real = next((d for d in devices.devices() if not d.is_reference), None)
    if real is None:
        pytest.skip("no driver")
    twin = devices.Device(f"{real.id}-single", real.name, real.driver, real.kind, real.handle,
                          probe="")  # fmt: skip
    twin.__dict__["extensions"] = real.extensions - {"cl_khr_fp64", "cl_khr_fp16"}
    with devices.using(twin):
        x = jrk.tensor([1.0, 2.0])
        for wrong in (
            lambda: jrk.tensor([1.0], dtype="float64"), lambda: jrk.tensor(np.ones(3)),
            lambda: x.astype("float64"), lambda: jrk.zeros((2,), dtype="float64"),
            lambda: jrk.arange(3, dtype="float64"), lambda: x + np.ones(2),
            lambda: x.sum(dtype="float64"), lambda: jrk.random.normal((2,), dtype="float64"),
            lambda: jrk.linspace(0, 1, 3, dtype="float64"),
        ):  # fmt: skip
            with pytest.raises(jrk.errors.DeviceError, match=r"float64.*cl_khr_fp64"):
                wrong()
        assert (x.astype("float16") * 3).tolist() == [3.0, 6.0]
        assert (x.astype("bfloat16") * 3).sum().item() == 9.0
    with pytest.raises(jrk.errors.DeviceError, match="float64"):
        jrk.ones((2,), dtype="float64", device="reference").to(twin)


@pytest.mark.parametrize("name", FLOATS)
def test_nan_and_infinities_flow_as_the_standard_says(device, name):
    kind = NARROW.get(name, name)
    x = np.array([[1, math.nan, -math.inf] * 8, [math.inf, 2, -1] * 8], np.float32).astype(kind)
    t = jrk.tensor(x)
    for function in ("max", "min", "sum", "mean"):
        with np.errstate(all="ignore"):
            want = getattr(np, function)(x.astype(np.float32), axis=1)
        got = plain(getattr(jrk, function)(t, axis=1).numpy())
        np.testing.assert_array_equal(got, want)
    assert t.argmax(axis=1).tolist() == [1, 0] and t.argmin(axis=1).tolist() == [1, 2]
    ordered = plain(jrk.sort(t, axis=1).numpy())
    np.testing.assert_array_equal(ordered, np.sort(plain(x), axis=1))
    picked = jrk.where(jrk.isnan(t), jrk.zeros_like(t), t)
    np.testing.assert_array_equal(plain(picked.numpy()), np.where(np.isnan(plain(x)), 0, plain(x)))
