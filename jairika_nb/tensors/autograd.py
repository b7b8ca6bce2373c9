"""Derivatives of any order, and evaluation of several tensors together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jairika_nb.engine import run
from jairika_nb.engine.dtypes import is_float
from jairika_nb.engine.graph import cotangents
from jairika_nb.errors import GradientError, ShapeError
from jairika_nb.tensors.creation import full_like, zeros_like
from jairika_nb.tensors.tensor import Tensor, node_of


def grad(y: Tensor, sources: Sequence[Tensor], upstream: Any = None) -> list[Tensor]:
    """The derivative of ``y`` with respect to each source, times ``upstream``.

    ``upstream`` has the shape of ``y``; without it ``y`` must have one element. The results are
    ordinary tensors of the sources' shapes, so derivatives of derivatives need nothing more.
    A source that ``y`` does not depend on gives zeros.

    >>> import jairika_nb as jrk
    >>> x = jrk.tensor(3.0)
    >>> (first,) = jrk.grad(x**3, [x])
    >>> (second,) = jrk.grad(first, [x])
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    if isinstance(sources, Tensor):
        raise GradientError("grad: sources must be a list of tensors; write [x] for a single one")
    for tensor in (y, *sources):
        if not isinstance(tensor, Tensor) or not is_float(tensor.dtype):
            shown = tensor.dtype.name if isinstance(tensor, Tensor) else type(tensor).__name__
            raise GradientError(f"grad: derivatives need float tensors, not {shown}")
    seed = _seed(y, upstream)
    found = cotangents(y.node, [s.node for s in sources], seed.node)
    return [zeros_like(s) if g is None else Tensor(g) for s, g in zip(sources, found, strict=True)]


def _seed(y: Tensor, upstream: Any) -> Tensor:
    if upstream is None:
        if y.size != 1:
            raise GradientError(
                f"grad: y of shape {y.shape} is no scalar; pass upstream of that shape or reduce "
                "it first, for example with y.sum()"
            )
        return full_like(y, 1.0)
    seed = Tensor(node_of(upstream, y.device)).astype(y.dtype)
    if seed.shape != y.shape:
        raise ShapeError(f"grad: upstream of shape {seed.shape} does not match y's {y.shape}")
    return seed


def eval(*tensors: Tensor) -> None:
    """Compute several tensors together, so that what they share is computed once."""
    run.evaluate([t.node for t in tensors])
