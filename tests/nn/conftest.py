"""Comparison with PyTorch: values, first and second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jairika_nb as jrk


def _close(ours: Any, theirs: Any, tolerance: float) -> None:
    theirs = theirs.detach().numpy()
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=tolerance, atol=tolerance * scale)


def _compare(
    ours: Callable, theirs: Callable, *arrays: np.ndarray, tolerance: float = 2e-5, order: int = 2
) -> None:
    """Two functions of the same arrays give the same, and so do their derivatives.

    The second derivative is that of the summed squares of the first, whose own size and error
    grow with each order; so does the tolerance. It is taken on the reference alone, as drivers
    compile long for it, and what it consists of is tested on them elsewhere.
    """
    torch = pytest.importorskip("torch")
    order = order if jrk.zeros(()).device.is_reference else min(order, 1)
    a = [jrk.tensor(v) for v in arrays]
    b = [torch.tensor(v, requires_grad=v.dtype.kind == "f") for v in arrays]
    y, z = ours(*a), theirs(*b)
    assert y.shape == tuple(z.shape)
    a, b = ([v for v in row if "float" in str(v.dtype)] for row in (a, b))
    if order < 1:
        _close(y, z, tolerance)
        return
    upstream = np.random.default_rng(3).normal(size=y.shape).astype(arrays[0].dtype)
    firsts = jrk.grad(y * y, a, jrk.tensor(upstream))
    jrk.eval(y, *firsts)  # in one program
    _close(y, z, tolerance)
    wanted = torch.autograd.grad(z * z, b, torch.tensor(upstream), create_graph=order > 1)
    for g, w in zip(firsts, wanted, strict=True):
        _close(g, w, tolerance * 4)
    if order < 2:
        return
    total = sum(((g * g).sum() for g in firsts[1:]), (firsts[0] * firsts[0]).sum())
    seconds = jrk.grad(total, a)
    other = torch.autograd.grad(sum((w * w).sum() for w in wanted), b, allow_unused=True)
    for g, w in zip(seconds, other, strict=True):
        _close(g, torch.zeros(g.shape) if w is None else w, tolerance * 16)


@pytest.fixture
def compare() -> Callable:
    """Compare a function of ours with one of PyTorch's on given arrays."""
    return _compare
