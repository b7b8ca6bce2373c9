"""Push and pull between files: what is missing moves, nothing is lost, a cut leaves both whole."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from states import arrays, same

from jairika_nb import store
from jairika_nb.errors import AddressError, Damaged, HeadMoved, NotFound, ReadOnly

KILLS = int(os.environ.get("JRK_STORE_KILLS", "2"))


def contents(model) -> dict:
    """All iterations by variant in order: ids, and the bytes of their arrays."""
    return {
        v: [
            (i, model[v][i].id, {k: a.tobytes() for k, a in model[v][i].arrays().items()})
            for i in model[v]
        ]
        for v in model
    }


@pytest.fixture
def other(model, tmp_path):
    """A clone of ``model``, open for adding."""
    store.clone(model.path, tmp_path / "other.jrk.h5")
    with store.open(tmp_path / "other.jrk.h5", "a") as made:
        yield made


def test_a_clone_is_the_same_model(model, tmp_path):
    model.derive("wide")
    model.tag("v1", "prime")
    moved = store.clone(model.path, tmp_path / "clone.jrk.h5")
    assert moved.iterations == {"main": 2, "wide": 1} and moved.tags == ["v1"]
    with store.open(tmp_path / "clone.jrk.h5") as made:
        assert contents(made) == contents(model) and made.verify().ok
        assert made.tags["v1"].id == model.tags["v1"].id and made.current == "main"
        assert made["wide"].parent == ("main", "PT") and made["main"]["PT"].metrics == {
            "loss": 0.25
        }
    with pytest.raises(AddressError, match="a model of that name already"):
        store.clone(model.path, tmp_path / "clone.jrk.h5")
    assert model.push(tmp_path / "pushed.jrk.h5").iterations == moved.iterations
    assert contents(store.open(tmp_path / "pushed.jrk.h5")) == contents(model)


def test_only_what_is_missing_moves(model, other):
    big = np.arange(100_000, dtype=np.float32)
    model.commit({"0.weight": big}, variant=model.derive("big").name)
    model.push(other.path)
    size = other.path.stat().st_size
    model.revert("big/prime", "big")
    model.commit({"0.weight": big}, variant=model.derive("again", "big").name)
    moved = model.push(other.path)
    assert moved.bytes == 0 and moved.iterations == {"big": 1, "again": 2}
    assert other.path.stat().st_size - size < 40_000
    other.refresh()
    assert contents(other) == contents(model) and other.verify().ok
    assert str(model.push(other.path)).startswith("nothing new")


def test_what_went_two_ways_is_refused_then_merged_then_pushed(model, other):
    one = {**arrays(1), "0.bias": arrays(2)["0.bias"]}
    two = {**arrays(1), "encoder.mask": ~arrays(1)["encoder.mask"]}
    model.commit(one)
    other.commit(two)
    before = contents(model), contents(other)
    for move in (
        lambda: model.push(other.path),
        lambda: model.pull(other.path),
        lambda: other.pull(model.path),
    ):
        with pytest.raises(HeadMoved, match=r"different ways.*merge that, then push"):
            move()
    assert (contents(model), contents(other.refresh())) == before
    assert model.pull(other.path, into="theirs").iterations == {"theirs": 1}
    assert model["theirs"].head.id == other["main"].head.id
    done = model.merge("theirs")
    assert same(done.iteration.arrays(), {**one, "encoder.mask": two["encoder.mask"]})
    assert model.push(other.path, "main").iterations == {"main": 2}
    other.refresh()
    assert other["main"].head.id == done.iteration.id and other.verify().ok
    names = other["main"].iterations  # both were called iteration-3
    assert names[:3] == ("prime", "PT", "iteration-3") and names[3].startswith("iteration-3-")
    assert len(set(names)) == len(names) == 5
    assert same(other["main"][names[3]].arrays(), one)
    assert str(other.pull(model.path, "main")).startswith("nothing new")
    other.commit(arrays(9))
    assert model.pull(other.path, "main").iterations == {"main": 1}
    assert same(model["main"].head.arrays(), arrays(9)) and model.verify().ok


def test_one_who_is_ahead_has_nothing_to_pull(model, other):
    other.commit(arrays(3))
    assert not other.pull(model.path).iterations
    assert not model.push(other.path).iterations
    assert model.pull(other.path).iterations == {"main": 1}
    assert model["main"].head.id == other["main"].head.id


def test_an_empty_variant_takes_what_comes(model, tmp_path):
    with store.init(tmp_path / "new.jrk.h5") as new:
        assert new.pull(model.path).iterations == {"main": 2}
        assert contents(new) == contents(model) and new.verify().ok
        assert not model.pull(new.path).iterations


def test_one_variant_goes_to_a_new_file_alone(model, tmp_path):
    model.commit(arrays(5), variant=model.derive("wide").name)
    model.tag("v1", "main/PT")
    model.tag("v2", "wide")
    new = tmp_path / "new.jrk.h5"
    with pytest.raises(NotFound, match="did you mean 'wide'"):
        model.push(new, "wid")
    assert not new.exists()
    moved = model.push(new, "wide")
    assert moved.iterations == {"wide": 2} and moved.tags == ["v2"]
    with store.open(new) as made:
        assert contents(made) == {"wide": contents(model)["wide"]} and made.verify().ok
        assert made.current == "wide"
    assert not model.push(new, "wide").iterations
    assert model.push(new).iterations == {"main": 2}


def test_tags_come_along_and_never_move(model, other):
    model.tag("v1", "prime")
    model.tag("v2", "PT")
    other.tag("v2", "prime")
    moved = other.pull(model.path)
    assert moved.tags == ["v1"] and "'v2'" in moved.notes[0]
    assert other.tags["v2"].name == other.tags["v1"].name == "prime"


def test_what_is_refused(model, other, tmp_path):
    with pytest.raises(NotFound, match="did you mean 'main'"):
        model.push(other.path, "man")
    with pytest.raises(AddressError, match="itself"):
        model.push(model.path)
    with pytest.raises(AddressError, match="no such file"):
        model.pull(tmp_path / "none.jrk.h5")
    with pytest.raises(ReadOnly, match="for reading"):
        model.push("https://example.org/a.jrk.h5")
    with store.open(model.path) as reading, pytest.raises(ReadOnly):
        reading.pull(other.path)
    (tmp_path / "text.jrk.h5").write_text("no model")
    for move in (model.push, model.pull):
        with pytest.raises(AddressError, match="not an HDF5 file"):
            move(tmp_path / "text.jrk.h5")


def test_damage_at_the_source_does_not_arrive(model, other):
    made = other.commit(
        {"0.weight": np.arange(5000, dtype=np.float64)}, variant=other.derive("x").name
    )
    row = other._reader.iterations("x")[-1]
    offset = other._reader.locations(row, other._reader.manifest(row))[0][0]
    with open(other.path, "r+b") as file:
        file.seek(offset + 800)
        file.write(b"\x01")
    before = contents(model)
    with pytest.raises(Damaged, match=r"'0\.weight'"):
        model.pull(other.path)
    assert contents(model) == before and made.id not in str(before) and model.verify().ok


def test_a_claim_about_an_object_that_is_here_is_checked(model, other):
    from test_hostile_files import forge, with_manifest

    other.commit({**arrays(1), "0.bias": np.arange(8, dtype=np.float32)}, name="more")

    def claim(manifest, row, data):
        manifest["tensors"][0][4] = [6, 8]  # the bytes of (8, 6), which the other side has

    forge(other.path, with_manifest(claim))
    with pytest.raises(Damaged):
        model.pull(other.path)
    assert model["main"].iterations == ("prime", "PT") and model.verify().ok


def test_a_long_transfer_is_many_commits_and_tells_how_far_it_is(model, other, monkeypatch):
    from jairika_nb.store import transfer

    monkeypatch.setattr(transfer, "BATCH", 50_000)
    for n in range(6):
        model.commit(
            {**arrays(1), "0.weight": np.full((8, 6), n, np.float32)},
            optimizer={"m": np.full(4000, n)},
        )
    told = []
    other.pull(model.path, progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted({done for done, _ in told}) and len(told) == 6
    assert told[-1][0] == told[-1][1] and contents(other) == contents(model)


def test_layers_that_stay_the_same_count_once(model, other, monkeypatch):
    from jairika_nb.store import transfer

    monkeypatch.setattr(transfer, "BATCH", 100_000)
    big = {**arrays(1), "big.weight": np.arange(20_000, dtype=np.float32)}
    model.derive("big")
    for n in range(6):
        model.commit({**big, "0.bias": np.full(8, n, np.float32)}, variant="big")
    told = []
    other.pull(model.path, "big", progress=lambda done, total: told.append((done, total)))
    assert len(told) == 1 and told[0][0] == told[0][1] < 100_000
    assert contents(other)["big"] == contents(model)["big"]


PULLER = """
import sys
from jairika_nb import store
from jairika_nb.store import transfer
transfer.BATCH = 200_000
with store.open(sys.argv[1], "a") as model:
    print("open", flush=True)
    model.pull(sys.argv[2])
