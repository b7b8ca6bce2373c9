"""Every row of the table of operations has all its parts, and its derivatives are right.

Each row that has derivatives stands in ``CASES`` with a function that uses it; those without stand
in ``FLAT`` (their derivative is zero wherever it exists) or in ``INSIDE`` (kernels made by the
expansion or the planning of other rows, never differentiated). A row in none of them fails.
"""

from __future__ import annotations

import numpy as np
import pytest
from recurrences import gradients, run, sequence

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine.graph import TABLE, make, topological
from jairika_nb.engine.ops import conv, gather, scan, scatter, views
from jairika_nb.engine.ops.attention import BACK, Form
from jairika_nb.engine.ops.elementwise import neg
from jairika_nb.nn import functional as F
from jairika_nb.tensors.tensor import Tensor

ROWS = sorted(TABLE)  # as they are at import: cells of other tests may add their own
RNG = np.random.default_rng(5)

SOURCES = {"const", "iota", "leaf", "random"}
# Differences cannot see through a rounding: it has a test of its own.
ROUNDED = {"cast"}
# Made by the planner and by the expansions of rows that have derivatives.
INSIDE = {"gemm", "stored", *(r for r in ROWS if TABLE[r].kind == "routine" and not TABLE[r].vjp)}
FLAT = {
    "floor": jrk.floor, "ceil": jrk.ceil, "trunc": jrk.trunc, "round": jrk.round,
    "sign": jrk.sign, "floor_divide": lambda x: x // (x * x + 1), "detach": jrk.detach,
    "equal": lambda x: x == 1, "not_equal": lambda x: x != 1, "less": lambda x: x < 1,
    "less_equal": lambda x: x <= 1, "greater": lambda x: x > 1, "greater_equal": lambda x: x >= 1,
    "isnan": jrk.isnan, "signbit": jrk.signbit, "logical_not": jrk.logical_not,
    "bitwise_and": lambda x: x.astype("int32") & 3, "bitwise_or": lambda x: x.astype("int32") | 3,
    "bitwise_xor": lambda x: x.astype("int32") ^ 3, "bitwise_invert": lambda x: ~x.astype("int32"),
    "bitwise_left_shift": lambda x: x.astype("int32") << 3,
    "bitwise_right_shift": lambda x: x.astype("int32") >> 1,
    "argsort": lambda x: jrk.argsort(x, axis=0),
    "first_places": lambda x: jrk.topk(x, 2, axis=0).indices,
    "searchsorted": lambda x: jrk.searchsorted(jrk.sort(x.reshape(-1)), x),
}  # fmt: skip


def array(*shape, low=0.55, high=1.8):
    """Values of distinct sizes, away from where functions bend."""
    count = int(np.prod(shape))
    return RNG.permutation(np.linspace(low, high, count)).reshape(shape)


def on_nodes(function):
    """A function of nodes as one of tensors."""
    return lambda *tensors: Tensor(function(*(t.node for t in tensors)))


def picked(x, places, axis):
    index = jrk.tensor(np.array(places, np.int32), device=x.device)
    return Tensor(gather.take_along(x.node, index.node, axis))


def scattered(mode):
    def function(base, updates):
        index = jrk.tensor(np.array([[2, 0, 3], [0, 0, 1]], np.int32), device=base.device)
        return Tensor(scatter.scatter(base.node, index.node, updates.node, 1, mode))

    return function


def symmetric(x):
    return x @ x.mT + 3 * jrk.eye(x.shape[-1], dtype="float64", device=x.device)


def squares(packed):
    # Vectors of decompositions are determined up to their sign.
    return packed * packed


ONE = (array(3, 4),)
UNIT = (array(3, 4, low=-0.7, high=0.8),)
TWO = (array(3, 4), array(3, 4)[::-1])
MATRIX = (RNG.normal(size=(2, 3, 3)) + 2 * np.eye(3),)
TALL = (RNG.normal(size=(4, 3)),)
PLAIN = ["reciprocal", "sqrt", "rsqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p",
         "sin", "cos", "atan", "sinh", "cosh", "tanh", "asinh", "sigmoid", "erf",
         "abs"]  # fmt: skip
GEOMETRY = conv.Geometry(stride=(2, 1), pads=((1, 0), (0, 2)), spread=(1, 2), dilation=(2, 1),
                         groups=2)  # fmt: skip

FORM = Form(causal=True, scale=0.7)
HEADS = (array(1, 3, 2), array(1, 3, 2), array(1, 3, 2))


def attended(name):
    return on_nodes(lambda *heads: make(name, heads, FORM))


def attended_back(name):
    def function(g, *heads):
        kept = [make(row, heads, FORM) for row in ("attention", "attention_logsum")]
        return make(name, (g, *kept, *heads), FORM)

    return on_nodes(function)


