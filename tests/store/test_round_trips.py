"""What is committed comes back, bit for bit, whatever it is called and shaped."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from states import arrays, same

from jairika_nb import store
from jairika_nb.errors import (
    ArchitectureError,
    BadName,
    Damaged,
    DTypeError,
    ShapeError,
    StoreError,
)

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">f4", ">i2"]
PART = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="./"),
    min_size=1,
    max_size=12,
)
VALUES = st.sampled_from(DTYPES).flatmap(
    lambda dtype: npst.arrays(
        np.dtype(dtype), npst.array_shapes(min_dims=0, max_dims=4, min_side=0)
    )
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.dictionaries(st.tuples(PART, PART).map(".".join), VALUES, max_size=5))
def test_any_state_comes_back_bit_for_bit(state):
    wanted = {unicodedata.normalize("NFC", name): value for name, value in state.items()}
    if len(wanted) < len(state):
        return  # two names that mean one: refused, see below
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.jrk.h5"
        store.init(path, state).close()
        with store.open(path) as model:
            found = model["main"]["prime"].arrays()
            lazy = model["main"]["prime"].arrays(lazy=True)
            little = {
                name: value.astype(value.dtype.newbyteorder("<")) for name, value in wanted.items()
            }
            assert same(found, little)
            assert same(lazy, little)


def test_arrays_are_copies_and_mapped_ones_are_read_only(model):
    first = model["main"]["PT"].arrays()
    first["0.weight"][:] = 7
    assert same(model["main"]["PT"].arrays(), arrays(1))
    with pytest.raises(ValueError, match="read-only"):
        model["main"]["PT"].arrays(lazy=True)["0.weight"][0] = 1


def test_strided_and_transposed_arrays_keep_their_values(path):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    state = {"a.t": base.T, "a.s": base[::2, ::-3]}
    with store.init(path, state) as model:
        assert same(model["main"]["prime"].arrays(), state)


def test_equal_bytes_of_another_shape_are_another_object(path):
    state = {"a.x": np.zeros((2, 3), np.float32), "a.y": np.zeros((3, 2), np.float32)}
    state["a.z"] = np.zeros(6, np.int32)
    with store.init(path, state) as model:
        assert same(model["main"]["prime"].arrays(), state)


class Net:
    """Anything with state_dict, named_parameters and architecture."""

    def __init__(self, units: int = 3) -> None:
        self.units = units
        self.weights = {"0.weight": np.full((units, 2), 0.5, np.float32)}

    def state_dict(self):
        return {**self.weights, "1.running_mean": np.zeros(2, np.float32)}

    def named_parameters(self):
        return iter(self.weights.items())

    def architecture(self):
        return {"type": "Linear", "args": {"units": self.units, "p": 0.2}, "children": []}


class Optimizer:
    def state_dict(self):
        return {"0.weight.m": np.ones((3, 2)), "step": 3, "lr": 0.1, "name": "Adam", "inf": 1e999}


def test_a_net_is_kept_with_its_architecture_and_optimizer(path):
    with store.init(path) as model:
        made = model.commit(Net(), optimizer=Optimizer(), author="ada", metrics={"f1": 1.0})
        assert made.architecture == Net().architecture()
        assert model["main"].architecture == Net().architecture()
        state = made.optimizer_state()
        assert np.array_equal(state.pop("0.weight.m"), np.ones((3, 2)))
        assert state == {"step": 3, "lr": 0.1, "name": "Adam", "inf": float("inf")}
        assert made.author == "ada" and "numpy" in made.software
        assert made.layers == ("0", "1")
        roles = {tensor.name: tensor.role for tensor in made._manifest.tensors}
        assert roles == {
            "0.weight": "weight",
            "1.running_mean": "buffer",
            "0.weight.m": "optimizer",
        }


def test_metrics_come_back_as_numbers(path):
    kept = {
        "loss": float("nan"),
        "best": np.float32(0.5),
        "n": 3,
        "top": -np.inf,
        "five": np.array(5),
    }
    with store.init(path) as model:
        found = model.commit(arrays(), metrics=kept).metrics
    assert np.isnan(found.pop("loss"))
    assert found == {"best": 0.5, "n": 3, "top": -np.inf, "five": 5}


def test_loading_arrays_without_an_architecture_says_so(model):
    with pytest.raises(ArchitectureError, match=r"without an architecture.*arrays\(\)"):
        model["main"]["PT"].load()


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ({"a/b.w": np.zeros(1)}, BadName, "'/'"),
        ({"a..w": np.zeros(1)}, BadName, "between the dots"),
        ({"": np.zeros(1)}, BadName, "empty"),
        ({"a\nb": np.zeros(1)}, BadName, "control character"),
        ({"a\u202eb": np.zeros(1)}, BadName, "turns the direction"),
        ({3: np.zeros(1)}, BadName, "text"),
        ({"caf\u00e9.w": np.zeros(1), "cafe\u0301.w": np.zeros(1)}, BadName, "twice"),
        ({"a": np.zeros(1), "a.w": np.zeros(1)}, BadName, "parameter and a layer"),
        ({"a.w": np.zeros(2, complex)}, DTypeError, "complex128"),
        ({"a.w": np.array([None])}, DTypeError, "object"),
        ({"a.w": "text"}, DTypeError, "<U4"),
        ({"a.w": [[1, 2], [3]]}, DTypeError, "array"),
        ([1, 2], StoreError, "state_dict"),
    ],
)
def test_a_state_the_file_cannot_hold_is_refused_and_nothing_changes(model, state, error, words):
    before = model.path.read_bytes()
    with pytest.raises(error, match=words):
        model.commit(state)
    assert model.path.read_bytes() == before


def test_more_axes_than_hdf5_has_are_refused(model):
    try:
        state = {"a.w": np.zeros([1] * 33)}
    except ValueError:
        pytest.skip("this NumPy has no more axes than HDF5")
    with pytest.raises(ShapeError, match="33 axes"):
        model.commit(state)


@pytest.mark.parametrize(
    "value",
    ["b", True, np.True_, None, [1, 2], np.ones(2), 1j, np.str_("0.5"), 10**400, {"a": 1}],
    ids=repr,
)
def test_a_metric_that_is_no_number_is_refused_and_nothing_changes(model, value):
    before = model.path.read_bytes()
    with pytest.raises(StoreError, match=r"cannot keep the metric 'loss' = .*integer or float"):
        model.commit(arrays(), metrics={"loss": value})
    assert model.path.read_bytes() == before


@pytest.mark.parametrize("metrics", [{3: 0.5}, {"": 0.5}, {"a\nb": 0.5}, [0.5], 0.5], ids=repr)
def test_metrics_without_names_are_refused(model, metrics):
    with pytest.raises(StoreError, match="cannot keep the metric"):
        model.commit(arrays(), metrics=metrics)


def test_messages_and_architectures_are_checked(model):
    with pytest.raises(StoreError, match="text of at most"):
        model.commit(arrays(), message="x" * 100_000)
    for kept in ({"message": "\ud800"}, {"author": "\ud800"}, {"author": 3}):
        with pytest.raises(StoreError, match=f"cannot keep the {next(iter(kept))} .*no Unicode"):
            model.commit(arrays(), **kept)
    net = Net()
    net.architecture = lambda: {"type": object()}
    with pytest.raises(ArchitectureError, match="not JSON data"):
        model.commit(net)
    with pytest.raises(StoreError, match="2023-10-05T14:23:45Z"):
        model.commit(arrays(), time="yesterday")
    assert model["main"].iterations == ("prime", "PT")


def test_large_states_are_read_in_parallel_and_each_array_is_checked(path):
    chosen = np.random.default_rng(3)
    state = {f"{n}.weight": chosen.random((100, 1000 + n), np.float32) for n in range(6)}
    with store.init(path, state) as model:
        found = model["main"].head.arrays()
        assert same(found, state)
        assert all(each.flags.writeable for each in found.values())
        row = model["main"].head._row
        offset, _ = model._reader.locations(row, model._reader.manifest(row))[4]
    with open(path, "r+b") as file:
        file.seek(offset + 77)
        file.write(b"\xff\x00\xff")
    with store.open(path) as model, pytest.raises(Damaged, match=r"'4\.weight'"):
        model["main"].head.arrays()
