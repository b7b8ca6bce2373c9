"""take, gather, scatter and kin along one axis against NumPy and PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.engine import device as devices
from jairika_nb.engine.dtypes import dtype_of
from jairika_nb.engine.ops import scatter as ops
from jairika_nb.tensors.tensor import Tensor

RNG = np.random.default_rng(6)
UFUNC = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
# Base, axis, updates along it: lines and columns, many updates of few elements and the reverse.
CASES = [((3, 40), 1, 90), ((40, 3), 0, 10), ((2, 17, 33), 1, 50), ((1,), 0, 3), ((10,), 0, 9000),
         ((30000,), 0, 9000), ((300, 100), 0, 50), ((3, 9), 1, 0), ((3, 5, 7), 1, 4001),
         ((2, 1, 3, 2, 5), 2, 4)]  # fmt: skip


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
    if dtype == "bool":
        return RNG.integers(0, 2, shape).astype(bool)
    if dtype.startswith("float"):
        return RNG.uniform(0.98, 1.02, shape).astype(dtype)
    return RNG.integers(0, 100, shape).astype(dtype)


def expected(base, index, updates, axis, mode):
    """One update after the other, as the words say."""
    out = base.astype("f8") if base.dtype.kind == "f" else base.copy()
    lines = np.moveaxis(out, axis, 0)
    places = np.broadcast_to(index, updates.shape)
    rows = zip(np.moveaxis(places, axis, 0), np.moveaxis(updates, axis, 0), strict=True)
    for places, new in rows:
        at = (places % base.shape[axis], *np.indices(places.shape))
        lines[at] = new if mode == "set" else UFUNC[mode](lines[at], new)
    return out


@pytest.mark.parametrize("dtype", ["int64", "float16", "float32"])
def test_every_mode_writes_one_after_the_other(anywhere, dtype):
    try:
        anywhere.check_dtype(dtype_of(dtype))
    except errors.DeviceError as error:
        pytest.skip(str(error))
    found = []
    for shape, axis, many in CASES:
        own = (*shape[:axis], many, *shape[axis + 1 :])
        lone = tuple(n if i == axis else 1 for i, n in enumerate(own))
        base, updates = numbers(shape, dtype), numbers(own, dtype)
        for mode in ops.MODES:
            for index_shape, kind in ((own, "i4"), (lone, "i8")):
                index = RNG.integers(-shape[axis], shape[axis], index_shape).astype(kind)
                node = ops.scatter(
                    jrk.tensor(base).node, jrk.tensor(index).expand(*own).node,
                    jrk.tensor(updates).node, axis, mode,
                )  # fmt: skip
                rough = np.sqrt(max(many / shape[axis], 1))
                want = expected(base, index, updates, axis, mode)
                found.append((Tensor(node), want.astype(dtype), rough))
    # All at once, so that the kernels are compiled together.
    jrk.eval(*(got for got, _, _ in found))
    for got, want, rough in found:
        got = got.numpy()
        assert got.dtype == want.dtype
        if got.dtype.kind == "f":
            np.testing.assert_allclose(got, want, rtol=8 * rough * np.finfo(dtype).eps)
        else:
            np.testing.assert_array_equal(got, want)


def test_sums_repeat_bit_for_bit(anywhere):
    for n, many in ((7, 50_000), (20_000, 50_000)):
        x, i = RNG.normal(size=many).astype("f4"), RNG.integers(0, n, many)
        runs = [
            jrk.scatter_add(jrk.zeros((n,)), 0, jrk.tensor(i), jrk.tensor(x)).numpy()
            for _ in range(3)
        ]
        assert all(np.array_equal(runs[0], run) for run in runs)
        want = np.zeros(n)
        np.add.at(want, i, x)
        np.testing.assert_allclose(runs[0], want, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint32", "int64", "float32", "float64"])
def test_reading_along_an_axis_equals_numpy(device, dtype):
    x = numbers((3, 4, 5), dtype)
    t = jrk.tensor(x)
    for axis in (0, 1, -1):
        i = RNG.integers(-3, 3, (2, 3))
        np.testing.assert_array_equal(jrk.take(t, jrk.tensor(i), axis=axis).numpy(),
                                      np.take(x, i, axis=axis))  # fmt: skip
        i = RNG.integers(-3, 3, (3, 1, 1))
        i = np.moveaxis(i, 0, axis)
        np.testing.assert_array_equal(jrk.take_along_axis(t, i, axis=axis).numpy(),
                                      np.take_along_axis(x, i, axis))  # fmt: skip
    np.testing.assert_array_equal(jrk.take(t, [59, -1, 7]).numpy(), np.take(x, [59, -1, 7]))


def test_written_values_broadcast_as_in_numpy(device):
    x = np.zeros((3, 4), np.float32)
    i = np.array([[1], [0], [3]])
    got = jrk.put_along_axis(jrk.tensor(x), i, 5.0, axis=1)
    np.put_along_axis(x, i, 5.0, 1)
    np.testing.assert_array_equal(got.numpy(), x)


def pairs():
    """Calls that PyTorch knows too: (ours, PyTorch's) of x (4, 5), i (2, 3), s (3, 4)."""
    row = [2, 0, 2]
    return {
        "gather": (lambda x, i, s: jrk.gather(x, 0, i), lambda x, i, s: x.gather(0, i)),
        "gather columns": (lambda x, i, s: jrk.gather(x, 1, i), lambda x, i, s: x.gather(1, i)),
        "scatter add": (lambda x, i, s: jrk.scatter_add(x, 0, i, s[:2, :3]),
                        lambda x, i, s: x.scatter_add(0, i, s[:2, :3])),
        "scatter add columns": (lambda x, i, s: x.scatter_add(1, i, s[:2, :3]),
                                lambda x, i, s: x.scatter_add(1, i, s[:2, :3])),
        "scatter a number": (lambda x, i, s: jrk.scatter(x, 1, i, 2.5),
                             lambda x, i, s: x.scatter(1, i, 2.5)),
        "index select": (lambda x, i, s: jrk.index_select(x, 1, row),
                         lambda x, i, s: x.index_select(1, i.new_tensor(row))),
        "index add": (lambda x, i, s: jrk.index_add(x, 1, row, s.T[:, :3] ** 2, alpha=2),
                      lambda x, i, s: x.index_add(1, i.new_tensor(row), s.T[:, :3] ** 2, alpha=2)),
        "index reduce": (
            lambda x, i, s: jrk.index_reduce(x, 1, row, x[:, :3] * s[0, 0], "amax"),
            lambda x, i, s: x.index_reduce(1, i.new_tensor(row), x[:, :3] * s[0, 0], "amax"),
        ),
        "index fill": (lambda x, i, s: jrk.index_fill(x, 0, row, 3.0),
                       lambda x, i, s: x.index_fill(0, i.new_tensor(row), 3.0)),
        "put": (lambda x, i, s: jrk.put(x, i, s[:2, :3], accumulate=True),
                lambda x, i, s: x.put(i, s[:2, :3], accumulate=True)),
        "masked fill": (lambda x, i, s: jrk.masked_fill(x, x > 0, 1.5),
                        lambda x, i, s: x.masked_fill(x > 0, 1.5)),
        "masked select": (lambda x, i, s: jrk.masked_select(x, x > 0),
                          lambda x, i, s: x.masked_select(x > 0)),
        "masked scatter": (lambda x, i, s: jrk.masked_scatter(x, x < 0.3, x * 2),
                           lambda x, i, s: x.masked_scatter(x < 0.3, x * 2)),
        **{
            f"reduce {kind}{'' if own else ' alone'}": (
                lambda x, i, s, k=kind, o=own: jrk.scatter_reduce(
                    x, 0, i, s[:2, :3], k, include_self=o
                ),
                lambda x, i, s, k=kind, o=own: x.scatter_reduce(0, i, s[:2, :3], k, include_self=o),
            )
            for kind in ("sum", "prod", "mean", "amax", "amin")
            for own in (True, False)
        },
    }  # fmt: skip


@pytest.mark.parametrize("name", pairs())
def test_values_and_derivatives_equal_pytorch(device, name):
    torch = pytest.importorskip("torch")
    ours, theirs = pairs()[name]
    x, s = RNG.normal(size=(4, 5)), RNG.normal(size=(3, 4))
    i = np.array([[1, 0, 3], [1, 2, 3]])
    tx, ts = (torch.tensor(v, requires_grad=True) for v in (x, s))
    want = theirs(tx, torch.tensor(i), ts)
    x, s = jrk.tensor(x), jrk.tensor(s)
    got = ours(x, jrk.tensor(i), s)
    first = torch.autograd.grad((want**3).sum(), [tx, ts], create_graph=True, allow_unused=True)
    mine = jrk.grad((got**3).sum(), [x, s])
    # PyTorch has no second derivative of products; ours is held to differences below.
    again = [] if "prod" in name else jrk.grad(sum((g**2).sum() for g in mine), [x, s])
    jrk.eval(got, *mine, *again)  # in one program
    np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-12)
    seen = [w for w in first if w is not None]
    for g, w in zip(mine, first, strict=True):
        wanted = np.zeros(g.shape) if w is None else w.detach().numpy()
        np.testing.assert_allclose(g.numpy(), wanted, rtol=1e-9, atol=1e-12)
    if not again:
        return
    second = torch.autograd.grad(sum((w**2).sum() for w in seen), [tx, ts], allow_unused=True)
    for g, w in zip(again, second, strict=True):
        wanted = np.zeros(g.shape) if w is None else w.numpy()
        np.testing.assert_allclose(g.numpy(), wanted, rtol=1e-8, atol=1e-11)


