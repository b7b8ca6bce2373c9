"""Gathers, windows, routines and host steps: each with its neighbours in one lazy graph."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import dtypes, routines
from jairika_nb.engine.graph import TABLE, Op, leaf, make
from jairika_nb.engine.ops import gather, views
from jairika_nb.engine.source import Argument, Source
from jairika_nb.errors import MatrixError, OutOfRange, ShapeError
from jairika_nb.tensors.tensor import Tensor

X = np.arange(60, dtype=np.float32).reshape(3, 20)
PREFIX = """
kernel void prefix(global const float *x, global float *y, int n) {
  const int row = get_global_id(0);
  float sum = 0;
  for (int i = 0; i < n; i++) { sum += x[row * n + i]; y[row * n + i] = sum; }
}
"""


@pytest.fixture
def rows(monkeypatch):
    """Two rows of the table that no public function makes: one a kernel, one computed by NumPy."""

    def infer(x, attrs):
        return x.shape, x.dtype

    def write(entry, inputs, device):
        n = inputs[0].shape[-1]
        buffers = Argument("buffer", entry.inputs[0]), Argument("buffer", routines.RESULT)
        arguments = [*buffers, Argument("int", n)]
        rows = entry.size // n
        return Source("prefix", PREFIX, frozenset(), arguments, (rows,), None, [], 0, 0)

    for kind in ("routine", "host"):
        op = Op(f"prefix_{kind}", kind, infer, lambda attrs, x: np.cumsum(x, -1))
        monkeypatch.setitem(TABLE, op.name, op)
    monkeypatch.setitem(routines.ROUTINES, "prefix_routine", write)


def _along_rows(x, index):
    i = jrk.tensor(np.asarray(index, np.int32))
    places = views.expand(i.reshape(-1, 1).node, (len(index), 20))
    return Tensor(gather.take_along(x.node, places, 0))


def test_gather_fuses_with_what_stands_around_it(device):
    x = jrk.tensor(X)
    y = _along_rows(x * 2, [2, 0, -1, 1]) + 1
    with jrk.profile() as p:
        assert np.array_equal(y.numpy(), X[[2, 0, -1, 1]] * 2 + 1)
    assert p.launches == (0 if device.is_reference else 1)


def test_an_index_outside_a_constant_raises_too(device):
    for x in (jrk.ones((3, 20)), jrk.tensor(X[0]).expand(3, 20)):
        with pytest.raises(OutOfRange, match="index 7 is outside axis 0"):
            _along_rows(x, [0, 7]).numpy()
        assert np.array_equal(_along_rows(x, [0, -1]).numpy(), x.numpy()[:2])


def test_an_index_out_of_range_raises_at_each_reading_and_the_session_goes_on(device):
    x = jrk.tensor(X)
    y = _along_rows(x, [2, 0, 7]) * 3
    for _ in range(2):
        with pytest.raises(OutOfRange, match="index 7 is outside axis 0, which has size 3"):
            y.numpy()
    with pytest.raises(OutOfRange, match="index -4 is outside"):
        _along_rows(x, [-4, 0]).numpy()
    assert np.array_equal((_along_rows(x, [1]) + 1).numpy(), X[[1]] + 1)


def test_an_index_into_more_than_an_int_can_count_is_a_long(device):
    if device.is_reference:
        pytest.skip("NumPy's indices are long in any case")
    # Planned and not run: such an axis takes 2 GiB at least.
    many = SimpleNamespace(nbytes=2**31 + 8)
    x = Tensor(leaf(many, (2**31 + 8,), dtypes.int8, device))
    (source,) = x[jrk.tensor([3])].kernels()
    assert re.search(r"const long v\d+ = pick\(", source.text)
    assert "inline long pick(" in source.text


@pytest.mark.parametrize(
    ("size", "stride", "dilation"),
    [(3, 1, 1), (3, 2, 2), (3, 3, 1), (2, 5, 1), (3, 4, 1), (20, 1, 1)],
)
def test_windows_and_their_derivative(device, size, stride, dilation):
    x = jrk.tensor(X)
    y = Tensor(views.window(x.node, 1, size, stride, dilation))
    at = np.add.outer(np.arange(y.shape[1]) * stride, np.arange(size) * dilation)
    assert np.array_equal(y.numpy(), X[:, at])
    expected = np.zeros_like(X)
    np.add.at(expected, (slice(None), at), 2 * X[:, at])
    assert np.array_equal(jrk.grad((y**2).sum(), [x])[0].numpy(), expected)


def test_a_window_that_does_not_fit_says_so():
    x = jrk.zeros((3, 4))
    with pytest.raises(ShapeError, match=r"window of 5 along axis 1 of \(3, 4\)"):
        views.window(x.node, 1, 5)


@pytest.mark.parametrize("op", ["prefix_routine", "prefix_host"])
def test_a_step_takes_computed_inputs_and_feeds_kernels(device, rows, op):
    x = jrk.tensor(X)
    seen = (x * 2).reshape(6, 10)
    y = Tensor(make(op, (seen.node,))) + 1
    assert np.array_equal(y.numpy(), np.cumsum(X.reshape(6, 10) * 2, -1) + 1)


def test_the_same_bytes_seen_with_two_shapes_are_two_results(device, rows):
    x = jrk.tensor(X)
    whole = Tensor(make("prefix_routine", (x.reshape(1, 60).node,))).reshape(60)
    parts = Tensor(make("prefix_routine", (x.reshape(6, 10).node,))).reshape(60)
    jrk.eval(whole, parts)
    assert np.array_equal(whole.numpy(), np.cumsum(X.reshape(-1)))
    assert np.array_equal(parts.numpy(), np.cumsum(X.reshape(6, 10), -1).reshape(-1))


@pytest.mark.parametrize("wrap", [lambda f: f, jrk.compile], ids=["eager", "compiled"])
def test_a_wrong_index_before_a_step_that_fails_is_blamed_on_nobody_else(device, wrap):
    table = jrk.arange(10, dtype="float32") + 0
    inverse = wrap(lambda i: jrk.linalg.inv(jrk.take(table, i, axis=0).reshape(2, 2)))
    total = wrap(lambda i: jrk.take(table, i + 0, axis=0).sum())
    for _ in range(3):
        inverse(jrk.tensor([1, 2, 3, 5])).numpy()
        with pytest.raises((OutOfRange, MatrixError)):
            inverse(jrk.tensor([77, 77, 77, 77])).numpy()
        assert total(jrk.tensor([1, 2])).item() == 3
