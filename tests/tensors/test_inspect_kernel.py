"""jrk.kernel: OpenCL C that users write, against NumPy and finite differences."""

from __future__ import annotations

import re

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine.device import Device
from jairika_nb.errors import (
    ArgumentError,
    DeviceError,
    DTypeError,
    GradientError,
    KernelError,
    ShapeError,
)

SOFT = """
// x / (1 + |x| / width), with a helper and a macro of its own
#define ONE 1.0f
float denominator(float x, float width) { return ONE + fabs(x) / width; }
float soft(float x, float width) { return x / denominator(x, width); }
float soft_dx(float x, float width) {
    const float d = denominator(x, width);
    return ONE / (d * d);
}
"""
PAIRS = """
kernel void pairs(global const float *x, global float *out, const float scale, const int out_size) {
    const int i = get_global_id(0);
    if (i < out_size) out[i] = scale * (x[i] + x[i + 1]);
}
"""
STENCIL = """
kernel void laplace(global const float *grid, global float *out,
                    const int grid_shape0, const int grid_shape1) {
    const int column = get_global_id(0), row = get_global_id(1);
    const int at = row * grid_shape1 + column;
    const float up = row > 0 ? grid[at - grid_shape1] : 0.0f;
    const float down = row + 1 < grid_shape0 ? grid[at + grid_shape1] : 0.0f;
    const float left = column > 0 ? grid[at - 1] : 0.0f;
    const float right = column + 1 < grid_shape1 ? grid[at + 1] : 0.0f;
    out[at] = up + down + left + right - 4.0f * grid[at];
}
"""


@pytest.fixture
def opencl(device):
    if device.is_reference:
        pytest.skip("OpenCL C needs an OpenCL device")
    return device


def soft(x, width):
    return x / (1 + np.abs(x) / width)


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_an_element_function_is_mapped_and_broadcast(opencl):
    function = jrk.kernel(SOFT)
    x, width = values(5, 37), np.abs(values(37, seed=1)) + 0.5
    np.testing.assert_allclose(function(jrk.tensor(x), 2.0).numpy(), soft(x, 2.0), rtol=1e-5)
    got = function(jrk.tensor(x), jrk.tensor(width)).numpy()
    np.testing.assert_allclose(got, soft(x, width), rtol=1e-5)


def test_an_element_function_fuses_with_its_neighbours(opencl):
    function = jrk.kernel(SOFT)
    x = jrk.tensor(values(64, 33))
    y = (function(x * 2, 3.0) + 1).sum(axis=1)
    assert len(y.kernels()) == 1
    assert "soft" in y.kernels()[0].name
    assert "soft" in [row[1] for row in y.graph().rows()]
    with jrk.profile() as p:
        got = y.numpy()
    assert p.launches == 1
    np.testing.assert_allclose(got, (soft(x.numpy() * 2, 3.0) + 1).sum(axis=1), rtol=1e-5)


def test_scalars_are_arguments_so_new_ones_compile_nothing(opencl):
    function = jrk.kernel(SOFT)
    x = jrk.tensor(values(50))
    function(x, 1.25).realize()
    with jrk.profile() as p:
        function(x, 1.75).realize()
    assert (p.launches, p.compiles) == (1, 0)


def test_the_derivative_beside_it_agrees_with_differences(opencl):
    function = jrk.kernel(SOFT)
    x = values(40).astype(np.float64)
    t = jrk.tensor(x.astype(np.float32))
    (slope,) = jrk.grad((function(t, 2.0) * 3).sum(), [t])
    want = 3 * (soft(x + 1e-6, 2.0) - soft(x - 1e-6, 2.0)) / 2e-6
    np.testing.assert_allclose(slope.numpy(), want, rtol=1e-4)


