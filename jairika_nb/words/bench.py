"""The word ``bench``: how fast this is here, beside PyTorch where that is installed."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any

from jairika_nb.errors import WordError
from jairika_nb.words.results import Sheet
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument

# Launches whose host time is measured, and steps of the network for each library.
LAUNCHES, STEPS = 1000, 200
LAYERS, BATCH = (784, 256, 128, 10), 128
IMPORT = """
import time
start = time.perf_counter()
import jairika_nb
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Row:
    """One measure: seconds of ours and of the peer, each the median and the least of a run."""

    name: str
    unit: str
    ours: tuple[float, float]
    peer: tuple[float, float] | None = None
    target: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        scale = {"s": 1.0, "ms": 1e3, "us": 1e6}[self.unit]
        target = "" if self.target is None else f"at most {self.target * scale:g} {self.unit}"
        peer, ratio = "", ""
        if self.peer is not None:
            peer = f"{self.peer[0] * scale:.3g} {self.unit}"
            ratio = f"{self.peer[0] / self.ours[0]:.2f}"
        middle, least = (f"{x * scale:.3g} {self.unit}" for x in self.ours)
        return self.name, middle, least, peer, ratio, target

    def facts(self) -> dict[str, Any]:
        """The row as JSON, in seconds."""
        found: dict[str, Any] = {
            "name": self.name, "median_seconds": self.ours[0], "least_seconds": self.ours[1],
        }  # fmt: skip
        if self.peer is not None:
            found |= {"pytorch_median_seconds": self.peer[0], "pytorch_least_seconds": self.peer[1]}
        if self.target is not None:
            found |= {"target_seconds": self.target}
        return found


COLUMNS = ("measure", "median", "least", "PyTorch", "ratio", "target")


def bench(
    session: Session,
    what: Annotated[
        str, Argument("compute (the default), or store for model files", show="WHAT")
    ] = "compute",
) -> Sheet:
    """Measure the import, a launch and a training step beside PyTorch's, or model files."""
    from jairika_nb.engine.device import default
    from jairika_nb.words.bench_store import measured

    if what == "store":
        return measured(session)
    if what != "compute":
        raise WordError(f"bench: {what!r} is none of compute, store")
    device = default()
    session.say(f"measuring on {device.name} ({device.driver})")
    rows = [imported(), *([] if device.is_reference else [launched()]), trained()]
    peer = bool(importlib.util.find_spec("torch"))
    return Sheet(
        f"{device.name} ({device.driver})",
        COLUMNS,
        tuple(row.cells() for row in rows),
        {
            "device": device.id,
            "name": device.name,
            "driver": device.driver,
            "rows": [row.facts() for row in rows],
        },
        (RATIO if peer else NO_PEER,),
    )


RATIO = "ratio: PyTorch's median by ours; above 1 is faster than PyTorch"
NO_PEER = "PyTorch is not installed, so nothing is compared with it"


def imported() -> Row:
    """``import jairika_nb`` in a process of its own."""

    def once() -> float:
        command = [sys.executable, "-c", IMPORT]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    return Row("import jairika_nb", "ms", summary([once() for _ in range(5)]), target=0.3)


def launched() -> Row:
    """The host's time for each launch of a compiled function, all it does for a call included."""
    import jairika_nb as jrk

    x = jrk.tensor([[3.0, 1.0], [2.0, 4.0]])
    links = jrk.compile(_links)
    for _ in range(3):
        links(x).numpy()
    with jrk.profile() as p:
        links(x).numpy()
    seconds = []
    for _ in range(max(20, 2 * LAUNCHES // p.launches)):
        start = time.perf_counter()
        result = links(x)
        seconds.append((time.perf_counter() - start) / p.launches)
        # The queue is emptied between calls: a full one would make the host wait.
        result.numpy()
    return Row("replayed launch, host", "us", summary(seconds), target=3e-6)


def _links(x: Any) -> Any:
    # Sorts cannot join other kernels, so that each is a launch.
    import jairika_nb as jrk

    for _ in range(100):
        x = jrk.sort(x, axis=0) * 0.5
    return x


def trained() -> Row:
    """A step of Adam on a network of three layers, before and after PyTorch's."""
    step = our_step()
    ours = timed(step, STEPS // 2)
    peer = torch_seconds()
    ours += timed(step, STEPS // 2)
    sizes = "-".join(map(str, LAYERS))
    name = f"training step, {sizes}, batch {BATCH}"
    return Row(name, "ms", summary(ours), summary(peer) if peer else None)


def timed(step: Callable[[], float], count: int) -> list[float]:
    """Seconds of each of ``count`` steps."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


def torch_seconds() -> list[float]:
    """Seconds of PyTorch's steps, none where it is not installed.

    In a process of its own: in one process the threads of both would wait for each other.
    """
    if importlib.util.find_spec("torch") is None:
        return []
    text = f"from jairika_nb.words import bench; bench.print_torch({STEPS})"
    found = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True
    ).stdout
    return json.loads(found.splitlines()[-1])


def print_torch(count: int) -> None:
    """Write the seconds of PyTorch's steps as JSON."""
    print(json.dumps(timed(torch_step(), count)))


def our_step() -> Callable[[], float]:
    """A compiled step that reads its loss."""
    import jairika_nb as jrk
    from jairika_nb import nn, optim

    layers: list[Any] = []
    for n, m in pairwise(LAYERS):
        layers += [nn.Linear(n, m), nn.ReLU()]
    net, opt = nn.Sequential(*layers[:-1]), optim.Adam(lr=1e-3)
    images, labels = _data()
    x, y = jrk.tensor(images), jrk.tensor(labels)

    @jrk.compile
    def step(x: Any, y: Any) -> Any:
        loss = nn.functional.cross_entropy(net(x), y)
        opt.update(net, loss.backward(net))
        return loss

    return _warm(lambda: float(step(x, y)))


def torch_step() -> Callable[[], float]:
    """The same step in PyTorch."""
    import torch

    layers: list[Any] = []
    for n, m in pairwise(LAYERS):
        layers += [torch.nn.Linear(n, m), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1])
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    images, labels = (torch.from_numpy(part) for part in _data())

    def step() -> float:
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(images), labels.long())
        loss.backward()
        opt.step()
        return loss.item()

    return _warm(step)


def _data() -> tuple[Any, Any]:
    import numpy as np

    rng = np.random.default_rng(0)
    images = rng.random((BATCH, LAYERS[0]), np.float32)
    return images, rng.integers(0, LAYERS[-1], BATCH).astype(np.int32)


def _warm(step: Callable[[], float]) -> Callable[[], float]:
    for _ in range(10):
        step()
    return step


def summary(seconds: list[float]) -> tuple[float, float]:
    """The median and the least.

    >>> summary([3.0, 1.0, 2.0])
    (2.0, 1.0)
    """
    return statistics.median(seconds), min(seconds)
