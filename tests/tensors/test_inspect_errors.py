"""Errors of kernels name operation, type and line; JRK_DEBUG tells what the engine does."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import debug, sites, spelling
from jairika_nb.errors import KernelError, OutOfRange


@pytest.fixture
def opencl(device):
    if device.is_reference:
        pytest.skip("the reference runs no kernels")
    return device


def test_a_kernel_that_does_not_build_names_what_it_computes_and_the_line(opencl, monkeypatch):
    function = jrk.kernel("float broken(float x) { return x + 3; }")
    for name in ("broken_float", "broken_float16"):
        monkeypatch.setitem(spelling.PREAMBLES, name, "int nonsense = ;\n")
    x = jrk.tensor(np.ones((2, 3), np.float32))
    made = function(x)
    with pytest.raises(KernelError) as caught:
        made.numpy()
    text = str(caught.value)
    assert "broken float32[2, 3]" in text
    assert "test_inspect_errors.py, line" in text and "made = function(x)" in text
    assert "\n" not in text


def test_a_launch_that_fails_names_the_line(opencl):
    # More items in a group than any device allows.
    source = "kernel void crowd(global const float *x, global float *out) { out[0] = x[0]; }"
    crowd = jrk.kernel(source, grid=1 << 20, group=1 << 20)
    made = crowd(jrk.ones((4,)).realize())
    with pytest.raises(KernelError, match=r"crowd.*crowd float32\[4\] \(.*made = crowd\("):
        made.numpy()
    assert (jrk.tensor([1.0]) + 1).tolist() == [2.0]  # the device still works


def test_an_index_out_of_range_names_the_line(opencl):
    x, index = jrk.tensor([1.0, 2.0, 3.0]), jrk.tensor([0, 7])
    picked = jrk.take(x, index, axis=0)
    with pytest.raises(OutOfRange, match=r"index 7 .*size 3.*picked = jrk\.take\(x, index, axis=0"):
        picked.numpy()


def test_the_site_is_the_users_line_not_the_librarys(device):
    def net(x):
        return jrk.softmax(x * 2)

    y = net(jrk.tensor([1.0, 2.0]))
    line = sites.line_of(y.node.site)
    assert line.place == "test_inspect_errors.py"
    assert line.text == "return jrk.softmax(x * 2)"


def test_sites_are_no_part_of_what_a_plan_is_known_by(opencl):
    x = jrk.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    (x * 3.25).realize()
    with jrk.profile() as p:
        (x * 3.25).realize()
    assert p.compiles == 0


def test_a_site_costs_little(device):
    import timeit

    x = jrk.tensor([1.0])
    whole = min(timeit.repeat(lambda: jrk.Tensor(x.node), number=2000, repeat=5)) / 2000
    walk = min(timeit.repeat(sites.here, number=2000, repeat=5)) / 2000
    assert walk < 20e-6, f"{walk * 1e6:.2f} us a walk"
    assert whole < 20e-6


def debugged(views: str, code: str) -> str:
    """What a program prints on standard error under JRK_DEBUG."""
    environment = os.environ | {"JRK_DEBUG": views}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stderr


PROGRAM = """
import jairika_nb as jrk
x = jrk.tensor([1.0, 2.0])
(x * 2.5).exp().numpy()
"""


def test_each_view_of_jrk_debug_is_told(opencl, monkeypatch):
    monkeypatch.setenv("JRK_DEVICE", opencl.id)
    text = debugged("graph,plan,code,launch,memory", PROGRAM)
    for part in ("jrk graph: ", "%0 = data", "jrk plan: 1 kernel", "jrk code: map_mul_exp",
                 "kernel void map_mul_exp", "jrk launch: map_mul_exp", "jrk memory: "):  # fmt: skip
        assert part in text


def test_one_view_alone_and_a_wrong_name(opencl, monkeypatch):
    monkeypatch.setenv("JRK_DEVICE", opencl.id)
    text = debugged("launch, grpah", PROGRAM)
    assert "JRK_DEBUG: no view 'grpah'; there are graph, plan, code, launch, memory" in text
    assert "jrk launch" in text and "jrk code" not in text and "jrk graph" not in text


def test_without_the_setting_nothing_is_told():
    assert not debug.views or os.environ.get("JRK_DEBUG")
