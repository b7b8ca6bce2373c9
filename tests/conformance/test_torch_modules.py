"""Our layers against PyTorch's own samples for its modules: values, derivatives, state, mistakes.

The NumPy reference takes JRK_TORCH_SAMPLES samples of a module (5 by default, or "all");
JRK_TORCH_DEVICE_SAMPLES lets OpenCL devices take that many, too.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.engine import device as devices
from jairika_nb.errors import JairikaError

sys.path.insert(0, str(Path(__file__).parent))
import torch_modules as m
import torch_ops as t
import torch_ops_differences as differences


def _devices() -> list[str]:
    """All of it is on the reference; other devices, which compile every sample, only if asked."""
    named = os.environ.get("JRK_TEST_DEVICES")
    found = named.split(",") if named else [d.id for d in devices.devices()]
    asked = "JRK_TORCH_DEVICE_SAMPLES" in os.environ
    return [name for name in found if asked or name == "reference"]


@pytest.fixture(params=_devices())
def place(request: pytest.FixtureRequest) -> Any:
    """The device that computes ours."""
    with jrk.device(request.param) as chosen:
        yield chosen


@pytest.fixture
def info(name: str) -> Any:
    """PyTorch's description of the module."""
    pytest.importorskip("torch", reason="PyTorch, the oracle, is not installed")
    pytest.importorskip("expecttest", reason="PyTorch's samples need the package expecttest")
    if name not in m.modules():
        pytest.skip(f"this PyTorch has no samples for {name}")
    return m.modules()[name]


def _samples(info: Any, training: bool, place: Any) -> tuple[Any, list[Any]]:
    import torch

    env = "JRK_TORCH_SAMPLES" if place.is_reference else "JRK_TORCH_DEVICE_SAMPLES"
    asked = os.environ.get(env, "5")
    dtype = torch.float64 if place.is_reference else torch.float32
    made = info.module_inputs_func(
        info, device="cpu", dtype=dtype, requires_grad=True, training=training
    )
    return dtype, t.spread(iter(made), None if asked == "all" else int(asked))


@pytest.mark.parametrize("name", m.compared())
def test_layer_equals_pytorch(place, name, info):
    tolerance = 1e-7 if place.is_reference else 1e-4
    reasons, compared = set(), 0
    for training in (True, False):
        dtype, samples = _samples(info, training, place)
        for sample in samples:
            try:
                _compare(m.pair(info, sample, dtype, training), tolerance, str(sample.desc))
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


def _compare(pair: m.Pair, tolerance: float, what: str) -> None:
    theirs, ours = pair.theirs, pair.ours
    if m.shown_alike(type(ours).__name__):
        assert repr(ours).replace("axis=", "dim=") == repr(theirs)
    if pair.describable:
        assert repr(nn.build(ours.architecture())) == repr(ours)
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = [y for y in t.flat(pair.their_result()) if y is not None]
    got = [y for y in t.flat(pair.our_result()) if y is not None]
    assert len(got) == len(want)
    for g, w in zip(got, want, strict=True):
        _close(g, t.as_array(w), tolerance, f"{what}: values")
    state = zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True)
    for (name, own), other in state:
        _close(own, t.as_array(other), tolerance, f"{what}: {name}")
    if m.slopes_alike(type(ours).__name__):
        _compare_derivatives(pair, got, want, tolerance, what)


def _compare_derivatives(
    pair: m.Pair, got: list[Any], want: list[Any], tolerance: float, what: str
) -> None:
    sources = [x for _, x in pair.sources]
    try:
        wanted = t.torch_derivatives(lambda: want, [p for p, _ in pair.sources], False)
    except t.NotComparable:
        return
    found = t.our_derivatives(lambda: got, sources, wanted)
    for i, (g, w) in enumerate(zip(found.first, wanted.first, strict=True)):
        w = np.zeros_like(g) if w is None else w
        if m.finite_only(type(pair.ours).__name__):
            g = np.where(np.isnan(w), w, g)
        _close(g, w, tolerance, f"{what}: derivative {i}")


def _close(got: Any, want: np.ndarray, tolerance: float, what: str) -> None:
    got = t.as_array(got)
    assert got.dtype == want.dtype or got.dtype.kind in "iub", what
    scale = max(1.0, float(np.abs(want).max(initial=0)))
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * scale, err_msg=what)


@pytest.mark.parametrize("name", m.compared())
def test_mistakes_raise_our_errors(name, info):
    import torch

    if info.module_error_inputs_func is None:
        pytest.skip("PyTorch has no mistakes for it")
    samples = info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
    )
    with jrk.device("reference"):
        for sample in samples:
            if m.accepted(name, sample.error_regex):
                continue
            with contextlib.suppress(t.NotComparable), pytest.raises(JairikaError):
                m.wrong(info, sample)()


def test_every_module_is_compared_or_left_out_with_a_reason():
    torch = pytest.importorskip("torch")
    pytest.importorskip("expecttest")
    assert not set(m.compared()) & set(m.left_out())
    if torch.__version__.startswith("2.13"):
        # Other versions have other modules.
        assert set(m.modules()) == set(m.compared()) | set(m.left_out())
