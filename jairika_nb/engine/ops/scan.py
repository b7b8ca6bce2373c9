"""Running sums, products and extremes along an axis, and first-order linear recurrences.

The recurrence ``s[i] = a[i] * s[i-1] + b[i]`` is its own derivative run backwards, and it carries
those of the running product and log-sum-exp without a division, so they hold at zeros too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import reduce as r
from jairika_nb.engine.ops import sources, views
from jairika_nb.errors import DTypeError, ShapeError

# kind -> the reduction of a whole row, or None where there is none
KINDS = {"add": "sum", "mul": "prod", "max": "max", "min": "min", "logaddexp": None}
# A row of at least so many elements is scanned in blocks where rows are too few for all workers.
LONG_ROW = 1 << 16


def scan(kind: str, x: Node, axis: int, reverse: bool = False) -> Node:
    """The running ``add``, ``mul``, ``max``, ``min`` or ``logaddexp`` along ``axis``."""
    return make("scan", (x,), (kind, axis, reverse))


def recurrence(a: Node, b: Node, axis: int, reverse: bool = False) -> Node:
    """``s[i] = a[i] * s[i-1] + b[i]`` along ``axis``, s[-1] = 0; from behind if reversed."""
    return make("recurrence", (a, b), (axis, reverse))


def shifted(x: Node, axis: int, back: bool, fill: bool | int | float) -> Node:
    """``x`` moved by one along an axis (to lower places if ``back``), ``fill`` at the free end."""
    n = x.shape[axis]
    if not n:
        return x
    rows = tuple((int(back), n - 1, 1) if i == axis else (0, m, 1) for i, m in enumerate(x.shape))
    ends = (0, 1, 0) if back else (1, 0, 0)
    widths = tuple(ends if i == axis else (0, 0, 0) for i in range(len(x.shape)))
    return views.pad(views.take_slice(x, rows), widths, fill)


def last_extremes(kind: str, x: Node, y: Node, axis: int, reverse: bool) -> Node:
    """Where each value of the running max or min ``y`` of ``x`` was met last, int32; NaN wins."""
    n = x.shape[axis]
    one = tuple(n if i == axis else 1 for i in range(len(x.shape)))
    place = views.broadcast_to(views.reshape(sources.iota(n, x.device), one), x.shape)
    hit = e.apply("equal", x, y)
    if dtypes.is_float(x.dtype):
        hit = e.apply("bitwise_or", hit, e.call("isnan", x))
    found = e.where(hit, place, n if reverse else -1)
    return scan("min" if reverse else "max", found, axis, reverse)


def _infer(x: Node, attrs: Any) -> tuple[Shape, DType]:
    kind = attrs[0]
    if x.dtype.kind == "bool" or (kind == "logaddexp" and not dtypes.is_float(x.dtype)):
        raise DTypeError(
            f"scan: the running {kind} of {x.dtype.name} {x.shape} is not defined; convert first "
            "with x.astype(...)"
        )
    return x.shape, x.dtype


def _recurrence_infer(a: Node, b: Node, attrs: Any) -> tuple[Shape, DType]:
    if a.dtype is not b.dtype or not dtypes.is_float(a.dtype):
        raise DTypeError(
            f"recurrence: factors of {a.dtype.name} and terms of {b.dtype.name} must be floats of "
            "one dtype; convert with x.astype(...)"
        )
    if a.shape != b.shape:
        raise ShapeError(f"recurrence: factors {a.shape} and terms {b.shape} must be of one shape")
    return b.shape, b.dtype


_UFUNC = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum,
          "logaddexp": np.logaddexp}  # fmt: skip


def _reference(attrs: Any, x: np.ndarray) -> np.ndarray:
    kind, axis, reverse = attrs
    if not x.size:
        return x
    # NumPy adds one after the other; the oracle must not drift.
    exact = x.dtype.kind == "f" and kind in ("add", "logaddexp")
    wide = np.dtype(np.longdouble) if exact else x.dtype
    values = np.flip(x, axis) if reverse else x
    out = _UFUNC[kind].accumulate(values.astype(wide), axis=axis, dtype=wide)
    return (np.flip(out, axis) if reverse else out).astype(x.dtype)


def _recurrence_reference(attrs: Any, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    axis, reverse = attrs
    wide = np.promote_types(b.dtype, np.float64)
    a, out = np.moveaxis(a, axis, 0).astype(wide), np.moveaxis(b, axis, 0).astype(wide)
    steps = range(len(out) - 2, -1, -1) if reverse else range(1, len(out))
    for i in steps:
        out[i] += a[i] * out[i + 1 if reverse else i - 1]
    return np.moveaxis(out, 0, axis).astype(b.dtype)


# Derivatives


def _vjp(g: Node, y: Node, x: Node) -> tuple[Node]:
    kind, axis, reverse = y.attrs
    return (_RULES[kind](g, y, x, axis, reverse),)


def _add_rule(g: Node, y: Node, x: Node, axis: int, reverse: bool) -> Node:
    return scan("add", g, axis, not reverse)


def _mul_rule(g: Node, y: Node, x: Node, axis: int, reverse: bool) -> Node:
    # d y[j] / d x[i] = (product before i) * (product of what lies between i and j).
    before = shifted(y, axis, reverse, 1)
    after = recurrence(shifted(x, axis, not reverse, 0), g, axis, not reverse)
    return e.mul(before, after)


def _extreme_rule(g: Node, y: Node, x: Node, axis: int, reverse: bool) -> Node:
    from jairika_nb.engine.ops.scatter import added

    return added(x, last_extremes(y.attrs[0], x, y, axis, reverse), g, axis)


def _logaddexp_rule(g: Node, y: Node, x: Node, axis: int, reverse: bool) -> Node:
    # All exponents are at most 0: the running value never falls. It is -inf where nothing came yet.
    none = e.apply("equal", y, -math.inf)
    safe = e.where(none, 0.0, y)
    # At the end nothing follows: infinity there makes its factor 0, and that of all derivatives.
    following = shifted(safe, axis, not reverse, math.inf)
    later = e.where(none, -math.inf, e.apply("sub", safe, following))
    tail = recurrence(e.call("exp", later), g, axis, not reverse)
    share = e.where(none, 0.0, e.call("exp", e.apply("sub", x, safe)))
    return e.mul(share, tail)


_RULES = {"add": _add_rule, "mul": _mul_rule, "max": _extreme_rule, "min": _extreme_rule,
          "logaddexp": _logaddexp_rule}  # fmt: skip


def _recurrence_vjp(g: Node, y: Node, a: Node, b: Node) -> tuple[Node, Node]:
    axis, reverse = y.attrs
    back = recurrence(shifted(a, axis, not reverse, 0), g, axis, not reverse)
    return e.mul(back, shifted(y, axis, reverse, 0)), back


# Plans


def _in_three(x: Node, axis: int) -> Node:
    before, after = math.prod(x.shape[:axis]), math.prod(x.shape[axis + 1 :])
    return views.reshape(x, (before, x.shape[axis], after))


def _expand(attrs: Any, x: Node) -> Node:
    kind, axis, reverse = attrs
    if x.dtype.kind == "float" and x.dtype.itemsize < 4:
        return e.cast(_expand(attrs, e.cast(x, dtypes.float32)), x.dtype)
    rows = _in_three(x, axis)
    return views.reshape(_plan(kind, rows, reverse), x.shape)


def _plan(kind: str, x: Node, reverse: bool) -> Node:
    before, n, after = x.shape
    gpu = x.device.kind == "gpu"
    workers = 512 if gpu else 2 * x.device.compute_units
    at_once = before * (after if gpu else math.ceil(after / 16))
    if n < LONG_ROW or at_once >= workers or KINDS[kind] is None:
        return make("scan_rows", (x,), (kind, reverse, 1))
    blocks = min(math.ceil(workers * 2 / at_once), n // 8192)
    return _in_blocks(kind, x, reverse, blocks)


def _in_blocks(kind: str, x: Node, reverse: bool, blocks: int) -> Node:
    """Blocks are reduced, the results scanned, and every block scanned from where it starts."""
    before, n, after = x.shape
    size = math.ceil(n / blocks)
    blocks = math.ceil(n / size)
    reduction = KINDS[kind]
    assert reduction is not None
    neutral = r.initial(reduction, x.dtype)
    whole = views.pad(x, ((0, 0, 0), (0, blocks * size - n, 0), (0, 0, 0)), neutral)
    parts = views.reshape(whole, (before, blocks, size, after))
    totals = views.reshape(make(reduction, (parts,), (2,)), (before, blocks, after))
    running = make("scan_rows", (totals,), (kind, reverse, 1))
    starts = shifted(running, 1, reverse, neutral)
    return make("scan_rows", (x, starts), (kind, reverse, blocks))


def _recurrence_expand(attrs: Any, a: Node, b: Node) -> Node:
    axis, reverse = attrs
    if b.dtype.itemsize < 4:
        wide = [e.cast(v, dtypes.float32) for v in (a, b)]
        return e.cast(_recurrence_expand(attrs, *wide), b.dtype)
    rows = [_in_three(v, axis) for v in (a, b)]
    return views.reshape(make("recurrence_rows", rows, (reverse,)), b.shape)


def _rows_reference(attrs: Any, x: np.ndarray, *starts: np.ndarray) -> np.ndarray:
    kind, reverse, blocks = attrs
    if not starts:
        return _reference((kind, 1, reverse), x)
    size, out = math.ceil(x.shape[1] / blocks), []
    for block in range(blocks):
        rows = _reference((kind, 1, reverse), x[:, block * size : (block + 1) * size])
        out.append(_UFUNC[kind](rows, starts[0][:, block : block + 1]))
    return np.concatenate(out, axis=1)


define(Op("scan", "composite", _infer, _reference, _vjp, expand=_expand))
define(Op("recurrence", "composite", _recurrence_infer, _recurrence_reference, _recurrence_vjp,
          expand=_recurrence_expand))  # fmt: skip
define(Op("scan_rows", "routine", lambda x, *more: (x.shape, x.dtype), _rows_reference))
define(Op("recurrence_rows", "routine", lambda a, b, attrs: (b.shape, b.dtype),
          lambda attrs, a, b: _recurrence_reference((1, *attrs), a, b)))  # fmt: skip
