"""The workloads in this package."""

from __future__ import annotations

from typing import Any

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.bench.networks import network
from jairika_nb.bench.our_operations import function
from jairika_nb.bench.workloads import MANY, Arrays, Workload, weights


def ready(workload: Workload) -> Training | Op | Optimiser:
    """The workload, compiled."""
    if workload.kind == "training":
        return Training(workload)
    return Optimiser(workload) if workload.name == "adam" else Op(workload)


class Training:
    """A step of training that reads its loss."""

    def __init__(self, workload: Workload) -> None:
        self.net = network(workload.name, nn)
        self.begin()
        self.optimizer = optim.Adam(lr=1e-3)
        self.inputs = [jrk.tensor(each) for each in workload.inputs().values()]
        self.compiled = jrk.compile(self._step)

    def begin(self) -> None:
        """Take the weights that every library begins with."""
        drawn = {key: weights(key, p.shape) for key, p in self.net.named_parameters()}
        self.net.load_state_dict({**self.net.state_dict(), **drawn})

    def loss(self, x: Any, y: Any) -> Any:
        """The mean cross-entropy."""
        return nn.functional.cross_entropy(self.net(x), y.reshape(-1))

    def _step(self, x: Any, y: Any) -> Any:
        loss = self.loss(x, y)
        self.optimizer.update(self.net, loss.backward(self.net))
        return loss

    def step(self) -> float:
        """One step."""
        return float(self.compiled(*self.inputs))

    def results(self) -> Arrays:
        """Gradients at the first weights."""
        self.begin()
        return {k: g.numpy() for k, g in self.loss(*self.inputs).backward(self.net).items()}

    def memory(self) -> dict[str, int]:
        """What a replayed step needs and launches."""
        return facts(self.step)


class Op:
    """One operation, compiled."""

    def __init__(self, workload: Workload) -> None:
        self.inputs = {key: jrk.tensor(each) for key, each in workload.inputs().items()}
        self.compiled = jrk.compile(function(workload))

    def step(self) -> Any:
        """The result, finished."""
        found = self.compiled(**self.inputs)
        jrk.synchronize()
        return found

    def results(self) -> Arrays:
        """The result, or the gradients."""
        found = self.step()
        found = found if isinstance(found, dict) else {"y": found}
        return {key: each.numpy() for key, each in found.items()}

    def memory(self) -> dict[str, int]:
        """What a replayed call needs and launches."""
        return facts(self.step)


class Optimiser:
    """A step of Adam with gradients that are given."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.begin()

        @jrk.compile
        def update(grads: dict[str, Any]) -> None:
            self.optimizer.update(self.net, grads)

        self.compiled = update

    def begin(self) -> None:
        """Take the parameters as they are drawn, and no steps."""
        drawn = self.workload.inputs()
        self.net = nn.ParameterList([nn.Parameter(drawn[f"p{i}"]) for i in range(MANY)])
        names = [name for name, _ in self.net.named_parameters()]
        self.grads = {name: jrk.tensor(drawn[f"g{i}"]) for i, name in enumerate(names)}
        self.optimizer = optim.Adam(lr=1e-3)

    def step(self) -> None:
        """One step, finished."""
        self.compiled(self.grads)
        jrk.synchronize()

    def results(self) -> Arrays:
        """The parameters after the first step."""
        self.begin()
        self.step()
        return {f"p{i}": p.numpy() for i, p in enumerate(self.net.parameters())}

    def memory(self) -> dict[str, int]:
        """What a replayed step needs and launches."""
        return facts(self.step)


def facts(step: Any) -> dict[str, int]:
    """Launches of a replayed step, and the most device memory in use."""
    step()
    with jrk.profile() as p:
        step()
    return {"bytes": p.peak_bytes, "launches": p.launches}
