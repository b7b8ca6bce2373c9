"""Attention as one operation, and what its derivative needs as others.

Kernels never hold all scores (T. Dao et al., "FlashAttention", 2022; T. Dao, "FlashAttention-2",
2023): the derivative computes probabilities again from the scores and the logarithm of each row's
sum. A CPU has ``kernels/attention.cl`` and ``attention_back.cl``, a GPU ``attention_group.cl`` and
``attention_group_back.cl`` if its work-groups have 128 work-items and 26 KB of local memory, for
heads of any size. Where they do not suit, and for derivatives of any order beyond the first, the
formula in plain operations does the work.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from jairika_nb.engine import dtypes
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType, float32
from jairika_nb.engine.graph import Node, Op, Shape, cotangents, define, make
from jairika_nb.engine.limits import limits
from jairika_nb.engine.ops import contract, views
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops.attention_reference import logsum_on_host, on_host, on_host_back
from jairika_nb.engine.ops.reduce import fmax
from jairika_nb.engine.ops.sources import iota

# With fewer scores than this, or fewer queries or keys, the formula is as good.
FEW_SCORES, FEW = 64 * 64, 16
# Work-items of a GPU's group, and what it needs of local memory, as in attention_blocks.cl: weights
# of 64 rows for 64 of the other side, and two operands in steps of 16.
GROUP, LOCAL = 128, 4 * (64 * (64 + 4) + 16 * (64 + 64 + 8))
# Derivatives of queries, keys and values, by their number.
BACK = ("attention_dq", "attention_dk", "attention_dv")


class Form(NamedTuple):
    """What attention is told beside its operands; these are the attributes of all rows here.

    ``keep`` is the probability with which dropout keeps an element, 1 for no dropout.
    """

    causal: bool
    scale: float
    masked: bool = False
    keep: float = 1.0


def attention(form: Form, *operands: Node) -> Node:
    """``softmax(scale * q @ k.T + mask) @ v``, (..., L, V).

    ``operands`` are q (..., L, E), k (..., S, E) and v (..., S, V) with equal leading axes, then a
    mask (..., L, S) if ``masked``, bool and true where a key counts or a float to add, then words
    (..., L, S), uint32, if ``keep`` is below 1. A query that a mask shows no key gives zeros.
    """
    return make("attention", operands, form)


def _infer(q: Node, k: Node, v: Node, *rest: Any) -> tuple[Shape, DType]:
    return (*q.shape[:-1], v.shape[-1]), q.dtype


def _logsum_infer(q: Node, *rest: Any) -> tuple[Shape, DType]:
    return q.shape[:-1], q.dtype


def _back_infer(number: int) -> Any:
    def infer(g: Node, y: Node, logsum: Node, *rest: Any) -> tuple[Shape, DType]:
        return rest[number].shape, rest[number].dtype

    return infer


# The formula


def plain(attrs: Any, q: Node, k: Node, v: Node, *more: Node) -> Node:
    """Attention in operations that have derivatives of any order."""
    form = Form(*attrs)
    weights = _probabilities(form, q, k, *more)
    if form.keep < 1:
        upper = e.apply("bitwise_right_shift", more[-1], 8)
        drawn = e.mul(e.cast(upper, float32), 2.0**-24)
        kept = e.apply("less", drawn, form.keep)
        weights = e.where(kept, e.mul(weights, 1 / form.keep), 0.0)
    return contract.matmul(weights, v)


def _shown(form: Form, q: Node, k: Node, *more: Node) -> Node:
    """The scores of what masks let through, minus infinity elsewhere."""
    scores = contract.matmul(e.mul(q, form.scale), contract.transpose(k))
    if form.causal:
        rows, columns = (iota(n, q.device) for n in scores.shape[-2:])
        seen = e.apply("less_equal", columns, views.reshape(rows, (rows.shape[0], 1)))
        return e.where(seen, scores, -math.inf)
    if not form.masked:
        return scores
    mask = more[0]
    return e.where(mask, scores, -math.inf) if mask.dtype.kind == "bool" else e.add(scores, mask)


def _probabilities(form: Form, q: Node, k: Node, *more: Node) -> Node:
    shown = _shown(form, q, k, *more)
    last = (len(shown.shape) - 1,)
    if not shown.size:
        return shown
    if not form.masked:
        return _softmax(shown, last)
    blind = e.apply("equal", make("max", (shown,), last), -math.inf)
    return e.where(blind, 0.0, _softmax(e.where(blind, 0.0, shown), last))


def _softmax(x: Node, axes: tuple[int, ...]) -> Node:
    power = e.call("exp_below", e.apply("sub", x, fmax(x, axes)))
    return e.share(power, make("sum", (power,), axes))


def _plain_logsum(attrs: Any, q: Node, k: Node, v: Node, *more: Node) -> Node:
    """The logarithm of each row's sum of exponentials; infinity where a row sees nothing."""
    shown = _shown(Form(*attrs), q, k, *more)
    last = (len(shown.shape) - 1,)
    top = e.call("detach", make("max", (shown,), last))
    blind = e.apply("equal", top, -math.inf)
    top = e.where(blind, 0.0, top)
    total = make("sum", (e.call("exp", e.apply("sub", shown, top)),), last)
    found = e.where(blind, math.inf, e.add(e.call("log", e.where(blind, 1.0, total)), top))
    return views.reshape(found, q.shape[:-1])


