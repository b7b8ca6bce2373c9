"""Recurrences in one launch: equal to the same step by step, and differentiable to any order."""

import numpy as np
import pytest
from recurrences import gradients, run, sequence

import jairika_nb as jrk
from jairika_nb.engine.ops import cells
from jairika_nb.engine.ops.recurrent import recurrent
from jairika_nb.engine.routines.recurrent import rows_together
from jairika_nb.errors import DTypeError, ShapeError
from jairika_nb.tensors.tensor import Tensor

# Sizes with and without whole vectors, with several at a time, and with space between rows.
SIZES = {"rnn_tanh": 20, "rnn_relu": 64, "lstm": 64, "gru": 20}


def plain(cell, back, inputs):
    """The states, by operations that have derivatives of their own."""
    nodes = [t.node for t in inputs]
    return Tensor(cells.forward(cell, back, *nodes))[: cells.CELLS[cell].states] ** 2


def values(function, arrays, upstream):
    tensors = [jrk.tensor(a) for a in arrays]
    y = function(*tensors)
    grads = jrk.grad(y, tensors, jrk.tensor(upstream[: y.shape[0]]))
    jrk.eval(y, *grads)
    return [v.numpy() for v in (y, *grads)]


@pytest.mark.parametrize(
    ("cell", "back", "lengths"),
    [
        ("rnn_tanh", False, None),
        ("rnn_relu", True, [3, 1, 2]),
        ("lstm", True, [3, 1, 2]),
        ("gru", False, None),
    ],
)
def test_values_and_gradients_equal_those_of_single_steps(device, cell, back, lengths):
    compare(cell, back, lengths, cells.CELLS[cell].states)


def test_the_memory_of_an_lstm_may_have_no_gradient_of_its_own(device):
    compare("lstm", False, None, 1)


def compare(cell, back, lengths, states):
    """Values and gradients of some states, and those of single steps on the reference device."""
    arrays = [a.astype(np.float32) for a in sequence(cell, 3, 3, SIZES[cell])]
    upstream = np.random.default_rng(2).normal(size=(2, 3, 3, SIZES[cell])).astype(np.float32)
    found = values(run(cell, back, lengths, states), arrays, upstream)
    with jrk.device("reference"):
        more = [] if lengths is None else [jrk.tensor(np.array(lengths, np.int32))]
        wanted = values(lambda *t: plain(cell, back, [*t, *more])[:states], arrays, upstream)
    for ours, theirs in zip(found, wanted, strict=True):
        scale = max(1.0, np.abs(theirs).max())
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=3e-6 * scale)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gates_close_and_open_whole_and_carry_nan(device, cell):
    arrays = [a.astype(np.float32) for a in sequence(cell, 2, 3, 16)]
    arrays[0][0, 0] = np.linspace(-1e3, 1e3, arrays[0].shape[2])
    arrays[0][1, 1] = np.linspace(-95, 95, arrays[0].shape[2])
    arrays[0][0, 2] = np.nan
    found = run(cell, False)(*(jrk.tensor(a) for a in arrays)).numpy()
    with jrk.device("reference"):
        wanted = run(cell, False)(*(jrk.tensor(a) for a in arrays)).numpy()
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-6)
    assert np.isnan(found[:, :, 2]).all()


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_floats(device, dtype):
    arrays = sequence("lstm", 2, 2, 16)
    tensors = [jrk.tensor(a, dtype=dtype) for a in arrays]
    with jrk.device("reference"):
        wanted = run("lstm", False)(*(jrk.tensor(t.numpy().astype("float64")) for t in tensors))
    y = run("lstm", False)(*tensors)
    assert y.dtype.name == dtype
    tolerance = {"float64": 1e-13, "float16": 2e-3}[dtype]
    np.testing.assert_allclose(y.numpy(), wanted.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("cell", ["rnn_relu", "lstm", "gru"])
@pytest.mark.parametrize(
    "function",
    [lambda cell: run(cell, True, [2, 1]), lambda cell: run(cell, True, [2, 1], 1), gradients],
)
def test_derivatives_of_derivatives_equal_those_of_single_steps(cell, function):
    with jrk.device("reference"):
        arrays = sequence(cell, 2, 2, 2)
        if function is gradients:
            shape = (cells.CELLS[cell].states, 2, 2, 2)
            arrays = (np.random.default_rng(3).normal(size=shape), *arrays)
        tensors = [jrk.tensor(a) for a in arrays]
        y = function(cell)(*tensors)
        first = jrk.grad((y * y).sum(), tensors)
        second = jrk.grad(sum((g * g).sum() for g in first), tensors)
        for k, (tensor, slope) in enumerate(zip(tensors, second, strict=True)):
            rng = np.random.default_rng(k)
            direction = rng.normal(size=tensor.shape)

            def total(step, k=k, direction=direction):
                moved = [*tensors]
                moved[k] = moved[k] + jrk.tensor(direction) * step
                z = function(cell)(*moved)
                return sum((g * g).sum() for g in jrk.grad((z * z).sum(), moved)).item()

            h = 1e-4
            wanted = 8 * (total(h) - total(-h)) - (total(2 * h) - total(-2 * h))
            found = (slope * jrk.tensor(direction)).sum().item()
            np.testing.assert_allclose(found, wanted / (12 * h), rtol=1e-6, atol=1e-7)


def test_rows_are_multiplied_by_powers_of_two():
    # Of one to eight vectors: sixteen rows of a core are whole groups of each.
    assert [rows_together(wide) for wide in (1, 2, 3, 4, 8)] == [8, 8, 4, 4, 2]


def test_a_sequence_of_any_length_is_one_launch(device):
    if device.is_reference or device.kind == "gpu":
        pytest.skip("one launch a sequence is how CPUs run it")
    launches = []
    for steps in (3, 40):
        tensors = [jrk.tensor(a, dtype="float32") for a in sequence("lstm", steps, 3, 16)]
        jrk.eval(*tensors)
        y = Tensor(recurrent("lstm", tuple(t.node for t in tensors)))
        with jrk.profile() as p:
            y.realize()
        launches.append((p.launches, p.compiles))
    # The weights are laid out, then all steps are run; a longer sequence compiles nothing.
    assert launches[0][0] == launches[1][0] <= 2
    assert launches[1][1] == 0


def test_what_does_not_fit_is_told():
    with jrk.device("reference"):
        x, w, h = (jrk.tensor(a) for a in sequence("rnn_tanh", 2, 3, 4))
        with pytest.raises(ShapeError, match=r"gates \(2, 3, 4\).*states \(3, 3\)"):
            recurrent("rnn_tanh", (x.node, w.node, h[:, :3].node))
        with pytest.raises(DTypeError, match="float64, float32"):
            recurrent("rnn_tanh", (x.node, w.astype("float32").node, h.node))
