"""Recurrent cells step by step: what a recurrence over a sequence means, in plain operations.

``x`` (T, N, gates * H) are the inputs' share of all gates with every bias but the one of GRU's
candidate; ``w`` (gates * H, H) multiplies the state before each step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from jairika_nb.engine.graph import Node, cotangents, make
from jairika_nb.engine.ops import contract, sources, views
from jairika_nb.engine.ops import elementwise as e


class Cell(NamedTuple):
    """How many gates a cell has, states it carries, values it keeps and gradients it gives."""

    gates: int
    states: int
    kept: int
    given: int


# Order of what is kept: rnn h; lstm h c i f g o; gru h r z n and the state's share of n.
# Order of what is given: that of the gates; gru r z, the state's share of n, n.
CELLS = {
    "rnn_tanh": Cell(1, 1, 1, 1),
    "rnn_relu": Cell(1, 1, 1, 1),
    "lstm": Cell(4, 2, 6, 4),
    "gru": Cell(3, 1, 5, 4),
}


@dataclass
class Operands:
    """The inputs of a recurrence; ``b`` is GRU's, ``c`` LSTM's, ``lengths`` (N,) those of rows."""

    x: Node
    w: Node
    h: Node
    c: Node | None = None
    b: Node | None = None
    lengths: Node | None = None
    nudge: Node | None = None  # (T, N, H) added to the state's share of GRU's candidate

    @staticmethod
    def of(cell: str, inputs: tuple[Node, ...]) -> Operands:
        """From the inputs of the operation: x, w, h, then c or b, then lengths if there are any."""
        x, w, h, *rest = inputs
        found = Operands(x, w, h)
        if cell == "lstm":
            found.c = rest.pop(0)
        if cell == "gru":
            found.b = rest.pop(0)
        found.lengths = rest[0] if rest else None
        return found


def at(x: Node, place: int) -> Node:
    """``x[place]``."""
    rows = ((place, 1, 1), *((0, n, 1) for n in x.shape[1:]))
    return views.reshape(views.take_slice(x, rows), x.shape[1:])


def part(x: Node, start: int, size: int) -> Node:
    """``x[..., start : start + size]``."""
    return views.take_slice(x, (*((0, n, 1) for n in x.shape[:-1]), (start, size, 1)))


def joined(rows: list[Node], axis: int) -> Node:
    """Nodes joined along an axis."""
    total, start, out = sum(r.shape[axis] for r in rows), 0, None
    for row in rows:
        n = row.shape[axis]
        widths = tuple(
            (start, total - start - n, 0) if i == axis else (0, 0, 0) for i in range(len(row.shape))
        )
        padded = views.pad(row, widths)
        out, start = padded if out is None else e.add(out, padded), start + n
    assert out is not None
    return out


def stacked(rows: list[Node]) -> Node:
    """Nodes of one shape joined along a new first axis."""
    return joined([views.reshape(r, (1, *r.shape)) for r in rows], 0)


def _sigmoid(x: Node) -> Node:
    return e.call("sigmoid", x)


def _tanh(x: Node) -> Node:
    return e.call("tanh", x)


def _sub(a: Node, b: Node) -> Node:
    return e.apply("sub", a, b)


def _plain_step(function: Callable[[Node], Node]) -> Callable[..., list[Node]]:
    return lambda x, state, o, t: [function(e.add(x, _product(state[0], o)))]


def _product(h: Node, o: Operands) -> Node:
    return contract.matmul(h, contract.transpose(o.w))


def _lstm_step(x: Node, state: list[Node], o: Operands, t: int) -> list[Node]:
    h, c = state
    total, n = e.add(x, _product(h, o)), c.shape[-1]
    i, f, g, out = (part(total, k * n, n) for k in range(4))
    i, f, g, out = _sigmoid(i), _sigmoid(f), _tanh(g), _sigmoid(out)
    c = e.add(e.mul(f, c), e.mul(i, g))
    h = e.mul(out, _tanh(c))
    return [h, c, i, f, g, out]


def _gru_step(x: Node, state: list[Node], o: Operands, t: int) -> list[Node]:
    (h,) = state
    own, n = _product(h, o), h.shape[-1]
    r = _sigmoid(e.add(part(x, 0, n), part(own, 0, n)))
    z = _sigmoid(e.add(part(x, n, n), part(own, n, n)))
    assert o.b is not None
    share = e.add(part(own, 2 * n, n), views.broadcast_to(o.b, h.shape))
    if o.nudge is not None:
        share = e.add(share, at(o.nudge, t))
    new = _tanh(e.add(part(x, 2 * n, n), e.mul(r, share)))
    return [e.add(new, e.mul(z, _sub(h, new))), r, z, new, share]


STEPS = {
    "rnn_tanh": _plain_step(_tanh),
    "rnn_relu": _plain_step(lambda x: e.call("relu", x)),
    "lstm": _lstm_step,
    "gru": _gru_step,
}


def unrolled(cell: str, reverse: bool, o: Operands) -> list[list[Node]]:
    """What is kept of every step, in the order of the sequence; past its length a row rests."""
    steps = o.x.shape[0]
    state = [s for s in (o.h, o.c) if s is not None]
    found: list[list[Node]] = [[] for _ in range(steps)]
    for t in range(steps)[:: -1 if reverse else 1]:
        kept = STEPS[cell](at(o.x, t), state, o, t)
        if o.lengths is not None:
            live = e.apply("less", t, views.reshape(o.lengths, (o.lengths.shape[0], 1)))
            rest = zip(kept, state, strict=False)
            held = [e.where(views.broadcast_to(live, k.shape), k, s) for k, s in rest]
            kept = held + kept[len(state) :]
        found[t], state = kept, kept[: len(state)]
    return found


def forward(cell: str, reverse: bool, *inputs: Node) -> Node:
    """(kept, T, N, H): the recurrence in plain operations."""
    rows = unrolled(cell, reverse, Operands.of(cell, inputs))
    return stacked([stacked(list(column)) for column in zip(*rows, strict=True)])


def backward(
    cell: str, reverse: bool, upstream: tuple[Node, ...], inputs: tuple[Node, ...]
) -> Node:
    """(T + 1, N, given * H): gradients of the gates, and in the last row those of the states.

    ``upstream`` are the gradients of the states at all steps, or of the first state alone. Ordinary
    graph of its arguments.
    """
    # Nodes of their own, so that nothing is derived through one input to another.
    inputs = tuple(make("reshape", (i,), i.shape) for i in inputs)
    o, (steps, n) = Operands.of(cell, inputs), inputs[0].shape[:2]
    size = o.h.shape[-1]
    if cell == "gru":
        zero = sources.const(0.0, o.x.dtype, o.x.device)
        o.nudge = views.broadcast_to(zero, (steps, n, size))
    rows = unrolled(cell, reverse, o)
    states = [s for s in (o.h, o.c) if s is not None]
    outputs = joined([stacked([r[k] for r in rows]) for k in range(len(upstream))], 0)
    wanted = [o.x, *states, *([o.nudge] if o.nudge is not None else [])]
    found = cotangents(outputs, wanted, joined(list(upstream), 0))
    first, *more = [
        views.expand(sources.const(0.0, s.dtype, s.device), s.shape) if g is None else g
        for g, s in zip(found, wanted, strict=True)
    ]
    if cell == "gru":
        first = joined([part(first, 0, 2 * size), more.pop(), part(first, 2 * size, size)], 2)
    last = joined(more, 1)
    room = first.shape[-1] - last.shape[-1]
    last = views.pad(last, ((0, 0, 0), (0, room, 0)))
    return joined([first, views.reshape(last, (1, *last.shape))], 0)
