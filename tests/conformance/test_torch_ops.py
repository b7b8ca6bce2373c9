"""Our operations against PyTorch's own samples for its operators: values, derivatives, wrong calls.

The NumPy reference takes JRK_TORCH_SAMPLES samples of an operation (5 by default, or "all").
OpenCL devices compare the values of one; with JRK_TORCH_DEVICE_SAMPLES that many, and derivatives
too. The whole comparison, some minutes:
``JRK_TORCH_SAMPLES=all JRK_TORCH_DEVICE_SAMPLES=20 pytest tests/conformance/test_torch_ops.py``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.errors import JairikaError

sys.path.insert(0, str(Path(__file__).parent))
import torch_ops as t
import torch_ops_differences as differences

NAMES = list(t.rows())


def _count(device: Any) -> int | None:
    name = "JRK_TORCH_SAMPLES" if device.is_reference else "JRK_TORCH_DEVICE_SAMPLES"
    asked = os.environ.get(name, "5" if device.is_reference else "1")
    return None if asked == "all" else int(asked)


def _for_derivatives() -> list[str]:
    """Derivatives are graphs of the same operations everywhere: other devices only if asked."""
    named = os.environ.get("JRK_TEST_DEVICES")
    found = named.split(",") if named else [d.id for d in devices.devices()]
    asked = "JRK_TORCH_DEVICE_SAMPLES" in os.environ
    return [name for name in found if asked or name == "reference"]


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
    if not compared:
        pytest.skip("; ".join(sorted(reasons)) or "PyTorch has no such samples")


@pytest.mark.parametrize("name", NAMES)
def test_values_equal_pytorch(device, name, op):
    def check(row: t.Row, sample: Any, ours: t.Translation) -> None:
        theirs = t.torch_function(name, op)(sample.input, *sample.args, **sample.kwargs)
        got = t.flat(t.named_function(row)(ours.input, *ours.args, **ours.kwargs))
        want = [y for y in t.flat(theirs) if y is not None]
        assert len(got) == len(want)
        for g, w in zip(map(t.as_array, got), map(t.as_array, want), strict=True):
            assert g.dtype == w.dtype or g.dtype.kind in "iub"
            np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5, err_msg=str(sample))

    samples = op.sample_inputs("cpu", _dtype(op), requires_grad=False)
    _each(name, t.spread(samples, _count(device)), check)


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
