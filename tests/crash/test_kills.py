"""Kill a committing process at random moments: nothing acknowledged is ever lost.

The count of kills is ``JRK_CRASH_KILLS``, 60 by default.
"""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from committer import state

from jairika_nb import store
from jairika_nb.errors import AddressError
from jairika_nb.store import journal, reader, slots
from jairika_nb.store.disk import Disk
from jairika_nb.store.journaled import JournaledFile

KILLS = int(os.environ.get("JRK_CRASH_KILLS", "60"))
LIVES_OF_A_FILE = 12  # then a new one, so that some kills land in its making
pytestmark = pytest.mark.crash


class Child:
    """A committing process and what it acknowledged."""

    def __init__(self, path: Path) -> None:
        self.lines: list[str] = []
        self.rest = b""
        self.output, write = os.pipe()
        program = Path(__file__).with_name("committer.py")
        self.process = subprocess.Popen(
            [sys.executable, str(program), str(path), str(write)],
            pass_fds=[write],
            stderr=subprocess.PIPE,
        )
        os.close(write)

    def run(self, seconds: float) -> None:
        """Let it go on for a while after its first line, or at all events."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.output], [], [], left)[0] and not self._read():
                break

    def until(self, ready) -> None:
        """Wait until ``ready()``, as short a time as a busy loop can tell."""
        deadline = time.monotonic() + 30
        while not ready() and time.monotonic() < deadline and self.process.poll() is None:
            pass

    def kill(self) -> list[str]:
        """Kill it without a warning; gives all it had acknowledged."""
        died = self.process.poll()
        self.process.send_signal(signal.SIGKILL)
        errors = self.process.communicate()[1].decode()
        assert died is None and self.process.returncode == -signal.SIGKILL, errors
        while self._read():
            pass
        os.close(self.output)
        return self.lines

    def _read(self) -> bool:
        data = os.read(self.output, 1 << 16)
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.lines += [line.decode() for line in lines]
        return bool(data)


def history(path: Path) -> list[str]:
    """The ids of all iterations that hold anything, once each was found whole and right."""
    with store.open(path) as model:
        rows = [each for variant in model.variants for each in model.log(variant)[::-1]]
        for each in rows:
            found = each.arrays()
            if "step" in each.metrics:
                wanted = state(each.metrics["step"])
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
    child = Child(path)
    if not path.exists() and moment.random() < 0.7:
        folder = path.parent
        child.until(lambda: any(name.endswith(".new") for name in os.listdir(folder)))
        time.sleep(moment.uniform(0, 0.006))
    else:
        child.until(lambda: bool(select.select([child.output], [], [], 0.001)[0]))
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
    assert store.open(path).verify().ok
    return after, where, len(acknowledged)


def recover(path: Path) -> None:
    file = JournaledFile(path)
    file.recover()
    file.close()


def test_nothing_acknowledged_is_lost_when_the_writer_is_killed(tmp_path, capsys):
    moment, phases, commits = random.Random("kills"), Counter(), 0
    path, ids = tmp_path / "0.jrk.h5", []
    for kill in range(KILLS):
        if kill % LIVES_OF_A_FILE == 0:
            path, ids = tmp_path / f"{kill}.jrk.h5", []
        ids, where, count = one_life(path, ids, moment)
        phases[where] += 1
        commits += count
    with capsys.disabled():
        landed = ", ".join(f"{count} {where}" for where, count in phases.most_common())
        print(f"\n{KILLS} kills, {commits} acknowledged, 0 lost; they landed: {landed}")
    assert phases["writing"] > 0
    for each in tmp_path.glob("*.h5"):
        with store.open(each, "a") as model:
            model.commit(state(0), name="after all")
            assert model.verify().ok
