"""What NumPy has of the workloads; in float64 it is what errors are measured against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.bench.with_numpy_operations import OPERATIONS
from jairika_nb.bench.workloads import MANY, Arrays, Workload


def ready(workload: Workload, dtype: Any = np.float32) -> Op | None:
    """The operation, or None for a training step."""
    known = workload.name == "adam" or (workload.operation in OPERATIONS and not workload.wanted)
    return Op(workload, dtype) if known and workload.kind == "op" else None


class Op:
    """One operation."""

    def __init__(self, workload: Workload, dtype: Any) -> None:
        self.workload, self.dtype = workload, dtype
        self.begin()

    def begin(self) -> None:
        """Take the inputs as they are drawn, and no steps."""
        drawn = self.workload.inputs()
        self.inputs = {
            k: a if a.dtype.kind == "i" else a.astype(self.dtype) for k, a in drawn.items()
        }
        self.forward: Callable[..., Any] = (
            Adam(self.inputs)
            if self.workload.name == "adam"
            else OPERATIONS[self.workload.operation]
        )

    def step(self) -> Any:
        """The result."""
        return self.forward(**self.inputs)

    def results(self) -> Arrays:
        """The result; of Adam that of the first step."""
        self.begin()
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
