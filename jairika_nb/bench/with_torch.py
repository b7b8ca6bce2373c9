"""The workloads in PyTorch, as it is or through ``torch.compile``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from jairika_nb.bench.networks import network
from jairika_nb.bench.with_torch_operations import function, inputs
from jairika_nb.bench.workloads import MANY, Arrays, Workload, weights

# The variable of the environment that tells what kind of device ours computes on.
KIND = "JRK_BENCH_KIND"


def ready(
    workload: Workload, compiled: bool = False, dtype: Any = torch.float32
) -> Training | Op | Optimiser:
    """The workload; in float64 it is what errors are measured against."""
    if workload.kind == "training":
        return Training(workload, compiled, dtype)
    if workload.name == "adam":
        return Optimiser(workload, compiled, dtype)
    return Op(workload, compiled, dtype)


def place() -> str:
    """Where PyTorch computes: on its accelerator where ours computes on a GPU, else the CPU."""
    if os.environ.get(KIND) != "gpu":
        return "cpu"
    for name in ("cuda", "xpu", "mps"):
        if getattr(torch, name).is_available():
            return name
    raise RuntimeError(f"this PyTorch {torch.__version__} has no accelerator beside ours")


def wait() -> None:
    """Wait for what was begun."""
    if place() != "cpu":
        getattr(torch, place()).synchronize()


class Training:
    """A step of training that reads its loss."""

    def __init__(self, workload: Workload, compiled: bool, dtype: Any) -> None:
        self.net = network(workload.name, torch.nn).to(place(), dtype)
        self.begin()
        # More tensors to a step than it would take by itself on a CPU.
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, fused=True)
        x, y = (torch.from_numpy(each).to(place()) for each in workload.inputs().values())
        self.x, self.y = x.to(dtype) if x.is_floating_point() else x.long(), y.long().reshape(-1)
        self.forward: Any = torch.compile(self.loss) if compiled else self.loss

    def begin(self) -> None:
        """Take the weights that every library begins with."""
        drawn = {k: torch.from_numpy(weights(k, p.shape)) for k, p in self.net.named_parameters()}
        self.net.load_state_dict({**self.net.state_dict(), **drawn})

    def loss(self, x: Any, y: Any) -> Any:
        """The mean cross-entropy."""
        return functional.cross_entropy(self.net(x), y)

    def step(self) -> float:
        """One step."""
        self.optimizer.zero_grad()
        loss = self.forward(self.x, self.y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def results(self) -> Arrays:
        """Gradients at the first weights."""
        self.begin()
        self.optimizer.zero_grad()
        self.forward(self.x, self.y).backward()
        return {k: p.grad.cpu().numpy() for k, p in self.net.named_parameters()}

    def memory(self) -> dict[str, int]:
        """What a step allocates beside what is there before it."""
        kept = [*self.net.parameters(), *self.net.buffers(), self.x, self.y]
        kept += [m for state in self.optimizer.state.values() for m in state.values()]
        kept += [p.grad for p in self.net.parameters()]
        return {"bytes": _bytes(kept) + allocated(self.step)}


class Op:
    """One operation."""

    def __init__(self, workload: Workload, compiled: bool, dtype: Any) -> None:
        self.inputs = placed(inputs(workload, dtype))
        self.forward = function(workload, compiled)

    def step(self) -> Any:
        """The result."""
        found = self.forward(**self.inputs)
        wait()
        return found

    def results(self) -> Arrays:
        """The result, or the gradients."""
        found = self.step()
        found = found if isinstance(found, dict) else {"y": found}
        return {key: each.detach().cpu().numpy() for key, each in found.items()}

    def memory(self) -> dict[str, int]:
        """The inputs and what a call allocates."""
        return {"bytes": _bytes(self.inputs.values()) + allocated(self.step)}


class Optimiser:
    """A step of Adam with gradients that are given."""

    def __init__(self, workload: Workload, compiled: bool, dtype: Any) -> None:
        self.drawn = placed(inputs(workload, dtype))
        drawn = {key: each.clone() for key, each in self.drawn.items()}
        self.parameters = [torch.nn.Parameter(drawn[f"p{i}"]) for i in range(MANY)]
        for i, each in enumerate(self.parameters):
            each.grad = drawn[f"g{i}"]
        self.optimizer = torch.optim.Adam(self.parameters, lr=1e-3, fused=not compiled)
        step: Any = self.optimizer.step
        self.forward = torch.compile(step) if compiled else step

    def begin(self) -> None:
        """Take the parameters as they are drawn, and no steps."""
        with torch.no_grad():
            for i, each in enumerate(self.parameters):
                each.copy_(self.drawn[f"p{i}"])
            for state in self.optimizer.state.values():
                for kept in state.values():
                    kept.zero_()

    def step(self) -> None:
        """One step."""
        self.forward()
        wait()

    def results(self) -> Arrays:
        """The parameters after the first step."""
        self.begin()
        self.step()
        return {f"p{i}": p.detach().cpu().numpy() for i, p in enumerate(self.parameters)}

    def memory(self) -> dict[str, int]:
        """Parameters, gradients, moments, and what a step allocates."""
        kept = [*self.parameters, *(p.grad for p in self.parameters)]
        kept += [m for state in self.optimizer.state.values() for m in state.values()]
        return {"bytes": _bytes(kept) + allocated(self.step)}


def placed(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors where PyTorch computes."""
    return {key: each.to(place()) for key, each in tensors.items()}


def _bytes(tensors: Any) -> int:
    return sum(each.nbytes for each in tensors if each is not None)


def allocated(step: Any) -> int:
    """The most bytes that a step's own allocations come to at one time."""
    step()
    if place() == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return torch.cuda.max_memory_allocated() - before
    kinds = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=kinds, profile_memory=True) as profile:
        step()
    live = most = 0
    found = (e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]")
    for event in sorted(found, key=lambda e: e.start_ns()):
        live += event.nbytes()
        most = max(most, live)
    return most