# name: one or more of (function, inputs); each must use the row.
CASES = {
    **{name: [(getattr(jrk, name), ONE)] for name in PLAIN},
    "gelu_erf": [(jrk.gelu, UNIT)],
    "gelu_erf_slope": [(on_nodes(lambda x: make("gelu_erf_slope", (x,))), UNIT)],
    "gelu_tanh": [(lambda x: jrk.gelu(x, "tanh"), UNIT)],
    "gelu_tanh_slope": [(on_nodes(lambda x: make("gelu_tanh_slope", (x,))), UNIT)],
    "neg": [(lambda x: -x * x, ONE)], "relu": [(lambda x: jrk.relu(x * x - 1.2), ONE)],
    "tan": [(jrk.tan, UNIT)],
    "asin": [(jrk.asin, UNIT)], "acos": [(jrk.acos, UNIT)], "atanh": [(jrk.atanh, UNIT)],
    "acosh": [(lambda x: jrk.acosh(x + 1), ONE)],
    "add": [(lambda a, b: (a + b[:, :1]) ** 2, TWO)], "sub": [(lambda a, b: (a - b) ** 2, TWO)],
    "mul": [(jrk.multiply, TWO)], "div": [(jrk.divide, TWO)],
    "exp_below": [(on_nodes(lambda x: make("exp_below", (neg(x),))), ONE)],
    "share": [(on_nodes(lambda a, b: make("share", (a, b))), TWO)],
    "maximum": [(jrk.maximum, TWO)], "minimum": [(lambda a, b: jrk.minimum(a * a, b), TWO)],
    "pow": [(jrk.pow, TWO), (lambda x: x**3, ONE), (lambda x: 2.5**x, ONE), (lambda x: x**-1, ONE)],
    "atan2": [(jrk.atan2, TWO)], "hypot": [(jrk.hypot, TWO)],
    "copysign": [(lambda a, b: jrk.copysign(a, b - 1.17) * a, TWO)],
    "nextafter": [(lambda a, b: jrk.nextafter(a, b) * a, TWO)],
    "remainder": [(lambda a, b: (a % (b * 0.37)) ** 2, TWO)],
    "where": [(lambda a, b: jrk.where(a > b, a * b, b * b), TWO)],
    "sum": [(lambda x: x.sum(axis=0) ** 2, ONE)],
    "prod": [(lambda x: jrk.prod(x, axis=1), ONE), (lambda x: jrk.prod(x * (x > 0.6)), ONE)],
    "max": [(lambda x: x.max(axis=1) ** 2, ONE)], "min": [(lambda x: x.min(axis=0) ** 2, ONE)],
    "fmax": [(on_nodes(lambda x: make("fmax", (x,), (1,))), ONE)],
    "reshape": [(lambda x: x.reshape(2, 6) ** 2, ONE)],
    "permute": [(lambda x: x.T**2 * jrk.arange(3, dtype="float64", device=x.device), ONE)],
    "expand": [(lambda x: x[None].expand(2, 3, 4) ** 2, ONE)],
    "slice": [(lambda x: x[::-2, 3:0:-1] ** 2, ONE)],
    "pad": [(on_nodes(lambda x: views.pad(x, ((1, 0, 1), (0, 2, 2)), 0.5)), ONE)],
    "window": [(on_nodes(lambda x: views.window(x, 1, 2, 1, 2)), ONE),
               (on_nodes(lambda x: views.window(x, 0, 2, 1, 1)), ONE)],
    "gather": [(lambda x: picked(x, [[1, 1, -1], [0, 3, 0], [2, 0, 0]], 1) ** 2, ONE)],
    "scatter": [(scattered(mode), (array(2, 4), array(2, 3, low=0.1, high=2.1)))
                for mode in ("add", "set", "max", "min", "mul")],
    "scan": [(on_nodes(lambda x, k=kind, r=back: scan.scan(k, x, 1, r)), ONE)
             for kind in ("add", "mul", "max", "min", "logaddexp") for back in (False, True)],
    "recurrence": [(on_nodes(lambda a, b, r=back: scan.recurrence(a, b, 1, r)), TWO)
                   for back in (False, True)],
    # The other cells are in test_recurrent.py, on the reference: drivers compile long for them.
    "recurrent": [(run("gru", True, [1]), sequence("gru"))],
    "recurrent_back": [(gradients("rnn_tanh"), (array(1, 2, 1, 2), *sequence("rnn_tanh")))],
    "attention": [(attended("attention"), HEADS)],
    "attention_logsum": [(attended("attention_logsum"), HEADS)],
    **{name: [(attended_back(name), (HEADS[2][:, ::-1], *HEADS))] for name in BACK},
    "matmul": [(lambda a, b: a @ b.T, TWO), (lambda x: x @ x @ x, MATRIX)],
    "conv": [(on_nodes(lambda x, w, f=flipped: conv.conv(x, w, GEOMETRY._replace(flipped=f))),
              (array(2, 4, 5, 4), array(4, 2, 2, 2))) for flipped in (False, True)],
    "conv_kernel": [(on_nodes(lambda x, g: make("conv_kernel", (x, g), (GEOMETRY, (2, 2)))),
                     (array(2, 4, 5, 4), array(2, 4, 2, 8)))],
    "normalised": [(lambda x: F.layer_norm(x, 4) ** 2, ONE),
                   (lambda x, w: F.batch_norm(x, None, None, w[0], w[1], True) ** 2, TWO)],
    "cholesky": [(lambda x: jrk.linalg.cholesky(symmetric(x)), MATRIX)],
    "solve": [(lambda x: jrk.linalg.solve(x, x @ x), MATRIX)], "inv": [(jrk.linalg.inv, MATRIX)],
    "det": [(jrk.linalg.det, MATRIX)],
    "cofactors": [(on_nodes(lambda x: make("cofactors", (x,))), MATRIX)],
    "slogdet": [(lambda x: jrk.linalg.slogdet(x).logabsdet, MATRIX)],
    "qr": [(lambda x: jrk.concat([v.reshape(-1) for v in jrk.linalg.qr(x)]), TALL)],
    "eigh": [(lambda x: squares(jrk.concat(
        [v.reshape(-1) for v in jrk.linalg.eigh(symmetric(x))])), (MATRIX[0][0],))],
    "svd": [(lambda x: squares(jrk.concat(
        [v.reshape(-1) for v in jrk.linalg.svd(x, full_matrices=False)])), TALL)],
    "pinv": [(jrk.linalg.pinv, TALL)],
}  # fmt: skip
FIRST = next((d.id for d in devices.devices() if not d.is_reference), None)


