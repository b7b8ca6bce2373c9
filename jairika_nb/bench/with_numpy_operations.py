"""The operations of the benchmark in NumPy, those that it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def softmax(x: np.ndarray) -> np.ndarray:
    """Along the rows."""
    found = np.exp(x - x.max(-1, keepdims=True))
    return found / found.sum(-1, keepdims=True)


def layernorm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Along the rows."""
    middle, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - middle) / np.sqrt(spread + 1e-5) * weight + bias


def gelu(x: np.ndarray) -> np.ndarray:
    """By ``tanh`` (D. Hendrycks, K. Gimpel 2016)."""
    return x * (1 + np.tanh(np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x**3))) / 2


def cross_entropy(x: np.ndarray, y: np.ndarray) -> Any:
    """The mean over the rows."""
    most = x.max(-1)
    sums = np.exp(x - most[:, None]).sum(-1)
    return (np.log(sums) + most - x[np.arange(len(y)), y]).mean()


OPERATIONS: dict[str, Callable[..., Any]] = {
    "chain": lambda x: np.exp(x / (1 + np.exp(-(2 * x + 1))) - 3).sum(),
    "matmul": lambda a, b: a @ b,
    "matmul_tn": lambda a, b: a.T @ b,
    "matmul_nt": lambda a, b: a @ b.T,
    "dense_gelu": lambda a, b, bias: gelu(a @ b + bias),
    "softmax": softmax,
    "layernorm": layernorm,
    "cross_entropy": cross_entropy,
    "sum": lambda x: x.sum(),
    "sum_rows": lambda x: x.sum(1),
    "sum_columns": lambda x: x.sum(0),
    "scale": lambda x: 2 * x,
    "add": lambda x, y: x + y,
    "triad": lambda x, y: x + 3 * y,
    "transpose": lambda x: x.T.copy(),
    "exp": lambda x: np.exp(x),
    "tanh": lambda x: np.tanh(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "embedding": lambda x, weight: weight[x],
    "sort": lambda x: np.sort(x, axis=1),
    "cumsum": lambda x: np.cumsum(x, axis=1),
}
