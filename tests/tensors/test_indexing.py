"""Indexing by integers, slices, arrays and masks as in NumPy: random keys and known corners."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.engine.dtypes import dtype_of

EXAMPLES = int(os.environ.get("JRK_FUZZ_EXAMPLES", "60"))


@st.composite
def arrays_of(draw, size, shape):
    """Integers that count into an axis of ``size``, from either end; shapes broadcast."""
    own = tuple(draw(st.sampled_from((n, 1))) for n in shape[draw(st.integers(0, len(shape))) :])
    count = int(np.prod(own))
    numbers = draw(st.lists(st.integers(-size, size - 1), min_size=count, max_size=count))
    return np.array(numbers, np.int64).reshape(own)


@st.composite
def slices(draw, size):
    ends = st.none() | st.integers(-size - 1, size + 1)
    step = draw(st.sampled_from((None, 1, 2, -1, -2, 3)))
    return slice(draw(ends), draw(ends), step)


@st.composite
def keys(draw, shape, kinds=("int", "slice", "array", "mask", "none", "dots", "zero")):
    """A key for ``shape``: what each axis is read by, new axes and an ellipsis in between."""
    common = draw(st.sampled_from(((2,), (3,), (2, 3), (1, 2))))
    parts, axis, dots, masked = [], 0, False, False
    while axis < len(shape) and draw(st.integers(0, 9)):
        size = shape[axis]
        kind = draw(
            st.sampled_from([k for k in kinds if size or k not in ("int", "array", "zero")])
        )
        if kind == "none":
            parts.append(None)
        elif kind == "dots" and not dots:
            parts.append(Ellipsis)
            dots = True
            axis += draw(st.integers(0, len(shape) - axis))
        elif kind == "mask" and not masked:
            # Its number of elements must broadcast with the arrays: one or as many as they.
            mask, masked = np.zeros(shape[axis : axis + draw(st.integers(1, 2))], bool), True
            chosen = draw(st.integers(0, mask.size)) if len(common) == 1 else 1
            chosen = chosen if chosen in (1, common[-1]) else 1
            mask.reshape(-1)[: min(chosen, mask.size)] = True
            if mask.sum() not in (1, common[-1]):
                continue
            parts.append(mask)
            axis += mask.ndim
        elif kind in ("int", "zero"):
            number = draw(st.integers(-size, size - 1))
            parts.append(number if kind == "int" else np.array(number))
            axis += 1
        elif kind == "array":
            parts.append(draw(arrays_of(size, common)))
            axis += 1
        elif kind == "slice":
            parts.append(draw(slices(size)))
            axis += 1
    return tuple(parts)


SHAPES = st.lists(st.sampled_from((1, 2, 3, 4, 0)), min_size=1, max_size=5).map(tuple)


def as_ours(part, on_device):
    """Lists and NumPy arrays stay on the host, or go to the device as lazy tensors."""
    if on_device and isinstance(part, np.ndarray):
        return jrk.tensor(part) if part.dtype == bool else jrk.tensor(part) + 0
    return part


def fits(shape, key):
    try:
        np.zeros(shape)[key]
    except (IndexError, ValueError):
        return False
    return True


def numbered(shape):
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


RELAXED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow,
                           HealthCheck.filter_too_much],
)  # fmt: skip


@RELAXED
@given(data=st.data(), on_device=st.booleans())
def test_random_keys_read_as_in_numpy(device, data, on_device):
    shape = data.draw(SHAPES)
    key = data.draw(keys(shape).filter(lambda k: fits(shape, k)))
    x = numbered(shape)
    got = jrk.tensor(x)[tuple(as_ours(p, on_device) for p in key)]
    assert got.shape == x[key].shape
    np.testing.assert_array_equal(got.numpy(), x[key])


@RELAXED
@given(data=st.data(), on_device=st.booleans())
def test_random_keys_write_as_in_numpy(device, data, on_device):
    shape = data.draw(SHAPES)
    key = data.draw(keys(shape).filter(lambda k: fits(shape, k)))
    x = numbered(shape)
    picked = x[key].shape
    keep = data.draw(st.integers(0, len(picked)))
    value = -1 - numbered(picked[keep:])
    t = jrk.tensor(x)
    t[tuple(as_ours(p, on_device) for p in key)] = value
    x[key] = value
    np.testing.assert_array_equal(t.numpy(), x)


CORNERS = {
    "list": lambda x: x[[2, 0, 2]],
    "two lists": lambda x: x[[0, 1], [1, 2]],
    "lists apart": lambda x: x[[0, 1], :, [1, 2]],
    "list and integer apart": lambda x: x[0, :, [1, 2]],
    "list beside an integer": lambda x: x[:, 0, [1, 2]],
    "broadcast": lambda x: x[[[0], [1]], [1, 2, 0]],
    "after an ellipsis": lambda x: x[..., [1, 0]],
    "new axis between": lambda x: x[[0, 1], None, [1, 2]],
    "empty list": lambda x: x[[]],
    "empty array of integers": lambda x: x[:, np.zeros((0, 2), np.int64)],
    "true": lambda x: x[True],
    "false": lambda x: x[False],
    "true and list": lambda x: x[True, [0, 1]],
    "mask of one axis": lambda x: x[np.array([True, False, True])],
    "mask of two axes": lambda x: x[np.arange(12).reshape(3, 4) % 3 == 0],
    "mask behind a slice": lambda x: x[1:, np.array([True, False, True, True])],
    "mask and list": lambda x: x[np.array([True, False, True]), [1, 2]],
    "mask of none": lambda x: x[np.zeros((3, 4), bool)],
    "mask of all axes": lambda x: x[x > 20],
    "numpy integer": lambda x: x[np.int64(1), np.uint8(2)],
    "unsigned": lambda x: x[np.array([0, 2], np.uint8)],
}


@pytest.mark.parametrize("name", CORNERS)
def test_known_corners_read_as_in_numpy(device, name):
    x = numbered((3, 4, 5))
    want, got = CORNERS[name](x), CORNERS[name](jrk.tensor(x))
    assert got.shape == want.shape
    np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float16", "float64"])
def test_every_dtype_is_picked_and_written(device, dtype):
    try:
        device.check_dtype(dtype_of(dtype))
    except errors.DeviceError as error:
        pytest.skip(str(error))
    x = (numbered((4, 3)) % 2 if dtype == "bool" else numbered((4, 3))).astype(dtype)
    t = jrk.tensor(x)
    np.testing.assert_array_equal(t[jrk.tensor([3, 0, 3])].numpy(), x[[3, 0, 3]])
    t[[0, 2], [1, 1]] = 1
    x[[0, 2], [1, 1]] = 1
    assert t.dtype.name == dtype
    np.testing.assert_array_equal(t.numpy(), x)


def test_the_last_of_repeated_writes_stays(device):
    t = jrk.zeros((4,))
    t[[1, 2, 1, 1]] = np.arange(4.0, dtype=np.float32)
    assert t.tolist() == [0, 3, 1, 0]


def test_a_tensor_of_one_integer_is_read_lazily(device):
    x = jrk.tensor(numbered((4, 3)))
    i = jrk.argmax(x.sum(axis=1))
    with jrk.profile() as p:
        y = x[i, 1:] * 2
    assert p.launches == 0
    assert y.tolist() == [20.0, 22.0]


def test_masked_assignment_of_one_value_is_lazy(device):
    x = jrk.tensor(numbered((3, 4)))
    with jrk.profile() as p:
        x[x > 6] = 0
        x[jrk.tensor([True, False, True])] = jrk.tensor([1.0, 2.0, 3.0, 4.0])
    assert p.launches == 0
    assert x.tolist() == [[1, 2, 3, 4], [4, 5, 6, 0], [1, 2, 3, 4]]


def test_only_this_handle_changes(device):
    x = jrk.tensor(numbered((3, 4)))
    y = jrk.tensor(x)
    x[[0, 1]] = 7
    assert y.tolist() == numbered((3, 4)).tolist()


def test_derivatives_pass_through_reads_and_writes(device):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 5)).astype("f4"), rng.normal(size=(3, 2)).astype("f4")
    i, j = np.array([0, 3, 0]), np.array([[1, 2]])

    def ours(x, v):
        y = x * 1
        y[i[:, None], jrk.tensor(j)] = v * v
        return (y[jrk.tensor([1, 1, 3])] ** 3).sum() + (x[x > 0] ** 2).sum()

    # The first row of v is written over by its last one: it has no part in the result, which
    # PyTorch's derivative does not know. There the rows that stay are written alone.
    stay = np.array([1, 2])

    def theirs(x, v):
        y = x * 1
        y[torch.tensor(i[stay])[:, None], torch.tensor(j)] = v[stay] * v[stay]
        return (y[torch.tensor([1, 1, 3])] ** 3).sum() + (x[x > 0] ** 2).sum()

    tx, tv = (torch.tensor(v, requires_grad=True) for v in (a, b))
    want = torch.autograd.grad(theirs(tx, tv), [tx, tv], create_graph=True)
    x, v = jrk.tensor(a), jrk.tensor(b)
    got = jrk.grad(ours(x, v), [x, v])
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g.numpy(), w.detach().numpy(), rtol=1e-4, atol=1e-5)
    want2 = torch.autograd.grad((want[0] ** 2).sum() + (want[1] ** 2).sum(), [tx, tv])
    got2 = jrk.grad((got[0] ** 2).sum() + (got[1] ** 2).sum(), [x, v])
    for g, w in zip(got2, want2, strict=True):
        np.testing.assert_allclose(g.numpy(), w.numpy(), rtol=1e-3, atol=1e-4)


WRONG = [
    (lambda x: x[[0, 3]], errors.OutOfRange, "index 3 .*axis 0 .*size 3"),
    (lambda x: x[:, np.array([-5])], errors.OutOfRange, "index -5 .*axis 1 .*size 4"),
    (lambda x: x[[0.5]], errors.OutOfRange, "integers"),
    (lambda x: x[jrk.tensor([0.5])], errors.OutOfRange, "integers"),
    (lambda x: x[["a"]], errors.OutOfRange, "integers"),
    (lambda x: x[[[0, 1], [2]]], errors.OutOfRange, "integers"),
    (lambda x: x[np.zeros((2, 4), bool)], errors.OutOfRange, r"\(2, 4\)"),
    (lambda x: x[[0, 1], [0, 1, 2]], errors.ShapeError, r"\(2,\) and \(3,\)"),
    (lambda x: x[..., ..., 0], errors.OutOfRange, "ellipsis"),
    (lambda x: x[0, 0, [0]], errors.OutOfRange, "3 parts"),
    (lambda x: x.__setitem__([0, 1], np.zeros((3, 4))), errors.ShapeError, r"\(2, 4\)"),
]


@pytest.mark.parametrize("wrong,error,words", WRONG)
def test_wrong_keys_raise_at_the_line(device, wrong, error, words):
    with pytest.raises(error, match=words) as caught:
        wrong(jrk.zeros((3, 4)))
    assert "\n" not in str(caught.value)


def test_an_index_computed_out_of_range_raises_when_read(device):
    x, i = jrk.tensor(numbered((3, 4))), jrk.tensor([2]) + 1
    y = x[:, i + 1]
    with pytest.raises(errors.OutOfRange, match=r"index 4 .*axis 1.*size 4"):
        y.numpy()
    z = x[[0, 1], i * 3]
    with pytest.raises(errors.OutOfRange, match=r"index 9 .*axis 1.*size 4"):
        z.numpy()
    x[i, 0] = 5
    with pytest.raises(errors.OutOfRange, match=r"index 3 .*axis 0.*size 3"):
        x.numpy()
    assert (jrk.ones((2,)) + 1).tolist() == [2, 2]