def test_derivatives_of_derivatives_go_on_where_they_are_given(opencl):
    cube = jrk.kernel(
        "float cube(float x) { return x * x * x; }\n"
        "float cube_dx(float x) { return 3 * x * x; }\n"
        "float cube_dx_dx(float x) { return 6 * x; }"
    )
    x = jrk.tensor([2.0, -3.0])
    (first,) = jrk.grad(cube(x).sum(), [x])
    (second,) = jrk.grad(first.sum(), [x])
    assert first.tolist() == [12.0, 27.0] and second.tolist() == [12.0, -18.0]
    with pytest.raises(GradientError, match="cube_dx_dx"):
        jrk.grad(second.sum(), [x])


def test_a_missing_derivative_is_named(opencl):
    function = jrk.kernel(SOFT)
    x, width = jrk.tensor([1.0]), jrk.tensor([2.0])
    with pytest.raises(GradientError, match="with respect to width; write soft_dwidth"):
        jrk.grad(function(x, width).sum(), [x])
    plain = jrk.kernel("float plain(float x) { return x; }")
    with pytest.raises(GradientError, match=r"plain of float32\[1\] has no derivative"):
        jrk.grad(plain(x).sum(), [x])


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("int", "int32"), ("uint", "uint32"), ("long", "int64"), ("ulong", "uint64"),
     ("float", "float32"), ("double", "float64")],
)  # fmt: skip
def test_element_functions_of_every_type(opencl, kind, dtype):
    if dtype == "float64":
        opencl.check_dtype(jrk.float64)
    twice = jrk.kernel(f"{kind} twice({kind} x) {{ if (x > 3) return x + x; return x; }}")
    x = np.arange(41).astype(dtype)
    got = twice(jrk.tensor(x))
    assert got.dtype.name == dtype
    np.testing.assert_array_equal(got.numpy(), np.where(x > 3, 2 * x, x))


def test_what_is_not_the_same_in_vectors_runs_in_lanes(opencl):
    # A comparison is 1 in a scalar and -1 in a vector.
    steps = jrk.kernel("float steps(float x) { int up = x > 0.0f; return up + (x > 1.0f); }")
    x = np.linspace(-2, 3, 53).astype(np.float32)
    np.testing.assert_array_equal(steps(jrk.tensor(x)).numpy(), (x > 0) * 1.0 + (x > 1))


def test_a_new_definition_leaves_older_graphs_as_they_were(opencl):
    x = jrk.tensor([1.0, 2.0])
    old = jrk.kernel("float f(float x) { return x + 1; }")(x)
    new = jrk.kernel("float f(float x) { return x + 2; }")(x)
    assert (old * 10 + new).tolist() == [23.0, 34.0]
    assert len((old + new).kernels()) == 1


def test_a_whole_kernel_declares_its_shape(opencl):
    pairs = jrk.kernel(PAIRS, shape="x.shape[0] - 1")
    x = values(101)
    y = pairs(jrk.tensor(x) + 1, 0.5) * 2
    assert y.shape == (100,)
    np.testing.assert_allclose(y.numpy(), x[1:] + x[:-1] + 2, rtol=1e-5, atol=1e-6)
    names = [s.name for s in (pairs(jrk.tensor(x) + 1, 0.5) * 2).kernels()]
    assert "pairs" in names and len(names) == 3
    with jrk.profile() as p:
        pairs(jrk.tensor(x), scale=0.25).realize()
    assert [k.name for k in p.kernels] == ["pairs"]
    assert p.kernels[0].bytes == (101 + 100) * 4


@pytest.mark.parametrize("size", [2, 3, 64, 1001])
def test_new_shapes_and_numbers_compile_nothing(opencl, size):
    pairs = _pairs_once(opencl)
    x = values(size)
    with jrk.profile() as p:
        got = pairs(jrk.tensor(x), float(size)).numpy()
    assert p.compiles == 0
    np.testing.assert_allclose(got, size * (x[1:] + x[:-1]), rtol=1e-4, atol=1e-5)


_made: dict = {}


def _pairs_once(opencl):
    if opencl not in _made:
        _made[opencl] = jrk.kernel(PAIRS, shape=lambda x, scale: x.shape[0] - 1)
        _made[opencl](jrk.tensor(values(7)), 1.5).realize()
    return _made[opencl]


