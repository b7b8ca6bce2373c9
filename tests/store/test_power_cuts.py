"""Every state a power cut can leave: all effects before it, with unsynced ones lost or torn.

The commit runs on a disk in memory that logs each effect. A kill leaves a prefix of the log; a
power cut leaves a prefix whose effects since the last sync may each be missing, or be torn at
sectors of 512 bytes. After recovery the file must equal, byte for byte, what it was after the
last acknowledged commit or the one in flight. The same run with one step of the protocol left
out must fail: that is what shows that the simulation sees mistakes.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from states import arrays

from jairika_nb import store
from jairika_nb.errors import JairikaError
from jairika_nb.store import history, journal, slots, tensors, transaction
from jairika_nb.store.arrays import content
from jairika_nb.store.disk import Disk
from jairika_nb.store.journaled import JournaledFile
from jairika_nb.store.note import Note
from jairika_nb.store.pages import Pages
from jairika_nb.store.reader import Reader

SECTOR = 512
SAMPLES = 150  # cuts tried after each effect; sparser sampling let broken protocols pass
Effect = tuple[Any, ...]


class MemoryDisk(Disk):
    """One file in memory, and the log of all that was done to it."""

    def __init__(self, image: bytes) -> None:
        self.image, self.log = bytearray(image), []

    def open(self, path: Path, flags: int = 0) -> int:
        return 0

    def close(self, file: int) -> None:
        pass

    def size(self, file: int) -> int:
        return len(self.image)

    def stamp(self, file: int) -> int:
        return 0  # no copy: nothing to check in a process of its own

    def read(self, file: int, offset: int, count: int) -> bytes:
        return bytes(self.image[offset : offset + count])

    def read_into(self, file: int, offset: int, view: memoryview) -> bool:
        part = self.image[offset : offset + len(view)]
        view[: len(part)] = part
        return len(part) == len(view)

    def write(self, file: int, offset: int, data: Any) -> None:
        self._do(("write", offset, bytes(data)))

    def truncate(self, file: int, size: int) -> None:
        if size != len(self.image):
            self._do(("truncate", size))

    def sync(self, file: int) -> None:
        self._do(("sync",))

    def _do(self, effect: Effect) -> None:
        self.log.append(effect)
        perform(self.image, effect)


def perform(image: bytearray, effect: Effect) -> None:
    kind, *details = effect
    if kind == "write":
        offset, data = details
        image.extend(bytes(max(offset - len(image), 0)))
        image[offset : offset + len(data)] = data
    elif kind == "truncate":
        (size,) = details
        del image[size:]
        image.extend(bytes(size - len(image)))


class Run:
    """Three commits on a disk in memory: the log, and the file after each commit."""

    def __init__(self, start: bytes, path: Path) -> None:
        self.disk, self.path, self.start = MemoryDisk(start), path, start
        self.ends, self.images = [0], [start]
        for seed in (11, 12, 13):
            self._commit(seed)

    def _commit(self, seed: int) -> None:
        file = JournaledFile(self.path, self.disk)
        head = Reader(self.path, self.disk).branches["main"][-1].id
        note = Note(seed, "", {}, "", {})
        change = history.commit("main", None, content(arrays(seed)), note, {head})
        transaction._changed(file, change)
        self.ends.append(len(self.disk.log))
        self.images.append(bytes(self.disk.image))

    def allowed(self, at: int) -> list[bytes]:
        """What the file may be after a cut at effect ``at``, once recovered."""
        done = sum(end <= at for end in self.ends) - 1
        return self.images[done : done + 2]

    def without_sync(self, number: int) -> Run:
        """The same run by a program that forgets the ``number``-th sync of each commit."""
        other = object.__new__(Run)
        vars(other).update(vars(self))
        other.disk = MemoryDisk(self.start)
        other.disk.log, other.ends = [], [0]
        for first, last in zip(self.ends, self.ends[1:], strict=False):
            part = self.disk.log[first:last]
            syncs = [i for i, effect in enumerate(part) if effect == ("sync",)]
            del part[syncs[number]]
            other.disk.log += part
            other.ends.append(len(other.disk.log))
        return other


def cuts(run: Run, samples: int, chosen: random.Random) -> Iterator[tuple[int, bytearray]]:
    """Images after a power cut at each effect, with the effect's position."""
    log, durable, volatile = run.disk.log, bytearray(run.start), []
    for at in range(len(log) + 1):
        for _ in range(samples if volatile else 1):
            image = bytearray(durable)
            rate = chosen.choice((0.15, 0.5, 0.5, 0.85))
            for effect in volatile:
                if chosen.random() < rate:
                    for part in torn(effect, chosen):
                        perform(image, part)
            yield at, image
        if at < len(log) and log[at] == ("sync",):
            for effect in volatile:
                perform(durable, effect)
            volatile = []
        elif at < len(log):
            volatile.append(log[at])


