"""Damaged bytes are never returned as good: the right values, or one clean error."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from damages import DAMAGES
from states import arrays

from jairika_nb import store
from jairika_nb.errors import Damaged, JairikaError
from jairika_nb.store import reader, slots


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A model with two variants, a sealed segment, an optimiser and an architecture."""
    path = tmp_path_factory.mktemp("damage") / "whole.jrk.h5"
    with store.init(path) as model:
        for seed in range(18):
            model.commit(arrays(seed), optimizer={"0.weight.m": np.ones(3), "step": seed})
        model.derive("other", iteration="iteration-5")
        model.commit({"a.w": np.arange(300.0)}, variant="other", metrics={"loss": 0.5})
    return path


def everything(path: Path) -> dict:
    """All that a user can get out of a model file."""
    with store.open(path) as model:
        found: dict = {"tree": {**model.info(), "address": "", "path": "", "name": ""}}
        for variant in model.variants:
            for each in model.log(variant):
                state = {**each.arrays(), **each.optimizer_state()}
                found[variant, each.name] = (
                    {name: np.asarray(value).tobytes() for name, value in state.items()},
                    each.id,
                    each.author,
                    each.architecture,
                    each.time,
                )
        return found


def places(path: Path) -> dict[str, list[tuple[int, int]]]:
    """Where each kind of record lies in the file."""
    with store.open(path) as model:
        rows = [row for rows in model._reader.branches.values() for row in rows]
        root = model._reader.root
        objects = [
            place
            for row in rows
            for place in model._reader.locations(row, model._reader.manifest(row))
            if place[1]
        ]
        records = {
            kind: [row.at[kind] for row in rows] for kind in ("manifest", "locations", "meta")
        }
        sealed = [(each.offset, each.length) for each in model._reader.catalogue.segments]
    return {
        "slots": [(slots.PAGE_OFFSET, slots.SLOTS_BYTES)],
        "catalogue": [(root.offset, root.length), *sealed],
        "objects": objects,
        **records,
        "anywhere": [(0, path.stat().st_size)],
    }


KINDS = ("slots", "catalogue", "manifest", "locations", "meta", "objects", "anywhere")


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_told_or_harmless_never_wrong(whole, tmp_path, kind):
    good, wanted, where = whole.read_bytes(), everything(whole), places(whole)[kind]
    chosen, told = random.Random(f"damage of {kind}"), 0
    path = tmp_path / "damaged.jrk.h5"
    for number in range(80):
        data = bytearray(good)
        offset, length = chosen.choice(where)
        DAMAGES[number % len(DAMAGES)](chosen, data, offset, offset + length)
        path.write_bytes(data)
        try:
            assert everything(path) == wanted, (kind, number)
        except JairikaError as error:
            told += 1
            assert "\n" not in str(error) and str(path) in str(error), (kind, number)
    # A slot has a second copy, and much of a small file is HDF5's part, which is not read here.
    assert told >= {"slots": 0, "anywhere": 5}.get(kind, 60)


def test_a_file_cut_anywhere_is_refused(whole, tmp_path):
    good, chosen = whole.read_bytes(), random.Random("cut")
    path = tmp_path / "cut.jrk.h5"
    for _ in range(60):
        path.write_bytes(good[: chosen.randrange(len(good))])
        with pytest.raises(JairikaError):
            everything(path)


def test_an_older_generation_never_passes_for_the_newest(whole, tmp_path):
    """Both copies of the newest slot broken: refused, though the older slot is whole."""
    data = bytearray(whole.read_bytes())
    newest = slots.position(reader.generation(whole))
    for at in (newest + 30, newest + slots.SLOT_BYTES + 30):
        data[at] ^= 1
    path = tmp_path / "slots.jrk.h5"
    path.write_bytes(data)
    with pytest.raises(Damaged, match="root slots"):
        reader.read_tree(path)


def test_one_broken_copy_of_a_slot_is_made_good_by_the_other(whole, tmp_path):
    path = tmp_path / "copy.jrk.h5"
    for slot in range(4):
        data = bytearray(whole.read_bytes())
        data[slots.PAGE_OFFSET + slot * slots.SLOT_BYTES + 17] ^= 255
        path.write_bytes(data)
        assert reader.generation(path) == reader.generation(whole)


def test_verify_names_what_is_damaged(whole, tmp_path):
    data = bytearray(whole.read_bytes())
    with store.open(whole) as model:
        row = model["other"].head._row
        (offset, _), *_ = model._reader.locations(row, model._reader.manifest(row))
    data[offset + 5] ^= 4
    path = tmp_path / "named.jrk.h5"
    path.write_bytes(data)
    with store.open(path) as model:
        report = model.verify()
        assert not report.ok and len(report.problems) == 1
        assert 'variant "other"' in report.problems[0] and "'a.w'" in report.problems[0]
        assert len(model["other"]["prime"].arrays()) == 4  # what is whole can be read


def test_verify_sees_a_view_that_disagrees(whole, tmp_path):
    import h5py

    path = tmp_path / "view.jrk.h5"
    path.write_bytes(whole.read_bytes())
    with h5py.File(path, "r+", libver=("v108", "v108")) as file:
        del file["variants/main/prime/0/weight"]
    with store.open(path) as model:
        report = model.verify()
    assert not report.ok and "/variants/main/prime/0/weight" in report.problems[0]


def test_committing_to_a_damaged_file_ends_in_a_right_file_or_an_error(tmp_path):
    """HDF5 parses its own part when writing; damage there must not take the process along."""
    path, program = tmp_path / "w.jrk.h5", Path(__file__).with_name("commits_on_damage.py")
    with store.init(path) as model:
        for seed in range(18):
            model.commit(arrays(seed))
    command = [sys.executable, str(program), str(path), "120"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes = done.stdout.split()
    assert len(outcomes) == 120 and set(outcomes) == {"committed", "refused"}