print("done", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_pull_that_is_killed_leaves_both_whole_and_goes_on(model, other):
    for n in range(30):
        state = {**arrays(1), "0.bias": np.full(8, n, np.float32)}
        model.commit(state, name=f"n{n}", optimizer={"m": np.full(10_000, n)})
    wanted, image = contents(model), model.path.read_bytes()
    chosen, found = random.Random(5), set()
    for _ in range(KILLS):
        command = [sys.executable, "-c", PULLER, str(other.path), str(model.path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "open\n"
            time.sleep(chosen.random() * 0.3)
            child.send_signal(signal.SIGKILL)
        with store.open(other.path, "a") as there:
            part = contents(there)["main"]
            assert part == wanted["main"][: len(part)] and there.verify().ok
            found.add(len(part))
    other.refresh().pull(model.path)
    assert contents(other) == wanted and other.verify().ok
    assert model.path.read_bytes() == image and found


def test_two_clones_that_push_and_pull_at_random_lose_nothing(model, other):
    chosen, made = random.Random(3), {}
    for step in range(25):
        here, there = chosen.sample([model, other], 2)
        action = chosen.choice(["commit", "push", "pull", "derive"])
        try:
            if action == "commit":
                row = here.refresh().commit(arrays(step))
                made[row.id] = step
            elif action == "derive":
                here.derive(f"v{step}", switch=chosen.random() < 0.3)
            elif action == "push":
                here.push(there.path)
                there.refresh()
            else:
                here.pull(there.path)
        except HeadMoved:
            here.pull(there.path, here.current, into=f"theirs-{step}")
            here.merge(f"theirs-{step}", strategy="ours")
    for each in (model.refresh(), other.refresh()):
        assert each.verify().ok
    for id, seed in made.items():
        found = []
        for each in (model, other):
            try:
                found.append(each.find(id))
            except NotFound:
                continue
        assert found and all(same(each.arrays(), arrays(seed)) for each in found)
