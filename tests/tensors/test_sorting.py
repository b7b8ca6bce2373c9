"""Sorting, order statistics and searching in sorted rows against NumPy and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.engine import device as devices
from jairika_nb.engine.dtypes import dtype_of

RNG = np.random.default_rng(7)
DTYPES = ("bool", "int8", "uint16", "float16", "float32", "float64")
SHAPES = [((3, 40), 1), ((40, 3), 0), ((2, 5, 33), 1), ((1,), 0), ((0, 3), 0), ((5, 300), -1),
          ((1, 70001), 1), ((2, 1, 3, 2, 5), 2), ((3, 2500), 1)]  # fmt: skip


def twins():
    """A CPU driver once more, told that it is a GPU: the same numbers by other kernels."""
    cpus = [d for d in devices.devices() if d.kind == "cpu"][:1]
    return [
        devices.Device(f"{d.id}-as-gpu", d.name, d.driver, "gpu", d.handle, probe="") for d in cpus
    ]


@pytest.fixture(params=[None, *twins()], ids=lambda d: "own" if d is None else d.id)
def anywhere(request, device):
    """Each device by its own kernels, and one of the drivers by those for GPUs."""
    if request.param is None:
        yield device
    elif device.is_reference:
        with devices.using(request.param) as gpu:
            yield gpu
    else:
        pytest.skip("the kernels for GPUs run once")


def numbers(shape, dtype):
    """Values with many equal ones, and with extremes; of floats NaN, infinities, both zeros."""
    if dtype == "bool":
        return RNG.integers(0, 2, shape).astype(bool)
    if not dtype.startswith("float"):
        limits = np.iinfo(dtype)
        x = RNG.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        few = RNG.integers(0, 9, shape).astype(dtype)
        return np.where(RNG.random(shape) < 0.5, x, few)
    x = np.round(RNG.normal(size=shape) * 3, 1).astype(dtype)
    odd = RNG.choice(np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], dtype), shape)
    return np.where(RNG.random(shape) < 0.2, odd, x)


def reversed_order(x, axis):
    """Descending, equal ones in their order, NaN last: by sorting ascending what is negated."""
    if x.dtype.kind == "f":
        return np.argsort(-x, axis=axis, kind="stable")
    return np.argsort(np.invert(x), axis=axis, kind="stable")


@pytest.mark.parametrize("dtype", DTYPES)
def test_order_is_stable_with_nan_last(anywhere, dtype):
    try:
        anywhere.check_dtype(dtype_of(dtype))
    except errors.DeviceError as error:
        pytest.skip(str(error))
    for shape, axis in SHAPES:
        x = numbers(shape, dtype)
        t = jrk.tensor(x)
        want = np.argsort(x, axis=axis, kind="stable")
        np.testing.assert_array_equal(jrk.argsort(t, axis=axis).numpy(), want)
        np.testing.assert_array_equal(
            jrk.sort(t, axis=axis).numpy(), np.take_along_axis(x, want, axis)
        )
        got = jrk.argsort(t, axis=axis, descending=True)
        np.testing.assert_array_equal(got.numpy(), reversed_order(x, axis))
        assert got.dtype == jrk.int32


def test_rows_are_sorted_at_any_length(anywhere):
    for n in (2, 3, 31, 32, 33, 64, 100, 1000):
        x = RNG.integers(-50, 50, (7, n)).astype("f4")
        np.testing.assert_array_equal(jrk.tensor(x).sort().numpy(), np.sort(x, axis=1))
        order = jrk.tensor(x).argsort(descending=True).numpy()
        np.testing.assert_array_equal(order, reversed_order(x, 1))


def test_the_largest_equal_pytorch(anywhere):
    torch = pytest.importorskip("torch")
    x = RNG.permutation(60).reshape(4, 15).astype("f4")
    for k, axis, largest in ((3, 1, True), (4, 0, False), (15, -1, True), (0, 1, True)):
        got = jrk.topk(jrk.tensor(x), k, axis=axis, largest=largest)
        want = torch.topk(torch.tensor(x), k, dim=axis, largest=largest)
        np.testing.assert_array_equal(got.values.numpy(), want.values.numpy())
        np.testing.assert_array_equal(got.indices.numpy(), want.indices.numpy())
    for k, keep in ((1, False), (7, True)):
        got = jrk.tensor(x).kthvalue(k, axis=1, keepdims=keep)
        want = torch.tensor(x).kthvalue(k, dim=1, keepdim=keep)
        np.testing.assert_array_equal(got.values.numpy(), want.values.numpy())
        np.testing.assert_array_equal(got.indices.numpy(), want.indices.numpy())


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_few_of_many_are_the_first_in_order(anywhere, dtype):
    for shape, k in (((6, 300), 5), ((1, 70001), 20), ((70001,), 1), ((3, 300), 65)):
        x = numbers(shape, dtype)
        want = reversed_order(x, -1)[..., :k]
        got = jrk.topk(jrk.tensor(x), k)
        np.testing.assert_array_equal(got.indices.numpy(), want)
        np.testing.assert_array_equal(got.values.numpy(), np.take_along_axis(x, want, -1))
        least = np.argsort(x, axis=-1, kind="stable")[..., :k]
        got = jrk.topk(jrk.tensor(x), k, largest=False)
        np.testing.assert_array_equal(got.indices.numpy(), least)


def test_medians_and_quantiles_equal_pytorch(device):
    torch = pytest.importorskip("torch")
    x = RNG.permutation(60).reshape(3, 4, 5).astype("f4")
    x[0, 1, 2] = x[2, 2, :] = np.nan
    t, ours = torch.tensor(x), jrk.tensor(x)
    for name in ("median", "nanmedian"):
        np.testing.assert_array_equal(getattr(jrk, name)(ours).numpy(), getattr(t, name)().numpy())
        for axis in (0, 1, -1):
            got = getattr(jrk, name)(ours, axis=axis, keepdims=axis == 1)
            want = getattr(t, name)(axis, keepdim=axis == 1)
            np.testing.assert_array_equal(got.values.numpy(), want.values.numpy())
            places = got.indices if axis == 1 else got.indices.unsqueeze(axis)
            picked = np.take_along_axis(x, places.numpy(), axis)
            np.testing.assert_array_equal(picked.reshape(got.values.shape), got.values.numpy())
    for how in ("linear", "lower", "higher", "nearest", "midpoint"):
        for q in (0.3, [0.0, 0.25, 0.5, 1.0]):
            got = jrk.quantile(ours, jrk.tensor(q), axis=1, interpolation=how)
            want = torch.quantile(t, torch.tensor(q), dim=1, interpolation=how)
            np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)
        got = jrk.nanquantile(ours, 0.4, axis=1, interpolation=how)
        want = torch.nanquantile(t, 0.4, dim=1, interpolation=how)
        np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)
    kept = jrk.quantile(ours[1], 0.5, keepdims=True)
    assert kept.shape == (1, 1) and kept.item() == np.quantile(x[1], 0.5)


DERIVED = {
    "sort": (lambda x: jrk.sort(x, axis=1), lambda t: t.sort(dim=1).values),
    "sort descending": (lambda x: x.sort(axis=0, descending=True),
                        lambda t: t.sort(dim=0, descending=True).values),
    "topk": (lambda x: x.topk(3).values, lambda t: t.topk(3).values),
    "kthvalue": (lambda x: x.kthvalue(2, axis=1).values, lambda t: t.kthvalue(2, dim=1).values),
    "median": (lambda x: x.median(axis=1).values, lambda t: t.median(dim=1).values),
    "quantile": (lambda x: x.quantile(0.3, axis=1), lambda t: t.quantile(0.3, dim=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", DERIVED)
def test_derivatives_go_where_the_values_came_from(device, name):
    torch = pytest.importorskip("torch")
    ours, theirs = DERIVED[name]
    x = RNG.normal(size=(4, 6))
    t, mine = torch.tensor(x, requires_grad=True), jrk.tensor(x)
    (want,) = torch.autograd.grad((theirs(t) ** 3).sum(), [t], create_graph=True)
    (got,) = jrk.grad((ours(mine) ** 3).sum(), [mine])
    np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-12, atol=1e-14)
    (want2,) = torch.autograd.grad((want**2).sum(), [t])
    (got2,) = jrk.grad((got**2).sum(), [mine])
    np.testing.assert_allclose(got2.numpy(), want2.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float32", "float64"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_places_in_sorted_rows_equal_numpy(anywhere, dtype, side):
    for n in (0, 1, 7, 1000):
        row, values = np.sort(numbers((n,), dtype)), numbers((3, 50), dtype)
        got = jrk.searchsorted(jrk.tensor(row), jrk.tensor(values), side=side)
        np.testing.assert_array_equal(got.numpy(), np.searchsorted(row, values, side))
        assert got.dtype == jrk.int32


def test_searching_takes_scalars_sorters_rows_and_mixed_dtypes(device):
    row = np.array([3.0, 1.0, 2.0], np.float32)
    order = jrk.argsort(jrk.tensor(row))
    got = jrk.searchsorted(jrk.tensor(row), jrk.tensor([0, 2, 5]), sorter=order)
    assert got.tolist() == [0, 1, 3]
    assert jrk.searchsorted(jrk.tensor([1, 2, 3]), 2.5).item() == 2
    rows = jrk.tensor([[1, 2, 3], [4, 5, 6]])
    assert jrk.searchsorted(rows, jrk.tensor([[3, 0], [3, 9]])).tolist() == [[2, 0], [0, 3]]
    assert jrk.bucketize(jrk.tensor([1, 2, 3]), jrk.tensor([2, 3])).tolist() == [0, 0, 1]
    assert jrk.bucketize(jrk.tensor([1, 2, 3]), jrk.tensor([2, 3]), right=True).tolist() == [
        0,
        1,
        2,
    ]


def test_counts_and_histograms_equal_numpy(device):
    x = RNG.integers(0, 12, 5000)
    np.testing.assert_array_equal(jrk.bincount(jrk.tensor(x), minlength=20).numpy(),
                                  np.bincount(x, minlength=20))  # fmt: skip
    weights = RNG.normal(size=5000).astype("f4")
    np.testing.assert_allclose(jrk.bincount(jrk.tensor(x), jrk.tensor(weights)).numpy(),
                               np.bincount(x, weights), rtol=1e-4, atol=1e-4)  # fmt: skip
    assert jrk.bincount(jrk.zeros((0,), dtype="int32")).tolist() == []
    y = RNG.normal(size=3000).astype("f4")
    edges = np.array([-1.0, 0.0, 0.5, 3.0], np.float32)
    for bins, density in ((10, False), (7, True), (edges, False), (edges, True)):
        ours = jrk.tensor(bins) if isinstance(bins, np.ndarray) else bins
        got = jrk.histogram(jrk.tensor(y), ours, density=density)
        want, places = np.histogram(y, bins, density=density)
        np.testing.assert_allclose(got.bin_edges.numpy(), places, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(got.hist.numpy(), want, rtol=1e-3, atol=0 if density else 1)
    assert jrk.histc(jrk.tensor([1.0, 2.0, 1.0, 9.0]), bins=4, min=0, max=3).tolist() == [
        0,
        2,
        1,
        0,
    ]


def test_brain_floats_are_sorted_searched_and_told_apart(device):
    x = jrk.tensor([3.0, -1.0, np.nan, 2.0, -0.0], dtype="bfloat16")
    assert x.argsort().tolist() == [1, 4, 3, 0, 2]
    assert x.topk(2).indices.tolist() == [0, 3]
    assert x[[0, 3]].tolist() == [3, 2] and x.dtype == jrk.bfloat16
    assert jrk.searchsorted(x.sort(), x[3]).item() == 2
    assert jrk.isin(x, x[:2]).tolist() == [True, True, False, False, False]
    assert jrk.unique_values(x[:2]).tolist() == [-1, 3]
    assert jrk.scatter_add(x[:2], 0, [0, 0], x[:2]).tolist() == [5, -1]


def test_nonzero_places_equal_numpy(device):
    x = RNG.integers(0, 2, (3, 4, 5))
    for got, want in zip(jrk.nonzero(jrk.tensor(x)), np.nonzero(x), strict=True):
        np.testing.assert_array_equal(got.numpy(), want)
    np.testing.assert_array_equal(jrk.argwhere(jrk.tensor(x)).numpy(), np.argwhere(x))


WRONG = [
    (lambda x: x.sort(axis=2), errors.OutOfRange, "axis 2"),
    (lambda x: x.topk(1.5), errors.ArgumentError, "integer"),
    (lambda x: jrk.sort(x, dim=1), errors.ArgumentError, "axis="),
    (lambda x: jrk.cumsum(x, keepdim=True), errors.ArgumentError, "keepdim"),
    (lambda x: x.topk(5), errors.OutOfRange, "k=5 .*size 4"),
    (lambda x: x.kthvalue(0), errors.OutOfRange, "k=0"),
    (lambda x: jrk.median(jrk.zeros((0,)), axis=0), errors.ShapeError, "empty"),
    (lambda x: jrk.quantile(x, 0.5, interpolation="cubic"), errors.ArgumentError, "cubic"),
    (lambda x: jrk.searchsorted(x, jrk.ones((2, 2))), errors.ShapeError, r"\(2, 2\) in \(3, 4\)"),
    (lambda x: jrk.searchsorted(x[0], x, side="up"), errors.ArgumentError, "'up'"),
    (lambda x: jrk.bincount(x), errors.DTypeError, "1-d integers"),
    (lambda x: jrk.bincount(jrk.tensor([-1])), errors.OutOfRange, "-1"),
    (lambda x: jrk.nonzero(x.sum()), errors.ShapeError, "no axes"),
    (lambda x: jrk.histogram(x, 0), errors.ArgumentError, "bins=0"),
    (lambda x: jrk.grad(jrk.argsort(x).sum(), [x]), errors.GradientError, "int32"),
]


@pytest.mark.parametrize("wrong,error,words", WRONG)
def test_wrong_calls_raise_one_clear_line(device, wrong, error, words):
    with pytest.raises(error, match=words) as caught:
        wrong(jrk.zeros((3, 4)))
    assert "\n" not in str(caught.value)
