"""Cold history: fewer bytes, equal bits by every way that reads, no wrong values for others."""

from __future__ import annotations

import random
import sys
from dataclasses import astuple

import h5py
import numpy as np
import pytest
from bounds import bounded
from hypothesis import given, settings
from hypothesis import strategies as st
from states import drifting, same
from test_cuts_of_revisions import states
from test_power_cuts import MemoryDisk, Run, cuts, failures

from jairika_nb import store
from jairika_nb.errors import MissingPackage
from jairika_nb.store import (
    coded,
    cold,
    delta,
    history,
    keys,
    revision,
    tensors,
    transaction,
    zstd,
)
from jairika_nb.store.arrays import content
from jairika_nb.store.journaled import JournaledFile
from jairika_nb.store.manifest import SIZES, Tensor
from jairika_nb.store.note import Note

COUNT = 24  # iterations: more than a chain is long


@pytest.fixture(scope="module")
def history_file(tmp_path_factory):
    """``main`` of 24 iterations with one tagged and one removed, ``side`` of two."""
    path = tmp_path_factory.mktemp("cold") / "plain.jrk.h5"
    with store.init(path) as model:
        for seed in range(COUNT):
            state = {"2.weight.m": drifting(seed)["2.weight"], "step": seed}
            model.commit(drifting(seed), name=f"n{seed}", optimizer=state)
        model.derive("side", iteration="n7")
        model.commit(drifting(50), variant="side", name="off")
        model.tag("v1", "n11")
        model.remove("n3")
    return path


@pytest.fixture
def model(history_file, path):
    """The history, plain."""
    path.write_bytes(history_file.read_bytes())
    with store.open(path, "a") as model:
        yield model


@pytest.fixture(scope="module")
def collected(history_file, tmp_path_factory):
    """The cold file, and what making it cold gave."""
    path = tmp_path_factory.mktemp("collected") / "cold.jrk.h5"
    path.write_bytes(history_file.read_bytes())
    with store.open(path, "a") as model:
        return path, model.gc(cold=True)


@pytest.fixture
def frozen(collected, path):
    """The history, cold."""
    path.write_bytes(collected[0].read_bytes())
    with store.open(path, "a") as model:
        yield model


def codings(model, iteration) -> dict[str, bool]:
    """Which tensors of an iteration are coded, the optimiser's with a star."""
    found = model.find(iteration)
    places = model._reader.locations(found._located(), found._manifest)
    return {
        tensor.name + "*" * (tensor.owner != "net"): coded.is_coded(place)
        for tensor, place in zip(found._manifest.tensors, places, strict=True)
    }


def has_cold(model) -> bool:
    return cold.has_coded(model._reader, [*model._reader.rows(), *model._reader.removed()])


def all_of(model) -> dict:
    ids = [model[v][i].id for v in model for i in model[v]]
    ids += [each.row.id for each in model.reflog() if each.row]
    return {
        id: {
            name: np.asarray(value).tobytes()
            for name, value in {**found.arrays(), **found.optimizer_state()}.items()
        }
        for id in ids
        for found in [model.find(id)]
    }


def test_it_takes_less_room_and_reads_as_before(history_file, collected, frozen, tmp_path):
    done, size = collected[1], history_file.stat().st_size
    assert done.cold.tensors and done.cold.kept < 0.7 * done.cold.plain
    assert done.won > 0.2 * size and done.after == collected[0].stat().st_size
    assert "as differences: " in str(done) and done.to_json()["cold"]["kept"] == done.cold.kept
    with store.open(history_file) as plain:
        assert all_of(frozen) == all_of(plain)
        after, tree = frozen.info(), plain.info()
        assert after["variants"] == tree["variants"] and after["tags"] == tree["tags"]
        assert frozen.diff("n4", "n20").to_json() == plain.diff("n4", "n20").to_json()
    assert after["format"] == 2 and has_cold(frozen) and frozen.verify().ok
    assert same(frozen.find("n5").arrays(lazy=True), drifting(5))
    frozen.find("n5").export(tmp_path / "n5.npz")
    with np.load(tmp_path / "n5.npz") as found:
        assert same(dict(found), drifting(5))


def test_what_people_work_with_stays_plain(frozen):
    for name in ("main", "side", "v1"):
        assert not any(codings(frozen, name).values())
    found = codings(frozen, "n5")
    assert found == {k: k.rstrip("*") in ("2.weight", "2.counts", "2.weight.m") for k in found}
    assert not found["0.weight"]  # too small to be worth it


def test_all_that_writes_goes_on_from_cold_iterations(frozen):
    gone = next(each.row.id for each in frozen.reflog() if each.row)
    frozen.derive("branch", iteration="n5")
    assert same(frozen.revert("n6").arrays(), drifting(6))
    assert same(frozen.derive("back", iteration=gone).head.arrays(), drifting(3))
    frozen.commit(drifting(60), variant="branch")
    made = frozen.merge("branch", strategy="mean").iteration.arrays()["2.weight"]
    assert np.allclose(made, drifting(33)["2.weight"], atol=1e-6)
    frozen.gc(cold=True)  # the heads that came of cold ones are plain now
    assert not any(codings(frozen, "main").values())
    assert same(frozen["branch"]["prime"].arrays(), drifting(5))


