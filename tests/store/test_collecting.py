"""gc: what is reachable stays bit for bit, open readers go on, a kill leaves one file whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from states import arrays, same

from jairika_nb import store
from jairika_nb.errors import Damaged, NoSpace, NotFound, StoreError
from jairika_nb.store.disk import Disk
from jairika_nb.store.model import Model

KILLS = int(os.environ.get("JRK_STORE_KILLS", "2"))
COLLECTOR = """
import sys
from jairika_nb import store
with store.open(sys.argv[1], "a") as model:
    print("open", flush=True)
    while True:
        for cold in (True, None, False):
            model.gc(days=0, cold=cold)
            print("done", flush=True)
"""


def contents(path) -> dict:
    with store.open(path) as model:
        rows = [(v, i) for v in model for i in model[v]]
        return {
            (v, i): (model[v][i].id, {k: a.tobytes() for k, a in model[v][i].arrays().items()})
            for v, i in rows
        }


def test_collection_keeps_what_is_listed_and_wins_the_rest(path):
    with store.init(path) as model:
        for n in range(20):
            model.commit({"0.w": np.full(50_000, n, np.float64)}, name=str(n))
        model.tag("v1", "7")
        for n in (0, 1, 2, 3, 4, 5, 6, 8, 9):
            model.remove(str(n))
        before = contents(path)
        kept = model.gc()
        assert kept.won < 1_000_000 and kept.dropped == 0
        done = model.gc(days=0)
        assert done.dropped == 9 and done.won > 9 * 400_000
        assert done.after == path.stat().st_size < 11.2 * 400_000
        assert contents(path) == before and model.verify().ok
        assert model.tags["v1"].name == "7"
        assert model.commit(arrays(), name="next").name == "next" and model.verify().ok
        assert not list(path.parent.glob("*.repack"))


def test_removed_iterations_come_back_until_they_are_dropped(model):
    gone = model.remove("PT")[0]
    model.gc()
    assert same(model.find(gone).arrays(), arrays(1))
    assert same(model.derive("again", iteration=gone).head.arrays(), arrays(1))
    model.gc(days=0)
    with pytest.raises(NotFound, match="reflog"):
        model.find(gone)
    assert [each.verb for each in model.reflog()][:2] == ["gc", "derive"]
    assert same(model["again"].head.arrays(), arrays(1)) and model.verify().ok


def test_a_tag_keeps_what_was_removed(model, tmp_path):
    model.commit(arrays(3), name="last")
    (gone,) = model.remove("PT")
    model.tag("kept", gone)
    assert model.gc(days=0).dropped == 0
    assert model.tags["kept"].id == gone and same(model.find("kept").arrays(), arrays(1))
    store.clone(model.path, tmp_path / "clone.jrk.h5")  # which has none of what was removed
    assert not store.open(tmp_path / "clone.jrk.h5").tags
    model.remove(tag="kept")
    assert model.gc(days=0).dropped == 1


def test_iterations_and_readers_that_were_open_go_on(model):
    head, lazy = model["main"].head, model["main"]["prime"].arrays(lazy=True)
    other = store.open(model.path)
    theirs = other["main"]["PT"]
    model.gc(days=0)
    assert same(head.arrays(), arrays(1)) and same(lazy, arrays(0))
    assert same(theirs.arrays(), arrays(1))
    other.refresh()
    assert same(theirs.arrays(), arrays(1)) and other.info() == model.info()
    other.close()


def test_the_count_of_states_goes_on(model):
    before = model.info()["generation"]
    model.gc()
    assert model.info()["generation"] == before + 1
    model.switch("main")
    assert model.info()["generation"] == before + 2


def test_a_copy_made_while_it_was_written_is_cured(model, tmp_path):
    data = bytearray(model.path.read_bytes())
    with store.open(model.path) as reading:
        places = reading._reader.catalogue.tail
        used = {at for row in places for at in row.at.values()}
        used |= {
            place for row in places
            for place in reading._reader.locations(row, reading._reader.manifest(row))
        }  # fmt: skip
    start = 8192
    root = model._reader.root
    for i in range(start, root.offset):
        inside = any(offset <= i < offset + length for offset, length in used)
        if not inside and data[i : i + 4] in (b"OHDR", b"FRHP", b"BTHD"):
            data[i : i + 4] = b"torn"
    copy = tmp_path / "copy.jrk.h5"
    copy.write_bytes(data)
    with store.open(copy, "a") as torn:
        with pytest.raises(Damaged, match="gc"):
            torn.commit(arrays(3))
        torn.gc()
        assert torn.commit(arrays(3), name="new").name == "new" and torn.verify().ok
        assert same(torn["main"]["prime"].arrays(), arrays(0))


def test_a_damaged_history_is_not_repacked(model):
    tensor = model["main"]["PT"].tensors[0]
    reader = model._reader
    row = reader.iterations("main")[-1]
    offset = reader.locations(row, reader.manifest(row))[0][0]
    with open(model.path, "r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 8)
    before = model.path.read_bytes()
    with pytest.raises(Damaged, match=tensor.name):
        model.gc()
    assert model.path.read_bytes() == before and len(list(model.path.parent.iterdir())) == 2


class Full(Disk):
    """A disk that is full from its ``left``-th effect on."""

    left = 10**9

    def _spend(self) -> None:
        Full.left -= 1
        if Full.left < 0:
            raise OSError(28, "No space left on device")

    def write(self, file, offset, data):
        self._spend()
        super().write(file, offset, data)

    def sync(self, file):
        self._spend()
        super().sync(file)

    def replace(self, source, target):
        self._spend()
        super().replace(source, target)


def test_a_full_disk_at_any_step_leaves_the_file_as_it_was(model):
    model.remove("PT")
    before = contents(model.path)
    with Model(model.path, "a", disk=Full()) as full:
        for left in (0, 1, 2, 5, 9, 14, 20):
            Full.left = left
            image = model.path.read_bytes()
            with pytest.raises(NoSpace, match="free some space"):
                full.gc(days=0)
            assert model.path.read_bytes() == image and contents(model.path) == before
        Full.left = 10**9
        full.gc(days=0)
    assert contents(model.path) == before


def test_days_are_a_number_of_days(model):
    for days in (-1, float("nan")):
        with pytest.raises(StoreError, match="0 or more"):
            model.gc(days)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_kills_leave_the_old_file_or_the_new_one_whole(path):
    with store.init(path) as model:
        for n in range(8):
            model.commit({"0.w": np.arange(20_000) + n * 1e-9}, name=str(n))
    wanted = contents(path)
    command = [sys.executable, "-c", COLLECTOR, str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for kill in range(KILLS):
        assert child.stdout.readline() == "open\n" and child.stdout.readline() == "done\n"
        time.sleep(0.4 * (kill * 0.618 % 1))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        assert contents(path) == wanted
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "open\n" and child.stdout.readline() == "done\n"
    child.kill()
    child.wait()
    child.stdout.close()
    with store.open(path, "a") as model:
        model.gc()
        assert contents(path) == wanted and model.verify().ok
    assert not list(path.parent.glob(".*.repack"))


def test_what_a_killed_init_left_goes_with_the_next_one_or_with_gc(tmp_path):
    path = tmp_path / "chat.jrk.h5"

    def left(name: str, hours: float):
        made = tmp_path / name
        made.write_bytes(b"half a model")
        os.utime(made, (time.time() - 3600 * hours,) * 2)
        return made

    kept = [
        left(".chat.jrk.h5.0123abcd.new", 0.5),  # somebody may be at work on it
        left(".other.jrk.h5.0123abcd.new", 2),
        left(".chat.jrk.h5.notes.new", 2),
        left("chat.jrk.h5.0123abcd.new", 2),
    ]
    stale = left(".chat.jrk.h5.4567abcd.new", 2)
    with store.init(path, arrays(0)) as model:
        assert not stale.exists()
        stale = left(".chat.jrk.h5.89ababcd.new", 2)
        model.gc()
    assert not stale.exists() and all(each.exists() for each in kept)