def torn(effect: Effect, chosen: random.Random) -> list[Effect]:
    if effect[0] != "write" or chosen.random() < 0.7:
        return [effect]
    _, offset, data = effect
    edges = [0, *range(-offset % SECTOR or SECTOR, len(data), SECTOR), len(data)]
    parts = itertools.pairwise(edges)
    return [("write", offset + a, data[a:b]) for a, b in parts if chosen.random() < 0.7]


def recovered(image: bytearray, path: Path) -> bytes | None:
    disk = MemoryDisk(bytes(image))
    try:
        JournaledFile(path, disk).recover()
    except JairikaError:
        return None
    return bytes(disk.image)


def failures(run: Run, samples: int = SAMPLES, enough: int = 1) -> tuple[int, int]:
    """How many cuts were tried, and after how many the file was neither old nor new."""
    tried = wrong = 0
    for at, image in cuts(run, samples, random.Random("cuts")):
        tried += 1
        wrong += recovered(image, run.path) not in run.allowed(at)
        if wrong == enough:
            break
    return tried, wrong


def readable(image: bytes, path: Path) -> int:
    """The generation that the lock-free reader sees, all its values verified."""
    reader = Reader(path, MemoryDisk(image))
    for row in reader.branches["main"]:
        manifest = reader.manifest(row)
        for placed in zip(manifest.tensors, reader.locations(row, manifest), strict=True):
            tensors.read(reader.ranges, placed)
    return reader.root.generation


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    path = tmp_path_factory.mktemp("power") / "cut.jrk.h5"
    with store.init(path, arrays(1)) as model:
        model.commit(arrays(2))
    return Run(path.read_bytes(), path)


def test_a_kill_at_any_effect_leaves_the_old_state_or_the_new(run):
    image = bytearray(run.start)
    before = slots.newest(run.start[slots.PAGE_OFFSET :][: slots.SLOTS_BYTES]).generation
    for at, effect in enumerate([*run.disk.log, None]):
        done = before + sum(end <= at for end in run.ends) - 1
        assert readable(bytes(image), run.path) in (done, done + 1)
        assert recovered(image, run.path) in run.allowed(at)
        if effect:
            perform(image, effect)


def test_a_kill_during_recovery_is_recovered_from(run):
    image = bytearray(run.start)
    for at, effect in enumerate(run.disk.log):
        perform(image, effect)
        disk = MemoryDisk(bytes(image))
        JournaledFile(run.path, disk).recover()
        again = bytearray(image)
        for step in disk.log:
            perform(again, step)
            assert recovered(again, run.path) in run.allowed(at + 1)


def test_a_power_cut_at_any_effect_leaves_the_old_state_or_the_new(run):
    tried, wrong = failures(run)
    assert wrong == 0 and tried > 5_000


def test_the_reader_needs_no_recovery_after_a_power_cut(run):
    before = readable(run.start, run.path)
    for at, image in cuts(run, 5, random.Random("reader")):
        done = before + sum(end <= at for end in run.ends) - 1
        assert readable(bytes(image), run.path) in (done, done + 1)


@pytest.mark.parametrize(
    ("number", "what"),
    [(0, "new data before the journal"), (1, "the journal before the pages"), (-1, "the root")],
)
def test_the_simulation_sees_a_forgotten_sync(run, number, what):
    assert failures(run.without_sync(number))[1], f"nobody missed the sync of {what}"


def test_the_simulation_sees_an_unchecked_journal(run, monkeypatch):
    real = journal.FOOT.unpack

    def trusting(foot: bytes):
        opening, start, length, _, closing = real(foot)
        return opening, start, length, b"", closing

    monkeypatch.setattr(journal, "_digest", lambda body: b"")
    monkeypatch.setattr(journal, "FOOT", _Foot(trusting))
    assert failures(run)[1]


class _Foot:
    """The foot's format with another way of reading it."""

    size, pack = journal.FOOT.size, journal.FOOT.pack

    def __init__(self, unpack) -> None:
        self.unpack = unpack


def test_the_simulation_sees_committed_pages_overwritten_in_place(run, monkeypatch):
    def in_place(self, offset, data):
        self.disk.write(self.file, offset, data)

    monkeypatch.setattr(Pages, "write", in_place)
    assert failures(Run(run.start, run.path))[1]


def test_the_log_has_the_steps_of_the_protocol(run):
    for first, last in zip(run.ends, run.ends[1:], strict=False):
        part = [effect[0] for effect in run.disk.log[first:last]]
        assert part.count("sync") == 3 and part[-1] == "truncate"
    assert np.all(np.diff(run.ends) > 10)
