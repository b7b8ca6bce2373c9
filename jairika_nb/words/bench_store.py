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

from jairika_nb.errors import MissingPackage
from jairika_nb.words import bench_cold, bench_networks
from jairika_nb.words.results import Sheet
from jairika_nb.words.session import Session

LAYERS_OF, EACH = 76, 11 << 16  # float32 values: 209 MiB in all
LARGE = 2 * EACH  # of a network whose layers are mapped: 418 MiB
ITERATIONS, LAYERS, LAYER = 100, 20, 1 << 16  # of the history whose size is measured; 256 KiB
LONG, SEALED = 20_000, 256  # iterations of the list that is read, and of a full segment
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
        for measure in (large_commits, small_commits, loads, maps, listing):
            session.say(f"measuring {measure.__name__.replace('_', ' ')}")
            rows += measure(folder)
        session.say("measuring loads of a network")
        lazy, whole = bench_networks.loads(folder)
        rows += [Measure(*lazy, target="at most 20 ms"), Measure(*whole)]
        ratios, notes = [(SIZE, size_of_history(folder), "at most 1.1")], [NOTE]
        session.say("measuring cold history")
        try:
            found, ratio = bench_cold.cold_history(folder)
        except MissingPackage as error:
            notes.append(f"no cold history: {error}")
        else:
            rows += [Measure(name, [cold], [plain], "plain") for name, cold, plain in found]
            ratios.append((COLD, ratio, ""))
    cells = [row.cells() for row in rows]
    cells += [(name, "", "", "", f"{ratio:.2f}", target) for name, ratio, target in ratios]
    facts = [row.facts() for row in rows]
    facts += [{"name": name, "ratio": ratio} for name, ratio, _ in ratios]
    return Sheet("model files", COLUMNS, tuple(cells), {"rows": facts}, tuple(notes))


NOTE = "ratio: ours by what it stands beside; below 1 is better than that"
COLD = "size of steps of training, cold by plain"
SIZE = f"size of {ITERATIONS} iterations, one of {LAYERS} layers changing, by what changed"


def large_commits(folder: Path) -> list[Measure]:
    """A new state, and one with one other layer, beside writing all bytes and waiting for the disk.

    In turns, as disks have moods.
    """
    from jairika_nb import store

    ours, part, peer = [], [], []
    for turn in range(5):
        state, path = state_of(turn), folder / f"large-{turn}.jrk.h5"
        peer.append(_timed(_written, folder / "raw", state))
        with store.init(path) as model:
            ours.append(_timed(model.commit, state))
            state["1.weight"] = state["1.weight"] + 1
            part.append(_timed(model.commit, state))
        path.unlink()
    size = _mebibytes(LAYERS_OF * EACH)
    one = f"commit of {size}, one of {LAYERS_OF} layers changed"
    return [
        Measure(f"commit of {size}", ours, peer, "write and sync", "at most 1.4"),
        Measure(one, part, peer, "write and sync all", "at most 0.4"),
    ]


def small_commits(folder: Path) -> list[Measure]:
    """A few numbers, again and again."""
    import numpy as np

    from jairika_nb import store

    with store.init(folder / "small.jrk.h5") as model:
        states = [{"0.weight": np.full(100, n, np.float32)} for n in range(40)]
        ours = [_timed(model.commit, state) for state in states]
    return [Measure("commit of 400 bytes", ours)]


def loads(folder: Path) -> list[Measure]:
    """Reading what lies in the system's cache, beside safetensors, in turns."""
    from jairika_nb import store

    state, path, other = state_of(0), folder / "loads.jrk.h5", folder / "loads.safetensors"
    store.init(path, state).close()
    load = _safetensors(other, state)
    ours, peer = [], []
    for _ in range(7):
        ours.append(_timed(lambda: store.open(path)["main"].head.arrays()))
        if load:
            peer.append(_timed(load))
    name = f"open and load {_mebibytes(LAYERS_OF * EACH)}, checked"
    path.unlink()
    return [Measure(name, ours, peer or None, "safetensors" if peer else "", "at most 1.0")]


def maps(folder: Path) -> list[Measure]:
    """Opening a large iteration for one of its layers, which is checked."""
    from jairika_nb import store

    path = folder / "maps.jrk.h5"
    store.init(path, state_of(0, LARGE)).close()
    opened = [
        _timed(lambda: store.open(path)["main"].head.arrays(lazy=True)["1.weight"])
        for _ in range(7)
    ]
    path.unlink()
    name = f"open {_mebibytes(LAYERS_OF * LARGE)} and map one layer"
    return [Measure(name, opened, target="at most 20 ms")]


def listing(folder: Path) -> list[Measure]:
    """Opening a history of 20,000 iterations: all names, and the tree that the sidebar shows."""
    from jairika_nb import store
    from jairika_nb.store import reader

    path = folder / "long.jrk.h5"
    with store.init(path) as model:
        model.commit({"0.weight": 1.0}, name="first")
        for start in range(0, LONG, SEALED):
            model._change(_lengthened(range(start, min(start + SEALED, LONG))))
    names = [_timed(lambda: list(store.open(path)["main"])) for _ in range(5)]
    trees = [_timed(lambda: reader.read_tree(path)) for _ in range(5)]
    return [
        Measure(f"open and list {LONG:,} iterations", names, target="at most 100 ms"),
        Measure(f"the tree of {LONG:,} iterations", trees),
    ]


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


def state_of(seed: int, each: int | None = None) -> dict[str, Any]:
    """Layers of numbers, others for each seed."""
    import numpy as np

    chosen = np.random.default_rng(seed)
    return {f"{n}.weight": chosen.random(each or EACH, np.float32) for n in range(LAYERS_OF)}


def _lengthened(numbers: range) -> Callable[[Any, Any], tuple[Any, None]]:
    """More iterations, as far as a list can tell: ids and parents of their own, no tensors."""

    def change(reader: Any, layout: Any) -> tuple[Any, None]:
        from jairika_nb.store.canonical import digest

        row, rows = reader.iterations("main")[-1], []
        for n in numbers:
            measures = {"loss": 1 / (n + 1), "accuracy": 0.5}
            ids = {"id": digest(b"%d" % n), "parents": (row.id,)}
            row = replace(row, name=f"step-{n}", metrics=measures, **ids)
            rows.append(row)
        return replace(reader.catalogue, tail=(*reader.catalogue.tail, *rows)), None

    return change


def _written(path: Path, state: dict[str, Any]) -> None:
    with open(path, "wb") as file:
        for values in state.values():
            file.write(values.data)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _safetensors(path: Path, state: dict[str, Any]) -> Callable[[], Any] | None:
    try:
        from safetensors.numpy import load_file, save_file
    except ImportError:
        return None
    save_file(state, path)
    return lambda: load_file(path)


def _mebibytes(values: int) -> str:
    return f"{4 * values / (1 << 20):.0f} MiB"


def _timed(action: Callable[..., Any], *arguments: Any) -> float:
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start


def _shown(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"