def test_a_stencil_runs_on_a_grid_of_two_dimensions(opencl):
    laplace = jrk.kernel(STENCIL, grid="grid.shape[1], grid.shape[0]")
    # Symmetric: the derivative is the same stencil on what comes from above.
    laplace.derivative = lambda g, y, grid: laplace(g)
    x = values(6, 9)
    padded = np.pad(x, 1)
    want = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * x
    t = jrk.tensor(x)
    np.testing.assert_allclose(laplace(t).numpy(), want, rtol=1e-5, atol=1e-5)
    weights = values(6, 9, seed=3)
    (g,) = jrk.grad((laplace(t) * jrk.tensor(weights)).sum(), [t])
    np.testing.assert_allclose(g.numpy(), laplace(jrk.tensor(weights)).numpy(), rtol=1e-5)
    (twice,) = jrk.grad((g * g).sum(), [t])  # linear, so its second derivative is nothing
    assert not twice.numpy().any()


def test_work_groups_round_the_grid_up(opencl):
    pairs = jrk.kernel(PAIRS, shape="x.size - 1", group=32)
    x = values(70)
    y = pairs(jrk.tensor(x), 1.0)
    (source,) = y.kernels()
    assert source.global_size == (96,) and source.local_size == (32,)
    np.testing.assert_allclose(y.numpy(), x[1:] + x[:-1], rtol=1e-5, atol=1e-6)


def test_a_kernel_that_asks_for_its_work_items_shares_no_launch(opencl):
    twice = jrk.kernel(
        "kernel void twice(global const float *x, global float *y, const int n) {\n"
        "  for (int i = get_global_id(0); i < n; i += get_global_size(0)) y[i] = 2 * x[i];\n}",
        shape=lambda x, n: x.shape, grid=lambda x, n: (8,), group=1,
    )  # fmt: skip
    doubled, beside = twice(jrk.ones(1000), 1000), jrk.exp(jrk.ones((300, 300)))
    jrk.eval(beside, doubled)
    assert (doubled.numpy() == 2).all()


def test_another_kernel_is_the_derivative_by_the_names_of_its_parameters(opencl):
    square = jrk.kernel("kernel void square(global const float *x, global float *out) {"
                        " int i = get_global_id(0); out[i] = x[i] * x[i]; }")  # fmt: skip
    square.derivative = jrk.kernel(
        "kernel void square_back(global const float *g, global const float *x, global float *gx) {"
        " int i = get_global_id(0); gx[i] = 2 * g[i] * x[i]; }"
    )
    x = jrk.tensor([1.0, -2.0, 3.0])
    assert jrk.grad((square(x) * 10).sum(), [x])[0].tolist() == [20.0, -40.0, 60.0]
    square.derivative = jrk.kernel("float wrong(float h) { return h; }")
    with pytest.raises(GradientError, match="wants h, but there are only g, y, x"):
        jrk.grad(square(x).sum(), [x])


def test_a_derivative_of_the_wrong_form_is_told(opencl):
    copy = jrk.kernel("kernel void copy(global const float *x, global float *out) {"
                      " int i = get_global_id(0); out[i] = x[i]; }")  # fmt: skip
    x = jrk.tensor([1.0, 2.0])
    copy.derivative = lambda g, y, x: g.sum()
    with pytest.raises(GradientError, match=r"gave \(\) as the gradient .* shape \(2,\)"):
        jrk.grad(copy(x).sum(), [x])
    copy.derivative = lambda g, y, x: [g, g]
    with pytest.raises(GradientError, match="2 gradients for 1 tensors"):
        jrk.grad(copy(x).sum(), [x])


@pytest.mark.parametrize("dtype", ["float16", "uint8", "bool", "int8", "uint16"])
def test_whole_kernels_see_elements_as_they_are_stored(opencl, dtype):
    kind = {"float16": "half", "uint8": "uchar", "bool": "uchar", "int8": "char"}.get(dtype)
    kind = kind or "ushort"
    move = "vstore_half(vload_half(i, x), i, out)" if kind == "half" else "out[i] = x[i]"
    copy = jrk.kernel(f"kernel void copy(global const {kind} *x, global {kind} *out) {{ "
                      f"int i = get_global_id(0); {move}; }}", dtype=dtype)  # fmt: skip
    x = np.array([0, 1, 1, 0, 1]).astype(dtype)
    got = copy(jrk.tensor(x))
    assert got.dtype.name == dtype
    np.testing.assert_array_equal(got.numpy(), x)


