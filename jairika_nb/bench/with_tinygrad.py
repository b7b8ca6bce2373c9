"""The single operations in tinygrad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad import Tensor, TinyJit

from jairika_nb.bench.workloads import Arrays, Workload


def ready(workload: Workload) -> Op | None:
    """The operation, or None for what is not written here."""
    return Op(workload) if workload.name in OPS else None


class Op:
    """One operation, through its ``TinyJit``."""

    def __init__(self, workload: Workload) -> None:
        self.inputs = [Tensor(each).realize() for each in workload.inputs().values()]
        self.forward = TinyJit(lambda *given: OPS[workload.name](*given).realize())

    def step(self) -> Any:
        """The result, finished."""
        from tinygrad.device import Device

        found = self.forward(*self.inputs)
        Device[Device.DEFAULT].synchronize()
        return found

    def results(self) -> Arrays:
        """The result."""
        return {"y": self.step().numpy()}

    def memory(self) -> dict[str, int]:
        """Not measured."""
        return {}


OPS: dict[str, Callable[..., Any]] = {
    "chain": lambda x: ((2 * x + 1).sigmoid() * x - 3).exp().sum(),
    "softmax": lambda x: x.softmax(-1),
    "layernorm": lambda x, w, b: x.layernorm(-1) * w + b,
    "matmul": lambda a, b: a @ b,
}
