"""The tensor as users meet it: data in and out, dtypes, indexing, errors."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors


def test_python_data_gets_the_default_dtypes(device):
    assert jrk.tensor([1.0]).dtype == jrk.float32
    assert jrk.tensor([1, 2]).dtype == jrk.int32
    assert jrk.tensor([True]).dtype == jrk.bool
    assert jrk.tensor(np.arange(3)).dtype == jrk.int64
    assert jrk.tensor([[1, 2], [3, 4]]).shape == (2, 2)


def test_promotion_follows_the_tables(device):
    rows = [
        ("int32", "float32", "float32"), ("uint8", "int8", "int16"), ("uint8", "uint32", "uint32"),
        ("bool", "int8", "int8"), ("int64", "float32", "float32"), ("uint32", "int32", "int64"),
    ]  # fmt: skip
    for a, b, want in rows:
        got = jrk.ones((2,), dtype=a) + jrk.ones((2,), dtype=b)
        assert got.dtype.name == want
        assert got.tolist() == [2, 2]
    assert (jrk.ones((2,), dtype="uint8") * 2).dtype == jrk.uint8
    assert (jrk.ones((2,), dtype="int32") * 2.5).dtype == jrk.float32
    assert (jrk.tensor([3, 4]) / 2).tolist() == [1.5, 2.0]


def test_numpy_stands_on_either_side(device):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    t = jrk.tensor(x)
    for got in (x + t, t + x, np.float32(1) * t + x):
        assert isinstance(got, jrk.Tensor)
        np.testing.assert_allclose(got.numpy(), x + x)
    np.testing.assert_allclose(x.T @ t, x.T @ x)
    np.testing.assert_allclose(np.asarray(t), x)
    np.testing.assert_allclose(np.exp(t).numpy(), np.exp(x), rtol=1e-6)


def test_scalars_convert_to_python(device):
    t = jrk.tensor(2.5)
    assert float(t) == 2.5 and t.item() == 2.5 and int(jrk.tensor(3)) == 3
    assert bool(jrk.tensor(True)) and [10, 20, 30][jrk.tensor(1)] == 20
    assert f"{t:.2f}" == "2.50"
    assert len(jrk.zeros((4, 2))) == 4
    assert [r.tolist() for r in jrk.tensor([[1, 2], [3, 4]])] == [[1, 2], [3, 4]]


def test_printing_shows_values_dtype_and_device(device):
    text = repr(jrk.tensor([1.0, 2.0]))
    assert "[1., 2.]" in text and "float32" in text and device.id in text


def test_creation_functions_equal_numpy(device):
    np.testing.assert_array_equal(jrk.arange(2, 17, 3).numpy(), np.arange(2, 17, 3))
    np.testing.assert_allclose(jrk.arange(0.0, 1.0, 0.25).numpy(), np.arange(0, 1, 0.25))
    np.testing.assert_allclose(jrk.linspace(0, 1, 7).numpy(), np.linspace(0, 1, 7), rtol=1e-6)
    np.testing.assert_array_equal(jrk.eye(3, 4, k=1).numpy(), np.eye(3, 4, k=1))
    np.testing.assert_array_equal(jrk.full((2, 2), 7).numpy(), np.full((2, 2), 7))
    assert jrk.zeros_like(jrk.ones((2, 3), dtype="int64")).dtype == jrk.int64


def test_the_namespace_is_reachable_from_a_tensor(device):
    xp = jrk.ones((2,)).__array_namespace__()
    assert xp is jrk and xp.add(jrk.ones((2,)), 1).tolist() == [2, 2]


def test_devices_do_not_mix_silently(device):
    if device.is_reference:
        pytest.skip("needs a second device beside the reference")
    here, there = jrk.ones((2,)), jrk.ones((2,), device="reference")
    with pytest.raises(errors.DeviceError, match="reference"):
        here + there
    assert (here + there.to(device)).tolist() == [2, 2]


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, jrk.tensor, lambda x: jrk.asarray(x, copy=True)],
    ids=["copy", "deepcopy", "tensor", "asarray"],
)
def test_copies_are_handles_of_their_own(device, duplicate):
    x = jrk.tensor([1.0, 2.0])
    twin = duplicate(x)
    x[0] = 9.0
    assert twin.tolist() == [1.0, 2.0] and x.tolist() == [9.0, 2.0]


def test_asarray_copies_only_where_it_must(device):
    x = jrk.tensor([1.0, 2.0])
    assert jrk.asarray(x) is x and jrk.asarray(x, dtype="float32", copy=False) is x
    assert jrk.asarray(x, dtype="float64").dtype == jrk.float64
    for data, dtype in (([1.0], None), (np.ones(2), None), (x, "float64")):
        with pytest.raises(errors.DeviceError, match="without a copy"):
            jrk.asarray(data, dtype=dtype, copy=False)


def test_scalars_go_where_the_tensor_is(device):
    x = jrk.tensor([3.0], device="reference")
    for got in (jrk.hypot(x, 4.0), jrk.hypot(4.0, x), x.pow(2.0), jrk.maximum(5, x)):
        assert got.device.is_reference
    assert jrk.hypot(x, 4.0).tolist() == [5.0]


def test_tensors_travel_between_processes(device):
    # What multiprocessing does with arguments; model files are never read this way.
    make, arguments = jrk.tensor([1.5, 2.5], dtype="float64").__reduce__()
    again = make(*arguments)
    assert again.tolist() == [1.5, 2.5] and again.dtype == jrk.float64


WRONG = [
    (lambda: [1, 2][jrk.tensor([1])], errors.DTypeError, "no index"),
    (lambda: jrk.ones((2, 3)) + jrk.ones((4, 5)), errors.ShapeError, r"\(2, 3\).*\(4, 5\)"),
    (lambda: jrk.ones((2, 3)) @ jrk.ones((4, 5)), errors.ShapeError, r"\(2, 3\) @ \(4, 5\)"),
    (lambda: jrk.ones((2, 3)).reshape(7), errors.ShapeError, r"6 elements"),
    (lambda: jrk.ones((2, 3)).sum(axis=5), errors.OutOfRange, "axis 5"),
    (lambda: jrk.ones((2, 3)).sum(axis=(0, 0)), errors.ShapeError, "twice"),
    (lambda: jrk.ones((2, 3))[5], errors.OutOfRange, "index 5"),
    (lambda: jrk.ones((2, 3))[0, 0, 0], errors.OutOfRange, "3 parts"),
    (lambda: jrk.ones((2, 3))["a"], errors.OutOfRange, "'a'"),
    (lambda: jrk.ones((2, 3)).item(), errors.ShapeError, "6 elements"),
    (lambda: jrk.tensor([[1, 2], [3]]), errors.ShapeError, "equal lengths"),
    (lambda: jrk.tensor("text"), errors.DTypeError, "text"),
    (lambda: jrk.ones((2,), dtype="float8"), errors.DTypeError, "float8"),
    (lambda: jrk.ones((2,), dtype="complex64"), errors.DTypeError, "complex64"),
    (lambda: jrk.ones((2,)) << 1, errors.DTypeError, "bitwise_left_shift"),
    (lambda: jrk.tensor([True]).sum(axis=0, dtype="bool"), errors.DTypeError, "bool"),
    (lambda: jrk.concat([jrk.ones((2, 3)), jrk.ones((2, 4))]), errors.ShapeError, "concat"),
    (lambda: jrk.ones((-1,)), errors.ShapeError, "negative"),
    (lambda: jrk.random.bernoulli(2.0), errors.OutOfRange, "probability"),
    (lambda: jrk.random.randint(3, 3), errors.OutOfRange, "range"),
    (lambda: jrk.device("abacus").__enter__(), errors.DeviceError, "abacus"),
]


@pytest.mark.parametrize("wrong,error,words", WRONG)
def test_wrong_calls_raise_one_clear_line(device, wrong, error, words):
    with pytest.raises(error, match=words) as caught:
        wrong()
    assert "\n" not in str(caught.value)


def test_importing_the_package_loads_nothing_heavy():
    import subprocess
    import sys

    code = (
        "import sys, jairika_nb; "
        "print([m for m in ('pyopencl','h5py','matplotlib','IPython','numpy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
