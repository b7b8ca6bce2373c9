"""Our operations against PyTorch's own samples for its operators: values, derivatives, wrong calls.

The NumPy reference takes JRK_TORCH_SAMPLES samples of an operation (5 by default, or "all").
OpenCL devices compare the values of one; with JRK_TORCH_DEVICE_SAMPLES that many, and derivatives
too. The whole comparison, some minutes:
``JRK_TORCH_SAMPLES=all JRK_TORCH_DEVICE_SAMPLES=20 pytest tests/conformance/test_torch_ops.py``.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.errors import JairikaError

sys.path.insert(0, str(Path(__file__).parent))
import torch_ops as t
import torch_ops_differences as differences

NAMES = list(t.rows())
# So many operations are computed at a time on a driver.
TOGETHER = 8
GROUPS = [NAMES[i : i + TOGETHER] for i in range(0, len(NAMES), TOGETHER)]


def _count(device: Any) -> int | None:
    name = "JRK_TORCH_SAMPLES" if device.is_reference else "JRK_TORCH_DEVICE_SAMPLES"
    asked = os.environ.get(name, "5" if device.is_reference else "1")
    return None if asked == "all" else int(asked)


def _drivers() -> list[str]:
    named = os.environ.get("JRK_TEST_DEVICES")
    found = named.split(",") if named else [d.id for d in devices.devices()]
    return [name for name in found if name != "reference"]


def _for_derivatives() -> list[str]:
    """Derivatives are graphs of the same operations everywhere: other devices only if asked."""
    return ["reference", *(_drivers() if "JRK_TORCH_DEVICE_SAMPLES" in os.environ else [])]


@pytest.fixture
def op(name: str) -> Any:
    """PyTorch's description of the operation."""
    pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    pytest.importorskip("expecttest", reason="PyTorch's samples need the package expecttest")
    known = t.operators()
    if name not in known:
        pytest.skip(f"this PyTorch has no samples for {name}")
    return known[name]


def _dtype(op: Any) -> Any:
    import torch

    return torch.float32 if torch.float32 in op.supported_dtypes("cpu") else torch.int64


def _each(name: str, samples: list[Any], check: Any) -> None:
    """Run ``check`` on every sample; skip if none of them could be compared."""
    compared, reasons = _compared(name, samples, check)
    if not compared:
        pytest.skip("; ".join(sorted(reasons)) or "PyTorch has no such samples")


def _compared(name: str, samples: list[Any], check: Any) -> tuple[int, set[str]]:
    row, reasons, compared = t.rows()[name], set(), 0
    for sample in samples:
        try:
            check(row, sample, t.Translation(row, sample))
            compared += 1
        except t.NotComparable as reason:
            reasons.add(str(reason))
        except JairikaError as error:
            why = differences.refused(name, str(error))
            if why is None:
                raise
            reasons.add(why)
    return compared, reasons


class Pair(NamedTuple):
    """A result of ours, not computed yet, PyTorch's, and of which sample."""

    got: Any
    want: np.ndarray
    what: str


def _pairs(name: str, op: Any, sample: Any, ours: t.Translation) -> list[Pair]:
    theirs = t.torch_function(name, op)(sample.input, *sample.args, **sample.kwargs)
    function = t.named_function(t.rows()[name])
    got = t.flat(function(ours.input, *ours.args, **ours.kwargs))
    want = [t.as_array(y) for y in t.flat(theirs) if y is not None]
    return [Pair(g, w, f"{name}: {sample}") for g, w in zip(got, want, strict=True)]


def _compare(pairs: list[Pair]) -> None:
    jrk.eval(*(pair.got for pair in pairs if isinstance(pair.got, jrk.Tensor)))
    for got, want, what in pairs:
        got = t.as_array(got)
        assert got.dtype == want.dtype or got.dtype.kind in "iub", what
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5, err_msg=what)


