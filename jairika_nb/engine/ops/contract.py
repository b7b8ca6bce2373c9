"""Batched matrix product."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import views
from jairika_nb.errors import DTypeError, ShapeError


def transpose(x: Node) -> Node:
    """``x`` with its last two axes swapped."""
    axes = list(range(len(x.shape)))
    axes[-2], axes[-1] = axes[-1], axes[-2]
    return views.permute(x, tuple(axes))


def matmul(a: Node, b: Node) -> Node:
    """(..., M, K) @ (..., K, N) -> (..., M, N); 1-d operands as in NumPy; batch axes broadcast."""
    shapes = f"{a.shape} @ {b.shape}"
    if not a.shape or not b.shape:
        raise ShapeError(f"matmul: {shapes}: scalars have no inner axis; multiply with *")
    inner = b.shape[-2] if len(b.shape) > 1 else b.shape[0]
    if a.shape[-1] != inner:
        raise ShapeError(
            f"matmul: {shapes}: the last size of the first ({a.shape[-1]}) must equal the "
            f"{'second last' if len(b.shape) > 1 else 'only'} size of the second ({inner})"
        )
    common = dtypes.promote(a.dtype, b.dtype)
    if common.kind == "bool":
        raise DTypeError(f"matmul: {shapes} of bool; convert with x.astype('int32')")
    left, right = e.cast(a, common), e.cast(b, common)
    if len(a.shape) == 1:
        left = views.reshape(left, (1, *a.shape))
    if len(b.shape) == 1:
        right = views.reshape(right, (*b.shape, 1))
    if len(right.shape) == 2 and len(left.shape) > 2:
        # One matrix for a whole batch: fold the batch into the rows.
        rows = math.prod(left.shape[:-1])
        folded = views.reshape(left, (rows, inner))
        out = make("matmul", (folded, right))
        out = views.reshape(out, (*left.shape[:-1], right.shape[-1]))
        return views.reshape(out, out.shape[:-1]) if len(b.shape) == 1 else out
    batch = e.broadcast_shape("matmul", left.shape[:-2], right.shape[:-2])
    left = views.broadcast_to(left, batch + left.shape[-2:])
    right = views.broadcast_to(right, batch + right.shape[-2:])
    out = make("matmul", (left, right))
    if len(a.shape) == 1:
        out = views.reshape(out, (*out.shape[:-2], out.shape[-1]))
    return views.reshape(out, out.shape[:-1]) if len(b.shape) == 1 else out


def _infer(a: Node, b: Node, attrs: Any) -> tuple[Shape, DType]:
    return (*a.shape[:-1], b.shape[-1]), a.dtype


def _vjp(g: Node, y: Node, a: Node, b: Node) -> tuple[Node, Node]:
    return make("matmul", (g, transpose(b))), make("matmul", (transpose(a), g))


define(Op("matmul", "contract", _infer, lambda attrs, a, b: np.matmul(a, b), _vjp))


def _gemm_infer(a: Node, b: Node, attrs: Any) -> tuple[Shape, DType]:
    return attrs[0], a.dtype


def _never(*_: Any) -> Any:
    raise TypeError("made by the planner only")  # pragma: no cover


# A product on operands that the planner packed or laid out for a template; attrs: (shape, K, ...).
define(Op("gemm", "contract", _gemm_infer, _never))
