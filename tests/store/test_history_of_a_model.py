"""Variants, iterations, their order and names; what commit, derive and switch refuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from states import FIRST, SECOND, arrays, same

from jairika_nb import store
from jairika_nb.errors import (
    ArchitectureError,
    BadName,
    HeadMoved,
    NameTaken,
    NotFound,
    ReadOnly,
    StoreError,
)


class Net:
    def __init__(self, units: int) -> None:
        self.units = units

    def state_dict(self):
        return {"0.weight": np.full((self.units, 2), 0.5, np.float32)}

    def architecture(self):
        return {"type": "Linear", "args": {"out_features": self.units}}


def test_a_new_model_has_main_with_an_empty_prime(path):
    with store.init(path, time=FIRST) as model:
        assert model.variants == ("main",) and model.current == "main"
        assert model["main"].iterations == ("prime",)
        assert model["main"]["prime"].arrays() == {} and model["main"].architecture is None
        assert model["main"].created == datetime(2023, 10, 5, 14, 23, 45, tzinfo=UTC)


def test_the_first_commit_takes_the_empty_prime_over(path):
    with store.init(path, time=FIRST) as model:
        made = model.commit(arrays(), time=SECOND)
        assert (made.name, made.parents) == ("prime", ())
        assert model["main"].iterations == ("prime",)
        assert made.time == datetime(2023, 10, 27, 0, 48, 4, tzinfo=UTC)
        assert model["main"].created == datetime(2023, 10, 5, 14, 23, 45, tzinfo=UTC)


def test_a_first_commit_of_another_name_leaves_the_empty_prime(path):
    with store.init(path) as model:
        blank = model["main"].head.id
        made = model.commit(arrays(), name="PT")
        assert model["main"].iterations == ("prime", "PT")
        assert made.parents == (blank,)
        assert model.commit(arrays(1)).name == "iteration-3"


def test_iterations_are_named_and_numbered_in_order(model):
    assert model.commit(arrays(2)).name == "iteration-3"
    model.commit(arrays(3), name="iteration-5")
    assert model.commit(arrays(4)).name == "iteration-6"
    names = ("prime", "PT", "iteration-3", "iteration-5", "iteration-6")
    assert model["main"].iterations == names
    assert [each.name for each in model.log()] == list(reversed(names))
    assert model["main"].head.name == "iteration-6"


def test_each_iteration_continues_the_one_before(model):
    prime, pt = model["main"]["prime"], model["main"]["PT"]
    assert prime.parents == () and pt.parents == (prime.id,)
    assert prime.message == "from scratch" and pt.metrics == {"loss": 0.25}


def test_equal_content_is_another_iteration_with_another_id(model):
    again = model.commit(arrays(1), name="again", time=SECOND)
    assert again.id != model["main"]["PT"].id
    assert same(again.arrays(), arrays(1))


def test_all_iterations_stay_readable_over_many_segments(path):
    with store.init(path) as model:
        made = [model.commit({"0.w": np.float32(n)}, name=str(n)) for n in range(40)]
        model.derive("other", iteration="17")
    with store.open(path) as model:
        assert len(model._reader.catalogue.segments) >= 2
        for n, each in enumerate(made):
            assert model["main"][str(n)].id == each.id
            assert float(model["main"][str(n)].arrays()["0.w"]) == n
        assert float(model["other"].head.arrays()["0.w"]) == 17


def test_small_segments_merge_into_one_of_256_rows(path):
    from jairika_nb.store.catalogue import FULL, TAIL, Catalogue
    from jairika_nb.store.rows import Row, Segment, VariantRow

    row = Row("0" * 64, "main", "x", 0, (), "", {}, 0, 0, None, {})
    full = Segment(0, 0, "0" * 64, FULL)
    small = tuple(Segment(0, 0, "0" * 64, TAIL) for _ in range(FULL // TAIL - 1))
    head = (VariantRow("main", 0),)
    assert Catalogue("main", head, (full,), (row,) * (TAIL - 1)).to_seal() is None
    assert Catalogue("main", head, (full,), (row,) * TAIL).to_seal() == ()
    assert Catalogue("main", head, (full, *small), (row,) * TAIL).to_seal() == small


def test_derive_shares_everything_and_switch_chooses(model):
    source = model["main"]["prime"]
    derived = model.derive("lstm", iteration="prime", time=SECOND)
    assert derived.parent == ("main", "prime") and derived.iterations == ("prime",)
    assert derived.head.parents == (source.id,) and derived.head.metrics == source.metrics
    assert same(derived.head.arrays(), source.arrays())
    assert model.current == "main"
    assert model.switch("lstm").name == "lstm" and model.current == "lstm"
    assert model.commit(arrays(5)).variant == "lstm"
    assert model["main"].iterations == ("prime", "PT")
    assert model.derive("third", switch=True).parent == ("lstm", "iteration-2")
    assert store.open(model.path).current == "third"


def test_derive_keeps_the_optimizer(path):
    with store.init(path) as model:
        model.commit(arrays(), optimizer={"0.weight.m": np.ones(3), "step": 7})
        state = model.derive("b").head.optimizer_state()
        assert state["step"] == 7 and state["0.weight.m"].tolist() == [1, 1, 1]


def test_another_architecture_needs_a_variant_of_its_own(path):
    with store.init(path, Net(4)) as model:
        model.commit(Net(4))
        with pytest.raises(ArchitectureError, match="derive a variant first"):
            model.commit(Net(5))
        model.derive("wide")
        model.commit(Net(5), variant="wide")
        with pytest.raises(ArchitectureError, match="derive a variant first"):
            model.commit(Net(4), variant="wide")
        assert model["wide"].architecture["args"] == {"out_features": 5}
        assert model["main"].architecture["args"] == {"out_features": 4}


def test_arrays_join_a_variant_with_an_architecture_where_they_fit(path):
    with store.init(path, Net(4)) as model:
        made = model.commit(Net(4).state_dict())
        assert made.architecture == Net(4).architecture()
        with pytest.raises(ArchitectureError, match=r"'0.weight' has shape \(5, 2\).*\(4, 2\)"):
            model.commit(Net(5).state_dict())
        with pytest.raises(ArchitectureError, match=r"'w' is not in .*; '0.weight' is missing"):
            model.commit({"w": np.zeros((4, 2))})
        with pytest.raises(ArchitectureError, match=r": '0.\w+' is missing; derive"):
            model.commit(dict(list(Net(4).state_dict().items())[1:]))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\x00b", "tab\t", "x" * 201, None, 3])
def test_names_the_file_cannot_hold_are_refused(model, name, tmp_path):
    size = model.path.stat().st_size
    with pytest.raises(BadName):
        model.derive(name)
    if name is not None:
        with pytest.raises(BadName):
            model.commit(arrays(), name=name)
    with pytest.raises(BadName):
        store.init(tmp_path / "other.jrk.h5", variant=name)
    assert not (tmp_path / "other.jrk.h5").exists()
    assert model.path.stat().st_size == size


def test_either_unicode_form_finds_a_name(model):
    model.derive("cafe\u0301")
    assert "caf\u00e9" in model.variants
    assert model["cafe\u0301"].name == model["caf\u00e9"].name == "caf\u00e9"


def test_names_are_taken_once(model):
    with pytest.raises(NameTaken, match=r"'PT'.*choose another name"):
        model.commit(arrays(2), name="PT")
    with pytest.raises(NameTaken, match="'main'"):
        model.derive("main")
    assert model["main"].iterations == ("prime", "PT")


def test_unknown_names_are_told_with_what_was_meant(model):
    with pytest.raises(NotFound, match=r"no variant 'mian'.*did you mean 'main'"):
        model["mian"]
    with pytest.raises(NotFound, match=r"no iteration 'pt'.*it has 'prime', 'PT'"):
        model["main"]["pt"]
    for action in (
        lambda: model.switch("none"),
        lambda: model.derive("x", source="none"),
        lambda: model.derive("x", iteration="none"),
        lambda: model.commit(arrays(), variant="none"),
        lambda: model.log("none"),
    ):
        with pytest.raises(NotFound):
            action()
    assert model.variants == ("main",)


def test_a_model_open_for_reading_refuses_changes(model):
    with store.open(model.path) as reading:
        for action in (
            lambda: reading.commit(arrays()),
            lambda: reading.derive("x"),
            lambda: reading.switch("main"),
        ):
            with pytest.raises(ReadOnly, match="mode='a'"):
                action()


def test_a_closed_model_says_so(model):
    head = model["main"].head
    model.close()
    with pytest.raises(StoreError, match="closed"):
        head.arrays()
    with pytest.raises(StoreError, match="closed"):
        model.commit(arrays())


def test_a_head_that_moved_underneath_is_not_overwritten(model):
    with store.open(model.path, "a") as other:
        other.commit(arrays(7), name="theirs")
    with pytest.raises(HeadMoved, match=r"'theirs' was added.*derive a variant"):
        model.commit(arrays(8), name="ours")
    assert model.refresh().commit(arrays(8), name="ours").parents == (model["main"]["theirs"].id,)


def test_times_are_utc_whatever_zone_they_came_in(path):
    with store.init(path, time=datetime(2024, 2, 29, 12, 0, 0)) as model:
        assert model["main"].created == datetime(2024, 2, 29, 12, tzinfo=UTC)
        berlin = datetime(2024, 2, 29, 14, tzinfo=timezone(timedelta(hours=2)))
        assert model.commit(arrays(), time=berlin).time == datetime(2024, 2, 29, 12, tzinfo=UTC)


def test_a_notebook_shows_the_tree_of_a_model(model):
    model.commit(arrays(3), name="PT <b>")
    assert '"main"' in model._repr_html_() and "PT &lt;b&gt;" in model._repr_html_()


def test_completion_offers_what_users_call(model):
    for each in (model, model["main"], model["main"].head):
        inside = {"attempted", "disk", "reader", "row", "wait"} & set(dir(each))
        assert not inside, each
