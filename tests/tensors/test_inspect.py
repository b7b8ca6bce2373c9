"""What graph() and kernels() say, held against programs small enough to count by hand."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.errors import DeviceError
from jairika_nb.tensors.inspect import Graph, Kernels


@pytest.fixture
def opencl(device):
    if device.is_reference:
        pytest.skip("the reference runs no kernels")
    return device


def picture_in(html: str) -> str:
    """The SVG of the one picture in a page."""
    (data,) = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html)
    return base64.b64decode(data).decode()


def sample():
    x = jrk.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    y = jrk.tensor([0.1, 0.2, 0.3])
    return x, y, (x + y).exp() - x * 2.5


def test_the_graph_lists_inputs_before_users_with_types(device):
    _, _, z = sample()
    rows = z.graph().rows()
    names = [row[0] for row in rows]
    for name, _, inputs, *_ in rows:
        assert all(names.index(i) < names.index(name) for i in inputs.split(", ") if i)
    assert [row[1] for row in rows if row[1] in ("add", "exp", "mul", "sub")] == [
        "add", "exp", "mul", "sub",
    ]  # fmt: skip
    assert rows[-1][1] == "sub" and rows[-1][3] == "float32[2, 3]"


def test_the_graph_says_which_line_made_each_operation(device):
    x = jrk.tensor([1.0])
    doubled = x * 2
    z = doubled.exp()
    lines = {row[1]: row[5] for row in z.graph().rows()}
    assert lines["mul"].endswith(": doubled = x * 2")
    assert lines["exp"].endswith(": z = doubled.exp()")
    assert lines["exp"].startswith("test_inspect.py, line ")


def test_everything_elementwise_is_shown_in_one_kernel(opencl):
    _, _, z = sample()
    graph = z.graph()
    assert {row[4].split()[0] for row in graph.rows() if row[1] != "data"} == {"1"}
    svg = picture_in(graph._repr_html_())
    for words in ("data", "float32[2, 3]", "mul(\N{MIDDLE DOT}, 2.5)", "exp", "sub"):
        assert f">{words}</text>" in svg
    assert svg.count("<rect") == 1 + 7  # the kernel's panel; 2 data, expand, add, exp, mul, sub


def test_a_product_and_what_feeds_it_are_shown_apart(opencl):
    a, b = jrk.ones((64, 64)).realize(), jrk.ones((64, 64)).realize()
    graph = ((a + 1.5) @ b).sum(axis=0).graph()
    kernels = {row[1]: row[4] for row in graph.rows()}
    assert "gemm" in kernels["matmul"]
    assert kernels["sum"] != kernels["matmul"]


def test_data_that_is_there_ends_the_graph(device):
    _, _, z = sample()
    z.realize()
    assert (z + 1).graph().rows()[0][1] == "data"
    assert "nothing to run" in z.graph().summary


def test_a_long_graph_is_cut_and_says_so(device):
    x = jrk.tensor(np.ones(8, np.float32))
    z = x
    for i in range(1000):
        z = (z * 1.001 + x).sin() if i % 2 else z + x
    graph = z.graph()
    assert len(graph.rows()) > 2000
    lines = str(graph).splitlines()
    assert len(lines) < 150
    (left_out,) = [line for line in lines if "left out" in line]
    count = int(re.search(r"([\d,]+) nodes", left_out)[1].replace(",", ""))
    assert len(lines) - 2 + count == len(graph.rows())
    html = graph._repr_html_()
    assert "left out" in html or "Too many nodes" in html
    assert len(html) < 300_000


def test_many_kernels_are_drawn_with_the_middle_left_out(opencl):
    x = jrk.tensor(np.ones((40, 40), np.float32))
    for _ in range(60):
        x = x @ (x * 0.01)  # a product cannot fuse into the next one
    graph = x.graph()
    html = graph._repr_html_()
    assert len(graph.outline.sources) > 40
    assert re.search(r"\d+ of \d+ kernels are left out", html)
    assert "kernels left out" in picture_in(html)


def test_several_tensors_share_one_graph(device):
    x, _, z = sample()
    graph = Graph(z, z.sum(), x)
    assert [row[1] for row in graph.rows()].count("exp") == 1


def test_kernels_say_what_each_argument_is(opencl):
    _, _, z = sample()
    kernels = z.kernels()
    assert len(kernels) == 1 and kernels[0].bytes == (6 + 3 + 6) * 4
    text = str(kernels)
    assert re.search(r"out0\s+%\d+ sub float32\[2, 3\]", text)
    assert re.search(r"in0\s+%\d+ data float32\[2, 3\]", text)
    assert re.search(r"c0\s+the number 2\.5", text)
    assert kernels[0].text.strip() in text
    declared = re.search(r"void \w+\((.*?)\)", kernels[0].text, re.DOTALL)[1].split(",")
    assert len(kernels.outline.arguments[0]) == len(declared)


def test_the_source_survives_colouring(opencl):
    from html import unescape

    _, _, z = sample()
    html = z.kernels()._repr_html_()
    (shown,) = re.findall(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL)
    assert unescape(re.sub(r"<[^>]+>", "", shown)) == z.kernels()[0].body
    assert ">kernel</span>" in shown and ">exp</span>" in shown


def test_a_template_shows_the_arguments_of_its_epilogue(opencl):
    a = jrk.ones((64, 64)).realize()
    bias = jrk.ones((64,)).realize()
    kernels = (a @ a + bias).kernels()
    gemm = next(i for i, s in enumerate(kernels) if s.name.startswith("gemm"))
    rows = kernels.outline.arguments[gemm]
    assert all(p.declaration and not p.name.startswith("argument ") for p in rows)
    assert any("float32[64]" in p.meaning for p in rows)


def test_launches_of_one_kernel_stand_together(opencl):
    rows = [jrk.tensor(np.ones(100_000 + i, np.float32)).sin() for i in range(3)]
    kernels = Kernels(*rows)
    assert sum(map(len, kernels.groups())) == len(kernels)
    assert len(kernels.groups()) <= len(kernels)


def test_the_reference_has_no_kernels():
    x = jrk.tensor([1.0], device="reference")
    with pytest.raises(DeviceError, match="reference runs no kernels"):
        (x + 1).kernels()
    assert "NumPy runs it" in (x + 1).graph().summary
    assert "<img" in (x + 1).graph()._repr_html_()


def test_computed_values_have_no_kernels(opencl):
    x = jrk.tensor([1.0]).realize()
    assert len(x.kernels()) == 0
    assert "nothing to run" in str(x.kernels()) and "nothing to run" in x.kernels()._repr_html_()


@pytest.mark.parametrize("shape", [(), (0,), (1, 0, 3), (2, 1, 3, 1, 2)])
def test_odd_shapes_can_be_looked_at(device, shape):
    z = (jrk.ones(shape).realize() * 3).sum()
    assert str(z.graph()) and "<img" in z.graph()._repr_html_()
    if not device.is_reference:
        assert str(z.kernels()) and z.kernels()._repr_html_()


def test_an_operation_made_of_others_is_shown_where_it_is_computed(opencl):
    from jairika_nb.nn import functional as F

    x = jrk.tensor(np.ones((2, 1, 8, 8), np.float32))
    weight = jrk.tensor(np.ones((4, 1, 3, 3), np.float32))
    graph = (F.conv2d(x, weight).exp() * 2).sum(axis=0).graph()
    rows = {row[1]: row[4] for row in graph.rows() if row[1] != "data"}
    assert rows["conv"] and all(rows.values())
