"""Derivatives of any order, and evaluation of several tensors together."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

from jairika_nb.engine import run
from jairika_nb.engine.dtypes import is_float
from jairika_nb.engine.forward import pushforward
from jairika_nb.engine.graph import cotangents, make
from jairika_nb.errors import ArgumentError, GradientError, ShapeError
from jairika_nb.tensors.arguments import answering
from jairika_nb.tensors.creation import full_like, zeros_like
from jairika_nb.tensors.tensor import Tensor, node_of


@answering
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


@answering
def jvp(
    function: Callable[..., Any], primals: Sequence[Tensor], tangents: Sequence[Any]
) -> tuple[Any, Any]:
    """The value of ``function(*primals)`` and its derivative in the direction ``tangents``.

    Each tangent has the shape of its primal. Returns ``(outputs, output tangents)``, both of the
    form that ``function`` returns: a tensor, or a tuple or list of tensors. Both are ordinary
    tensors, so derivatives of derivatives, forward over reverse too, need nothing more.

    >>> import jairika_nb as jrk
    >>> value, slope = jrk.jvp(jrk.square, [jrk.tensor(3.0)], [jrk.tensor(1.0)])
    >>> value.item(), slope.item()
    (9.0, 6.0)
    """
    if len(primals) != len(tangents):
        raise GradientError(f"jvp: {len(primals)} primals but {len(tangents)} tangents")
    directions = [_direction(p, t) for p, t in zip(primals, tangents, strict=True)]
    primals = _apart(primals)
    outputs = function(*primals)
    single = isinstance(outputs, Tensor)
    rows = [outputs] if single else list(outputs)
    changes = {id(p.node): d.node for p, d in zip(primals, directions, strict=True)}
    found = pushforward([y.node for y in rows], changes)
    pushed = [zeros_like(y) if t is None else Tensor(t) for y, t in zip(rows, found, strict=True)]
    return outputs, pushed[0] if single else type(outputs)(pushed)


def _apart(primals: Sequence[Tensor]) -> list[Tensor]:
    # A tensor given twice changes in two directions, so each place gets a node of its own.
    seen: set[int] = set()
    out = []
    for primal in primals:
        node = primal.node
        again = id(node) in seen
        seen.add(id(node))
        out.append(Tensor(make("reshape", (node,), node.shape)) if again else primal)
    return out


def _direction(primal: Tensor, tangent: Any) -> Tensor:
    direction = Tensor(node_of(tangent, primal.device)).astype(primal.dtype)
    if direction.shape != primal.shape:
        raise ShapeError(f"jvp: tangent of shape {direction.shape} for a primal {primal.shape}")
    return direction


def eval(*tensors: Tensor) -> None:
    """Compute several tensors together, so that what they share is computed once."""
    wrong = [type(t).__name__ for t in tensors if not isinstance(t, Tensor)]
    if wrong:
        raise ArgumentError(f"eval({wrong[0]}): give tensors one by one: jrk.eval(*tensors)")
    run.request([t.node for t in tensors])
