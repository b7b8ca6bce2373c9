"""Programs of several kernels: names stay apart, and a broken one is named."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import build
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