def test_it_moves_to_other_files_as_plain_and_stays_equal(history_file, frozen, tmp_path):
    with store.open(history_file) as plain:
        before = all_of(plain)
    frozen.push(tmp_path / "pushed.jrk.h5")
    store.clone(frozen.path, tmp_path / "clone.jrk.h5")
    for place in (tmp_path / "pushed.jrk.h5", tmp_path / "clone.jrk.h5"):
        with store.open(place) as other:
            found = all_of(other)
            assert len(found) >= COUNT and found == {id: before[id] for id in found}
            assert not has_cold(other)


def test_encrypted_layers_are_left_to_their_keys(tmp_path, monkeypatch):
    pytest.importorskip("cryptography")
    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "config"))
    key = keys.new("alice")
    with store.init(tmp_path / "a.jrk.h5", encrypt="*/*/0", key=key) as model:
        for seed in range(4):
            model.commit(drifting(seed), name=f"n{seed}")
    with store.open(tmp_path / "a.jrk.h5", "a") as model:  # without the key
        assert model.gc(cold=True).cold.tensors == 6
        assert codings(model, "n0") == {
            k: k in ("0.weight", "0.bias", "2.weight", "2.counts") for k in drifting()
        }
    with store.open(tmp_path / "a.jrk.h5", key=key) as model:
        assert all(same(model.find(f"n{n}").arrays(), drifting(n)) for n in range(4))
        assert model.verify().ok


def test_collecting_again_keeps_what_is_cold_or_makes_all_plain(collected, frozen, monkeypatch):
    first, before = collected[1], all_of(frozen)

    def fail(*args):
        raise AssertionError("it was compressed again")

    monkeypatch.setattr(delta, "encoded", fail)
    again = frozen.gc()
    assert astuple(again.cold)[:2] == astuple(first.cold)[:2]
    assert abs(again.after - first.after) < 0.1 * first.after and all_of(frozen) == before
    monkeypatch.undo()
    frozen.commit(drifting(70), name="n70")
    grown = frozen.gc()  # the old newest one is not made cold unasked
    assert grown.cold.tensors == first.cold.tensors and not any(codings(frozen, "n23").values())
    assert frozen.gc(cold=True).cold.tensors > first.cold.tensors
    plain = frozen.gc(cold=False)
    assert plain.after > 1.3 * plain.before
    assert not has_cold(frozen) and same(frozen.find("n5").arrays(), drifting(5))


def links_to_plain(model, iteration) -> int:
    """How many differences lead from the weight to a plain object."""
    found, ranges = model.find(iteration), model._reader.ranges
    places = model._reader.locations(found._located(), found._manifest)
    names = [each.name for each in found._manifest.tensors]
    place, length = places[names.index("2.weight")], 0
    while coded.is_coded(place):
        place = delta.base_of(ranges, coded.unpacked(ranges, place, "it"))
        length += 1
    return length


def test_chains_are_bounded_and_bases_may_go(frozen, monkeypatch):
    left = [n for n in range(COUNT - 1) if n != 3]
    lengths = [links_to_plain(frozen, f"n{n}") for n in left]
    assert max(lengths) <= cold.LONGEST and lengths.count(0) <= 2  # n11, tagged
    for n in left[5:]:
        if n != 11:
            frozen.remove(f"n{n}")
    monkeypatch.setattr(cold, "LONGEST", 2)
    frozen.gc(days=0)
    assert {links_to_plain(frozen, f"n{n}") for n in left[:5]} == {1, 2}
    assert all(same(frozen.find(f"n{n}").arrays(), drifting(n)) for n in left[:5])


def test_other_programs_see_no_values_of_cold_tensors(frozen):
    with h5py.File(frozen.path) as file:
        for variant, name in [(v, i) for v in frozen for i in frozen[v]]:
            group, wanted = file["variants"][variant][name], frozen[variant][name].arrays()
            hidden = 0
            for key, value in wanted.items():
                if (path := key.replace(".", "/")) in group:
                    assert np.array_equal(group[path][()], value)
                else:
                    hidden += 1
            assert int(group.attrs.get("coded", b"0 of").split()[0]) == hidden
        assert "2" not in file["variants/main/n5"]


def test_without_zstandard_the_way_out_is_named(frozen, monkeypatch):
    zstd._library.cache_clear()
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    image = frozen.path.read_bytes()
    for action in (lambda: frozen.gc(cold=True), lambda: frozen.find("n5").arrays()):
        with pytest.raises(MissingPackage, match=r"pip install 'jairika-nb\[delta\]'"):
            action()
    assert frozen.path.read_bytes() == image and same(frozen.find("n23").arrays(), drifting(23))


