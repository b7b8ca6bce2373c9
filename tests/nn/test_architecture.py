"""Architectures as data: what is described is built again, and no data can do harm."""

import inspect
import json

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import ArchitectureError
from jairika_nb.nn.architecture import TYPES


@pytest.fixture(autouse=True)
def known_types():
    before = dict(TYPES)
    with jrk.device("reference"):
        yield
    TYPES.clear()
    TYPES.update(before)


def rebuilt(net):
    """The network after a trip through JSON text, with the same weights."""
    new = nn.build(json.loads(json.dumps(net.architecture())))
    new.load_state_dict(net.state_dict())
    return new


def test_every_layer_comes_back():
    net = nn.Sequential(
        nn.Flatten(1, -1),
        nn.Linear(6, 5, bias=False),
        nn.ELU(alpha=0.5),
        nn.LeakyReLU(0.2, True),
        nn.Dropout(p=0.3),
        nn.Sequential({"a": nn.Linear(5, 5), "b": nn.GELU("tanh"), "c": nn.Identity(1, two=2)}),
        nn.Softmax(axis=1),
        nn.MSELoss("sum"),
    )
    new = rebuilt(net)
    assert repr(new) == repr(net)
    assert new.architecture() == net.architecture()
    assert new[-1].reduction == "sum"
    x = np.random.default_rng(0).normal(size=(3, 2, 3)).astype(np.float32)
    layers = slice(0, 7)
    assert np.array_equal(new[layers].eval()(x).numpy(), net[layers].eval()(x).numpy())


def test_layers_of_ones_own_with_children_and_changes():
    @jrk.register
    class Residual(nn.Module):
        def __init__(self, body, scale=1.0, *, names=()):
            self.body = body
            self.scale = scale
            self.extra = nn.Linear(2, 2)

        def forward(self, x):
            return x + self.body(x) * self.scale

    net = Residual(nn.Linear(4, 4), scale=0.5, names=("a", "b"))
    net.extra = nn.Linear(3, 3)
    new = rebuilt(net)
    assert (new.scale, new.extra.in_features) == (0.5, 3)
    x = np.ones((1, 4), np.float32)
    assert np.array_equal(new(x).numpy(), net(x).numpy())
    del net.extra
    assert [name for name, _ in rebuilt(net).named_children()] == ["body"]


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.MSELoss, "(reduction='mean')"),
        (nn.ELU, "(alpha=1.0, inplace=False)"),
        (nn.Tanh, "()"),
        (nn.Flatten, "(start_axis=1, end_axis=-1)"),
        (nn.Module, "()"),
    ],
)
def test_every_class_tells_what_it_takes(layer, text):
    def shown(kind):
        found = inspect.signature(kind)
        bare = [p.replace(annotation=p.empty) for p in found.parameters.values()]
        return str(inspect.Signature(bare))

    assert shown(layer) == text
    assert shown(type("Child", (layer,), {})) == text


def test_the_signature_of_a_layer_is_not_that_of_its_class():
    assert list(inspect.signature(nn.Flatten()).parameters) == ["args", "kwargs"]


def test_arguments_of_an_inherited_constructor_are_stored_by_name():
    @jrk.register
    class Heavier(nn.MSELoss):
        pass

    @jrk.register
    class Steeper(nn.ELU):
        def __init__(self, times):
            super().__init__(1.0 * times)
            self.times = times

    assert Heavier("sum").architecture()["args"] == {"reduction": "sum"}
    net = Steeper(3)
    assert (net.times, net.alpha) == (3, 3.0)
    assert inspect.signature(Steeper).parameters.keys() == {"times"}


def test_a_class_without_a_constructor_takes_no_arguments():
    class Plain(nn.Module):
        pass

    with pytest.raises(TypeError, match=r"Plain\(\) takes no arguments"):
        Plain(3)


def test_changed_settings_are_kept():
    net = nn.Dropout(0.5)
    net.p = 0.1
    assert rebuilt(net).p == 0.1


