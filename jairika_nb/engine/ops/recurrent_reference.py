"""Recurrences and their derivatives in NumPy, in double precision: the oracle of the kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.engine.ops.cells import CELLS


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))


def _wide(arrays: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    return [a if a.dtype.kind in "iu" else a.astype(np.float64) for a in arrays]


def _order(steps: int, reverse: bool) -> range:
    return range(steps)[:: -1 if reverse else 1]


def on_host(attrs: Any, *inputs: np.ndarray) -> np.ndarray:
    """What a recurrence keeps of all steps."""
    cell, reverse = attrs
    x, w, h, *rest = _wide(inputs)
    row = CELLS[cell]
    extra = rest.pop(0) if cell in ("lstm", "gru") else None
    out = np.zeros((row.kept, len(x), *h.shape))
    state = [h, extra][: row.states]
    for t in _order(len(x), reverse):
        new = _STEP[cell](x[t], state, w, extra)
        live = (t < rest[0])[:, None] if rest else True
        new[: row.states] = [np.where(live, n, s) for n, s in zip(new, state, strict=False)]
        out[:, t], state = np.stack(new), new[: row.states]
    return out.astype(inputs[0].dtype)


def _plain(function: Callable) -> Callable:
    return lambda x, state, w, _: [function(x + state[0] @ w.T)]


def _lstm(x: np.ndarray, state: list, w: np.ndarray, _: Any) -> list:
    i, f, g, o = np.split(x + state[0] @ w.T, 4, axis=1)
    i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
    c = f * state[1] + i * g
    return [o * np.tanh(c), c, i, f, g, o]


def _gru(x: np.ndarray, state: list, w: np.ndarray, b: Any) -> list:
    (xr, xz, xn), (hr, hz, hn) = (np.split(v, 3, axis=1) for v in (x, state[0] @ w.T))
    r, z, share = _sigmoid(xr + hr), _sigmoid(xz + hz), hn + b
    n = np.tanh(xn + r * share)
    return [n + z * (state[0] - n), r, z, n, share]


def _relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


_STEP = {"rnn_tanh": _plain(np.tanh), "rnn_relu": _plain(_relu), "lstm": _lstm, "gru": _gru}


def on_host_back(attrs: Any, *given: np.ndarray) -> np.ndarray:
    """The gradients of all gates and, in the last row, of the initial states."""
    cell, reverse, states = attrs
    row, arrays = CELLS[cell], _wide(given)
    upstream, kept, (_, w, h, *rest) = arrays[:states], arrays[states], arrays[states + 1 :]
    upstream += [np.zeros_like(upstream[0])] * (row.states - states)
    first = [h, rest[0]] if cell == "lstm" else [h]
    lengths = rest[1:] if cell in ("lstm", "gru") else rest
    steps, size = kept.shape[1], h.shape[1]
    out = np.zeros((steps + 1, len(h), row.given * size))
    carried = [np.zeros_like(h) for _ in first]
    for t in _order(steps, not reverse):
        before = t + 1 if reverse else t - 1
        inside = 0 <= before < steps
        old = [kept[k, before] if inside else s for k, s in enumerate(first)]
        total = [c + u[t] for c, u in zip(carried, upstream, strict=True)]
        gates, new = _BACK[cell](total, kept[:, t], old)
        new[0] = new[0] + gates[:, : row.gates * size] @ w
        live = (t < lengths[0])[:, None] if lengths else True
        out[t] = np.where(live, gates, 0)
        carried = [np.where(live, n, s) for n, s in zip(new, total, strict=True)]
    out[steps, :, : row.states * size] = np.concatenate(carried, axis=1)
    return out.astype(given[0].dtype)


def _plain_back(slope: Callable) -> Callable:
    return lambda g, kept, old: (g[0] * slope(kept[0]), [0.0])


def _lstm_back(g: list, kept: np.ndarray, old: list) -> tuple[np.ndarray, list]:
    _, c, i, f, n, o = kept
    top = np.tanh(c)
    dc = g[1] + g[0] * o * (1 - top * top)
    rows = [dc * n * i * (1 - i), dc * old[1] * f * (1 - f), dc * i * (1 - n * n),
            g[0] * top * o * (1 - o)]  # fmt: skip
    return np.concatenate(rows, axis=1), [0.0, dc * f]


def _gru_back(g: list, kept: np.ndarray, old: list) -> tuple[np.ndarray, list]:
    _, r, z, n, share = kept
    dn = g[0] * (1 - z) * (1 - n * n)
    rows = [dn * share * r * (1 - r), g[0] * (old[0] - n) * z * (1 - z), dn * r, dn]
    return np.concatenate(rows, axis=1), [g[0] * z]


_BACK = {
    "rnn_tanh": _plain_back(lambda h: 1 - h * h),
    "rnn_relu": _plain_back(lambda h: h > 0),
    "lstm": _lstm_back,
    "gru": _gru_back,
}