def _samples(name: str, op: Any, device: Any) -> list[Any]:
    samples = op.sample_inputs("cpu", _dtype(op), requires_grad=False)
    return t.spread(samples, _count(device))


@pytest.mark.parametrize("name", NAMES)
def test_values_equal_pytorch(name, op):
    with jrk.device("reference") as device:
        _each(
            name,
            _samples(name, op, device),
            lambda _, sample, ours: _compare(_pairs(name, op, sample, ours)),
        )


@pytest.mark.parametrize("driver", _drivers())
@pytest.mark.parametrize("names", GROUPS, ids=lambda names: f"{names[0]} to {names[-1]}")
def test_drivers_compute_the_same(driver, names):
    # Some operations in one program: to begin one takes a driver longer than most of their kernels.
    pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    pytest.importorskip("expecttest", reason="PyTorch's samples need the package expecttest")
    pairs: list[Pair] = []
    with jrk.device(driver) as device:
        for name in names:
            if op := t.operators().get(name):
                begin = functools.partial(_pairs, name, op)
                _compared(
                    name,
                    _samples(name, op, device),
                    lambda _, sample, ours, begin=begin: pairs.extend(begin(sample, ours)),
                )
        _compare(pairs)


@pytest.mark.parametrize("where", _for_derivatives())
@pytest.mark.parametrize("name", NAMES)
def test_first_and_second_derivatives_equal_pytorch(where, name, op):
    import torch

    if not op.supports_autograd or torch.float64 not in op.supported_backward_dtypes("cpu"):
        pytest.skip("PyTorch has no derivative of it")

    def check(row: t.Row, sample: Any, ours: t.Translation) -> None:
        theirs, function = t.torch_function(name, op), t.named_function(row)
        want = t.torch_derivatives(
            lambda: theirs(sample.input, *sample.args, **sample.kwargs),
            [p for p, _ in ours.sources],
            op.supports_gradgrad,
        )
        got = t.our_derivatives(
            lambda: function(ours.input, *ours.args, **ours.kwargs),
            [x for _, x in ours.sources],
            want,
        )
        for order in ("first", "second"):
            if differences.otherwise(name, order):
                continue
            pairs = zip(getattr(got, order) or [], getattr(want, order) or [], strict=True)
            for g, w in pairs:
                w = np.zeros_like(g) if w is None else w
                np.testing.assert_allclose(g, w, rtol=1e-6, atol=1e-8, err_msg=f"{order} {sample}")

    samples = op.sample_inputs("cpu", torch.float64, requires_grad=True)
    with jrk.device(where) as device:
        _each(name, t.spread(samples, _count(device)), check)


@pytest.mark.parametrize("name", NAMES)
def test_wrong_calls_raise_our_errors(name, op):
    if op.error_inputs_func is None:
        pytest.skip("PyTorch has no wrong calls for it")
    row, compared = t.rows()[name], 0
    with jrk.device("reference"):
        for wrong in op.error_inputs("cpu"):
            try:
                ours = t.wrong_call(row, wrong)
            except t.NotComparable:
                continue
            if differences.accepted(name, wrong.error_regex or ""):
                continue
            compared += 1
            with pytest.raises(JairikaError):
                results = t.named_function(row)(ours.input, *ours.args, **ours.kwargs)
                jrk.eval(*(y for y in t.flat(results) if isinstance(y, jrk.Tensor)))
    if not compared:
        pytest.skip("none of PyTorch's wrong calls is wrong here")


def test_every_operator_is_compared_or_left_out_with_a_reason():
    torch = pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    assert not set(t.rows()) & set(t.left_out())
    assert all(t.left_out().values())
    if torch.__version__.startswith("2.13"):
        # Other versions have other operators.
        missing = set(t.operators()) - set(t.rows()) - set(t.left_out())
        assert not missing


def test_what_is_left_out_as_missing_is_still_missing():
    for name, reason in t.left_out().items():
        if reason == "not offered here":
            assert not t.offered(name), f"{name} exists now: compare it"
