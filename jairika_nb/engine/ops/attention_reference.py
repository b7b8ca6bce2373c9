"""Attention and its derivatives in NumPy, in double precision: the oracle of the kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def _scores(attrs: Any, q: np.ndarray, k: np.ndarray, *more: np.ndarray) -> np.ndarray:
    causal, scale, masked, _ = attrs
    scores = scale * (q.astype(np.float64) @ k.astype(np.float64).swapaxes(-1, -2))
    if causal:
        return np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    if not masked:
        return scores
    return np.where(more[0], scores, -np.inf) if more[0].dtype == bool else scores + more[0]


def _logsum(masked: bool, scores: np.ndarray) -> np.ndarray:
    top = scores.max(axis=-1, keepdims=True, initial=-np.inf)
    blind = (top == -np.inf) & masked
    top = np.where(blind, 0, top)
    total = np.exp(scores - top).sum(axis=-1, keepdims=True)
    return np.where(blind, np.inf, np.log(np.where(blind, 1, total)) + top)


def _weights(attrs: Any, *operands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and what dropout multiplies them with."""
    q, k, _, *more = operands
    scores = _scores(attrs, q, k, *more)
    chances = np.exp(scores - _logsum(attrs[2], scores))
    keep = attrs[3]
    if keep == 1:
        return chances, np.ones(())
    kept = (more[-1] >> 8).astype(np.float32) * np.float32(2.0**-24) < np.float32(keep)
    return chances, kept / keep


def on_host(attrs: Any, *operands: np.ndarray) -> np.ndarray:
    """The mean of values."""
    chances, kept = _weights(attrs, *operands)
    return ((chances * kept) @ operands[2]).astype(operands[2].dtype)


def logsum_on_host(attrs: Any, *operands: np.ndarray) -> np.ndarray:
    """The logarithm of each row's sum of exponentials."""
    q, k, _, *more = operands
    return _logsum(attrs[2], _scores(attrs, q, k, *more))[..., 0].astype(q.dtype)


def on_host_back(number: int) -> Callable[..., np.ndarray]:
    """The derivative of queries, keys or values, by number."""

    def back(attrs: Any, g: np.ndarray, y: np.ndarray, logsum: np.ndarray, *operands: Any) -> Any:
        chances, kept = _weights(attrs, *operands)
        q, k, v = (o.astype(np.float64) for o in operands[:3])
        g = g.astype(np.float64)
        if number == 2:
            return ((chances * kept).swapaxes(-1, -2) @ g).astype(operands[2].dtype)
        of_chances = kept * (g @ v.swapaxes(-1, -2))
        mean = (of_chances * chances).sum(axis=-1, keepdims=True)
        of_scores = attrs[1] * chances * (of_chances - mean)
        found = of_scores @ k if number == 0 else of_scores.swapaxes(-1, -2) @ q
        return found.astype(operands[number].dtype)

    return back
