"""Tags, revert, rm and the reflog: what is removed can be had back, what is kept is bit for bit."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from states import FIRST, SECOND, arrays, same

from jairika_nb import nn, store
from jairika_nb.errors import (
    ArchitectureError,
    BadName,
    NameTaken,
    NotFound,
    ReadOnly,
    StoreError,
)


def test_revert_restores_bits_and_keeps_what_came_between(model):
    size = model.path.stat().st_size
    made = model.revert("prime", time=SECOND)
    assert same(made.arrays(), arrays(0)) and made.parents == (model["main"]["PT"].id,)
    assert model["main"].iterations == ("prime", "PT", "iteration-3")
    assert made.message == 'back to "prime"' and made.metrics == {"loss": 0.5}
    assert same(model["main"]["PT"].arrays(), arrays(1))
    assert model.path.stat().st_size - size < 16_000  # records and HDF5's groups, no tensor
    assert model.verify().ok


def test_revert_keeps_to_one_architecture_a_variant(tmp_path):
    """As commit does: what has another one goes on in a variant derived from it."""
    narrow, wide = nn.Sequential(nn.Linear(3, 2)), nn.Sequential(nn.Linear(3, 5))
    with store.init(tmp_path / "a.jrk.h5", narrow) as model:
        model.derive("wide", switch=True)
        model.commit(wide, name="first")
        model.commit(wide, name="second")
        for other in ("main", "wide/prime"):
            with pytest.raises(ArchitectureError, match=r"revert variant 'wide'.*derive a variant"):
                model.revert(other)
        assert model["wide"].iterations == ("prime", "first", "second")
        assert model.revert("first").architecture == wide.architecture()


def test_revert_brings_the_optimizer_back(path):
    with store.init(path) as model:
        model.commit(arrays(), optimizer={"0.weight.m": np.ones(3), "t": 1})
        model.commit(arrays(1), optimizer={"0.weight.m": np.zeros(3), "t": 2})
        state = model.revert("prime").optimizer_state()
        assert state["t"] == 1 and state["0.weight.m"].tolist() == [1, 1, 1]


def test_revert_refuses_what_makes_no_sense(model, tmp_path):
    with pytest.raises(StoreError, match="newest iteration"):
        model.revert("PT")
    with pytest.raises(NameTaken):
        model.revert("prime", name="PT")
    with pytest.raises(NotFound):
        model.revert("none")
    with store.open(model.path) as reading, pytest.raises(ReadOnly):
        reading.revert("prime")


def test_a_removed_iteration_is_gone_from_every_list_and_comes_back_by_its_id(model):
    gone = model["main"]["prime"].id
    assert model.remove("prime") == (gone,)
    assert model["main"].iterations == ("PT",)
    with h5py.File(model.path) as file:
        assert list(file["variants/main"]) == ["PT"]
    with pytest.raises(NotFound):
        model.find("prime")
    assert model.find(gone[:10]).name == "prime" and model.verify().ok
    back = model.revert(gone[:10], name="prime")
    assert same(back.arrays(), arrays(0)) and model.verify().ok
    assert same(model.derive("other", iteration=gone).head.arrays(), arrays(0))


def test_the_newest_can_be_removed_and_work_goes_on(model):
    model.remove("PT")
    made = model.commit(arrays(2), name="PT")
    assert made.parents == (model["main"]["prime"].id,) and same(made.arrays(), arrays(2))
    assert model.verify().ok


def test_removal_reaches_into_sealed_segments(path):
    with store.init(path) as model:
        for n in range(40):
            model.commit({"0.w": np.float32(n)}, name=str(n))
        model.remove("17")
        model.remove("5")
        model.remove("39")
        for n in range(40, 60):
            model.commit({"0.w": np.float32(n)}, name=str(n))
        left = [str(n) for n in range(60) if n not in (5, 17, 39)]
        assert list(store.open(path)["main"].iterations) == ["prime", *left]
        assert [float(store.open(path)["main"][n].arrays()["0.w"]) for n in left] == [
            *map(float, left)
        ]
        assert model.verify().ok


def test_a_removed_variant_comes_back_by_the_id_of_its_newest(model):
    model.derive("lstm")
    head = model.commit(arrays(5), variant="lstm").id
    assert model.remove(variant="lstm")[-1] == head
    assert model.variants == ("main",) and "lstm" not in h5py.File(model.path)["variants"]
    assert same(model.derive("lstm", iteration=head).head.arrays(), arrays(5))
    assert model.verify().ok


def test_what_must_stay_is_not_removed(model):
    with pytest.raises(StoreError, match="only one of this model"):
        model.remove(variant="main", force=True)
    model.derive("other", switch=True)
    with pytest.raises(StoreError, match="only one of variant 'other'"):
        model.remove("prime")
    with pytest.raises(StoreError, match="in use"):
        model.remove(variant="other")
    model.tag("v1", "main/PT")
    with pytest.raises(StoreError, match="tag 'v1'"):
        model.remove("PT", "main")
    with pytest.raises(StoreError, match="tag 'v1'"):
        model.remove(variant="main")
    with pytest.raises(StoreError, match="nothing to remove"):
        model.remove()
    with pytest.raises(NotFound, match="it has 'prime', 'PT'"):
        model.remove("Pt", "main")
    model.remove(variant="other", force=True)
    assert model.current == "main"
    model.remove("main/PT", force=True)
    assert not model.tags and model["main"].iterations == ("prime",)


def test_tags_stay_with_their_iteration(model):
    tagged = model.tag("v1.0", message="the first good one")
    model.commit(arrays(3))
    assert tagged.name == "PT" and model.tags["v1.0"].id == tagged.id
    assert model.find("v1.0").id == tagged.id and model.info()["tags"] == {"v1.0": tagged.id}
    with pytest.raises(NameTaken, match="tags do not move"):
        model.tag("v1.0", "prime")
    with pytest.raises(NotFound, match=r"did you mean 'v1\.0'"):
        model.remove(tag="v1.1")
    model.remove(tag="v1.0")
    assert not model.tags and "PT" in model["main"]
    assert model.tag("v1.0", "prime").name == "prime"


def test_names_find_in_the_order_that_is_told(model):
    model.derive("lstm")
    model.tag("best", "prime")
    assert model.find("PT").name == "PT" and model.find("lstm").variant == "lstm"
    assert model.find("lstm/prime").variant == "lstm" and model.find("best").name == "prime"
    assert model.find("prime", "lstm").variant == "lstm"
    assert model.find(model["main"]["PT"].id).name == "PT"
    for wrong in ("", "a/b/c", "x" * 10_000, "deadbeef", None):
        with pytest.raises((NotFound, BadName)) as told:
            model.find(wrong)
        assert len(str(told.value)) < 400


@pytest.mark.parametrize("name", ["a b", 'it\'s "quoted"', "Ünïcödé", "日本", "$(rm -rf)", "-x"])
def test_odd_names_work_everywhere(path, name):
    with store.init(path, variant=name, time=FIRST) as model:
        model.commit(arrays(0), name=name)
        model.commit(arrays(1), name=name + "2")
        model.tag(name, f"{name}/{name}")
        assert model.find(name).arrays().keys() == arrays(0).keys()
        model.remove(f"{name}2")
        assert model.verify().ok and model.tags[name].name == name


def test_the_reflog_tells_what_was_done_newest_first(model):
    model.derive("lstm")
    model.switch("lstm")
    model.tag("v1")
    model.remove("PT", "main")
    model.remove(tag="v1")
    told = [(each.verb, each.variant, each.name) for each in model.reflog()]
    assert told == [
        ("rm tag", "", "v1"),
        ("rm", "main", "PT"),
        ("tag", "lstm", "v1"),
        ("switch", "lstm", "prime"),
        ("derive", "lstm", "prime"),
        ("commit", "main", "PT"),
        ("commit", "main", "prime"),
    ]
    assert model.reflog()[1].row.name == "PT"


def test_a_long_reflog_is_sealed_and_stays_whole(model):
    for _ in range(40):
        model.switch("main")
    assert len(model.reflog()) == 42 and len(model._reader.catalogue.recent) < 16
    assert len(store.open(model.path).reflog()) == 42
