"""Running sums, products, extremes and recurrences against NumPy and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.engine import device as devices
from jairika_nb.engine.dtypes import dtype_of
from jairika_nb.engine.ops import scan as ops
from jairika_nb.tensors.tensor import Tensor

RNG = np.random.default_rng(5)
DTYPES = ("int8", "uint32", "float16", "float32", "float64")
# Lines and columns; vectors with and without a rest; blocks of long rows, ragged too.
SHAPES = [((3, 40), 1), ((40, 3), 0), ((2, 17, 33), 1), ((1,), 0), ((0, 3), 0), ((2, 70001), 1),
          ((2, 1, 3, 2, 5), 2)]  # fmt: skip


def twins():
    """The CPU drivers once more, told that they are GPUs: the same numbers by other kernels."""
    return [
        devices.Device(f"{d.id}-as-gpu", d.name, d.driver, "gpu", d.handle, probe="")
        for d in devices.devices()
        if d.kind == "cpu"
    ][:1]


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


def skip_unless_it_has(device, dtype):
    try:
        device.check_dtype(dtype_of(dtype))
    except errors.DeviceError as error:
        pytest.skip(str(error))


def numbers(shape, dtype):
    if dtype.startswith("float"):
        return RNG.uniform(0.9, 1.1, shape).astype(dtype) * RNG.choice([-1, 1], shape).astype(dtype)
    return RNG.integers(0, 100, shape).astype(dtype)


def close(got, want, rough=1.0):
    if want.dtype.kind != "f":
        np.testing.assert_array_equal(got, want)
        return
    eps = float(np.finfo(got.dtype).eps) * rough
    most = float(np.abs(want).max(initial=1.0))
    np.testing.assert_allclose(
        got.astype("f8"), want.astype("f8"), rtol=8 * eps, atol=8 * eps * most
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_running_sums_equal_numpy(anywhere, dtype):
    skip_unless_it_has(anywhere, dtype)
    for shape, axis in SHAPES:
        x = numbers(shape, dtype)
        exact = x.astype(np.longdouble if dtype.startswith("float") else x.dtype)
        with np.errstate(over="ignore"):
            want = np.cumsum(exact, axis=axis, dtype=exact.dtype)
        close(jrk.cumsum(jrk.tensor(x), axis, dtype=dtype).numpy(), want)
        back = np.flip(np.cumsum(np.flip(exact, axis), axis=axis, dtype=exact.dtype), axis)
        close(jrk.cumsum(jrk.tensor(x), axis, dtype=dtype, reverse=True).numpy(), back)


@pytest.mark.parametrize("dtype", ("int32", "float32"))
def test_running_products_and_extremes_equal_numpy(anywhere, dtype):
    for shape, axis in SHAPES:
        x = numbers(shape, dtype)
        want = np.cumprod(x, axis=axis, dtype=x.dtype)
        close(jrk.cumprod(jrk.tensor(x), axis, dtype=dtype).numpy(), want, rough=300)
        if not x.size:
            continue
        for ours, theirs in ((jrk.cummax, np.maximum), (jrk.cummin, np.minimum)):
            values, places = ours(jrk.tensor(x), axis)
            np.testing.assert_array_equal(values.numpy(), theirs.accumulate(x, axis=axis))
            np.testing.assert_array_equal(
                np.take_along_axis(x, places.numpy(), axis), values.numpy()
            )


def test_long_rows_do_not_drift(anywhere):
    x = np.full((1, 300_000), 0.1, np.float32)
    exact = np.float64(np.float32(0.1)) * np.arange(1, 300_001)
    np.testing.assert_allclose(jrk.cumsum(jrk.tensor(x), 1).numpy()[0], exact, rtol=2e-6)
    log = jrk.logcumsumexp(jrk.zeros((100_000,)), 0).numpy()
    np.testing.assert_allclose(log, np.log(np.arange(1, 100_001)), rtol=1e-6, atol=1e-6)


def test_infinity_nan_overflow_and_minus_zero_flow_as_in_numpy(anywhere):
    x = np.array([[-0.0, -0.0, 1, np.inf, 2, -np.inf, 3], [2e38, 2e38, 1, -1, np.nan, 5, 6]], "f4")
    with np.errstate(all="ignore"):
        want = np.cumsum(x, axis=1)
    got = jrk.cumsum(jrk.tensor(x), 1).numpy()
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got[0, :2]), [True, True])
    np.testing.assert_array_equal(
        jrk.cummax(jrk.tensor(x), 1).values.numpy(), np.maximum.accumulate(x, axis=1)
    )
    low = jrk.logcumsumexp(jrk.tensor([-np.inf, -np.inf, 0.0, np.inf, 1.0]), 0).tolist()
    assert low == [-np.inf, -np.inf, 0.0, np.inf, np.inf]


def test_indices_of_extremes_equal_pytorch(anywhere):
    torch = pytest.importorskip("torch")
    x = RNG.integers(0, 4, (5, 40)).astype("f4")
    x[1, 7] = x[1, 20] = np.nan
    for name in ("cummax", "cummin"):
        got, want = getattr(jrk, name)(jrk.tensor(x), 1), getattr(torch, name)(torch.tensor(x), 1)
        np.testing.assert_array_equal(got.values.numpy(), want.values.numpy())
        np.testing.assert_array_equal(got.indices.numpy(), want.indices.numpy())


def test_options_of_the_standard_and_of_onnx(device):
    x = jrk.tensor([[1, 2, 3], [4, 5, 6]], dtype="int16")
    assert jrk.cumulative_sum(x, axis=1, include_initial=True).tolist() == [
        [0, 1, 3, 6], [0, 4, 9, 15]
    ]  # fmt: skip
    assert jrk.cumulative_prod(x[0], include_initial=True).tolist() == [1, 1, 2, 6]
    assert jrk.cumulative_sum(x, axis=1).dtype == jrk.int32
    assert jrk.cumulative_sum(x, axis=0, dtype="float64").dtype == jrk.float64
    assert jrk.cumsum(x, 1, exclusive=True).tolist() == [[0, 1, 3], [0, 4, 9]]
    assert jrk.cumsum(x, 1, exclusive=True, reverse=True).tolist() == [[5, 3, 0], [11, 6, 0]]
    assert jrk.cumsum(x).tolist() == [1, 3, 6, 10, 15, 21]
    assert jrk.cumsum(jrk.tensor([True, True]), 0).tolist() == [1, 2]
    assert jrk.cumsum(jrk.tensor(3.0), 0).item() == 3.0
    for name in ("logcumsumexp", "cummax"):
        with pytest.raises(errors.OutOfRange, match="axis 2"):
            getattr(jrk, name)(x, 2)
    with pytest.raises(errors.ArgumentError, match="several axes"):
        jrk.cumulative_sum(x)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_floats_are_rounded_once_at_the_end(device, dtype):
    x = jrk.ones((4000,), dtype=dtype)
    # One by one the sum would stay at 2048, or 256, where 1 more is rounded away.
    assert jrk.cumsum(x, 0)[-1].item() == jrk.tensor(4000.0).astype(dtype).item()
    best = jrk.cummax(jrk.tensor([1.0, 3.0, 2.0], dtype=dtype), 0).values
    assert best.tolist() == [1, 3, 3] and best.dtype.name == dtype


def scan(kind, reverse=False):
    return lambda x: Tensor(ops.scan(kind, x.node, 1, reverse))


FUNCTIONS = {
    "sum": (lambda x: jrk.cumsum(x, 1), lambda t, x: t.cumsum(x, 1)),
    "sum from behind": (scan("add", True), lambda t, x: x.flip(1).cumsum(1).flip(1)),
    "product": (lambda x: jrk.cumprod(x, 1), lambda t, x: t.cumprod(x, 1)),
    "product from behind": (scan("mul", True), lambda t, x: x.flip(1).cumprod(1).flip(1)),
    "maximum": (lambda x: jrk.cummax(x, 1).values, lambda t, x: t.cummax(x, 1).values),
    "running maximum": (scan("max"), lambda t, x: t.cummax(x, 1).values),
    "minimum from behind": (scan("min", True), lambda t, x: x.flip(1).cummin(1).values.flip(1)),
    "log of sums": (lambda x: jrk.logcumsumexp(x, 1), lambda t, x: t.logcumsumexp(x, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_equal_pytorch(device, name):
    torch = pytest.importorskip("torch")
    x = RNG.normal(size=(3, 6))
    ours, theirs = FUNCTIONS[name]
    weights = np.cos(np.arange(18.0)).reshape(3, 6)
    t, x = torch.tensor(x, requires_grad=True), jrk.tensor(x)
    (want,) = torch.autograd.grad((theirs(torch, t) * torch.tensor(weights)).sum(), [t],
                                  create_graph=True)  # fmt: skip
    (got,) = jrk.grad((ours(x) * jrk.tensor(weights)).sum(), [x])
    np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-9, atol=1e-12)
    if want.requires_grad:
        (want2,) = torch.autograd.grad((want**2).sum(), [t])
        (got2,) = jrk.grad((got**2).sum(), [x])
        np.testing.assert_allclose(got2.numpy(), want2.numpy(), rtol=1e-8, atol=1e-10)


def test_sums_of_exponentials_far_apart_have_finite_derivatives():
    torch = pytest.importorskip("torch")
    values = np.array([100.0, -100.0, 0.0, -np.inf, 800.0])
    t = torch.tensor(values[:3], requires_grad=True)
    (want,) = torch.autograd.grad((t.logcumsumexp(0) ** 2).sum(), [t], create_graph=True)
    (want2,) = torch.autograd.grad((want**2).sum(), [t])
    with jrk.device("reference"):
        for x in (jrk.tensor(values[:3]), jrk.tensor(values)):
            (got,) = jrk.grad((jrk.logcumsumexp(x, 0) ** 2).sum(), [x])
            (got2,) = jrk.grad((got**2).sum(), [x])
            assert np.isfinite(got.numpy()).all() and np.isfinite(got2.numpy()).all()
            if x.size == 3:
                np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-9)
                np.testing.assert_allclose(got2.numpy(), want2.numpy(), rtol=1e-9, atol=1e-30)


def numeric(function, x, h=1e-5):
    out = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        up, down = (function(jrk.tensor(v)).item() for v in (x + step, x - step))
        out[i] = (up - down) / (2 * h)
    return out


@pytest.mark.parametrize("zeros", [(), (2,), (1, 3), (0, 1, 2, 3, 4)])
def test_products_with_zeros_have_right_derivatives_of_three_orders(zeros):
    with jrk.device("reference"):
        x = RNG.normal(size=(1, 5))
        x[0, list(zeros)] = 0
        w, d = jrk.tensor(RNG.normal(size=(1, 5))), jrk.tensor(RNG.normal(size=(1, 5)))

        def value(t):
            return (jrk.cumprod(t, 1) * w).sum()

        def slope(t):
            return (jrk.grad(value(t), [t])[0] * d).sum()

        def bend(t):
            return (jrk.grad(slope(t), [t])[0] * d * w).sum()

        for function in (value, slope, bend):
            t = jrk.tensor(x)
            (got,) = jrk.grad(function(t), [t])
            np.testing.assert_allclose(got.numpy(), numeric(function, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reverse", [False, True])
def test_recurrences_and_their_derivatives(anywhere, reverse):
    for shape in [(3, 40), (2, 20, 37), (5, 1)]:
        a, b = (RNG.uniform(-0.9, 0.9, shape) for _ in range(2))
        want, order = np.zeros(shape), range(shape[1])
        state = 0
        for i in reversed(order) if reverse else order:
            state = want[:, i] = a[:, i] * state + b[:, i]
        ours = [jrk.tensor(v) for v in (a, b)]
        got = Tensor(ops.recurrence(*(v.node for v in ours), 1, reverse))
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-14)
        torch = pytest.importorskip("torch")
        ta, tb = (torch.tensor(v, requires_grad=True) for v in (a, b))
        state, rows = 0, []
        for i in reversed(order) if reverse else order:
            state = ta[:, i] * state + tb[:, i]
            rows.append(state)
        total = (torch.stack(rows) ** 2).sum()
        for g, w in zip(jrk.grad((got * got).sum(), ours), torch.autograd.grad(total, [ta, tb]),
                        strict=True):  # fmt: skip
            np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=1e-9, atol=1e-12)


def test_integrals_equal_numpy(device):
    y, x = RNG.normal(size=(3, 6)), np.sort(RNG.normal(size=6))
    t = jrk.tensor(y)
    np.testing.assert_allclose(jrk.trapezoid(t, dx=0.5).numpy(), np.trapezoid(y, dx=0.5))
    np.testing.assert_allclose(jrk.trapezoid(t, x).numpy(), np.trapezoid(y, x), rtol=1e-12)
    np.testing.assert_allclose(jrk.trapezoid(t, axis=0).numpy(), np.trapezoid(y, axis=0))
    whole = jrk.cumulative_trapezoid(t, np.broadcast_to(x, y.shape))
    assert whole.shape == (3, 5)
    np.testing.assert_allclose(whole[:, -1].numpy(), np.trapezoid(y, x), rtol=1e-12)


def test_what_cannot_run_is_refused(device):
    for wrong in (
        lambda: ops.scan("add", jrk.tensor([True]).node, 0),
        lambda: ops.scan("logaddexp", jrk.tensor([1]).node, 0),
        lambda: ops.recurrence(jrk.tensor([1]).node, jrk.tensor([1]).node, 0),
    ):
        with pytest.raises(errors.DTypeError, match="convert"):
            wrong()
    with pytest.raises(errors.ShapeError, match="one shape"):
        ops.recurrence(jrk.ones((2,)).node, jrk.ones((3,)).node, 0)
