"""Signatures of OpenCL C as people write them."""

from __future__ import annotations

import time

import pytest

from jairika_nb.engine import csource
from jairika_nb.engine.csource import CParameter, functions
from jairika_nb.errors import KernelError

KERNEL = """
/* kernel void commented(global float *a) { } */
#define TILE 16  // kernel void in_macro(int a) {
#define LONG(a) \\
    kernel void continued(int a) { }
constant float weights[2] = {0.25f, 0.75f};
typedef struct { float re, im; } pair;
static inline float half_of(const float v) { if (v > 0) { return v * 0.5f; } return v; }
__kernel
__attribute__((reqd_work_group_size(TILE, 1, 1)))
void smooth(__global const float * restrict image, global uchar*out,
            const unsigned int n /* size (of it) */, float scale,
            global const int *const index)
{
    for (int i = 0; i < 3; i++) { out[i] = (uchar)half_of(image[i]); }
}
"""


def test_a_kernel_in_the_midst_of_everything_else_is_read():
    helper, kernel = functions(KERNEL)
    assert (helper.name, helper.result, helper.is_kernel) == ("half_of", "float", False)
    assert (kernel.name, kernel.result, kernel.is_kernel) == ("smooth", "void", True)
    assert kernel.line == KERNEL[: KERNEL.index("smooth(")].count("\n") + 1
    assert kernel.parameters == (
        CParameter("image", "float", pointer=True, const=True, space="global"),
        CParameter("out", "uchar", pointer=True, const=False, space="global"),
        CParameter("n", "uint", pointer=False, const=True),
        CParameter("scale", "float", pointer=False, const=True),
        CParameter("index", "int", pointer=True, const=True, space="global"),
    )
    assert csource.names(KERNEL) == ["half_of", "smooth", "weights"]
    assert csource.macros(KERNEL) == ["TILE", "LONG"]
    assert csource.called(KERNEL) == {"half_of"}


@pytest.mark.parametrize(
    "text",
    ["", "int x;", "float f(float x);", "// float f(float x) { }", "f(x) { }", "}}}{{{", "a("],
)
def test_what_defines_nothing_has_no_functions(text):
    assert functions(text) == []


@pytest.mark.parametrize("text", ["void f(void) { }", "void f() { }", "void f( ) { }"])
def test_no_parameters(text):
    assert functions(text)[0].parameters == ()


def test_a_parameter_that_is_not_read_names_its_line():
    with pytest.raises(KernelError, match=r"kernel f: line 2: the parameter 'float x\[3\]'"):
        functions("\nvoid f(float x[3]) { }")


def test_functions_are_taken_out_whole():
    text = "float f(float x) { if (x > 0) { x = 1; } return x; } float f_dx(float x) { return 1; }"
    assert csource.without(text, ["f_dx"]).strip() == text[: text.index("float f_dx")].strip()
    assert csource.without(text, ["f"]).strip() == text[text.index("float f_dx") :]


def test_renaming_meets_whole_names_only():
    text = csource.renamed("f(x) + f_dx(x) + g(f)", {"f": "f_2", "g": "h"})
    assert text == "f_2(x) + f_dx(x) + h(f_2)"


def test_long_sources_are_read_in_little_time():
    words = "word " * 5_000 + "float f(float x) { " + "x = x + 1; { } " * 5_000 + "return x; }"
    start = time.perf_counter()
    (function,) = functions(words)
    assert function.name == "f"
    assert time.perf_counter() - start < 2.0