def test_without_zstandard_nothing_is_taken_off_the_lists(model, monkeypatch):
    zstd._library.cache_clear()
    monkeypatch.setitem(sys.modules, "zstandard", None)
    monkeypatch.setitem(sys.modules, "compression", None)
    before = list(model["main"])
    assert len(before) > 1
    with pytest.raises(MissingPackage, match="delta"):
        model.gc(cold=True, keep={"last": 1})
    assert list(model["main"]) == before


FORMS = st.tuples(st.sampled_from(sorted(SIZES)), st.integers(1, 700), st.integers(0, 2**32 - 1))


@given(FORMS, st.sampled_from(["equal", "near", "other"]))
@settings(max_examples=60, deadline=None)
def test_any_bits_come_back_from_differences(form, kind):
    dtype, count, seed = form
    chosen = np.random.default_rng(seed)
    raw = chosen.integers(0, 256, count * SIZES[dtype], np.uint8)
    other = raw.copy()
    if kind != "equal":
        touched = slice(None) if kind == "other" else slice(0, None, SIZES[dtype])
        other[touched] = chosen.integers(0, 256, other[touched].shape, np.uint8)
    tensor = Tensor("it", "weight", "0" * 64, dtype, (count,))
    payload = delta.encoded(raw.view(dtype), other.view(dtype))
    found = coded.Coded("delta", {"base": [9, 9, 0]}, memoryview(payload), memoryview(b""))
    assert delta.decode(None, tensor, found, other.copy()).tobytes() == raw.tobytes()


def test_blocks_meet_where_they_should(monkeypatch):
    monkeypatch.setattr(delta, "BLOCK", 64)
    for count in (15, 16, 17, 33):
        left, right = np.arange(count, dtype=np.float32), np.ones(count, np.float32)
        payload = delta.encoded(left, right)
        tensor = Tensor("it", "weight", "0" * 64, "<f4", (count,))
        found = coded.Coded("delta", {"base": [9, 9, 0]}, memoryview(payload), memoryview(b""))
        made = delta.decode(None, tensor, found, right.view(np.uint8).copy())
        assert made.tobytes() == left.tobytes()


class Changes(Run):
    """A revert to a cold iteration, a variant derived from one, and a commit, on such a file."""

    def __init__(self, start: bytes, path) -> None:
        self.disk, self.path, self.start = MemoryDisk(start), path, start
        self.ends, self.images, note = [0], [start], Note(99, "", {}, "", {})

        def commit(reader, layout):
            head = reader.iterations("main")[-1].id
            return history.commit("main", None, content(drifting(77)), note, {head})(reader, layout)

        for change in (
            revision.revert("main", "n5", None, note),
            history.derive("new", "main", "n6", note, switch=False),
            commit,
        ):
            transaction._changed(JournaledFile(path, self.disk), change)
            self.ends.append(len(self.disk.log))
            self.images.append(bytes(self.disk.image))


def test_power_cuts_leave_the_old_state_or_the_new(frozen):
    frozen.close()
    run = Changes(frozen.path.read_bytes(), frozen.path)
    tried, wrong = failures(run, 4)
    assert wrong == 0 and tried > 100
    before = states(run.start, run.path)
    for at, image in [*cuts(run, 1, random.Random("reader"))][::5]:
        done = before + sum(end <= at for end in run.ends) - 1
        assert states(bytes(image), run.path) in (done, done + 1)
    assert failures(run.without_sync(0), 60)[1]


def test_verify_decodes_hardly_any_difference_twice(frozen, monkeypatch):
    made, codec = [], coded.CODECS["delta"]
    counting = coded.Codec(
        lambda *given: made.append(given[1].name) or codec.decode(*given), base=codec.base
    )
    monkeypatch.setitem(coded.CODECS, "delta", counting)
    report = frozen.verify()
    differences = {
        place
        for row in (*frozen._reader.rows(), *frozen._reader.removed())
        for place in frozen._reader.locations(row, frozen._reader.manifest(row))
        if coded.is_coded(place)
    }
    # Those that a removed iteration builds on come up twice.
    assert report.ok and 40 < len(differences) <= len(made) < 1.5 * len(differences)
    memory = tensors.Memory(most=10_000)
    for number in range(5):
        memory.put((number, 1), np.zeros(4000, np.uint8), links=number)
    assert memory.get((2, 1), 9) is None and memory.bytes == 8000
    assert memory.get((4, 1), 3) is None and memory.get((4, 1), 4)[1] == 4


def test_a_long_chain_is_read_in_little_memory(path):
    chosen = np.random.default_rng(0)
    state = chosen.standard_normal(750_000).astype(np.float32)
    with store.init(path) as model:
        for n in range(17):
            model.commit({"0.w": state}, name=f"n{n}")
            state = state + np.float32(1e-2) * chosen.standard_normal(state.size).astype("f4")
        model.gc(cold=True)
        first = model["main"]["n0"]
        assert codings(model, "n0") == {"0.w": True}
        with bounded(seconds=20, kilobytes=20_000):  # all differences together are 38 MB
            first.arrays()
