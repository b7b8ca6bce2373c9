"""What the array API standard asks of a namespace beyond functions: types, devices, exchange."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors


def test_the_namespace_tells_about_itself(device):
    info = jrk.__array_namespace_info__()
    assert jrk.__array_api_version__ == "2025.12"
    assert info.default_device() is device and device in info.devices()
    assert isinstance(info.devices(), tuple)
    assert info.default_dtypes(device=device)["real floating"] is jrk.float32
    assert info.default_dtypes()["indexing"] is jrk.int32
    assert set(info.dtypes(kind="integral")) == {
        f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
    }
    assert "float16" not in info.dtypes() and "complex64" not in info.dtypes()
    assert info.capabilities()["boolean indexing"] is True


def test_a_tensor_knows_its_namespace_and_its_versions(device):
    x = jrk.ones((2,))
    assert x.__array_namespace__(api_version="2025.12") is jrk
    with pytest.raises(errors.ArgumentError, match=r"2030\.01"):
        x.__array_namespace__(api_version="2030.01")


@pytest.mark.parametrize(
    "start,stop,step,dtype",
    [
        (2**40, 2**40 + 50, 7, "int64"),
        (-5, 20, 3, "int8"),
        (250, 255, 2, "uint8"),
        (2**63, 2**63 + 9, 2, "uint64"),
        (10, -10, -3, "float32"),
        (16_777_210, 16_777_220, 1, "float32"),
        (0.1, 3.0, 0.1, "float32"),
        (0.1, 3.0, 0.1, "float64"),
        (5, 5, 1, "int32"),
    ],
)
def test_ramps_equal_numpys_rounded_once(device, start, stop, step, dtype):
    got = jrk.arange(start, stop, step, dtype=dtype).numpy()
    exact = start + step * np.arange(len(np.arange(start, stop, step)), dtype=object)
    np.testing.assert_array_equal(got, exact.astype(np.dtype(dtype)))


@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("start,stop", [(0, 1), (-3.7, 1e5), (1e30, -1e30), (5, 5)])
def test_linspace_is_exact_at_both_ends_and_near_between(device, start, stop, endpoint):
    for num in (0, 1, 2, 7, 100):
        got = jrk.linspace(start, stop, num, endpoint=endpoint).numpy()
        want = np.linspace(start, stop, num, endpoint=endpoint, dtype=np.float64)
        np.testing.assert_array_max_ulp(got, want.astype(np.float32), maxulp=1)
    if endpoint:
        assert got[-1] == np.float32(stop) and got[0] == np.float32(start)


def test_ramps_take_numpys_and_tensors_numbers(device):
    assert jrk.arange(np.int64(3)).dtype is jrk.int32
    assert jrk.arange(jrk.tensor(1), np.float32(2.5)).tolist() == [1.0, 2.0]
    assert jrk.linspace(np.int8(0), jrk.tensor(1.0), 3).tolist() == [0.0, 0.5, 1.0]


def test_ramps_are_lazy(device):
    if device.is_reference:
        pytest.skip("the reference launches nothing")
    with jrk.profile() as p:
        x = jrk.linspace(0, 1, 1000)
        assert p.launches == 0
        x.numpy()
    assert p.launches == 1


def test_dlpack_hands_values_to_others_and_takes_theirs(device):
    x = jrk.tensor(np.arange(6, dtype=np.float32).reshape(2, 3)) * 2
    np.testing.assert_array_equal(np.from_dlpack(x), x.numpy())
    assert x.__dlpack_device__() == (1, 0)
    torch = pytest.importorskip("torch")
    theirs = torch.from_dlpack(x)
    theirs += 1  # a copy of its own
    assert x.numpy()[0, 1] == 2.0
    back = jrk.from_dlpack(theirs)
    np.testing.assert_array_equal(back.numpy(), x.numpy() + 1)
    assert jrk.from_dlpack(np.array([True, False])).dtype is jrk.bool


def test_dlpack_shares_memory_only_where_it_can(device):
    x = jrk.arange(4, dtype="float32") + 1
    if device.kind == "gpu":
        with pytest.raises(BufferError):
            x.__dlpack__(copy=False)
    else:
        shared = np.from_dlpack(x, copy=False)
        assert not shared.flags.writeable
        total = (x * 10).sum()
        del x
        np.testing.assert_array_equal(shared, [1, 2, 3, 4])
        assert total.item() == 100
    with pytest.raises(BufferError):
        jrk.from_dlpack(np.ones(3), copy=False)
    with pytest.raises(BufferError, match="host memory"):
        jrk.ones((2,)).__dlpack__(dl_device=(2, 0))
    with pytest.raises(errors.ArgumentError, match="__dlpack__"):
        jrk.from_dlpack([1, 2])


def test_from_dlpack_of_a_tensor_needs_no_copy_but_keeps_assignments_apart(device):
    x = jrk.ones((3,))
    y = jrk.from_dlpack(x, copy=False)
    y[0] = 5.0
    assert x.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError):
        jrk.asarray(np.ones(3), copy=False)


def test_two_byte_floats_take_part_where_they_can(device):
    assert jrk.finfo(jrk.bfloat16).eps == 2.0**-7 and jrk.finfo("float16").bits == 16
    x = jrk.linspace(0, 1, 5, dtype=jrk.bfloat16)
    assert x.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert jrk.signbit(-x).tolist() == [True] * 5
    with pytest.raises(errors.DTypeError, match="astype"):
        jrk.nextafter(x, 2.0)
    with pytest.raises(BufferError, match="bfloat16"):
        np.from_dlpack(x)
    np.testing.assert_array_equal(np.from_dlpack(x.astype("float16")), x.numpy().astype("float16"))


def test_complex_numbers_are_refused_with_a_reason(device):
    for wrong in (
        lambda: jrk.ones((2,), dtype=jrk.complex64),
        lambda: jrk.asarray([1j, 2j]),
        lambda: jrk.asarray(np.ones(2, np.complex128)),
        lambda: jrk.imag(jrk.ones((2,))),
    ):
        with pytest.raises(errors.DTypeError, match="complex"):
            wrong()
    assert jrk.conj(jrk.tensor([1, 2])).tolist() == jrk.real(jrk.tensor([1, 2])).tolist() == [1, 2]


def test_several_axes_are_added_at_once(device):
    x = jrk.ones((3, 4))
    assert jrk.expand_dims(x, (0, 2, -1)).shape == (1, 3, 1, 4, 1)
    assert jrk.broadcast_shapes((3, 1), (1, 4), ()) == (3, 4)
    assert jrk.broadcast_shapes() == ()


def test_repeats_may_differ_from_element_to_element(device):
    x = np.arange(12, dtype=np.int32).reshape(3, 4)
    times = np.array([2, 0, 3])
    got = jrk.repeat(jrk.tensor(x), jrk.tensor(times), axis=0)
    np.testing.assert_array_equal(got.numpy(), np.repeat(x, times, axis=0))
