"""One layer of ours held against one of PyTorch's: text, state, values, gradients, both modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn


def draw(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Fixed numbers of mixed sign, without ties."""
    count = int(np.prod(shape))
    return np.random.default_rng(count + len(shape)).normal(size=shape).astype(dtype)


def close(ours: Any, theirs: Any, what: str = "", tolerance: float = 2e-5) -> None:
    """Equal within ``tolerance`` of the largest value; the same dtypes."""
    want = theirs.detach().numpy()
    got = ours.numpy()
    assert got.dtype == want.dtype, what
    scale = max(1.0, float(np.abs(want).max(initial=0)))
    np.testing.assert_allclose(
        got, want, rtol=tolerance, atol=tolerance * scale, err_msg=what, equal_nan=True
    )


def twins(make: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The layer that ``make`` makes of each library, with PyTorch's weights in both."""
    torch = pytest.importorskip("torch")
    theirs, ours = make(torch.nn), make(nn)
    shapes = [(k, tuple(v.shape)) for k, v in theirs.state_dict().items()]
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == shapes
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def compare_layer(make: Callable[[Any], Any], *inputs: np.ndarray, tolerance: float = 2e-5) -> None:
    """Text, state, and in both modes values, gradients and buffers equal PyTorch's."""
    ours, theirs = twins(make)
    assert repr(ours) == repr(theirs).replace("dim=", "axis=")
    rebuilt = nn.build(ours.architecture())
    assert repr(rebuilt) == repr(ours)
    assert rebuilt.architecture() == ours.architecture()
    for training in (True, False):
        _compare_mode(ours.train(training), theirs.train(training), inputs, tolerance)
    rebuilt.load_state_dict(ours.state_dict())
    again = rebuilt.eval()(*(jrk.tensor(x) for x in inputs))
    np.testing.assert_array_equal(_first(again).numpy(), _first(ours(*inputs)).numpy())


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


def _compare_mode(ours: Any, theirs: Any, inputs: tuple[np.ndarray, ...], tolerance: float) -> None:
    import torch

    mode = "training" if ours.training else "evaluation"
    a = [jrk.tensor(x) for x in inputs]
    b = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    # Clones, as PyTorch lets nobody overwrite a leaf.
    results, expected = ours(*a), theirs(*(v.clone() for v in b))
    y, z = _first(results), _first(expected)
    assert y.shape == tuple(z.shape)
    upstream = draw(*z.shape).astype(str(y.dtype.name))
    sources = [v for v in a if v.dtype.kind == "float"]
    found = jrk.grad(y, [*sources, *ours.parameters()], jrk.tensor(upstream))
    outputs = results if isinstance(results, tuple) else (results,)
    jrk.eval(*outputs, *found, *(b for _, b in ours.named_buffers()))  # in one program
    if isinstance(expected, tuple):
        close(results[1], expected[1], f"indices in {mode}")
    close(y, z, f"values in {mode}", tolerance)
    theirs.zero_grad()
    z.backward(torch.tensor(upstream))
    wanted = [v.grad for v in b if v.requires_grad] + [p.grad for p in theirs.parameters()]
    names = [f"input {i}" for i in range(len(sources))]
    names += [name for name, _ in ours.named_parameters()]
    for name, g, w in zip(names, found, wanted, strict=True):
        w = torch.zeros(g.shape, dtype=z.dtype) if w is None else w
        close(g, w, f"gradient of {name} in {mode}", tolerance * 4)
    for (name, own), other in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        close(own, other, f"buffer {name} in {mode}", tolerance)
