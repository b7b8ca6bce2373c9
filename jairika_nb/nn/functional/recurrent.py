"""Recurrent cells and their runs over sequences, with PyTorch's weights and arithmetic."""

from __future__ import annotations

from typing import Any, NamedTuple

from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops import cells
from jairika_nb.engine.ops import recurrent as engine
from jairika_nb.engine.ops.cells import CELLS, Operands
from jairika_nb.errors import ShapeError
from jairika_nb.nn.functional.layers import linear
from jairika_nb.nn.functional.padding import pad
from jairika_nb.tensors.arguments import answering, on_tensors
from jairika_nb.tensors.creation import zeros, zeros_like
from jairika_nb.tensors.elementwise import where
from jairika_nb.tensors.ramps import arange
from jairika_nb.tensors.tensor import Tensor

States = tuple[Tensor, ...]


class Weights(NamedTuple):
    """Of one layer in one direction: (G*H, I), (G*H, R), (G*H,) twice, and LSTM's (R, H)."""

    w_ih: Tensor
    w_hh: Tensor
    b_ih: Tensor | None = None
    b_hh: Tensor | None = None
    w_hr: Tensor | None = None


@answering
def recurrence(
    cell: str,
    x: Tensor,
    hx: States,
    weights: Weights | tuple[Tensor, ...],
    reverse: bool = False,
    lengths: Tensor | None = None,
) -> tuple[Tensor, States]:
    """A cell's run over a sequence: x (T, N, I) -> (T, N, R) and the states after the last step.

    ``cell`` is "rnn_tanh", "rnn_relu", "lstm" or "gru"; ``hx`` are h (N, R) and for lstm c (N, H).
    ``weights`` are w_ih (G*H, I), w_hh (G*H, R) and perhaps b_ih and b_hh (G*H,) and lstm's w_hr
    (R, H). With ``lengths`` (N,) row ``n`` has ``lengths[n]`` steps: what it gives past them is
    zero, its last state is that of its own end, and ``reverse`` begins there.

    >>> import jairika_nb as jrk
    >>> one = (jrk.ones((1, 1)), jrk.ones((1, 1)))
    >>> y, (h,) = recurrence("rnn_relu", jrk.ones((3, 1, 1)), (jrk.zeros((1, 1)),), one)
    >>> y.flatten().tolist(), h.item()
    ([1.0, 2.0, 3.0], 3.0)
    """
    weights = Weights(*weights)
    gates = _gates(cell, x, weights)
    _check_states(cell, gates, hx, weights)
    count = None if lengths is None else lengths.astype("int32")
    y, last = (_projected if weights.w_hr is not None else _whole)(
        cell, gates, hx, weights, reverse, count
    )
    if count is not None:
        steps = arange(x.shape[0], dtype="int32", device=x.device).reshape(-1, 1, 1)
        y = where(steps < count.reshape(1, -1, 1), y, 0.0)
    return y, last


def _gates(cell: str, x: Tensor, w: Weights) -> Tensor:
    """What the inputs add to all gates of all steps, in one product."""
    bias = w.b_ih
    if w.b_ih is not None and w.b_hh is not None:
        own = w.b_hh
        if cell == "gru":
            # The share of the candidate is multiplied by a gate first.
            size = w.w_hh.shape[1]
            own = pad(own[: 2 * size], (0, size))
        bias = w.b_ih + own
    return linear(x, w.w_ih, bias)


def _candidate_bias(w: Weights) -> Tensor:
    size = w.w_hh.shape[1]
    if w.b_hh is None:
        return zeros((size,), dtype=w.w_hh.dtype, device=w.w_hh.device)
    return w.b_hh[2 * size :]


def _check_states(cell: str, gates: Tensor, hx: States, w: Weights) -> None:
    size = w.w_hh.shape[1]
    hidden = w.w_hh.shape[0] // CELLS[cell].gates
    wanted = [(gates.shape[-2], n) for n in (size, hidden)[: CELLS[cell].states]]
    shapes = [s.shape for s in hx]
    if shapes != wanted:
        raise ShapeError(
            f"{cell}: initial states of shapes {', '.join(map(str, shapes)) or 'none'} do not fit "
            f"weights {w.w_hh.shape}: give {', '.join(map(str, wanted))} (batch, size)"
        )


