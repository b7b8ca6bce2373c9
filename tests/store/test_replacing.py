"""A commit that takes the place of the newest iteration, and the state of a run beside it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from states import arrays, same

from jairika_nb import store
from jairika_nb.errors import NotFound, StoreError


def test_many_replacements_leave_one_iteration(path):
    """Past the sixteen rows that seal a segment, with commits to another variant in between."""
    with store.init(path) as model:
        first = model.commit(arrays(), name="start")
        model.derive("other")
        held = store.open(path)["main"]["start"]
        name = None
        for i in range(40):
            made = model.commit(arrays(i + 1), name="checkpoint", replaces=name)
            assert made.parents == (first.id,)
            name = "checkpoint"
            if i % 4 == 0:
                model.commit(arrays(i), variant="other")
        assert model["main"].iterations == ("prime", "start", "checkpoint")
        assert len(model["other"].iterations) == 11
        assert same(model["main"]["checkpoint"].arrays(), arrays(40))
        assert model.verify().ok
    assert same(held.arrays(), arrays())
    with h5py.File(path, "r") as file:
        assert sorted(file["variants/main"]) == ["checkpoint", "prime", "start"]
        for name, value in arrays(40).items():
            shown = file["variants/main/checkpoint"][name.replace(".", "/")]
            np.testing.assert_array_equal(shown[()], value)


def test_the_new_one_may_have_another_name(path):
    with store.init(path) as model:
        model.commit(arrays(), name="start")
        model.commit(arrays(1), name="auto-1")
        model.commit(arrays(2), name="auto-2", replaces="auto-1")
        assert model["main"].iterations == ("prime", "start", "auto-2")
        with pytest.raises(NotFound):
            model["main"]["auto-1"]
        assert model.verify().ok


def test_what_cannot_be_replaced(path):
    with store.init(path) as model:
        with pytest.raises(StoreError, match="nothing is in it yet"):
            model.commit(arrays(), replaces="prime")
        model.commit(arrays(), name="start")
        model.commit(arrays(1), name="auto")
        with pytest.raises(StoreError, match="only the newest iteration can be, which is 'auto'"):
            model.commit(arrays(2), replaces="start")
        with pytest.raises(StoreError, match="iteration of that name"):
            model.commit(arrays(2), name="start", replaces="auto")
        model.derive("branch")
        with pytest.raises(StoreError, match="variant 'branch' was derived from it"):
            model.commit(arrays(2), replaces="auto")
        assert model["main"].iterations == ("prime", "start", "auto")
        assert model.verify().ok


def test_the_state_of_a_run_is_kept_apart(path):
    run = {"0.weight": np.arange(3.0), "state": np.frombuffer(b'{"epoch": 3}', np.uint8)}
    with store.init(path) as model:
        made = model.commit(arrays(), optimizer={"0.weight": np.ones(2), "lr": 0.1}, training=run)
        model.commit(arrays(1))
    again = store.open(path)["main"]
    assert same(again[made.name].training_state(), run)
    assert same(again[made.name].arrays(), arrays())
    assert set(again[made.name].optimizer_state()) == {"0.weight", "lr"}
    assert again.head.training_state() == {}
    with h5py.File(path, "r") as file:
        group = file[f"variants/main/{made.name}"]
        found = []
        group.visit(found.append)
        assert "state" not in found
