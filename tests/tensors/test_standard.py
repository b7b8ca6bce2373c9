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


@pytest.mark.parametrize(
    "wrong,error,words",
    [
        (lambda x: jrk.sum(x, dim=1), TypeError, "use axis="),
        (lambda x: x.mean(axis=0, keepdim=True), TypeError, "use keepdims="),
        (lambda x: jrk.std(x, ddof=1), TypeError, "use correction="),
        (lambda x: jrk.flatten(x, start_dim=1), TypeError, "use start_axis="),
        (lambda x: jrk.sum(x, 1), TypeError, "by name: axis="),
        (lambda x: jrk.mean(x, axes=1), TypeError, "use axis="),
        (lambda x: jrk.roll(x, 1, shape=1), TypeError, "use axis= shift="),
        (lambda x: jrk.sum(x, axis=1.5), TypeError, "integer"),
        (lambda x: jrk.sum(x, axis=2), IndexError, "axis 2"),
        (lambda x: jrk.max(x, axis=(0, 0)), ValueError, "twice"),
        (lambda x: jrk.reshape(x, "ab"), TypeError, "shape"),
        (lambda x: jrk.concat(x), TypeError, "list or tuple"),
        (lambda x: jrk.concat((x, None)), TypeError, "numbers"),
        (lambda x: jrk.stack([x, x.T]), ValueError, "not equal"),
        (lambda x: jrk.expand_dims(x, axis=(0, 9)), IndexError, "axis 9"),
        (lambda x: jrk.linspace(0, 3, 1.0), TypeError, "integer"),
        (lambda x: jrk.eye(0, -3), ValueError, "negative"),
        (lambda x: jrk.diff(x, n=-1), IndexError, "negative"),
        (lambda x: jrk.tensor([300], dtype="uint8"), TypeError, "300"),
        (lambda x: jrk.tensor([2**40]), TypeError, "int32"),
        (lambda x: jrk.sum("text"), TypeError, "numbers"),
        (lambda x: jrk.repeat(x, jrk.tensor([1, 2, 3]), axis=0), ValueError, "2 integers"),
        (lambda x: x.to_device("reference", stream=1), TypeError, "stream"),
    ],
)
def test_wrong_arguments_are_told_in_this_packages_words(device, wrong, error, words):
    with pytest.raises(errors.JairikaError, match=words) as caught:
        wrong(jrk.ones((2, 3)))
    assert isinstance(caught.value, error)


def test_arrays_are_taken_where_tensors_are(device):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(jrk.sum(x, axis=0).numpy(), x.sum(axis=0))
    np.testing.assert_array_equal(jrk.concat([x, jrk.tensor(x)]).numpy(), np.concatenate([x, x]))
    np.testing.assert_array_equal(jrk.permute_dims(x, (1, 0)).numpy(), x.T)


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


def test_empty_axes_have_the_values_numpy_gives(device):
    x = jrk.zeros((0, 5))
    assert jrk.softmax(x, axis=0).shape == (0, 5)
    assert np.isnan(jrk.var(x, axis=0, correction=1).numpy()).all()
    assert np.isneginf(jrk.logsumexp(x, axis=0).numpy()).all()
    assert jrk.prod(x, axis=0).tolist() == [1.0] * 5


BITS = [0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan, 3.0e38, 1e-30]


@pytest.mark.parametrize("name", ["copysign", "nextafter", "hypot", "logaddexp"])
def test_real_binary_functions_equal_numpy_at_every_special_pair(device, name):
    a, b = (g.ravel().astype(np.float32) for g in np.meshgrid(BITS, BITS))
    got = getattr(jrk, name)(jrk.tensor(a), jrk.tensor(b)).numpy()
    with np.errstate(all="ignore"):
        want = getattr(np, name)(a, b)
    if name == "nextafter":
        # A driver may treat the smallest numbers as zero.
        got, want = (np.where(np.abs(v) < 1e-37, 0, v) for v in (got, want))
    np.testing.assert_allclose(got, want, rtol=1e-6)
    sure = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got)[sure], np.signbit(want)[sure])


def test_sign_bits_are_seen(device):
    x = np.array([1.0, -1.0, 0.0, -0.0, np.inf, -np.inf] * 5, np.float32)
    np.testing.assert_array_equal(jrk.signbit(jrk.tensor(x)).numpy(), np.signbit(x))
    assert jrk.signbit(jrk.tensor([-3, 3])).tolist() == [True, False]


def test_floor_division_follows_the_standard_at_infinities(device):
    a = jrk.tensor([np.inf, -np.inf, 2.0, -2.0, 2.0, 1.0, -1.0, 0.0, np.inf])
    b = jrk.tensor([2.0, 2.0, -np.inf, np.inf, np.inf, 0.0, 0.0, 0.0, np.inf])
    got = jrk.floor_divide(a, b).numpy()
    want = np.array([np.inf, -np.inf, -0.0, -0.0, 0.0, np.inf, -np.inf, np.nan, np.nan])
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got)[:7], np.signbit(want)[:7])


def test_a_products_derivatives_hold_at_zeros_to_second_order(device):
    torch = pytest.importorskip("torch")
    for values in ([1.5, 0.0, 0.3, 2.0], [0.0, 0.0, 3.0], [1.0, -2.0, 3.0]):
        x = jrk.tensor(values)
        (first,) = jrk.grad(jrk.prod(x), [x])
        theirs = torch.tensor(values, requires_grad=True)
        (want,) = torch.autograd.grad(theirs.prod(), [theirs], create_graph=True)
        np.testing.assert_allclose(first.numpy(), want.detach().numpy(), rtol=1e-6)
        (second,) = jrk.grad((first * first).sum(), [x])
        (want,) = torch.autograd.grad((want * want).sum(), [theirs])
        np.testing.assert_allclose(second.numpy(), want.numpy(), rtol=1e-5)


def test_clip_keeps_derivatives_on_its_bounds_and_nan_anywhere(device):
    x = jrk.tensor([-2.0, -1.0, 0.0, 1.0, 2.0, np.nan])
    y = jrk.clip(x, -1, 1)
    np.testing.assert_array_equal(y.numpy(), [-1, -1, 0, 1, 1, np.nan])
    (slope,) = jrk.grad(y.sum(), [x])
    np.testing.assert_array_equal(slope.numpy()[:5], [0, 1, 1, 1, 0])
    bounds = jrk.tensor([0.0, np.nan, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(jrk.clip(x, bounds).numpy(), [0, np.nan, 0, 1, 2, np.nan])
    assert jrk.clip(jrk.tensor([0, 200], dtype="uint8"), -5, 300).tolist() == [0, 200]
    assert jrk.clip(jrk.tensor([0, 9]), 0.5, 8.5).tolist() == [0, 8]


def test_integer_powers_below_one_round_to_zero(device):
    got = jrk.tensor([1, -1, -1, 2, 0, 3]) ** jrk.tensor([-3, -3, -2, -1, -1, 4])
    assert got.tolist() == [1, -1, 1, 0, 0, 81]


def test_the_angle_of_no_point_has_no_slope(device):
    a, b = jrk.tensor([0.0, 3.0]), jrk.tensor([0.0, 4.0])
    for got, want in zip(jrk.grad(jrk.atan2(a, b).sum(), [a, b]), (4 / 25, -3 / 25), strict=True):
        np.testing.assert_allclose(got.numpy(), [0.0, want], rtol=1e-6)
