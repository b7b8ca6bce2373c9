"""One writer and many readers of a file, each a process, and what each of them met."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb import store
from jairika_nb.store import reader

SERVER = multiprocessing.get_context("forkserver")
# Modules of the tests it would not find: its path is that of a new Python (before 3.13).
SERVER.set_forkserver_preload(["h5py", "filelock", "jairika_nb.store.opening"])
LAYERS, SIZE = 4, 3000
KEPT = 150  # iterations, before the writer begins a new variant and collects the old one
PATIENCE = 120  # seconds


def state(step: int) -> dict[str, np.ndarray]:
    """Every value of it tells the step, so that a mixture of two shows."""
    return {f"{layer}.weight": np.full(SIZE + layer, step, np.int64) for layer in range(LAYERS)}


def write(path: Path, seconds: float, kept: int, answer: Any) -> None:
    """Commit as fast as it goes, and write the file anew now and then, twice at least."""
    told, deadline = Counter[str](), time.monotonic() + seconds
    try:
        with store.open(path, "a") as model:
            while time.monotonic() < deadline or told["collections"] < 2:
                step = told["commits"]
                model.commit(state(step), metrics={"step": step})
                told["commits"] += 1
                if len(model[model.current]) > kept:
                    before = model.current
                    model.derive(f"line-{step}", switch=True)
                    model.remove(variant=before)
                    model.gc(days=0)
                    told["collections"] += 1
    except BaseException as error:
        told[f"error: {type(error).__name__}: {error}"] += 1
    answer.send(told)


def read(path: Path, over: Any, answer: Any) -> None:
    """Poll, open, list and load the newest state until it is over."""
    told, newest = Counter[str](), 0
    while not over.is_set():
        try:
            generation = reader.generation(path)
            told["polls"] += 1
            told["back"] += generation < newest
            newest = max(newest, generation)
            with store.open(path) as model:
                found = model.info()["generation"]
                told["back"] += found < newest
                newest = max(newest, found)
                head = model[model.current].head
                lazy = told["reads"] % 2 == 1
                values = dict(head.arrays(lazy=lazy))
                if "step" in head.metrics:
                    wanted = state(head.metrics["step"])
                    whole = all(np.array_equal(values[name], wanted[name]) for name in wanted)
                    told["torn"] += not (whole and len(values) == LAYERS)
                told["reads"] += 1
        except Exception as error:
            told[f"error: {type(error).__name__}: {error}"] += 1
    answer.send(told)


def crowd(path: Path, readers: int, seconds: float, kept: int = KEPT) -> Counter[str]:
    """The sums of what ``readers`` and one writer have to tell, who works for that time."""
    store.init(path, state(0)).close()
    over = SERVER.Event()
    jobs = [_started(read, path, over) for _ in range(readers)]
    jobs.insert(0, _started(write, path, seconds, kept))
    told = Counter[str]()
    for process, answer in jobs:
        # Nobody may hang: what is not told long after the end counts as an error.
        late = not answer.poll(seconds + PATIENCE)
        told.update(Counter({"error: hangs": 1}) if late else answer.recv())
        over.set()
        process.kill()
        process.join()
    return told


def _started(target: Any, *arguments: Any) -> tuple[Any, Any]:
    answer, tell = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=target, args=(*arguments, tell), daemon=True)
    process.start()
    tell.close()
    return process, answer


def faults(told: Counter[str]) -> list[str]:
    """What must not have happened, and did."""
    bad = [each for each in told if each.startswith("error") or each in ("torn", "back")]
    return [f"{each} ({told[each]} times)" for each in bad if told[each]]
