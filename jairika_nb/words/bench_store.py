"""How fast model files are here: commits, loads and lists beside plain writes and safetensors."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jairika_nb.words.results import Sheet
from jairika_nb.words.session import Session

TENSORS, EACH = 32, 1 << 19  # float32 values: 64 MiB in all
ITERATIONS, LAYERS, LAYER = 100, 20, 1 << 16  # of the history whose size is measured; 256 KiB
LONG = 20_000  # iterations of the list that is read
COLUMNS = ("measure", "median", "least", "beside", "ratio", "target")


@dataclass(frozen=True)
class Measure:
    """Seconds of ours and of what it stands beside, and the ratio that is aimed at."""

    name: str
    ours: list[float]
    peer: list[float] | None = None
    beside: str = ""
    target: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by the peer's, each the median."""
        return statistics.median(self.ours) / statistics.median(self.peer) if self.peer else None

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        peer = f"{self.beside} {_shown(statistics.median(self.peer))}" if self.peer else ""
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        middle, least = _shown(statistics.median(self.ours)), _shown(min(self.ours))
        return self.name, middle, least, peer, ratio, self.target

    def facts(self) -> dict[str, Any]:
        """The row as JSON, in seconds."""
        return {
            "name": self.name,
            "median_seconds": statistics.median(self.ours),
            "least_seconds": min(self.ours),
            "beside": self.beside or None,
            "ratio": self.ratio,
        }


def measured(session: Session) -> Sheet:
    """Measure in a folder of its own on the disk of the current one, and leave nothing there."""
    with tempfile.TemporaryDirectory(prefix=".jrk-bench-", dir=os.curdir) as name:
        folder, rows = Path(name), []
        for measure in (large_commits, small_commits, loads, listing):
            session.say(f"measuring {measure.__name__.replace('_', ' ')}")
            rows += measure(folder)
        ratio = size_of_history(folder)
    cells = [row.cells() for row in rows]
    cells.append((SIZE, "", "", "", f"{ratio:.2f}", "at most 1.05"))
    facts = [row.facts() for row in rows] + [{"name": SIZE, "ratio": ratio}]
    note = "ratio: ours by what it stands beside; below 1 is better than that"
    return Sheet("model files", COLUMNS, tuple(cells), {"rows": facts}, (note,))


SIZE = f"size of {ITERATIONS} iterations, one of {LAYERS} layers changing, by what changed"


def large_commits(folder: Path) -> list[Measure]:
    """A new state of 64 MiB, beside writing its bytes and waiting for the disk, in turns."""
    from jairika_nb import store

    ours, peer = [], []
    for turn in range(5):
        state, path = state_of(turn), folder / f"large-{turn}.jrk.h5"
        peer.append(_timed(_written, folder / "raw", state))
        with store.init(path) as model:
            ours.append(_timed(model.commit, state))
        path.unlink()
    return [Measure("commit of 64 MiB", ours, peer, "write and sync", "at most 1.4")]


def small_commits(folder: Path) -> list[Measure]:
    """A few numbers, again and again."""
    import numpy as np

    from jairika_nb import store

    with store.init(folder / "small.jrk.h5") as model:
        states = [{"0.weight": np.full(100, n, np.float32)} for n in range(40)]
        ours = [_timed(model.commit, state) for state in states]
    return [Measure("commit of 400 bytes", ours)]


def loads(folder: Path) -> list[Measure]:
    """Reading 64 MiB that lie in the system's cache; opening alone."""
    from jairika_nb import store

    state, path = state_of(0), folder / "loads.jrk.h5"
    store.init(path, state).close()
    peer = _safetensors(folder / "loads.safetensors", state)
    full, opened = [], []
    for _ in range(5):
        full.append(_timed(lambda: store.open(path)["main"].head.arrays()))
        opened.append(_timed(lambda: store.open(path)["main"].head.arrays(lazy=True)["0.weight"]))
    beside = "safetensors" if peer else ""
    return [
        Measure("open and load 64 MiB, checked", full, peer, beside),
        Measure("open and map one layer of it", opened),
    ]


def listing(folder: Path) -> list[Measure]:
    """Opening a history of 20,000 iterations and giving all their names."""
    from jairika_nb import store

    path = folder / "long.jrk.h5"
    with store.init(path) as model:
        model.commit({"0.weight": 1.0}, name="first")
        model._change(_lengthened)
    found = [_timed(lambda: list(store.open(path)["main"])) for _ in range(3)]
    return [Measure(f"open and list {LONG:,} iterations", found)]


def size_of_history(folder: Path) -> float:
    """Bytes of the file by the bytes of the layers that differ."""
    import numpy as np

    from jairika_nb import store

    chosen, path = np.random.default_rng(0), folder / "history.jrk.h5"
    state = {f"{n}.weight": chosen.random(LAYER, np.float32) for n in range(LAYERS)}
    with store.init(path, state) as model:
        for turn in range(ITERATIONS - 1):
            state[f"{turn % LAYERS}.weight"] = chosen.random(LAYER, np.float32)
            model.commit(state)
    return path.stat().st_size / ((LAYERS + ITERATIONS - 1) * 4 * LAYER)


def state_of(seed: int) -> dict[str, Any]:
    """64 MiB of numbers, others for each seed."""
    import numpy as np

    chosen = np.random.default_rng(seed)
    return {f"{n}.weight": chosen.random(EACH, np.float32) for n in range(TENSORS)}


def _lengthened(reader: Any, layout: Any) -> tuple[Any, None]:
    """The newest iteration once more under many names, as far as a list can tell."""
    row = reader.iterations("main")[-1]
    origin = (row.variant, row.name)
    rows = tuple(replace(row, name=f"step-{n}", origin=origin) for n in range(LONG))
    return replace(reader.catalogue, tail=(*reader.catalogue.tail, *rows)), None


def _written(path: Path, state: dict[str, Any]) -> None:
    with open(path, "wb") as file:
        for values in state.values():
            file.write(values.data)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _safetensors(path: Path, state: dict[str, Any]) -> list[float] | None:
    try:
        from safetensors.numpy import load_file, save_file
    except ImportError:
        return None
    save_file(state, path)
    load_file(path)
    return [_timed(lambda: load_file(path)) for _ in range(5)]


def _timed(action: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start


def _shown(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
