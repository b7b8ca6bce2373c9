"""Lives of a committing process, each ended by a kill at a random moment, and what is left then.

The processes are forked by a server that has imported everything, so that a life costs what it
commits and not what Python takes to start.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import select
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import committer
import numpy as np
import pytest

from jairika_nb import store
from jairika_nb.errors import AddressError
from jairika_nb.store import isolated, journal, reader, slots
from jairika_nb.store.disk import Disk
from jairika_nb.store.journaled import JournaledFile

LIVES_OF_A_FILE = 12  # then a new one, so that some kills land in its making
LONGEST = 60  # seconds that HDF5 may look at a file of some megabytes

SERVER = multiprocessing.get_context("forkserver")
# Modules of the tests it would not find: its path is that of a new Python (before 3.13).
SERVER.set_forkserver_preload(["h5py", "filelock", "jairika_nb.store.opening"])


class Child:
    """A committing process and what it acknowledged."""

    def __init__(self, path: Path) -> None:
        self.lines: list[str] = []
        self.rest = b""
        self.output, write = SERVER.Pipe(duplex=False)
        self.process = SERVER.Process(target=committer.commits, args=(path, write), daemon=True)
        self.process.start()
        write.close()

    def run(self, seconds: float) -> None:
        """Let it go on for a while after its first line, or at all events."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._waits(left) and not self._read():
                break

    def until(self, ready: Callable[[], bool]) -> None:
        """Wait until ``ready()``, as short a time as a busy loop can tell."""
        deadline = time.monotonic() + 60
        while not ready() and time.monotonic() < deadline and self.process.is_alive():
            pass

    def begins(self) -> None:
        """Wait until it has acknowledged something."""
        self.until(lambda: self._waits(0.001))

    def kill(self) -> list[str]:
        """Kill it without a warning; gives all it had acknowledged."""
        assert self.process.is_alive(), f"it died by itself, exit status {self.process.exitcode}"
        self.process.kill()
        self.process.join()
        assert self.process.exitcode == -signal.SIGKILL
        while self._read():
            pass
        self.output.close()
        self.process.close()
        return self.lines

    def _waits(self, seconds: float) -> bool:
        return bool(select.select([self.output], [], [], seconds)[0])

    def _read(self) -> bool:
        data = os.read(self.output.fileno(), 1 << 16)
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.lines += [line.decode() for line in lines]
        return bool(data)


def differences(found: reader.Reader) -> list[str]:
    """How the HDF5 part differs from the catalogue, seen in a process of its own."""
    wanted = {"path": str(found.path), **isolated._expected(found)}
    answer, tell = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=committer.looks, args=(wanted, tell), daemon=True)
    process.start()
    tell.close()
    said = answer.recv() if answer.poll(LONGEST) else ["HDF5 does not come to an end"]
    process.kill()
    process.join()
    return list(said)


def history(path: Path) -> list[str]:
    """The ids of all iterations that hold anything, once each was found whole and right."""
    with store.open(path) as model:
        rows = [each for variant in model.variants for each in model.log(variant)[::-1]]
        for each in rows:
            found = each.arrays()
            if "step" in each.metrics:
                wanted = committer.state(each.metrics["step"])
                assert list(found) == list(wanted)
                assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
        # The empty iteration of a new model makes room for the first commit.
        return [each.id for each in rows if each.layers]


def phase(path: Path) -> str:
    """Where the kill landed, told from what it left on the disk."""
    if not path.exists():
        return "making the file"
    disk, file = Disk(), os.open(path, os.O_RDONLY)
    try:
        root = slots.newest(disk.read(file, slots.PAGE_OFFSET, slots.SLOTS_BYTES))
        if journal.find(disk, file):
            return "applying"
        return "writing" if disk.size(file) > root.end else "between commits"
    finally:
        os.close(file)


def check(path: Path, acknowledged: list[str], before: list[str]) -> list[str]:
    """Everything acknowledged is there, in order, with at most one more; gives the ids."""
    found = history(path)
    wanted = {*before, *acknowledged} - {"init"}
    assert wanted <= set(found), "an acknowledged iteration is lost"
    assert len(set(found) - wanted) <= 1, "more than one was in flight"
    return found


def one_life(path: Path, before: list[str], moment: random.Random) -> tuple[list[str], str, int]:
    """Let a process commit and kill it; gives the ids that are there then, and where it died."""
    child = Child(path)
    if not path.exists() and moment.random() < 0.7:
        folder = path.parent
        child.until(lambda: any(name.endswith(".new") for name in os.listdir(folder)))
        time.sleep(moment.uniform(0, 0.006))
    else:
        child.begins()
        child.run(moment.uniform(0, 0.15))
    acknowledged = child.kill()
    where = phase(path)
    if where == "making the file":
        with pytest.raises(AddressError):
            reader.read_tree(path)
        assert not acknowledged and not before
        return [], where, 0
    found = check(path, acknowledged, before)  # by the lock-free reader, before any recovery
    recover(path)
    # Recovery may complete the one commit that was in flight, and takes nothing away.
    after = check(path, acknowledged, found)
    with store.open(path) as model:
        report = model.verify()
        assert report.ok, report
    return after, where, len(acknowledged)


def recover(path: Path) -> None:
    file = JournaledFile(path)
    file.recover()
    file.close()


def kill_at_random(folder: Path, kills: int, seed: str) -> dict[str, Any]:
    """That many lives and what came of them; raises ``AssertionError`` where anything is lost."""
    moment, phases, commits = random.Random(seed), Counter[str](), 0
    path, ids = folder / "0.jrk.h5", list[str]()
    for kill in range(kills):
        if kill % LIVES_OF_A_FILE == 0:
            go_on(path)
            path, ids = folder / f"{kill}.jrk.h5", []
        ids, where, count = one_life(path, ids, moment)
        phases[where] += 1
        commits += count
    go_on(path)
    landed = ", ".join(f"{count} {where}" for where, count in phases.most_common())
    return {"kills": kills, "acknowledged": commits, "lost": 0, "landed": landed, "in": phases}


def go_on(path: Path) -> None:
    """A file that has been through it all takes another commit; then it is removed."""
    if path.exists():
        with store.open(path, "a") as model:
            model.commit(committer.state(0), name="after all")
            assert model.verify().ok
        path.unlink()