# Derivatives


def _apart(operands: tuple[Node, ...]) -> list[Node]:
    """Nodes of their own, so that what one operand is made of does not matter to another."""
    floats = [o.dtype.kind == "float" for o in operands]
    pairs = zip(operands, floats, strict=True)
    return [make("reshape", (o,), o.shape) if is_float else o for o, is_float in pairs]


def _by_formula(
    formula: Callable[..., Node], attrs: Any, g: Node, operands: tuple[Node, ...]
) -> list[Node | None]:
    sources = _apart(operands)
    return cotangents(formula(attrs, *sources), sources, g)


def _vjp(g: Node, y: Node, *operands: Node) -> tuple[Node | None, ...]:
    logsum = make("attention_logsum", operands, y.attrs)
    found: list[Node | None] = [make(name, (g, y, logsum, *operands), y.attrs) for name in BACK]
    more = operands[3:]
    if more and more[0].dtype.kind == "float":
        # As large as the mask itself, whatever computes it.
        found.append(_by_formula(plain, y.attrs, g, operands)[3])
    return (*found, *(None for _ in operands[len(found) :]))


def _logsum_vjp(g: Node, y: Node, *operands: Node) -> tuple[Node | None, ...]:
    return tuple(_by_formula(_plain_logsum, y.attrs, g, operands))


def _back_vjp(number: int) -> Any:
    def vjp(g: Node, y: Node, *given: Node) -> tuple[Node | None, ...]:
        def formula(attrs: Any, upstream: Node, *operands: Node) -> Node:
            return _plain_back(number, attrs, upstream, *operands)

        upstream, _, _, *operands = given
        found = _by_formula(formula, y.attrs, g, (upstream, *operands))
        # What was kept is itself made of the other operands.
        return (found[0], None, None, *found[1:])

    return vjp


def _plain_back(number: int, attrs: Any, g: Node, *operands: Node) -> Node:
    found = cotangents(plain(attrs, *operands), [operands[number]], g)[0]
    if found is None:
        raise AssertionError("attention depends on each of its operands")  # pragma: no cover
    return found


# Plans


def suits_kernel(q: Node, k: Node, v: Node) -> bool:
    """Whether kernels take over from the formula."""
    queries, keys = q.shape[-2], k.shape[-2]
    large = queries * keys >= FEW_SCORES and min(queries, keys) >= FEW
    floats = {q.dtype, k.dtype, v.dtype} == {float32}
    return large and floats and q.size > 0 and v.size > 0 and _has_room(q.device)


def _has_room(device: Device) -> bool:
    if device.kind != "gpu":
        return device.kind == "cpu"
    found = limits(device)
    return found.group_items >= GROUP and found.local_bytes >= LOCAL


def _in_single(expand: Callable, attrs: Any, given: tuple[Node, ...]) -> Node:
    dtype = given[0].dtype
    wide = (e.cast(i, float32) if i.dtype is dtype else i for i in given)
    return e.cast(expand(attrs, *wide), dtype)


def _is_narrow(x: Node) -> bool:
    return x.dtype in dtypes.NARROW


def _expand(attrs: Any, *operands: Node) -> Node:
    if _is_narrow(operands[0]):
        return _in_single(_expand, attrs, operands)
    if not suits_kernel(*operands[:3]):
        return plain(attrs, *operands)
    return make("attention_rows", operands, attrs)


def _logsum_expand(attrs: Any, *operands: Node) -> Node:
    if _is_narrow(operands[0]):
        return _in_single(_logsum_expand, attrs, operands)
    if not suits_kernel(*operands[:3]):
        return _plain_logsum(attrs, *operands)
    rows = make("attention_rows", operands, attrs)
    return make("companion", (rows,), (0, operands[0].shape[:-1]))


def _back_expand(number: int) -> Any:
    def expand(attrs: Any, *given: Node) -> Node:
        if _is_narrow(given[0]):
            return _in_single(expand, attrs, given)
        g, y, logsum, *operands = given
        if not suits_kernel(*operands[:3]):
            return _plain_back(number, attrs, g, *operands)
        if g.device.kind == "gpu":
            # Each row's sum of g * y, which work-groups would all compute again.
            mean = make("sum", (e.mul(g, y),), (len(g.shape) - 1,))
            given = (g, mean, logsum, *operands)
        rows = make("attention_rows_back", given, attrs)
        if number == 0:
            return rows
        return make("companion", (rows,), (number - 1, operands[number].shape))

    return expand


def _never(*_: Any) -> Any:
    raise TypeError("made by the planner only")  # pragma: no cover


define(Op("attention", "composite", _infer, on_host, _vjp, expand=_expand))
define(Op("attention_logsum", "composite", _logsum_infer, logsum_on_host, _logsum_vjp,
          expand=_logsum_expand))  # fmt: skip
for _number, _name in enumerate(BACK):
    define(Op(_name, "composite", _back_infer(_number), on_host_back(_number), _back_vjp(_number),
              expand=_back_expand(_number)))  # fmt: skip
define(Op("attention_rows", "routine", _infer, _never))
define(Op("attention_rows_back", "routine", _back_infer(0), _never))
# What the routine of its input stores beside its result; attrs: (which of them, shape).
define(Op("companion", "routine", lambda of, attrs: (attrs[1], of.dtype), _never))
