"""Kills and power cuts while iterations are removed, merged, received, signed and encrypted."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from states import arrays
from test_power_cuts import MemoryDisk, Run, cuts, failures, perform, recovered

from jairika_nb import store
from jairika_nb.store import (
    encrypting,
    history,
    keys,
    merging,
    rekeying,
    revision,
    tensors,
    transaction,
    transfer,
    vouching,
)
from jairika_nb.store.arrays import content
from jairika_nb.store.journaled import JournaledFile
from jairika_nb.store.note import Note
from jairika_nb.store.reader import Reader
from jairika_nb.store.vault import Vault

# Cuts tried after each effect; the protocol itself is sampled densely in test_power_cuts.
SAMPLES = int(os.environ.get("JRK_STORE_SAMPLES", "12"))
NOTE = Note(99, "", {}, "", {})


class Revisions(Run):
    """Changes of each kind on a disk in memory, one after the other."""

    def __init__(self, start: bytes, path: Path, other: Path) -> None:
        self.disk, self.path, self.start = MemoryDisk(start), path, start
        self.key = keys.found(os.environ["JRK_KEY"])
        self.ends, self.images = [0], [start]
        source = Reader(other)
        incoming = transfer.missing(source, Reader(path, self.disk), "other", "other")
        received = transfer.received(
            source, source.variant("other"), "other", incoming, None, NOTE, []
        )
        for change in (
            revision.tag("v1", "PT", NOTE),
            revision.remove("main", "middle", NOTE, force=False),
            revision.revert("main", "prime", None, NOTE),
            merging.merge("main", "side", "mean", 0.5, None, NOTE),
            revision.remove("side", None, NOTE, force=False),
            received,
            revision.untag("v1", NOTE),
            vouching._signed("main/prime", self.key, NOTE),
            encrypting._changed("encrypt", "*", self._encrypted, NOTE),
            self._committed,
        ):
            file = JournaledFile(path, self.disk)
            transaction._changed(file, change, vault=Vault(self.key))
            self.ends.append(len(self.disk.log))
            self.images.append(bytes(self.disk.image))
        source.close()

    def _encrypted(self, ring, vault):
        return rekeying.grouped(ring, vault, "*", [])

    def _committed(self, reader, layout):
        head = reader.iterations("main")[-1].id
        return history.commit("main", None, content(arrays(77)), NOTE, {head})(reader, layout)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    pytest.importorskip("cryptography")
    folder = tmp_path_factory.mktemp("revisions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JRK_CONFIG_DIR", str(folder / "config"))
        keys.new("alice")
        patch.setenv("JRK_KEY", "alice")  # what opens the file after a cut
        yield revisions(folder)


def revisions(folder: Path) -> Revisions:
    with store.init(folder / "cut.jrk.h5", arrays(1)) as model:
        for seed, name in ((2, "PT"), (3, "middle"), (4, "newest")):
            model.commit(arrays(seed), name=name)
        model.derive("side", iteration="PT")
        model.commit(arrays(5), variant="side")
    with store.init(folder / "other.jrk.h5", arrays(6), variant="other") as other:
        other.commit(arrays(7))
    start = (folder / "cut.jrk.h5").read_bytes()
    return Revisions(start, folder / "cut.jrk.h5", folder / "other.jrk.h5")


def states(image: bytes, path: Path) -> int:
    """The generation a lock-free reader sees, all values of all variants verified."""
    reader = Reader(path, MemoryDisk(image))
    for row in (*reader.rows(), *reader.removed()):
        manifest = reader.manifest(row)
        for placed in zip(manifest.tensors, reader.locations(row, manifest), strict=True):
            tensors.read(reader.ranges, placed)
    return reader.root.generation


def test_a_kill_at_any_effect_leaves_the_old_state_or_the_new(run):
    image, before = bytearray(run.start), states(run.start, run.path)
    for at, effect in enumerate([*run.disk.log, None]):
        done = before + sum(end <= at for end in run.ends) - 1
        assert states(bytes(image), run.path) in (done, done + 1)
        assert recovered(image, run.path) in run.allowed(at)
        if effect:
            perform(image, effect)


def test_a_power_cut_at_any_effect_leaves_the_old_state_or_the_new(run):
    tried, wrong = failures(run, SAMPLES)
    assert wrong == 0 and tried > 1_000


def test_the_reader_needs_no_recovery_after_a_power_cut(run):
    before = states(run.start, run.path)
    for at, image in cuts(run, 1, random.Random("reader")):
        done = before + sum(end <= at for end in run.ends) - 1
        assert states(bytes(image), run.path) in (done, done + 1)


def test_hdf5_sees_each_state_as_the_catalogue_does(run, tmp_path):
    for number, image in enumerate(run.images[1:]):
        (tmp_path / f"{number}.jrk.h5").write_bytes(image)
        with store.open(tmp_path / f"{number}.jrk.h5") as model:
            assert model.verify().ok, number


def test_a_forgotten_sync_is_seen_here_too(run):
    assert failures(run.without_sync(0), 60)[1]