def _inputs(cell: str, gates: Tensor, hx: States, w: Weights, count: Tensor | None) -> list[Tensor]:
    bias = [_candidate_bias(w)] if cell == "gru" else []
    return [gates, w.w_hh, *hx, *bias, *([] if count is None else [count])]


def _whole(
    cell: str, gates: Tensor, hx: States, w: Weights, reverse: bool, count: Tensor | None
) -> tuple[Tensor, States]:
    inputs = [t.node for t in _inputs(cell, gates, hx, w, count)]
    kept = Tensor(engine.recurrent(cell, tuple(inputs), reverse))
    end = 0 if reverse else -1
    return kept[0], tuple(kept[k, end] for k in range(CELLS[cell].states))


def _projected(
    cell: str, gates: Tensor, hx: States, w: Weights, reverse: bool, count: Tensor | None
) -> tuple[Tensor, States]:
    """The run of what is projected: its product with both weights is one with their product.

    The first step alone multiplies the initial state, which is a projection of nothing.
    """
    assert w.w_hr is not None
    h, c = hx
    place = arange(gates.shape[0], dtype="int32", device=gates.device).reshape(-1, 1, 1)
    first: Tensor | int = gates.shape[0] - 1 if reverse else 0
    if reverse and count is not None:
        first = count.reshape(1, -1, 1) - 1
    gates = where(place == first, gates + h @ w.w_hh.mT, gates)
    inner = w._replace(w_hh=w.w_hh @ w.w_hr, w_hr=None)
    y, (end, c) = _whole(cell, gates, (zeros_like(c), c), inner, reverse, count)
    last = end @ w.w_hr.mT
    if count is not None:
        last = where(count.reshape(-1, 1) > 0, last, h)
    return y @ w.w_hr.mT, (last, c)


def _cell(cell: str, x: Tensor, hx: States, w: Weights) -> list[Node]:
    gates = _gates(cell, x, w)
    _check_states(cell, gates, hx, w)
    operands = Operands(gates.node, w.w_hh.node, hx[0].node)
    if cell == "gru":
        operands.b = _candidate_bias(w).node
    return cells.STEPS[cell](gates.node, [s.node for s in hx], operands, 0)


@on_tensors
def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """``tanh(input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh)``; (N, I), (N, H) -> (N, H).

    >>> import jairika_nb as jrk
    >>> eye, x = jrk.eye(2), jrk.zeros((1, 2))
    >>> rnn_tanh_cell(x, x, eye, eye).tolist()
    [[0.0, 0.0]]
    """
    return Tensor(_cell("rnn_tanh", input, (hx,), Weights(w_ih, w_hh, b_ih, b_hh))[0])


@on_tensors
def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """As :func:`rnn_tanh_cell` with ``max(x, 0)``."""
    return Tensor(_cell("rnn_relu", input, (hx,), Weights(w_ih, w_hh, b_ih, b_hh))[0])


@on_tensors
def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Any = None, b_hh: Any = None
) -> Tensor:
    """One step of a gated recurrent unit (Cho et al. 2014), reset after the product.

    input (N, I), hx (N, H), w_ih (3*H, I), w_hh (3*H, H), biases (3*H,) -> (N, H); gates in the
    order reset, update, new.
    """
    return Tensor(_cell("gru", input, (hx,), Weights(w_ih, w_hh, b_ih, b_hh))[0])


@on_tensors
def lstm_cell(
    input: Tensor,
    hx: tuple[Tensor, Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Any = None,
    b_hh: Any = None,
) -> tuple[Tensor, Tensor]:
    """One step of a long short-term memory (Hochreiter & Schmidhuber 1997; forget gate, 2000).

    input (N, I), hx = (h, c) of (N, H), w_ih (4*H, I), w_hh (4*H, H), biases (4*H,) -> the new
    (h, c); gates in the order input, forget, cell, output.
    """
    h, c, *_ = _cell("lstm", input, tuple(hx), Weights(w_ih, w_hh, b_ih, b_hh))
    return Tensor(h), Tensor(c)