def numeric(function, x, h=1e-5):
    out = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        up, down = (function(jrk.tensor(v)).item() for v in (x + step, x - step))
        out[i] = (up - down) / (2 * h)
    return out


@pytest.mark.parametrize("mode", ops.MODES)
def test_derivatives_of_every_mode_match_finite_differences(mode):
    with jrk.device("reference"):
        index = jrk.tensor([[0, 2, 0, 1, 2], [1, 1, 1, 1, -2], [3, 0, 2, 0, 1]]).node
        base, updates = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 5))
        if mode == "mul":
            updates[0, 0] = updates[1, 2] = updates[1, 3] = base[2, 0] = 0
        w, d = jrk.tensor(RNG.normal(size=(3, 4))), jrk.tensor(RNG.normal(size=(3, 5)))

        def value(t):
            moved = (t[:, :4] * 0.7 + jrk.tensor(base)).node
            return (Tensor(ops.scatter(moved, index, t.node, 1, mode)) * w).sum()

        def slope(t):
            return (jrk.grad(value(t), [t])[0] * d).sum()

        for function in (value, slope):
            t = jrk.tensor(updates)
            (got,) = jrk.grad(function(t), [t])
            np.testing.assert_allclose(got.numpy(), numeric(function, updates), rtol=1e-5,
                                       atol=1e-6)  # fmt: skip