def test_infinities_are_stored_by_name():
    net = nn.PairwiseDistance(p=float("inf"), eps=float("-inf"))
    assert json.loads(json.dumps(net.architecture(), allow_nan=False)) == net.architecture()
    assert (rebuilt(net).p, rebuilt(net).eps) == (float("inf"), float("-inf"))
    with pytest.raises(ArchitectureError, match="does not take"):
        nn.build({"type": "PReLU", "args": {"num_parameters": {"$float": "nan"}}})


def test_dtypes_are_stored_by_name():
    net = nn.Linear(2, 2, dtype=jrk.float64)
    assert net.architecture()["args"]["dtype"] == "float64"
    assert rebuilt(net).weight.dtype is jrk.float64


def test_a_class_that_is_not_registered_says_so():
    class Private(nn.Module):
        pass

    with pytest.raises(ArchitectureError, match=r"Private is not registered.*@jrk.register"):
        nn.Sequential(Private()).architecture()


def test_a_subclass_does_not_pass_as_its_parent():
    class Wider(nn.Linear):
        pass

    with pytest.raises(ArchitectureError, match="Wider is not registered"):
        Wider(2, 2).architecture()


def test_names_of_built_in_layers_are_taken():
    with pytest.raises(ArchitectureError, match="Linear is a layer of jairika_nb"):
        jrk.register(type("Linear", (nn.Module,), {}))
    with pytest.raises(ArchitectureError, match=r"subclass of nn.Module"):
        jrk.register(print)


def test_running_a_cell_again_replaces_the_class():
    first = jrk.register(type("Mine", (nn.Module,), {}))
    second = jrk.register(type("Mine", (nn.Module,), {}))
    assert type(nn.build({"type": "Mine"})) is second is not first


def test_arguments_without_a_form_as_data_are_named():
    @jrk.register
    class Holder(nn.Module):
        def __init__(self, thing):
            pass

    with pytest.raises(ArchitectureError, match="argument thing is a builtin_function"):
        Holder(print).architecture()
    with pytest.raises(ArchitectureError, match="argument thing is a float"):
        Holder(float("nan")).architecture()


def deep(levels):
    data = {"type": "Identity"}
    for _ in range(levels):
        data = {"type": "Sequential", "children": [["x", data]]}
    return data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "expected"),
        ([], "expected"),
        ({"type": 3}, "expected"),
        ({"type": "os.system"}, "unknown layer type 'os.system'"),
        ({"type": "Linear", "args": [1, 2]}, "args must be named values"),
        ({"type": "Linear", "args": {"in_features": 3}}, "out_features"),
        ({"type": "Linear", "args": {"in_features": "x", "out_features": 1}}, "in_features='x'"),
        (
            {"type": "Linear", "args": {"in_features": 3, "out_features": 1, "x": 1}},
            "does not take",
        ),
        ({"type": "Dropout", "args": {"p": "high"}}, "p='high' must be a number"),
        ({"type": "Sequential", "children": ["a"]}, "pairs"),
        ({"type": "Sequential", "children": [["a", {"type": "Nope"}]]}, "at a: unknown layer"),
        ({"type": "Sequential", "children": [["a.b", {"type": "Identity"}]]}, "without dots"),
        ({"type": "Dropout", "args": {"p": {"$child": "no"}}}, "does not take"),
        (deep(150), "deeper than"),
        (deep(5000), "deeper than"),
    ],
)
def test_hostile_descriptions(data, words):
    with pytest.raises(ArchitectureError, match=words) as caught:
        nn.build(data)
    assert len(str(caught.value)) < 400


def test_a_description_of_huge_layers_takes_no_memory():
    net = nn.build({"type": "Linear", "args": {"in_features": 10**6, "out_features": 10**6}})
    with pytest.raises(ArchitectureError, match="missing"):
        net.load_state_dict({})