@pytest.mark.parametrize("name", ROWS)
def test_every_row_has_its_parts(name):
    row = TABLE[name]
    groups = [g for g in (SOURCES, ROUNDED, INSIDE, FLAT, CASES) if name in g]
    assert len(groups) == 1, f"{name} must stand in exactly one of the groups above"
    assert callable(row.reference) and callable(row.infer)
    assert (row.vjp is None) == (name in SOURCES | INSIDE)
    assert bool(row.code) == (row.kind in ("elementwise", "reduce", "barrier"))


def used(tensor):
    return {node.op for node in topological([tensor.node], through_values=True)}


@pytest.mark.parametrize("name", FLAT)
def test_steps_have_no_slope(device, name):
    x = jrk.tensor(ONE[0], dtype="float64")
    y = FLAT[name](x)
    assert name in used(y)
    total = (y.astype("float64") * 2).sum() + (x * 3).sum()
    assert (jrk.grad(total, [x])[0] == 3).all()


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_a_conversion_passes_derivatives_on_in_the_type_it_came_from(device, name):
    x = jrk.tensor(ONE[0], dtype="float32")
    (first,) = jrk.grad((x.astype(name) ** 2).sum(), [x])
    (second,) = jrk.grad(first.sum(), [x])
    _, pushed = jrk.jvp(lambda v: v.astype(name) ** 2, [x], [jrk.ones_like(x)])
    assert first.dtype.name == "float32" and pushed.dtype.name == name
    np.testing.assert_allclose(first.numpy(), 2 * ONE[0], rtol=2e-2)
    np.testing.assert_array_equal(second.numpy(), np.full((3, 4), 2))
    assert (pushed.astype("float32") == first).all()
    whole = x.astype("int32").astype("float32")
    assert (jrk.grad((whole * 2 + x).sum(), [x])[0] == 1).all()


def cases():
    for name, rows in CASES.items():
        for number, (function, inputs) in enumerate(rows):
            yield pytest.param(name, function, inputs, id=f"{name}-{number}" if number else name)


def weighted(function, weights):
    """A scalar of all results, each weighing differently."""

    def total(*tensors):
        y = function(*tensors)
        return (y * jrk.tensor(weights[: y.size].reshape(y.shape), dtype="float64")).sum()

    return total


def along(function, arrays, directions, h=1e-4):
    """The derivative along a direction, by differences of fourth order."""

    def at(step):
        moved = [jrk.tensor(a + step * d) for a, d in zip(arrays, directions, strict=True)]
        return function(*moved).numpy()

    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


@pytest.mark.parametrize("name,function,inputs", list(cases()))
def test_derivatives_of_both_modes_and_orders_equal_differences(device, name, function, inputs):
    if device.id not in ("reference", FIRST):
        pytest.skip("random programs compare the other devices with these")
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.5, 2, 400)
    u, v = ([rng.normal(size=a.shape) for a in inputs] for _ in "uv")
    tensors = [jrk.tensor(a) for a in inputs]
    total = weighted(function, weights)
    y = function(*tensors)
    assert name in used(y)

    def times(rows, directions):
        return sum((g * jrk.tensor(d)).sum() for g, d in zip(rows, directions, strict=True))

    def slope(*moved):
        return times(jrk.grad(total(*moved), list(moved)), v)

    _, pushed = jrk.jvp(function, tensors, [jrk.tensor(d) for d in u])
    first = times(jrk.grad(total(*tensors), tensors), u)
    second = times(jrk.grad(slope(*tensors), tensors), u)
    jrk.eval(pushed, first, second)
    np.testing.assert_allclose(pushed.numpy(), along(function, inputs, u), rtol=1e-6, atol=1e-8)
    back = (pushed * jrk.tensor(weights[: y.size].reshape(y.shape))).sum().item()
    np.testing.assert_allclose(first.item(), back, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(first.item(), along(total, inputs, u), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(second.item(), along(slope, inputs, u), rtol=2e-6, atol=1e-7)