def test_the_derivative_of_a_read_writes_into_zeros_nobody_stores(device):
    if device.is_reference:
        pytest.skip("NumPy launches nothing")
    w, i = jrk.tensor(numbers((50, 64), "float32")), jrk.tensor([1, 2, 1])
    (g,) = jrk.grad((w[i] ** 2).sum(), [w])
    with jrk.profile() as p:
        g.realize()
    assert p.kernels[-1].name.startswith("scatter_add") and p.launches <= 2


def test_a_larger_source_is_cut_to_the_index(device):
    torch = pytest.importorskip("torch")
    i, s = np.array([[1, 0, 3], [1, 2, 3]]), RNG.normal(size=(3, 4)).astype("f4")
    got = jrk.scatter_add(jrk.ones((4, 5)), 0, jrk.tensor(i), jrk.tensor(s))
    want = torch.ones(4, 5).scatter_add(0, torch.tensor(i), torch.tensor(s))
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=1e-6)


def test_an_overwritten_update_has_no_part_in_the_derivative(device):
    x, s = jrk.zeros((3,)), jrk.tensor([1.0, 2.0, 3.0])
    y = jrk.scatter(x, 0, [1, 1, 0], s)
    assert y.tolist() == [3, 2, 0]
    dx, ds = jrk.grad((y * y).sum(), [x, s])
    assert dx.tolist() == [0, 0, 0] and ds.tolist() == [0, 4, 6]


WRONG = [
    (lambda x: jrk.take(x, [3], axis=0), errors.OutOfRange, r"index 3 .*axis 0 .*size 3"),
    (lambda x: jrk.take(x, [0.5], axis=0), errors.DTypeError, "integers"),
    (lambda x: jrk.take(x, [0], axis=2), errors.OutOfRange, "axis 2"),
    (lambda x: jrk.gather(x, 0, [[0, 1, 2, 1, 1]]), errors.ShapeError, r"\(1, 5\) for \(3, 4\)"),
    (lambda x: jrk.take_along_axis(x, [0]), errors.ShapeError, "as many axes"),
    (lambda x: jrk.scatter(x, 0, [[0, 1]], jrk.ones((1, 1))), errors.ShapeError, r"\(1, 1\)"),
    (lambda x: jrk.scatter(x, 0, [[0]], jrk.ones((1, 1, 1))), errors.ShapeError, "as many"),
    (lambda x: jrk.scatter(x, 0, [[0]], jrk.tensor([[1]])), errors.DTypeError, "int32"),
    (lambda x: jrk.scatter(x, 0, [[0]], 1.0, reduce="sub"), errors.ArgumentError, "'sub'"),
    (lambda x: jrk.scatter_reduce(x, 0, [[0]], 1.0, "max"), errors.ArgumentError, "amax"),
    (lambda x: jrk.index_add(x, 0, [0], jrk.ones((2, 4))), errors.ShapeError, r"\(1, 4\)"),
    (lambda x: jrk.masked_fill(x, [1, 0, 1, 0], 2.0), errors.DTypeError, "bool"),
    (lambda x: jrk.zeros((0, 4)).take([0], axis=0), errors.OutOfRange, "size 0"),
]


@pytest.mark.parametrize("wrong,error,words", WRONG)
def test_wrong_calls_raise_one_clear_line(device, wrong, error, words):
    with pytest.raises(error, match=words) as caught:
        wrong(jrk.zeros((3, 4)))
    assert "\n" not in str(caught.value)


def test_an_index_on_the_device_out_of_range_raises_when_read(anywhere):
    i = jrk.tensor([0, 2, -4]) * 1
    for wrong in (
        lambda: jrk.take(jrk.tensor([1.0, 2.0, 3.0]), i),
        lambda: jrk.scatter_add(jrk.zeros((3,)), 0, i, jrk.ones((3,))),
        lambda: jrk.index_copy(jrk.zeros((3, 70)), 0, i, jrk.ones((3, 70))),
    ):
        with pytest.raises(errors.OutOfRange, match=r"index -4 .*axis 0.*size 3"):
            wrong().numpy()
        assert (jrk.ones((2,)) + 1).tolist() == [2, 2]
