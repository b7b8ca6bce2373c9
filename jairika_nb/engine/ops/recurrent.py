"""Recurrent layers as one operation: all steps of a sequence, and all of them backwards.

A CPU runs either in one launch (``kernels/recurrent*.cl``), other devices step by step. The product
of the inputs of all steps with their weights stands before it, that of gradients after it, so
what is left inside is only what has to wait for the step before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, cotangents, define, make
from jairika_nb.engine.ops import cells, contract, views
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops.cells import CELLS, Operands, at, joined, part
from jairika_nb.engine.ops.recurrent_reference import on_host, on_host_back
from jairika_nb.errors import DTypeError, ShapeError

# Numbers that vectors of the kernels hold; sizes are filled up to whole ones.
LANES = 16
# Rows whose places in caches are so many bytes apart push each other out when columns are read, as
# the product for the weights does: they get some space between.
CONFLICT, SPACE = 1024, 16


def recurrent(cell: str, inputs: tuple[Node, ...], reverse: bool = False) -> Node:
    """(kept, T, N, H) of a cell of ``CELLS``; its first planes are the states after each step.

    ``inputs`` are x (T, N, gates * H), w (gates * H, H) and h (N, H), then c (N, H) for lstm or
    b (H,) for gru, then perhaps lengths (N,), int32: a row rests where it has ended.
    """
    return make("recurrent", inputs, (cell, reverse))


def _infer(x: Node, w: Node, h: Node, *rest: Any) -> tuple[Shape, DType]:
    cell = CELLS[rest[-1][0]]
    floats = [i for i in (x, w, h, *rest[:-1]) if i.dtype.kind == "float"]
    if any(i.dtype is not x.dtype for i in floats) or not dtypes.is_float(x.dtype):
        kinds = ", ".join(i.dtype.name for i in (x, w, h))
        raise DTypeError(f"recurrent: inputs, weights and states of {kinds} must be equal floats")
    rows, size = h.shape
    wide = cell.gates * size
    if x.shape[1:] != (rows, wide) or w.shape != (wide, size):
        raise ShapeError(
            f"recurrent: gates {x.shape} and weights {w.shape} do not fit states {h.shape}: "
            f"they must be (steps, {rows}, {wide}) and ({wide}, {size})"
        )
    return (cell.kept, x.shape[0], rows, size), x.dtype


def _back_infer(*given: Any) -> tuple[Shape, DType]:
    cell, upstream = CELLS[given[-1][0]], given[-1][2]
    x, _, h = given[upstream + 1 : upstream + 4]
    return (x.shape[0] + 1, x.shape[1], cell.given * h.shape[1]), x.dtype


# Derivatives


def _vjp(g: Node, y: Node, *inputs: Node) -> tuple[Node | None, ...]:
    cell, reverse = y.attrs
    _, steps, rows, size = y.shape
    row = CELLS[cell]
    # The memory of a cell often has no gradient but that of the states: it is not passed as zeros.
    upstream = [at(g, k) for k in range(row.states) if k == 0 or _reaches(g, k)]
    back = make("recurrent_back", (*upstream, y, *inputs), (cell, reverse, len(upstream)))
    gates = views.take_slice(back, ((0, steps, 1), *((0, n, 1) for n in back.shape[1:])))
    last = at(back, steps)
    before = _before(at(y, 0), inputs[2], reverse)
    own = part(gates, 0, row.gates * size)
    w = contract.matmul(
        contract.transpose(views.reshape(own, (steps * rows, row.gates * size))),
        views.reshape(before, (steps * rows, size)),
    )
    found: list[Node | None] = [_of_inputs(cell, gates, size), w, part(last, 0, size)]
    if cell == "lstm":
        found.append(part(last, size, size))
    if cell == "gru":
        bias = make("sum", (part(gates, 2 * size, size),), (0, 1))
        found.append(views.reshape(bias, (size,)))
    return (*found, *(None for _ in inputs[len(found) :]))


def _reaches(g: Node, plane: int) -> bool:
    """Whether a gradient may be other than zero in a plane, and not only fill it up."""
    if g.op == "add":
        return any(_reaches(i, plane) for i in g.inputs)
    if g.op != "pad":
        return True
    (before, _, between), *_ = g.attrs[0]
    return between > 0 or 0 <= plane - before < g.inputs[0].shape[0]


def _of_inputs(cell: str, gates: Node, size: int) -> Node:
    if cell != "gru":
        return gates
    return joined([part(gates, 0, 2 * size), part(gates, 3 * size, size)], 2)


def _before(h: Node, first: Node, reverse: bool) -> Node:
    """The state before each step: (T, N, H)."""
    start = views.reshape(first, (1, *first.shape))
    steps = h.shape[0]
    rest = ((int(reverse), steps - 1, 1), *((0, n, 1) for n in h.shape[1:]))
    kept = views.take_slice(h, rest)
    return joined([kept, start] if reverse else [start, kept], 0)


def _back_vjp(g: Node, y: Node, *given: Node) -> tuple[Node | None, ...]:
    # The same in plain operations, which have derivatives of any order.
    cell, reverse, states = y.attrs
    sources = [
        i if i.dtype.kind != "float" else make("reshape", (i,), i.shape)
        for i in (*given[:states], *given[states + 1 :])
    ]
    plain = cells.backward(cell, reverse, tuple(sources[:states]), tuple(sources[states:]))
    found = cotangents(plain, sources, g)
    # What was kept is itself made of the other inputs.
    return (*found[:states], None, *found[states:])


# Plans


def _in_single(expand: Callable, attrs: Any, given: tuple[Node, ...]) -> Node:
    dtype = given[0].dtype
    wide = (e.cast(i, dtypes.float32) if i.dtype is dtype else i for i in given)
    return e.cast(expand(attrs, *wide), dtype)


def _expand(attrs: Any, *inputs: Node) -> Node:
    if inputs[0].dtype.itemsize < 4:
        return _in_single(_expand, attrs, inputs)
    cell, reverse = attrs
    if inputs[0].device.kind == "gpu":
        return cells.forward(cell, reverse, *inputs)
    o, gates = Operands.of(cell, inputs), CELLS[cell].gates
    size = o.h.shape[1]
    span = _span(size, gates)
    w = _panels(_filled_gates(o.w, gates, 0, size), gates, span)
    more = [_filled(s) for s in (o.h, o.c, o.b) if s is not None]
    more += [o.lengths] if o.lengths is not None else []
    out = make("recurrent_rows", (_filled_gates(o.x, gates, 2, size), w, *more), (*attrs, span))
    return part(out, 0, size)


def _back_expand(attrs: Any, *given: Node) -> Node:
    if given[0].dtype.itemsize < 4:
        return _in_single(_back_expand, attrs, given)
    cell, reverse, states = attrs
    row = CELLS[cell]
    upstream, kept, inputs = given[:states], given[states], given[states + 1 :]
    if kept.device.kind == "gpu":
        return cells.backward(cell, reverse, upstream, inputs)
    o, size = Operands.of(cell, inputs), inputs[2].shape[1]
    full = -(-size // LANES) * LANES
    span = _span(size, 1)
    w = _columns(_filled(_filled_gates(o.w, row.gates, 0, size)), span)
    rows = [_filled(i) for i in (*upstream, kept)]
    more = [_filled(s) for s in (o.h, o.c) if s is not None]
    more += [o.lengths] if o.lengths is not None else []
    wide = row.given * full
    apart = SPACE if wide * kept.dtype.itemsize % CONFLICT == 0 else 0
    out = make("recurrent_rows_back", (*rows, w, *more), (cell, reverse, span, states, apart))
    out = part(out, 0, wide)
    if full == size:
        return out
    shape = (*out.shape[:2], row.given, full)
    return views.reshape(part(views.reshape(out, shape), 0, size), (*shape[:2], row.given * size))


def _span(size: int, gates: int) -> int:
    """How many vectors of a gate the kernel computes together."""
    whole = -(-size // LANES)
    return next(s for s in (4, 2, 1) if s * gates <= 4 and whole % s == 0)


def _filled(x: Node) -> Node:
    """The last axis filled up to whole vectors."""
    more = -x.shape[-1] % LANES
    return views.pad(x, (*((0, 0, 0) for _ in x.shape[:-1]), (0, more, 0)))


def _filled_gates(x: Node, gates: int, axis: int, size: int) -> Node:
    """Each gate along an axis filled up to whole vectors."""
    if size % LANES == 0:
        return x
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    more = -size % LANES
    widths = (*((0, 0, 0) for _ in before), (0, 0, 0), (0, more, 0), *((0, 0, 0) for _ in after))
    wide = views.pad(views.reshape(x, (*before, gates, size, *after)), widths)
    return views.reshape(wide, (*before, gates * (size + more), *after))


def _panels(w: Node, gates: int, span: int) -> Node:
    """(gates * H, K) -> (H / lanes, K, gates, lanes): what a step reads, one after the other."""
    rows = _filled(w)
    lanes = LANES * span
    parts = views.reshape(rows, (gates, -1, lanes, rows.shape[1]))
    return views.permute(parts, (1, 3, 0, 2))


def _columns(w: Node, span: int) -> Node:
    """(K, H) -> (H / lanes, K, lanes)."""
    return views.permute(views.reshape(w, (w.shape[0], -1, LANES * span)), (1, 0, 2))


def _rows_infer(x: Node, w: Node, h: Node, *rest: Any) -> tuple[Shape, DType]:
    return (CELLS[rest[-1][0]].kept, x.shape[0], *h.shape), x.dtype


def _rows_back_infer(*given: Any) -> tuple[Shape, DType]:
    cell, _, _, states, apart = given[-1]
    _, steps, rows, size = given[states].shape
    return (steps + 1, rows, CELLS[cell].given * size + apart), given[states].dtype


def _never(*_: Any) -> Any:
    raise TypeError("made by the planner only")  # pragma: no cover


define(Op("recurrent", "composite", _infer, on_host, _vjp, expand=_expand))
define(Op("recurrent_back", "composite", _back_infer, on_host_back, _back_vjp,
          expand=_back_expand))  # fmt: skip
define(Op("recurrent_rows", "routine", _rows_infer, _never))
define(Op("recurrent_rows_back", "routine", _rows_back_infer, _never))
