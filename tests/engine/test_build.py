"""Programs of several kernels: names stay apart, and a broken one is named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import build, pocl
from jairika_nb.engine import device as devices
from jairika_nb.engine.source import Source
from jairika_nb.errors import KernelError

DRIVERS = [d for d in devices.devices() if not d.is_reference]


def source(name, body, preambles=()):
    return Source(name, body, frozenset(preambles), [], (1,), None, [], 0, 0)


def filler(name, value):
    return source(
        name, f"#define V {value}\nkernel void {name}(global float *out) {{ out[0] = V; }}\n"
    )


@pytest.mark.parametrize("device", DRIVERS, ids=lambda d: d.id)
def test_kernels_of_one_name_and_equal_macros_stay_apart(device):
    import pyopencl as cl

    kernels, compiled = build.build(device, [filler("fill", 3), filler("fill", 4)])
    assert compiled == 2
    out = np.empty(1, np.float32)
    buffer = cl.Buffer(device.context, cl.mem_flags.READ_WRITE, 4)
    for kernel, want in zip(kernels, (3, 4), strict=True):
        kernel.set_args(buffer)
        cl.enqueue_nd_range_kernel(device.queue, kernel, (1,), None)
        cl.enqueue_copy(device.queue, out, buffer)
        assert out[0] == want
    assert build.build(device, [filler("fill", 3)])[1] == 0


@pytest.mark.parametrize("device", DRIVERS, ids=lambda d: d.id)
def test_names_that_end_in_numbers_stay_apart(device, monkeypatch):
    programs = []
    together = build._build_together

    def counted(device, sources):
        programs.append(sources)
        together(device, sources)

    monkeypatch.setattr(build, "_build_together", counted)
    named = [filler(name, 10 + i) for i, name in enumerate(("f_1", "f", "f_0", "f_1_1"))]
    build.build(device, named)
    assert len(programs) == 1


@pytest.mark.parametrize("device", DRIVERS, ids=lambda d: d.id)
def test_the_kernel_that_does_not_compile_is_named(device):
    wrong = source("wrong", "kernel void wrong(global float *out) { out[0] = nonsense; }\n")
    with pytest.raises(KernelError, match=r"did not compile kernel wrong: .*nonsense") as caught:
        build.build(device, [filler("right", 5), wrong])
    assert "\n" not in str(caught.value)


def test_products_and_maps_of_one_plan_share_a_program(device):
    rng = np.random.default_rng(8)
    a, b, c = (rng.random(s, np.float32) for s in ((40, 50), (50, 60), (60, 45)))
    x, y, z = map(jrk.tensor, (a, b, c))
    one, two = (x @ y).exp(), ((x @ y) @ z).relu()
    jrk.eval(one, two)
    np.testing.assert_allclose(one.numpy(), np.exp(a @ b), rtol=1e-4)
    np.testing.assert_allclose(two.numpy(), np.maximum(a @ b @ c, 0), rtol=1e-4)


def test_kernels_not_used_for_long_are_let_go_and_built_again(device, monkeypatch):
    if device.is_reference:
        return
    monkeypatch.setattr(build, "KEPT", 3)
    x = jrk.tensor(np.arange(40, dtype=np.float32))
    functions = [jrk.sin, jrk.cos, jrk.tanh, jrk.exp, jrk.square]
    for _ in range(2):
        for function in functions:
            np.testing.assert_allclose(
                (function(x) + 0.25).numpy(), getattr(np, function.__name__)(x.numpy()) + 0.25,
                rtol=1e-4, atol=1e-5,
            )  # fmt: skip
    assert len(build._built[device]) == 3
    with jrk.profile() as p:
        (functions[-1](x) + 0.25).realize()
    assert p.compiles == 0


COUNTED = """inline float16 twice(float16 v) { return v + v; }
kernel void counted(global const float *in, global float *out, const int n) {
  for (int i = get_global_id(0); i < n; i += get_global_size(0)) {
    float lanes[16];
    vstore16(vload16(0, in + i), 0, lanes);
    vstore16(twice(vload16(0, lanes)) + get_global_id(0), i, out);
  }
}
"""


@pytest.mark.parametrize("device", DRIVERS, ids=lambda d: d.id)
@pytest.mark.parametrize("alone", [False, True])
def test_a_kernel_of_single_items_computes_the_same_in_a_function(device, alone):
    import pyopencl as cl

    counted = Source(
        "counted", COUNTED + f"// {alone}\n", frozenset(), [], (3,), (1,), [], 0, 0, alone=alone
    )
    ((kernel,), _) = build.build(device, [counted])
    n = 7
    data = np.arange(n + 15, dtype=np.float32)  # vectors that lie at any number
    out = np.empty((n, 16), np.float32)
    flags = cl.mem_flags
    there = cl.Buffer(device.context, flags.READ_ONLY | flags.COPY_HOST_PTR, hostbuf=data)
    back = cl.Buffer(device.context, flags.WRITE_ONLY, out.nbytes)
    kernel.set_args(there, back, np.int32(n))
    cl.enqueue_nd_range_kernel(device.queue, kernel, (3,), (1,))
    cl.enqueue_copy(device.queue, out, back)
    lines = np.arange(n)[:, None]
    np.testing.assert_array_equal(out, 2 * (lines + np.arange(16)) + lines % 3)


def test_pocl_is_given_the_work_of_its_kernels_once():
    counted = Source("counted", COUNTED, frozenset(), [], (3,), (1,), [], 0, 0)
    text = build.joined([counted], pocl.apart)
    kernel = text[text.index("kernel void") :]
    assert kernel.count(";") == 1 and "counted_work_k0(get_global_id(0), get_global_size" in kernel
    assert text.count("noinline") == 1 and "vload16" not in text


@pytest.mark.parametrize("change", [{"local_size": (4,)}, {"local_size": None}, {"alone": True}])
def test_kernels_of_groups_and_of_users_stay_as_they_are(change):
    counted = Source("counted", COUNTED, frozenset(), [], (3,), (1,), [], 0, 0)
    other = dataclasses.replace(counted, **change)
    assert pocl.apart(counted) != COUNTED and pocl.apart(other) == COUNTED


def test_kernels_of_which_the_text_chooses_one_stay_as_they_are():
    head, rest = COUNTED.split("kernel void", 1)
    both = f"{head}#if 0\nkernel void{rest}#else\nkernel void{rest}#endif\n"
    counted = Source("counted", both, frozenset(), [], (3,), (1,), [], 0, 0)
    assert "counted_work" not in pocl.apart(counted)
    assert pocl.apart(counted).count("get_global_id(0)") == both.count("get_global_id(0)")
