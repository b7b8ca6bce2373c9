"""The single operations in NumPy; in float64 they are what errors are measured against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.bench.workloads import MANY, Arrays, Workload


def ready(workload: Workload, dtype: Any = np.float32) -> Op | None:
    """The operation, or None for a training step."""
    return None if workload.kind == "training" else Op(workload, dtype)


class Op:
    """One operation."""

    def __init__(self, workload: Workload, dtype: Any) -> None:
        self.inputs = {key: each.astype(dtype) for key, each in workload.inputs().items()}
        self.forward: Callable[..., Any] = (
            Adam(self.inputs) if workload.name == "adam" else OPS[workload.name]
        )

    def step(self) -> Any:
        """The result."""
        return self.forward(**self.inputs)

    def results(self) -> Arrays:
        """The result."""
        found = self.step()
        return found if isinstance(found, dict) else {"y": np.asarray(found)}

    def memory(self) -> dict[str, int]:
        """Not measured: NumPy tells nothing of what it allocates."""
        return {}


class Adam:
    """D. P. Kingma, J. Ba 2015, in place."""

    def __init__(self, inputs: Arrays) -> None:
        self.first = [np.zeros_like(inputs[f"p{i}"]) for i in range(MANY)]
        self.second = [np.zeros_like(inputs[f"p{i}"]) for i in range(MANY)]
        self.steps = 0

    def __call__(self, **inputs: np.ndarray) -> Arrays:
        self.steps += 1
        rate = 1e-3 / (1 - 0.9**self.steps)
        for i in range(MANY):
            p, g, m, v = inputs[f"p{i}"], inputs[f"g{i}"], self.first[i], self.second[i]
            m += (g - m) * p.dtype.type(0.1)
            v += (g * g - v) * p.dtype.type(0.001)
            p -= p.dtype.type(rate) * m / (np.sqrt(v / (1 - 0.999**self.steps)) + 1e-8)
        return {f"p{i}": inputs[f"p{i}"] for i in range(MANY)}


def chain(x: np.ndarray) -> Any:
    """exp(sigmoid(2x + 1) * x - 3), summed."""
    return np.exp(x / (1 + np.exp(-(2 * x + 1))) - 3).sum()


def softmax(x: np.ndarray) -> np.ndarray:
    """Along the rows."""
    found = np.exp(x - x.max(-1, keepdims=True))
    return found / found.sum(-1, keepdims=True)


def layernorm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Along the rows."""
    middle, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - middle) / np.sqrt(spread + 1e-5) * weight + bias


OPS: dict[str, Callable[..., Any]] = {
    "chain": chain,
    "softmax": softmax,
    "layernorm": layernorm,
    "matmul": lambda a, b: a @ b,
}
