"""Frequencies and shifts equal NumPy's; transforms say that they need complex numbers."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors


@pytest.mark.parametrize("n", [1, 2, 5, 8])
@pytest.mark.parametrize("name", ["fftfreq", "rfftfreq"])
def test_frequencies_equal_numpy(device, name, n):
    got = getattr(jrk.fft, name)(n, d=0.3)
    assert got.dtype == jrk.float32
    np.testing.assert_allclose(got.numpy(), getattr(np.fft, name)(n, d=0.3), rtol=1e-6)


@pytest.mark.parametrize("axes", [None, 0, -1, (0, 2), ()])
@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts_equal_numpy(device, name, axes):
    x = np.arange(30, dtype="float32").reshape(2, 3, 5)
    got = getattr(jrk.fft, name)(jrk.tensor(x), axes=axes)
    np.testing.assert_array_equal(got.numpy(), getattr(np.fft, name)(x, axes=axes))


TRANSFORMS = "fft ifft rfft irfft hfft ihfft fftn ifftn rfftn irfftn"


@pytest.mark.parametrize("name", [*TRANSFORMS.split()])
def test_transforms_say_what_is_missing_and_what_to_use(name):
    with pytest.raises(errors.DTypeError, match=rf"complex.*np\.fft\.{name}\("):
        getattr(jrk.fft, name)(jrk.ones((4,)))


def test_wrong_calls_say_what_is_wrong():
    with pytest.raises(errors.ShapeError, match="n=0"):
        jrk.fft.fftfreq(0)
    with pytest.raises(errors.OutOfRange, match="axis 3"):
        jrk.fft.fftshift(jrk.ones((2, 2)), axes=3)
