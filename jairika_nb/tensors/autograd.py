"""Derivatives of any order, and evaluation of several tensors together."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
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
    known = [g for g in found if g is not None]
    if y.size == 1:
        # Whoever computes a gradient mostly wants to see the loss as well.
        for node in known:
            node.handle = weakref.ref(y)
    run.relieve(known)
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


def jvp(
    function: Callable[..., Any], primals: Sequence[Tensor], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """The value of ``function(*primals)`` and its derivative in the direction ``tangents``.

    Each tangent has the shape of its primal. Returns ``(outputs, output tangents)``, both of the
    form that ``function`` returns: a tensor, or a tuple or list of tensors. The direction's
    derivative is the derivative of the reverse pass with respect to its own upstream, in which
    that pass is linear (J. Townsend, "A new trick for calculating Jacobian vector products",
    2017), so it has any order too.

    >>> import jairika_nb as jrk
    >>> value, slope = jrk.jvp(jrk.square, [jrk.tensor(3.0)], [jrk.tensor(1.0)])
    >>> value.item(), slope.item()
    (9.0, 6.0)
    """
    if len(primals) != len(tangents):
        raise GradientError(f"jvp: {len(primals)} primals but {len(tangents)} tangents")
    directions = [_direction(p, t) for p, t in zip(primals, tangents, strict=True)]
    outputs = function(*primals)
    if isinstance(outputs, Tensor):
        return outputs, _pushed(outputs, primals, directions)
    return outputs, type(outputs)(_pushed(y, primals, directions) for y in outputs)


def _direction(primal: Tensor, tangent: Any) -> Tensor:
    direction = Tensor(node_of(tangent, primal.device)).astype(primal.dtype)
    if direction.shape != primal.shape:
        raise ShapeError(f"jvp: tangent of shape {direction.shape} for a primal {primal.shape}")
    return direction


def _pushed(y: Tensor, primals: Sequence[Tensor], directions: Sequence[Tensor]) -> Tensor:
    upstream = full_like(y, 0.0)
    back = grad(y, primals, upstream)
    total = full_like(y, 0.0).sum()
    for g, direction in zip(back, directions, strict=True):
        total = total + (g * direction).sum()
    return grad(total, [upstream])[0]


def eval(*tensors: Tensor) -> None:
    """Compute several tensors together, so that what they share is computed once."""
    run.request([t.node for t in tensors])
