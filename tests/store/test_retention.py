"""What keeps an iteration, what goes and when, and whose bytes are whose."""

from __future__ import annotations

import json

import numpy as np
import pytest
from states import same

from jairika_nb import store
from jairika_nb.errors import ArgumentError, NotFound, ReadOnly, StoreError
from jairika_nb.store import listing


def state(number: int) -> dict:
    """8,000 bytes of its own, 4,000 that three in a row share."""
    return {"0.w": np.full(1000, number, np.float64), "1.w": np.full(500, number // 3, np.float64)}


@pytest.fixture
def model(path):
    """``main``: n0 to n19 with a loss that is least at n7 and an accuracy; n4 tagged;
    ``side`` from n5 with one more."""
    with store.init(path, name="n0") as model:
        for n in range(20):
            metrics = {"loss": abs(n - 7) / 10, "accuracy": n % 13 / 13}
            model.commit(state(n), name=f"n{n}", metrics=metrics if n != 8 else {"loss": np.nan})
        model.derive("side", iteration="n5")
        model.commit(state(90), variant="side", name="more")
        model.tag("v1", "n4")
        yield model


def names(model, variant="main") -> set[str]:
    return set(model[variant].iterations)


ALWAYS = {"n4", "n5", "n19"}  # tagged, continued by side, newest


@pytest.mark.parametrize(
    ("keep", "wanted"),
    [
        ({"last": 3}, {"n17", "n18", "n19"}),
        ({"every": 6}, {"n0", "n6", "n12", "n18"}),
        ({"best_by": "loss"}, {"n7"}),
        ({"best_by": "accuracy"}, {"n12"}),
        ({"best_by": "accuracy", "mode": "min"}, {"n13"}),  # the newest of equal ones
        ({"last": 2, "every": 10, "best_by": "loss"}, {"n18", "n19", "n0", "n10", "n7"}),
    ],
)
def test_the_rules_say_what_stays(model, keep, wanted):
    planned = model.planned(keep=store.Keep(**keep))
    kept = {row.name: why for row, why in planned.kept if row.variant == "main"}
    assert set(kept) == wanted | ALWAYS and not planned.dropped
    assert "tag v1" in kept["n4"] and "newest" in kept["n19"]
    assert kept["n5"] == ("continued elsewhere",)
    assert names(model) == {f"n{n}" for n in range(20)}  # nothing was done


def test_what_goes_can_be_had_back_until_it_is_dropped(model):
    image = model.path.read_bytes()
    planned = model.planned(keep={"last": 2})
    assert model.path.read_bytes() == image and planned.won == 0
    done = model.gc(keep={"last": 2})
    gone = {row.name: row.id for row in planned.removed}
    assert done.removed == len(gone) == 16 and done.dropped == 0
    assert f"{done.removed} iterations removed" in str(done)
    assert names(model) == ALWAYS | {"n18"} and model.tags["v1"].name == "n4"
    assert names(model, "side") == {"prime", "more"}
    assert same(model.find(gone["n2"]).arrays(), state(2))
    assert same(model.derive("again", iteration=gone["n11"]).head.arrays(), state(11))
    assert [each.verb for each in model.reflog()][2:4] == ["rm", "rm"]
    assert {r.id for r in model.planned(days=0).dropped} == set(gone.values())
    assert model.gc(days=0).dropped == 16 and model.verify().ok
    with pytest.raises(NotFound):
        model.find(gone["n2"])
    assert same(model["again"].head.arrays(), state(11))  # which has values of its own


def test_days_of_none_drop_at_once_what_was_said(model):
    planned = model.planned(days=0, keep={"last": 2})
    before = model.space()
    model.gc(days=0)
    size = model.path.stat().st_size
    done = model.gc(days=0, keep={"last": 2})
    assert done.removed == done.dropped == 16
    assert planned.won == before.tensors - model.space().tensors
    # Records go too: about 6 KB an iteration.
    assert planned.won <= size - done.after < planned.won + 16 * 6_000


def test_every_sixth_stays_every_sixth_however_often_it_is_asked(model):
    model.remove("n1")
    for last in (19, 26, 33):
        if last > 19:
            for n in range(last - 6, last + 1):
                model.commit(state(n), name=f"n{n}")
        model.gc(days=0, keep={"every": 6, "last": 1})
        sixth = {f"n{n}" for n in range(0, last + 1, 6)}
        assert names(model) == sixth | {"n4", "n5", f"n{last}"}
        rows = store.open(model.path)._reader.iterations("main")
        assert all(row.name == f"n{number}" for number, row in listing.numbered(rows))


def test_wrong_rules_are_refused_with_a_way_out(model):
    assert store.Keep(last=np.int64(3)).last == 3 and model.planned(np.float32(1)).won == 0
    for keep, said in (
        ({}, "nothing to keep"),
        ({"last": 0}, "from 1 up"),
        ({"last": True}, "from 1 up"),
        ({"every": 2.5}, "from 1 up"),
        ({"lest": 3}, "did you mean 'last'"),
        ({"best_by": 3}, "a metric's name"),
        ({"best_by": "loss", "mode": "best"}, "'min', 'max' or 'auto'"),
        (5, "give a mapping"),
    ):
        for action in (model.gc, model.planned):
            with pytest.raises(ArgumentError, match=said):
                action(keep=keep)
    with pytest.raises(NotFound, match="did you mean 'accuracy'"):
        model.gc(keep={"best_by": "acuracy"})
    for days in ("a", None, -1, True, float("nan")):
        for action in (model.gc, model.planned):
            with pytest.raises(StoreError, match="0 or more"):
                action(days)
    with store.open(model.path) as reading:
        assert reading.planned(keep={"last": 1}).removed
        with pytest.raises(ReadOnly):
            reading.gc(keep={"last": 1})
    assert len(names(model)) == 20


def test_planning_shows_itself_as_text_html_and_json(model):
    model.remove("n3")
    planned = model.planned(days=0, keep={"last": 2})
    text, data = str(planned), json.loads(json.dumps(planned.to_json()))
    assert "main/n2" in text and "dropped for good" in text and "main/n4 stays: tag v1" in text
    assert {each["iteration"] for each in data["dropped"]} >= {"n2", "n3"}
    assert "n3" not in {each["iteration"] for each in data["removed"]}
    assert planned._repr_html_().startswith("<div") and "main/n2" in planned._repr_html_()


def test_space_tells_whose_bytes_are_whose(model):
    model.remove("n6")
    found = model.space()
    by_name = {(each.variant, each.iteration): each for each in found.shares}
    n7, n8, head = by_name["main", "n7"], by_name["main", "n8"], by_name["side", "more"]
    assert (n7.bytes, n7.stored, n7.unique) == (12_000, 12_000, 8000)
    assert head.unique == 12_000 and by_name["side", "prime"].unique == 0
    assert by_name["main", "n6"].removed and not n8.removed and len(found.shares) == 22
    assert found.tensors == 21 * 8000 + 8 * 4000 and found.file == model.path.stat().st_size
    held = sum(each.unique for each in found.shares)
    assert held <= found.tensors < found.file
    assert "main/n7" in str(found) and "removed" in str(found)
    assert found._repr_html_().startswith("<div")
    assert json.loads(json.dumps(found.to_json()))["iterations"][0]["unique"] == 8000
    model.remove("n7")
    before = model.gc(days=1).after
    assert before - model.gc(days=0).after > 16_000


def test_space_of_cold_iterations_is_what_they_take(path):
    chosen = np.random.default_rng(0).standard_normal(2000)
    with store.init(path) as model:
        for n in range(4):
            model.commit({"0.w": chosen + 1e-12 * n}, name=f"n{n}")
        model.commit({"0.w": chosen, "1.w": chosen, "2.w": chosen[:0]}, variant="main", name="n4")
        model.remove("n4")
        twice = model.space().shares[-1]
        assert (twice.tensors, twice.bytes, twice.stored, twice.unique) == (3, 32_000, 16_000, 0)
        model.gc(days=0, cold=True)
        shares = {each.iteration: each for each in model.space().shares}
        assert shares["n3"].stored == 16_000 and not shares["n3"].coded
        assert shares["n1"].coded == 1 and shares["n1"].stored == shares["n1"].unique < 8000
        assert shares["n1"].bytes == 16_000 and "1 as differences" in str(model.space())
