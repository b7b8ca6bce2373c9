"""Reductions over axes; the reduced axes stay with size 1, and callers reshape them away."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import views
from jairika_nb.errors import DTypeError, ShapeError


def reduce(name: str, x: Node, axes: tuple[int, ...]) -> Node:
    """``sum``, ``prod``, ``max`` or ``min`` over ``axes`` (ascending, not negative), kept as 1."""
    if name in ("max", "min"):
        empty = [a for a in axes if x.shape[a] == 0]
        if empty:
            raise ShapeError(
                f"{name} over axis {empty[0]} of {x.shape}: an empty axis has no {name}imum"
            )
    return make(name, (x,), axes) if axes else x


def _infer(name: str) -> Any:
    def infer(x: Node, axes: tuple[int, ...]) -> tuple[Shape, DType]:
        if x.dtype.kind == "bool":
            raise DTypeError(f"{name} of bool {x.shape}: convert first with x.astype('int32')")
        return tuple(1 if i in axes else n for i, n in enumerate(x.shape)), x.dtype

    return infer


def _spread(small: Node, like: Node) -> Node:
    return views.expand(small, like.shape)


def _extreme_vjp(g: Node, y: Node, x: Node) -> tuple[Node]:
    # Elements that tie share the cotangent equally.
    hit = e.apply("equal", x, _spread(y, x))
    mask = e.cast(hit, x.dtype)
    count = make("sum", (mask,), y.attrs)
    return (e.mul(mask, _spread(e.div(g, count), x)),)


def _prod_vjp(g: Node, y: Node, x: Node) -> tuple[Node]:
    # The others' product is that of those before times that of those after: no division, so it
    # holds at zeros and can be derived again.
    from jairika_nb.engine.ops.scan import scan, shifted

    kept = tuple(i for i in range(len(x.shape)) if i not in y.attrs)
    order = (*kept, *y.attrs)
    moved = views.permute(x, order)
    last = len(kept)
    flat = views.reshape(moved, (*(x.shape[i] for i in kept), -1))
    before = shifted(scan("mul", flat, last), last, False, 1)
    after = shifted(scan("mul", flat, last, True), last, True, 1)
    others = views.reshape(e.mul(before, after), moved.shape)
    back = tuple(sorted(range(len(order)), key=order.__getitem__))
    return (e.mul(_spread(g, x), views.permute(others, back)),)


def initial(name: str, dtype: DType) -> bool | int | float:
    """What an empty reduction starts from."""
    low, high = dtypes.limits(dtype)
    return {"sum": 0, "prod": 1, "max": low, "min": high, "fmax": low}[name]


def fmax(x: Node, axes: tuple[int, ...]) -> Node:
    """The largest number over ``axes``, as a constant; a NaN does not count, which is cheaper.

    What exponentials are shifted by: their sum is NaN wherever one of them is.
    """
    return e.call("detach", make("fmax", (x,), axes)) if axes else e.call("detach", x)


def _reference(function: Any) -> Any:
    def run(axes: tuple[int, ...], x: np.ndarray) -> np.ndarray:
        # NumPy sums some axes of float32 one after the other; the oracle must not drift.
        exact = x.dtype.kind == "f" and function in (np.sum, np.prod)
        values = x.astype(np.float64) if exact else x
        return np.asarray(function(values, axis=axes, keepdims=True)).astype(x.dtype)

    return run


def _fmax_reference(axes: tuple[int, ...], x: np.ndarray) -> np.ndarray:
    return np.fmax.reduce(x, axis=axes, keepdims=True, initial=-np.inf).astype(x.dtype)


define(Op("sum", "reduce", _infer("sum"), _reference(np.sum),
          lambda g, y, x: (_spread(g, x),), "({0} + {1})"))  # fmt: skip
define(Op("prod", "reduce", _infer("prod"), _reference(np.prod), _prod_vjp,
          "({0} * {1})"))  # fmt: skip
define(Op("max", "reduce", _infer("max"), _reference(np.max), _extreme_vjp,
          "((({0} >= {1}) | ({0} != {0})) ? {0} : {1})", 2))  # fmt: skip
define(Op("min", "reduce", _infer("min"), _reference(np.min), _extreme_vjp,
          "((({0} <= {1}) | ({0} != {0})) ? {0} : {1})", 2))  # fmt: skip
define(Op("fmax", "reduce", _infer("fmax"), _fmax_reference, _extreme_vjp,
          "({1} > {0} ? {1} : {0})"))  # fmt: skip
