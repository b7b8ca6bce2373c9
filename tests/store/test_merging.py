"""Merges by layer, against a three-way merge of plain dictionaries; and the graph they draw."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from states import arrays, same

from jairika_nb import nn, store
from jairika_nb.errors import ArchitectureError, MergeConflict, NotFound, StoreError
from jairika_nb.store import graph

LAYERS = ("0", "1", "2")
COUNT = itertools.count()


def state(values) -> dict:
    return {
        f"{n}.weight": np.full((2, 2), v, np.float32) for n, v in zip(LAYERS, values, strict=True)
    }


def values(iteration) -> tuple:
    return tuple(float(iteration.arrays()[f"{n}.weight"][0, 0]) for n in LAYERS)


def parted(path, base, ours, theirs):
    """A model whose ``main`` and ``side`` went different ways from one iteration."""
    model = store.init(path)
    model.commit(state(base), name="base")
    model.derive("side")
    model.commit(state(ours), name="ours")
    model.commit(state(theirs), variant="side", name="theirs")
    return model


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    *(st.tuples(*[st.integers(0, 2)] * 3) for _ in range(3)),
    st.sampled_from(["ours", "theirs", "mean"]),
)
def test_layers_merge_as_three_way_merge_says(tmp_path, base, ours, theirs, strategy):
    with parted(tmp_path / f"{next(COUNT)}.jrk.h5", base, ours, theirs) as model:
        wanted, clashes = [], []
        for layer, b, o, t in zip(LAYERS, base, ours, theirs, strict=True):
            if o in (t, b) or t == b:
                wanted.append(o if t == b else t)
            else:
                clashes.append(layer)
                wanted.append({"ours": o, "theirs": t, "mean": (o + t) / 2}[strategy])
        if clashes:
            with pytest.raises(MergeConflict, match=r"ours.*theirs.*mean") as told:
                model.merge("side")
            assert told.value.layers == tuple(clashes)
            assert values(model["main"].head) == ours
        done = model.merge("side", strategy=strategy)
        assert values(done.iteration) == tuple(wanted)
        assert done.iteration.parents == (model["main"]["ours"].id, model["side"]["theirs"].id)
        assert model.merge("side").kind == "nothing"
        back = model.merge("main", into="side")
        assert back.kind == "fast-forward" and values(back.iteration) == tuple(wanted)


def test_both_ways_give_the_same_state(tmp_path):
    sides = (1, 2, 2), (1, 3, 2), (4, 2, 2)
    with (
        parted(tmp_path / "a.jrk.h5", *sides) as one,
        parted(tmp_path / "b.jrk.h5", *sides) as other,
    ):
        left, right = one.merge("side"), other.merge("main", into="side")
        assert same(left.iteration.arrays(), right.iteration.arrays())
        assert left.choices == {"0": "theirs", "1": "ours"}
        assert right.choices == {"0": "ours", "1": "theirs"}
        assert one.verify().ok


def test_each_layer_may_have_a_strategy_of_its_own(tmp_path):
    with parted(tmp_path / "a.jrk.h5", (0, 0, 0), (1, 2, 3), (5, 6, 7)) as model:
        with pytest.raises(MergeConflict) as told:
            model.merge("side", strategy={"0": "theirs", "2": "mean"})
        assert told.value.layers == ("1",)
        done = model.merge("side", strategy={"0": "theirs", "1": "ours", "2": "mean"})
        assert values(done.iteration) == (5, 2, 5)
        with pytest.raises(StoreError, match="no strategy 'best'"):
            model.merge("side", strategy={"0": "best"})
        with pytest.raises(NotFound, match=r"no layer 'fc'.*it has '0', '1', '2'"):
            model.merge("side", strategy={"0": "ours", "fc": "theirs"})


def test_a_fast_forward_writes_no_tensor_and_keeps_the_optimizer(model):
    model.derive("side")
    model.commit(arrays(3), variant="side", optimizer={"0.weight.m": np.ones(99_999), "t": 3})
    size = model.path.stat().st_size
    done = model.merge("side", metrics={"loss": 0.1})
    assert done.kind == "fast-forward" and done.iteration.optimizer_state()["t"] == 3
    assert same(done.iteration.arrays(), arrays(3)) and model.path.stat().st_size - size < 20_000
    assert model.merge("side").kind == "nothing" and model.verify().ok


def test_means_are_weighted_and_leave_integers(path):
    def some(value, steps):
        return {"0.w": np.array([value], np.float16), "0.steps": np.int64(steps)}

    with store.init(path) as model:
        model.commit(some(0, 0))
        model.derive("side")
        model.commit(some(1, 5), optimizer={"t": 1})
        model.commit(some(3, 7), variant="side", optimizer={"m": np.ones(1), "t": 2})
        done = model.merge("side", strategy="mean", weight=0.25)
        found = done.iteration.arrays()
        assert done.iteration.optimizer_state() == {}
    assert found["0.w"].tolist() == [1.5] and found["0.w"].dtype == np.float16
    assert found["0.steps"] == 5 and "optimiser" in done.notes[0]


def test_the_architecture_of_the_side_that_changed_it_is_taken(tmp_path):
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    deeper = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2), nn.Linear(2, 2))
    deeper.load_state_dict(
        {**net.state_dict(), **{k: v for k, v in deeper.state_dict().items() if k[0] == "3"}}
    )
    with store.init(tmp_path / "a.jrk.h5", net) as model:
        model.derive("deep")
        model.commit(deeper, variant="deep")
        changed = {
            **{k: np.asarray(v) for k, v in net.state_dict().items()},
            "0.bias": np.full(3, 7, np.float32),
        }
        model.commit(changed)
        done = model.merge("deep")
        assert done.choices == {"0": "ours", "3": "theirs"}
        loaded = done.iteration.load()
        assert loaded.architecture() == deeper.architecture()
        assert np.asarray(loaded.state_dict()["0.bias"]).tolist() == [7, 7, 7]
        model.derive("wide", iteration="prime")
        model.commit(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)), variant="wide")
        with pytest.raises(ArchitectureError, match="both have another architecture"):
            model.merge("wide")
        chosen = model.merge("wide", strategy="theirs").iteration
        assert chosen.load().architecture()["children"][1][1]["type"] == "Linear"


def test_what_a_merge_refuses(model):
    model.derive("side")
    for wrong, told in (
        (("side", None, "best"), "no strategy 'best'"),
        (("side", None, "mean", 2), "between"),
    ):
        with pytest.raises(StoreError, match=told):
            model.merge(*wrong)
    with pytest.raises(NotFound, match="did you mean 'side'"):
        model.merge("sid")
    assert model.merge("side").kind == "fast-forward" and model.merge("main").kind == "nothing"


def test_a_merge_finds_where_both_parted_though_what_was_between_is_gone(tmp_path):
    with parted(tmp_path / "a.jrk.h5", (0, 0, 0), (0, 1, 0), (1, 0, 0)) as model:
        model.commit(state((0, 1, 2)), name="more")
        model.remove("ours")
        model.gc(days=0)
        assert values(model.merge("side").iteration) == (1, 1, 2) and model.verify().ok


def test_the_graph_puts_children_above_parents_and_draws_each_line(tmp_path):
    with parted(tmp_path / "a.jrk.h5", (0, 0, 0), (0, 1, 0), (1, 0, 0)) as model:
        model.merge("side", name="both", message="the best of <both>")
        model.tag("v1")
        nodes = model.graph()
    order = [node.row.id for node in nodes]
    for node in nodes:
        assert all(
            order.index(p) > order.index(node.row.id) for p in node.row.parents if p in order
        )
    lines = graph.text(nodes).splitlines()
    assert sum("●" in line for line in lines) == len(nodes) == 6
    assert "├─╮" in lines and "├─╯" in lines
    assert "main/both [main *, tag v1]" in lines[0]
    picture = graph.html(nodes)
    edges = sum(p in order for node in nodes for p in node.row.parents)
    assert picture.count("<circle") == 6 and picture.count("<path") == edges
    assert "<both>" not in picture and "&lt;both&gt;" in picture
    assert [each["id"] for each in graph.to_json(nodes)] == order


def test_a_graph_of_many_variants_has_a_column_for_each(model):
    for n in range(6):
        model.derive(f"v{n}", iteration="main/prime")
    nodes = model.graph()
    assert len({node.lane for node in nodes}) == 7
    assert len(nodes) == 8 and nodes[-1].row.name == "prime"


def test_a_graph_of_a_circle_shows_each_iteration_once(model):
    rows = [replace(row, parents=(other.id,)) for row, other in zip(
        model._reader.iterations("main"), reversed(model._reader.iterations("main")), strict=True
    )]  # fmt: skip
    nodes = graph.laid_out(rows, {})
    assert [node.row.name for node in nodes] == ["prime", "PT"]
    assert graph.text(nodes).count("●") == 2 and "<svg" in graph.html(nodes)
