"""What diff says of two iterations, against NumPy."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays as any_array
from states import FIRST, arrays

from jairika_nb import nn, store
from jairika_nb.errors import Damaged, NotFound
from jairika_nb.store.norms import BLOCK, change


def layers(difference) -> dict:
    return {each.layer: each for each in difference.layers}


def test_norms_of_a_layer_are_those_of_numpy(model):
    before, after = arrays(0), {**arrays(0), **{k: v for k, v in arrays(1).items() if k[0] == "0"}}
    model.commit(after, name="some", time=FIRST)
    found = layers(model.diff("prime", "some"))
    a = np.concatenate([before[k].astype(np.float64).ravel() for k in ("0.weight", "0.bias")])
    b = np.concatenate([after[k].astype(np.float64).ravel() for k in ("0.weight", "0.bias")])
    norms = found["0"].norms
    assert found["0"].kind == "changed"
    assert norms.l2 == pytest.approx(np.linalg.norm(b - a), rel=1e-12)
    assert norms.relative == pytest.approx(np.linalg.norm(b - a) / np.linalg.norm(a), rel=1e-12)
    assert norms.largest == np.abs(b - a).max()
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert norms.cosine == pytest.approx(cosine, rel=1e-12)
    assert found["1"].kind == found["encoder"].kind == "same"


@settings(max_examples=50, deadline=None)
@given(any_array(np.float32, 12, elements=st.floats(width=32)), st.integers(1, 11))
def test_sums_do_not_depend_on_how_arrays_are_cut(values, cut):
    other = values[::-1]
    whole = change(values, other)
    parts = change(values[:cut], other[:cut]) + change(values[cut:], other[cut:])
    for name in ("squared", "before", "after", "product", "largest"):
        left, right = getattr(whole, name), getattr(parts, name)
        same = math.isnan(left) and math.isnan(right)
        scale = max(whole.before, whole.after, 1e-300)
        assert same or left == right or abs(left - right) <= 1e-12 * scale, name


def test_arrays_longer_than_a_block():
    a = np.arange(BLOCK + 5, dtype=np.float32)
    assert change(a, a + 1).squared == BLOCK + 5 and change(a, a).relative == 0
    assert change(np.zeros(3), np.ones(3)).relative == math.inf
    assert math.isnan(change(np.ones(2), np.array([np.nan, 1.0])).largest)


def test_layers_that_came_went_and_were_resized(tmp_path):
    one = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Dropout(0.5))
    other = nn.Sequential(
        nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 2), nn.Dropout(0.1), nn.Linear(2, 2)
    )
    with store.init(tmp_path / "a.jrk.h5", one) as model:
        model.derive("wide")
        model.commit(other, variant="wide", name="wider")
        found = layers(model.diff("prime", "wide/wider"))
        back = layers(model.diff("wide", "main"))
        same = model.diff("prime", "wide/prime")
    assert found["0"].kind == "resized" and "weight [3, 4] -> [5, 4]" in found["0"].notes
    assert "out_features: 3 -> 5" in found["0"].notes
    assert found["1"].notes == ("ReLU -> GELU",)
    assert found["3"].notes == ("p: 0.5 -> 0.1",) and found["3"].kind == "same"
    assert found["4"].kind == "added" and back["4"].kind == "removed"
    assert not same and "no difference" in str(same)


def test_metrics_and_settings_that_differ(path):
    with store.init(path) as model:
        model.commit(arrays(), metrics={"loss": 0.5, "steps": 3}, optimizer={"lr": 0.1, "t": 1})
        model.commit(
            arrays(),
            metrics={"loss": 0.25, "accuracy": 1.0, "steps": 3},
            optimizer={"lr": 0.1, "t": 2},
        )
        found = model.diff()
    assert found.metrics == {"loss": (0.5, 0.25), "accuracy": (None, 1.0)}
    assert found.settings == {"t": (1, 2)} and not found.changed
    assert "loss" in str(found) and "-0.25" in str(found)


def test_it_shows_itself_in_each_form(model):
    found = model.diff()
    assert found.left == "main/prime" and found.right == "main/PT"
    assert 'from "main/prime" to "main/PT"' in str(found) and "changed" in str(found)
    assert found._repr_html_().count("<tr>") > 3
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert [each["kind"] for each in data["layers"]] == ["changed"] * 3


def test_names_in_html_are_text(path):
    with store.init(path) as model:
        model.commit({"<b>.weight": np.zeros(2)})
        model.commit({"<b>.weight": np.ones(2)}, name="<i>")
        assert "<b>.weight" not in (page := model.diff()._repr_html_()) and "<i>" not in page
        assert "&lt;b&gt;" in page and "&lt;i&gt;" in page


def test_the_first_iteration_has_none_before_it(path, model):
    with pytest.raises(NotFound, match="nothing comes before"):
        model.diff(None, "prime")
    with pytest.raises(NotFound, match="did you mean 'prime'"):
        model.diff("prme", "PT")


def test_an_endless_architecture_is_no_architecture(path, monkeypatch):
    from jairika_nb.store import canonical, reader

    deep = b'{"children":[["0",' * 60 + b"1" + b"]]}" * 60

    class Layer:
        def state_dict(self):
            return {"0.w": np.zeros(2)}

        def architecture(self):
            return {"type": "A", "args": {}, "children": []}

    def hostile(data: bytes, what: str):
        return canonical.decoded(deep if "architecture" in what else data, what)

    with store.init(path, Layer()) as model:
        monkeypatch.setattr(reader, "decoded", hostile)
        with pytest.raises(Damaged):
            model.diff("prime", "prime")
