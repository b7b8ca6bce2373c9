"""Wrong arguments are answered in this package's words; arrays are taken where tensors are."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors
from jairika_nb.nn import functional

# What takes functions, files or networks instead of tensors.
OTHERS = {
    "compile", "device", "devices", "eval", "evaluate", "fit", "init", "kernel", "memory_limit",
    "open", "profile", "register",
}  # fmt: skip
SPACES = {"": jrk, "nn.functional.": functional, "linalg.": jrk.linalg, "fft.": jrk.fft,
          "random.": jrk.random}  # fmt: skip
FUNCTIONS = {
    prefix + name: getattr(space, name)
    for prefix, space in SPACES.items()
    for name in getattr(space, "__all__", dir(space))
    if name not in OTHERS and inspect.isfunction(getattr(space, name))
}


@pytest.mark.parametrize(
    "wrong,error,words",
    [
        (lambda x: jrk.sum(x, dim=1), TypeError, "use axis="),
        (lambda x: x.mean(axis=0, keepdim=True), TypeError, "use keepdims="),
        (lambda x: jrk.std(x, ddof=1), TypeError, "use correction="),
        (lambda x: jrk.flatten(x, start_dim=1), TypeError, "use start_axis="),
        (lambda x: jrk.sum(x, 1), TypeError, "by name: axis="),
        (lambda x: x.sum(0, True), TypeError, "by name: axis= dtype= keepdims="),
        (lambda x: jrk.arange("a"), TypeError, "no number"),
        (lambda x: jrk.linspace(0, None, 5), TypeError, "no number"),
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


def wrong_calls(function):
    """Calls with something else in the place of one required argument, or of all."""
    rows = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = sum(p.default is p.empty and p.kind in named for p in rows)
    x = jrk.ones((3, 3))
    for value in (None, "abc", object()):
        yield (value,) * count
        yield from ((*(x,) * i, value, *(x,) * (count - i - 1)) for i in range(count))


@pytest.mark.parametrize("name", [n for n in sorted(FUNCTIONS) if n.split(".")[-1][0] != "_"])
def test_what_is_no_tensor_is_refused_in_words(name):
    with jrk.device("reference"):
        for wrong in wrong_calls(FUNCTIONS[name]):
            try:
                FUNCTIONS[name](*wrong)
            except errors.JairikaError as error:
                assert str(error)


def test_arrays_are_taken_at_any_place_of_a_tensor(device):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = functional.linear(jrk.tensor(x), x, bias=np.ones(2, np.float32))
    np.testing.assert_allclose(found.numpy(), x @ x.T + 1)
    assert found.device is device


def test_functions_of_numpy_take_tensors(device):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert float(np.sum(jrk.tensor(x))) == 15
    np.testing.assert_allclose(np.mean(jrk.tensor(x), axis=0), x.mean(0))
    with pytest.raises(errors.ArgumentError, match="the result"):
        jrk.sum(jrk.tensor(x), out=x)