def test_empty_tensors_pass(opencl):
    assert jrk.kernel(SOFT)(jrk.zeros((0, 3)), 1.0).numpy().shape == (0, 3)
    pairs = jrk.kernel(PAIRS, shape="x.size - 1")
    assert pairs(jrk.tensor([1.0]), 1.0).numpy().shape == (0,)


def test_the_compiler_is_quoted_with_line_and_text(opencl):
    source = "float f(float x) {\n    const float y = x * 2;\n    return y + zz;\n}"
    with pytest.raises(KernelError, match=r"f does not compile: line 3: .*zz.*`return y \+ zz;`"):
        jrk.kernel(source)
    whole = "kernel void k(global const float *x, global float *y) {\n  y[0] = x[0]\n}"
    with pytest.raises(KernelError, match=r"line 2: .*;"):
        jrk.kernel(whole)


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("", "must define one function, not none"),
        ("int a = 3;", "must define one function, not none"),
        ("float f(float x) { return x; } float h(float x) { return x; }", "not f, h; .*name="),
        ("kernel void k(global float *a, global float *b) { }", "2 results"),
        ("kernel void k(global const float *a) { }", "0 results"),
        ("kernel void k(local float *a, global float *b) { }", "'a' is a local float"),
        ("kernel void k(global float4 *b) { }", "float4"),
        ("kernel void k(global float *b, float2 n) { }", "float2"),
        ("kernel void k(global float *b, image2d_t i) { }", "image2d_t"),
        ("float f(global float *x) { return x[0]; }", "whole kernel"),
        ("half f(half x) { return x; }", "takes and returns numbers of the types"),
    ],
)
def test_sources_that_cannot_be_called_say_why(source, part):
    with jrk.device("reference"), pytest.raises(KernelError, match=part):
        jrk.kernel(source)


def test_wrong_calls_say_what_is_taken(opencl):
    function, pairs = jrk.kernel(SOFT), jrk.kernel(PAIRS, shape="x.size - 1")
    x = jrk.tensor([1.0, 2.0])
    rows = [
        (ArgumentError, r"soft takes \(x, width\), not 1 arguments", lambda: function(x)),
        (ArgumentError, "not 1 arguments and height", lambda: function(x, height=2)),
        (ArgumentError, "at least one argument", lambda: function(1.0, 2.0)),
        (DTypeError, "declared as float.*float64", lambda: function(x.astype("float64"), 1.0)),
        (ShapeError, r"\(2,\) and \(3,\)", lambda: function(x, jrk.ones((3,)))),
        (ArgumentError, "x must be a tensor", lambda: pairs(3.0, 1.0)),
        (ArgumentError, "scale must be a number", lambda: pairs(x, x)),
        (DTypeError, "out.*points to float|dtype int32", lambda: jrk.kernel(PAIRS, dtype="int32")),
    ]
    for kind, part, call in rows:
        with pytest.raises(kind, match=part):
            call()


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        ("x.shape[3]", "outside"),
        ("x.shape[0] - 9", "no sizes"),
        ("y.shape", "'y' is not known; known are x, scale"),
        ("len(x)", "not known"),
        ("x.shape[0] +", "cannot be read"),
        ("x.shape[0] // 0", "zero"),
        ("x * 2", "unsupported operand|no sizes"),
        ("__import__('os')", "not known"),
    ],
)
def test_shapes_are_read_not_evaluated(opencl, shape, part):
    pairs = jrk.kernel(PAIRS, shape=shape)
    with pytest.raises(ArgumentError, match=part):
        pairs(jrk.tensor([1.0, 2.0]), 1.0)


