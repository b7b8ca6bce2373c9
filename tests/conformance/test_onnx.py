"""ONNX's own node tests, run through this package's functions.

``onnx_not_passing.txt`` lists what does not pass, with reasons; on the reference the list is exact.
OpenCL devices run a sample; ``JRK_ONNX=all`` makes them run everything.
"""

from __future__ import annotations

import fnmatch
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

import onnx_attention  # noqa: E402, F401
import onnx_elementwise  # noqa: E402, F401
import onnx_layers  # noqa: E402, F401
import onnx_recurrent  # noqa: E402, F401
import onnx_reductions  # noqa: E402, F401
import onnx_shapes  # noqa: E402, F401
import onnx_signals  # noqa: E402, F401
import onnx_table  # noqa: E402

import jairika_nb as jrk  # noqa: E402

LISTED = Path(__file__).with_name("onnx_not_passing.txt")
# So many tests of the sample are computed at a time.
TOGETHER = 6
USUAL = {"FLOAT", "INT32", "INT64", "BOOL"}
# Two units in the last place: ONNX's own tolerance is below one unit of bfloat16, and expects that
# 2-byte floats are rounded after the same steps as in its NumPy code.
LAST_PLACES = {"float16": 2.0**-9, "bfloat16": 2.0**-6}


def _collected() -> dict[str, Any]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    return {case.name.removeprefix("test_"): case for case in found}


def _reasons() -> dict[str, str]:
    """Patterns of names and why these tests do not pass."""
    lines = [line for line in LISTED.read_text().splitlines() if line and line[0] != "#"]
    return dict(line.split(maxsplit=1) for line in lines)


def _reason(name: str) -> str | None:
    return next((why for p, why in REASONS.items() if fnmatch.fnmatchcase(name, p)), None)


def _is_usual(name: str) -> bool:
    """Whether a test is of an operator itself, on tensors of the four types every device has."""
    graph = CASES[name].model.graph
    kinds = [v.type for v in (*graph.input, *graph.output)]
    names = [
        onnx.TensorProto.DataType.Name(k.tensor_type.elem_type) if k.HasField("tensor_type") else ""
        for k in kinds
    ]
    return "expanded" not in name and set(names) <= USUAL


def _sample() -> list[list[str]]:
    """One test an operator and every twentieth of the rest, a few at a time; all when asked."""
    passing = [name for name in sorted(CASES) if _reason(name) is None]
    usual = [name for name in passing if _is_usual(name)]
    first = {CASES[name].model.graph.node[0].op_type: name for name in reversed(usual)}
    chosen = sorted({*first.values(), *usual[::20]})
    names = passing if os.environ.get("JRK_ONNX") == "all" else chosen
    return [names[i : i + TOGETHER] for i in range(0, len(names), TOGETHER)]


def _drivers() -> list[str]:
    named = os.environ.get("JRK_TEST_DEVICES")
    ids = named.split(",") if named else [d.id for d in jrk.devices()]
    return [i for i in ids if i != "reference"]


CASES = _collected()
REASONS = _reasons()


class Output(NamedTuple):
    """What a test is to find, not computed yet, and how near it has to be."""

    test: str
    found: Any
    wanted: np.ndarray
    rtol: float
    atol: float


def outputs(name: str) -> Iterator[Output]:
    """All outputs of a test, with the limits that ONNX sets."""
    case = CASES[name]
    for inputs, expected in case.data_sets:
        found = onnx_table.run(case.model, inputs)
        for value, each in zip(found, expected, strict=True):
            wanted = onnx_table.tensor_of(each).numpy()
            near = max(case.rtol, LAST_PLACES.get(wanted.dtype.name, 0))
            yield Output(name, value, wanted, near, case.atol)


def check(rows: list[Output]) -> None:
    """They have the expected types and shapes, and are as near as ONNX asks."""
    jrk.eval(*(row.found for row in rows))
    for name, found, wanted, rtol, atol in rows:
        value = found.numpy()
        assert value.dtype == wanted.dtype, name
        assert value.shape == wanted.shape, name
        exact = np.float64 if wanted.dtype.name in LAST_PLACES else wanted.dtype
        np.testing.assert_allclose(
            value.astype(exact), wanted.astype(exact), rtol=rtol, atol=atol, err_msg=name
        )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.xfail(reason=why, strict=True) if why else ())
        for n, why in ((n, _reason(n)) for n in sorted(CASES))
    ],
)
def test_reference(name):
    with jrk.device("reference"):
        check(list(outputs(name)))


@pytest.mark.parametrize("driver", _drivers())
@pytest.mark.parametrize("names", _sample(), ids=lambda names: f"{names[0]} to {names[-1]}")
def test_drivers(driver, names):
    # Some tests in one program: to begin one takes a driver longer than most of their kernels.
    with jrk.device(driver):
        check([row for name in names for row in outputs(name)])


def test_nearly_all_usual_tests_pass():
    usual = [name for name in CASES if _is_usual(name)]
    assert len(usual) >= 655
    passing = [name for name in usual if _reason(name) is None]
    assert len(passing) >= 970


def test_every_line_of_the_list_is_about_a_test():
    for pattern in REASONS:
        assert fnmatch.filter(CASES, pattern), pattern
