"""What people from PyTorch try first: a way out, not an inside of ours."""

import copy
import pickle

import pytest

import jairika_nb as jrk
from jairika_nb.errors import ArgumentError
from jairika_nb.tensors import habits


@pytest.mark.parametrize("name", [*habits.OF_TENSORS, "add_", "zero_"])
def test_attributes_of_other_libraries_name_the_way_out(name):
    with pytest.raises(AttributeError, match=f"no attribute '{name}'; use "):
        getattr(jrk.zeros((2,)), name)


@pytest.mark.parametrize("name", habits.OF_PACKAGE)
def test_names_of_other_libraries_name_the_way_out(name):
    with pytest.raises(AttributeError, match=f"no '{name}'; use "):
        getattr(jrk, name)


def test_hints_stand_only_for_what_is_missing():
    # Those that only tell so where they are assigned are there, and raise where they are read.
    assert not [n for n in habits.OF_TENSORS if n in dir(jrk.Tensor) and n not in habits.ASSIGNED]
    assert not [name for name in habits.ASSIGNED if hasattr(jrk.ones((2,)), name)]
    assert not [name for name in habits.OF_PACKAGE if name in jrk.__all__]


def test_what_is_unknown_stays_unknown():
    x = jrk.ones((2,))
    assert not hasattr(x, "something") and not hasattr(x, "__array_interface__")
    assert copy.deepcopy(x).tolist() == pickle.loads(pickle.dumps(x)).tolist() == [1.0, 1.0]


def test_a_dtype_for_a_device_converts():
    assert jrk.ones((2,)).to(jrk.float16).dtype is jrk.float16


def test_tensors_are_not_made_by_their_class_nor_computed_in_lists():
    with pytest.raises(ArgumentError, match=r"made by jrk\.tensor"):
        jrk.Tensor([1, 2])
    with pytest.raises(ArgumentError, match=r"jrk.eval\(\*tensors\)"):
        jrk.eval([jrk.ones((2,))])


def test_a_gradient_of_nothing_names_the_way_out():
    with pytest.raises(jrk.errors.ArgumentError, match=r"loss.backward\(net\) gives them by"):
        jrk.ones(2).sum().backward()