def test_the_reference_needs_numpy():
    x = jrk.tensor([1.0, -2.0], device="reference")
    with jrk.device("reference"):
        without = jrk.kernel(SOFT)
        function = jrk.kernel(SOFT, reference=soft)
        pairs = jrk.kernel(PAIRS, shape="x.size - 1",
                           reference=lambda x, scale: scale * (x[1:] + x[:-1]))  # fmt: skip
    with pytest.raises(DeviceError, match=r"does not run OpenCL C; give\s+reference="):
        without(x, 2.0)
    np.testing.assert_allclose(function(x, 2.0).numpy(), soft(x.numpy(), 2.0), rtol=1e-6)
    assert pairs(x, 3.0).tolist() == [-3.0]


def test_it_shows_how_it_is_called_and_its_source(opencl):
    function = jrk.kernel(SOFT)
    assert repr(function) == "<soft(x, width) -> float32: maps elements, with derivative>"
    html = function._repr_html_()
    assert "denominator" in html and "<script" not in html
    assert re.search(r"<span[^>]*>float</span>", html)


def test_lines_are_told_where_signatures_are_not_understood():
    source = "\n\nkernel void k(global const float *x,\n  global float4 *y) { }"
    with jrk.device("reference"), pytest.raises(KernelError, match="line 3: the parameter 'y'"):
        jrk.kernel(source)


def through_both(x, weights, soft_function, pair_function):
    y = pair_function(soft_function(x * weights, 2.0), 1.5).sum()
    return y, *jrk.grad(y, [weights])


def shifted_back(g, y, x, scale):
    zero = jrk.zeros((1,), device=g.device)
    return scale * (jrk.concat([g, zero]) + jrk.concat([zero, g]))


def expected(x, weights):
    z = x * weights
    y = 1.5 * (soft(z, 2.0)[1:] + soft(z, 2.0)[:-1]).sum()
    slope = 1 / (1 + np.abs(z) / 2.0) ** 2 * x
    times = np.where((np.arange(len(x)) == 0) | (np.arange(len(x)) == len(x) - 1), 1, 2)
    return y, 1.5 * times * slope


def test_compiled_functions_replay_them(opencl):
    first = jrk.kernel(SOFT)
    second = jrk.kernel(PAIRS, shape="x.size - 1", derivative=shifted_back)
    step = jrk.compile(lambda x, weights: through_both(x, weights, first, second))
    weights = values(9, seed=5)
    for seed in range(3):
        x = values(9, seed=seed)
        with jrk.profile() as p:
            got = [t.numpy() for t in step(jrk.tensor(x), jrk.tensor(weights))]
        for mine, want in zip(got, expected(x, weights), strict=True):
            np.testing.assert_allclose(mine, want, rtol=1e-4, atol=1e-5)
        assert seed == 0 or p.compiles == 0


def test_they_run_by_the_gpu_schedule_too(opencl):
    twin = Device(f"{opencl.id}-gpu", opencl.name, opencl.driver, "gpu", opencl.handle, probe="")
    x, weights = values(70), values(70, seed=5)
    with jrk.device(twin):
        second = jrk.kernel(PAIRS, shape="x.size - 1", group=16, derivative=shifted_back)
        got = through_both(jrk.tensor(x), jrk.tensor(weights), jrk.kernel(SOFT), second)
        for mine, want in zip(got, expected(x, weights), strict=True):
            np.testing.assert_allclose(mine.numpy(), want, rtol=1e-4, atol=1e-5)


def test_one_function_serves_several_devices():
    drivers = [d for d in jrk.devices() if not d.is_reference]
    if len(drivers) < 2:
        pytest.skip("there is only one OpenCL driver")
    function = jrk.kernel(SOFT)
    x = values(33)
    with jrk.profile() as p:
        for device in drivers:
            got = function(jrk.tensor(x, device=device), 1.5)
            assert got.device is device
            np.testing.assert_allclose(got.numpy(), soft(x, 1.5), rtol=1e-5)
    assert {k.device for k in p.kernels} == {d.id for d in drivers}
    assert all(k.start >= 0 for k in p.kernels)
