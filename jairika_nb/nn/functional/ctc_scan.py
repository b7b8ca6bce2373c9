"""The recurrence of CTC over time, forwards and backwards, each in one launch.

State ``s`` is reached from itself, from the state before it, and where ``skip[s]`` from the one
before that; all in logarithms, so that long sequences neither vanish nor overflow::

    y[t, s] = e[t, s] + logsumexp(y[t - 1, s], y[t - 1, s - 1], y[t - 1, s - 2])
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from jairika_nb.engine import device as devices
from jairika_nb.engine.device import Device
from jairika_nb.tensors.kernel import Kernel, kernel
from jairika_nb.tensors.tensor import Tensor

# One work-item takes one sequence: what it needs stays in its caches.
FORWARD = """
kernel void ctc_running(global const REAL *e, global const int *skip, global REAL *y,
                        int e_shape1, int e_shape2) {
    const size_t row = get_global_id(0), many = e_shape2;
    global const REAL *now = e + row * e_shape1 * many;
    global const int *over = skip + row * many;
    global REAL *out = y + row * e_shape1 * many;
    for (int s = 0; s < e_shape2 && e_shape1 > 0; s++) out[s] = s < 2 ? now[s] : -INFINITY;
    for (int t = 1; t < e_shape1; t++) {
        global const REAL *last = out;
        now += many;
        out += many;
        for (int s = 0; s < e_shape2; s++) {
            REAL a = last[s];
            REAL b = s > 0 ? last[s - 1] : -INFINITY;
            REAL c = s > 1 && over[s] ? last[s - 2] : -INFINITY;
            REAL top = fmax(a, fmax(b, c));
            if (top == -INFINITY) out[s] = top;
            else out[s] = now[s] + top + log(exp(a - top) + exp(b - top) + exp(c - top));
        }
    }
}
"""
# d[t, s] is the gradient of e[t, s]: what comes from above, and the shares of the states that
# it led to, each weighed by its part in their sum.
BACKWARD = """
kernel void ctc_running_back(global const REAL *g, global const REAL *y, global const int *skip,
                             global REAL *d, int g_shape1, int g_shape2) {
    const size_t row = get_global_id(0), many = g_shape2, all = g_shape1 * many;
    global const int *over = skip + row * many;
    for (int t = g_shape1 - 1; t >= 0; t--) {
        const size_t at = row * all + t * many;
        for (int s = 0; s < g_shape2; s++) d[at + s] = g[at + s];
        if (t + 1 == g_shape1) continue;
        for (int s = 0; s < g_shape2; s++) {
            REAL given = d[at + many + s];
            REAL a = y[at + s];
            REAL b = s > 0 ? y[at + s - 1] : -INFINITY;
            REAL c = s > 1 && over[s] ? y[at + s - 2] : -INFINITY;
            REAL top = fmax(a, fmax(b, c));
            if (given == 0 || top == -INFINITY) continue;
            given /= exp(a - top) + exp(b - top) + exp(c - top);
            d[at + s] += given * exp(a - top);
            if (s > 0) d[at + s - 1] += given * exp(b - top);
            if (s > 1 && over[s]) d[at + s - 2] += given * exp(c - top);
        }
    }
}
"""


def running(e: Tensor, skip: Tensor) -> Tensor:
    """Log-probabilities of being in each state at each step, (N, T, S), from those of its class.

    ``skip`` is (N, S), int32. Has a first derivative with respect to ``e``.
    """
    if 0 in e.shape:
        return e
    return _kernels(e.dtype.opencl, e.device)(e, skip)


@cache
def _kernels(real: str, device: Device) -> Kernel:
    # Compiled where it will run: the default device may lack the type.
    with devices.using(device):
        back = kernel(
            BACKWARD.replace("REAL", real), shape="g.shape", grid="g.shape[0]", reference=_back
        )

        def derivative(g: Tensor, y: Tensor, e: Tensor, skip: Tensor) -> tuple[Tensor, None]:
            return back(g, y, skip), None

        return kernel(
            FORWARD.replace("REAL", real),
            shape="e.shape",
            grid="e.shape[0]",
            derivative=derivative,
            reference=_running,
        )


def _before(y: np.ndarray, skip: np.ndarray) -> np.ndarray:
    """What each state is reached from, (3, N, S)."""
    rows, many = y.shape
    wide = np.full((rows, many + 2), -np.inf, y.dtype)
    wide[:, 2:] = y
    return np.stack([y, wide[:, 1:-1], np.where(skip != 0, wide[:, :-2], -np.inf)])


def _shares(before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of the sum, and the part of each in it; 0 where nothing comes."""
    top = before.max(axis=0)
    safe = np.where(top == -np.inf, 0, top)
    parts = np.exp(before - safe)
    whole = parts.sum(axis=0)
    with np.errstate(divide="ignore"):
        total = safe + np.log(whole)
    return total, parts / np.where(whole == 0, 1, whole)


def _running(e: np.ndarray, skip: np.ndarray, *sizes: Any) -> np.ndarray:
    y = np.full_like(e, -np.inf)
    y[:, 0, :2] = e[:, 0, :2]
    for t in range(1, e.shape[1]):
        y[:, t] = e[:, t] + _shares(_before(y[:, t - 1], skip))[0]
    return y


def _back(g: np.ndarray, y: np.ndarray, skip: np.ndarray, *sizes: Any) -> np.ndarray:
    d = g.copy()
    for t in range(g.shape[1] - 2, -1, -1):
        parts = d[:, t + 1] * _shares(_before(y[:, t], skip))[1]
        d[:, t] += parts[0]
        d[:, t, :-1] += parts[1, :, 1:]
        d[:, t, :-2] += parts[2, :, 2:]
    return d
