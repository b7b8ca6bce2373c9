"""Reductions and what is made of them: sums, means, extremes, softmax."""

from __future__ import annotations

import builtins
from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import reduce as r
from jairika_nb.engine.ops import sources, views
from jairika_nb.errors import OutOfRange
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.joining import concat
from jairika_nb.tensors.shaping import Axes, normal_axes
from jairika_nb.tensors.tensor import Tensor, attach


def _finish(node: Node, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    if keepdims:
        return Tensor(node)
    shape = tuple(n for i, n in enumerate(node.shape) if i not in axes)
    return Tensor(views.reshape(node, shape))


def _sum_dtype(dtype: DType, asked: Any) -> DType:
    # The standard: small integers sum in the default integer, floats in their own type.
    if asked is not None:
        return dtypes.dtype_of(asked)
    if dtype.kind in ("bool", "int", "uint") and dtype.itemsize < 4:
        return dtypes.uint32 if dtype.kind == "uint" else dtypes.int32
    return dtype


@on_tensors
def sum(x: Tensor, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over ``axis`` (all axes by default)."""
    axes = normal_axes("sum", axis, x.shape)
    node = r.reduce("sum", e.cast(x.node, _sum_dtype(x.dtype, dtype)), axes)
    return _finish(node, axes, keepdims)


@on_tensors
def prod(x: Tensor, /, *, axis: Axes = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """The product over ``axis`` (all axes by default)."""
    axes = normal_axes("prod", axis, x.shape)
    node = r.reduce("prod", e.cast(x.node, _sum_dtype(x.dtype, dtype)), axes)
    return _finish(node, axes, keepdims)


def _extreme(name: str, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    axes = normal_axes(name, axis, x.shape)
    if x.dtype.kind == "bool":
        counted = _finish(r.reduce(name, e.cast(x.node, dtypes.int32), axes), axes, keepdims)
        return Tensor(e.cast(counted.node, dtypes.bool_))
    return _finish(r.reduce(name, x.node, axes), axes, keepdims)


@on_tensors
def max(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The largest element over ``axis``; NaN wins."""
    return _extreme("max", x, axis, keepdims)


@on_tensors
def min(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The smallest element over ``axis``; NaN wins."""
    return _extreme("min", x, axis, keepdims)


def _count(x: Tensor, axes: tuple[int, ...]) -> int:
    count = 1
    for a in axes:
        count *= x.shape[a]
    return count


def _real(x: Tensor) -> Node:
    # 2-byte floats are too narrow for what lies between: 300 squared is no float16.
    wide = dtypes.is_float(x.dtype) and x.dtype not in dtypes.NARROW
    return x.node if wide else e.cast(x.node, dtypes.float32)


def _rounded(result: Node, x: Tensor) -> Node:
    """A result of :func:`_real` numbers in the dtype that ``x`` asks for."""
    return e.cast(result, x.dtype) if x.dtype in dtypes.NARROW else result


@on_tensors
def mean(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The arithmetic mean over ``axis``; of integers, float32."""
    axes = normal_axes("mean", axis, x.shape)
    total = r.reduce("sum", _real(x), axes)
    middle = e.div(total, float(_count(x, axes)))
    return _finish(_rounded(middle, x), axes, keepdims)


@on_tensors
def var(
    x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The variance over ``axis``: squared deviations over (count - correction)."""
    axes = normal_axes("var", axis, x.shape)
    return _finish(_rounded(_variance(x, axes, correction), x), axes, keepdims)


def _variance(x: Tensor, axes: tuple[int, ...], correction: float) -> Node:
    node, count = _real(x), _count(x, axes)
    middle = e.div(r.reduce("sum", node, axes), float(count))
    deviation = e.apply("sub", node, middle)
    total = r.reduce("sum", e.mul(deviation, deviation), axes)
    return e.div(total, builtins.max(float(count - correction), 0.0))


@on_tensors
def std(
    x: Tensor, /, *, axis: Axes = None, correction: float = 0.0, keepdims: bool = False
) -> Tensor:
    """The standard deviation over ``axis``: the root of :func:`var`."""
    axes = normal_axes("std", axis, x.shape)
    root = _root(_variance(x, axes, correction))
    return _finish(_rounded(root, x), axes, keepdims)


def _root(square: Node) -> Node:
    """The square root, with slope 0 at 0 as in PyTorch: there 0 times infinity would be NaN."""
    none = e.apply("equal", square, 0.0)
    return e.where(none, 0.0, e.call("sqrt", e.where(none, 1.0, square)))


@on_tensors
def count_nonzero(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """How many elements over ``axis`` are not zero, int32."""
    truth = Tensor(e.cast(e.cast(x.node, dtypes.bool_), dtypes.int32))
    return sum(truth, axis=axis, keepdims=keepdims)


@on_tensors
def diff(
    x: Tensor,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """The ``n``-th differences of neighbours along ``axis``; ``n=0`` gives ``x`` itself."""
    if n < 1:
        if n < 0:
            raise OutOfRange(f"diff: n={n} differences of {x.shape}; n must not be negative")
        return x
    parts = [p for p in (prepend, x, append) if p is not None]
    out = parts[0] if len(parts) == 1 else concat(parts, axis=axis)
    (at,) = normal_axes("diff", axis, out.shape)
    before = (slice(None),) * at
    for _ in range(n):
        out = out[(*before, slice(1, None))] - out[(*before, slice(0, -1))]
    return out


def _arg_extreme(name: str, x: Tensor, axis: int | None, keepdims: bool) -> Tensor:
    if axis is None:
        flat = Tensor(views.reshape(x.node, (x.size,)))
        found = _arg_extreme(name, flat, 0, False)
        return Tensor(views.reshape(found.node, (1,) * x.ndim)) if keepdims else found
    axes = normal_axes(f"arg{name}", axis, x.shape)
    numbers = e.cast(x.node, dtypes.int32) if x.dtype.kind == "bool" else x.node
    best = r.reduce(name, numbers, axes)
    n = x.shape[axes[0]]
    ramp = sources.iota(n, x.device)
    place = views.reshape(ramp, tuple(n if i in axes else 1 for i in range(x.ndim)))
    hit = e.apply("equal", numbers, best)
    if dtypes.is_float(x.dtype):
        hit = e.apply("bitwise_or", hit, e.call("isnan", numbers))
    first = r.reduce("min", e.where(hit, place, n), axes)
    return _finish(first, axes, keepdims)


@on_tensors
def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first largest element along ``axis``, int32; NaN counts as largest."""
    return _arg_extreme("max", x, axis, keepdims)


@on_tensors
def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """The index of the first smallest element along ``axis``, int32; NaN counts as smallest."""
    return _arg_extreme("min", x, axis, keepdims)


@on_tensors
def any(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether an element is true over ``axis``; of none, False."""
    return _quantifier("max", 0, x, axis, keepdims)


@on_tensors
def all(x: Tensor, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether every element is true over ``axis``; of none, True."""
    return _quantifier("min", 1, x, axis, keepdims)


def _quantifier(name: str, empty: int, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    axes = normal_axes("any" if name == "max" else "all", axis, x.shape)
    truth = e.cast(e.cast(x.node, dtypes.bool_), dtypes.int32)
    if _count(x, axes) == 0:
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
        fill = sources.const(bool(empty), dtypes.bool_, x.device)
        return _finish(views.broadcast_to(fill, shape), axes, keepdims)
    return _finish(e.cast(r.reduce(name, truth, axes), dtypes.bool_), axes, keepdims)


def _shifted(x: Tensor, axes: tuple[int, ...]) -> Node:
    node = _real(x)
    # The shift cancels in the result, so no derivative needs to pass through it.
    return e.apply("sub", node, r.fmax(node, axes))


@on_tensors
def softmax(x: Tensor, /, axis: Axes = -1) -> Tensor:
    """exp(x) over its sum along ``axis``, shifted by the maximum so that nothing overflows."""
    axes = normal_axes("softmax", axis, x.shape)
    if not x.size:
        return Tensor(_rounded(_real(x), x))
    power = e.call("exp_below", _shifted(x, axes))
    return Tensor(_rounded(e.share(power, r.reduce("sum", power, axes)), x))


@on_tensors
def log_softmax(x: Tensor, /, axis: Axes = -1) -> Tensor:
    """The logarithm of :func:`softmax`, computed without overflow."""
    axes = normal_axes("log_softmax", axis, x.shape)
    if not x.size:
        return Tensor(_rounded(_real(x), x))
    shifted = _shifted(x, axes)
    total = r.reduce("sum", e.call("exp_below", shifted), axes)
    return Tensor(_rounded(e.apply("sub", shifted, e.call("log", total)), x))


@on_tensors
def logsumexp(x: Tensor, /, axis: Axes = -1, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) along ``axis``, computed without overflow."""
    axes = normal_axes("logsumexp", axis, x.shape)
    node = _real(x)
    if _count(x, axes) == 0:
        nothing = e.call("log", r.reduce("sum", node, axes))
        return _finish(_rounded(nothing, x), axes, keepdims)
    top = r.fmax(node, axes)
    finite = e.where(e.apply("less", e.call("abs", top), float("inf")), top, 0.0)
    total = r.reduce("sum", e.call("exp", e.apply("sub", node, finite)), axes)
    return _finish(_rounded(e.add(e.call("log", total), finite), x), axes, keepdims)


def _method(function: Any) -> Any:
    def method(x: Tensor, axis: Axes = None, *more: Any, **options: Any) -> Tensor:
        return function(x, *more, axis=axis, **options)

    method.__doc__ = function.__doc__
    return method


for _function in (sum, prod, max, min, mean, var, std, argmax, argmin, any, all):
    attach(_function.__name__, _method(_function))
for _along in (softmax, log_softmax, logsumexp):
    attach(_along.__name__, _along)
