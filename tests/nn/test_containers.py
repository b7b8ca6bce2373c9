"""Containers of modules and parameters: names, order, text, and the way through architectures."""

import json
from collections import OrderedDict

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ArchitectureError, OutOfRange

pytestmark = pytest.mark.usefixtures("reference")


@pytest.fixture
def reference():
    with jrk.device("reference"):
        yield


def both(make):
    """What ``make`` makes of each library."""
    torch = pytest.importorskip("torch")
    return make(nn), make(torch.nn)


def rebuilt(net):
    return nn.build(json.loads(json.dumps(net.architecture())))


def linears(library, *sizes):
    return [library.Linear(2, n) for n in sizes]


def edited_list(n):
    layers = n.ModuleList(linears(n, 1, 2, 3))
    layers.append(n.ReLU())
    layers.insert(1, n.Linear(2, 7))
    layers.extend(linears(n, 8, 8))
    layers[-3] = n.Sequential(n.Tanh(), n.Linear(2, 2))
    del layers[0]
    layers += [n.Identity()]
    layers.pop(1)
    return layers + layers[1:3]


def edited_sequential(n):
    net = n.Sequential(*linears(n, 1, 2, 3))
    net.insert(1, n.Linear(2, 7))
    net.extend([n.ReLU(), n.Tanh()])
    net.pop(0)
    del net[1:3]
    return net


def added_sequentials(n):
    named = n.Sequential(OrderedDict(first=n.Linear(2, 4), then=n.ReLU()))
    numbered = n.Sequential(*linears(n, 3), n.Tanh())
    named += numbered
    return named + n.Sequential(n.Linear(2, 5)) + n.Sequential()


def edited_dict(n):
    named = n.ModuleDict({"a": n.Linear(2, 1), "b": n.ReLU()})
    named["c"] = n.Linear(2, 3)
    named.update([("a", n.Linear(2, 5)), ("d", n.Tanh())])
    named.pop("b")
    return named


@pytest.mark.parametrize("make", [edited_list, edited_sequential, added_sequentials, edited_dict])
def test_edited_containers_read_and_store_as_in_pytorch(make):
    ours, theirs = both(make)
    assert repr(ours) == repr(theirs)
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    assert len(ours) == len(theirs)
    again = rebuilt(ours)
    assert repr(again) == repr(ours)
    again.load_state_dict(ours.state_dict())


def test_added_sequentials_share_their_layers():
    one, two = nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.ReLU())
    whole = one + two
    assert whole[0] is one[0] and whole[1] is two[0] and len(one) == 1
    one += two
    assert len(one) == 2 and one[1] is two[0]
    with pytest.raises(TypeError, match="unsupported operand"):
        one + nn.ReLU()


def test_a_module_knows_what_it_holds():
    ours, theirs = both(edited_dict)
    assert list(ours) == list(theirs)
    assert [*ours.keys()] == ["a", "c", "d"]
    assert [k for k, _ in ours.items()] == [k for k, _ in theirs.items()]
    assert ours["a"] is next(iter(ours.values()))
    layers = nn.ModuleList([ours["a"]])
    assert ours["a"] in layers
    assert ours["c"] not in layers
    ours.clear()
    assert len(ours) == 0


@jrk.register
class Stack(nn.Module):
    def __init__(self, depth):
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(depth))
        self.heads = nn.ModuleDict({"a": nn.Linear(3, 1), "b": nn.Linear(3, 2)})
        self.scales = nn.ParameterList(jrk.ones(3) for _ in range(depth))
        self.shifts = nn.ParameterDict({"a": jrk.zeros(1), "b": nn.Parameter(jrk.zeros(2))})

    def forward(self, x):
        for layer, scale in zip(self.layers, self.scales, strict=True):
            x = layer(x) * scale
        return [head(x) + self.shifts[name] for name, head in self.heads.items()]


def test_everything_held_learns_and_comes_back():
    net = Stack(depth=2)
    x = jrk.tensor(np.ones((2, 3), np.float32))
    before = {k: v.numpy() for k, v in net.state_dict().items()}
    total = sum((y.sum() for y in net(x)), jrk.zeros(()))
    optim.SGD(lr=0.1).update(net, total.backward(net))
    after = net.state_dict()
    assert list(after)[:2] == ["layers.0.weight", "layers.0.bias"]
    assert {"scales.0", "scales.1", "shifts.a", "shifts.b"} <= set(after)
    assert all(not np.array_equal(before[k], v.numpy()) for k, v in after.items())
    assert net.scales[0] is net.state_dict()["scales.0"]
    again = rebuilt(net)
    again.load_state_dict(after)
    for y, z in zip(net(x), again(x), strict=True):
        assert np.array_equal(y.numpy(), z.numpy())


def test_lists_of_parameters_keep_shapes_and_dtypes():
    held = nn.ParameterList([jrk.ones((2, 3), dtype="float64"), np.zeros(4, np.float32)])
    held.append(nn.Parameter([1.0]))
    held += [jrk.tensor(2.0)]
    held[-1] = jrk.tensor([3.0, 4.0])
    assert [list(held[i].shape) for i in range(-4, 0)] == [[2, 3], [4], [1], [2]]
    assert [v.shape for v in held[1:]] == [(4,), (1,), (2,)]
    again = rebuilt(held)
    assert repr(again) == repr(held)
    assert again[0].dtype is jrk.float64
    named = nn.ParameterDict({"a": jrk.ones(2), "b": jrk.ones((0, 3))})
    del named["a"]
    assert repr(rebuilt(named)) == repr(named)
    assert "a" not in named
    assert list(named) == ["b"]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: nn.ModuleList([abs]), ArchitectureError, "ModuleList: layer 0 is a builtin"),
        (lambda: nn.ModuleDict({"a": 3}), ArchitectureError, "ModuleDict: layer a is a int"),
        (lambda: nn.ModuleDict({"a.b": nn.ReLU()}), ArchitectureError, "without dots"),
        (lambda: nn.ModuleDict({"relu": nn.ReLU()})["rely"], ArchitectureError, "mean relu"),
        (lambda: nn.ModuleList()[0], OutOfRange, "ModuleList: layer 0 of 0"),
        (lambda: nn.ParameterList([1.0])[1], OutOfRange, "parameter 1 of 1"),
        (lambda: nn.ParameterDict({"ab": 1.0})["ac"], ArchitectureError, "mean ab"),
        (lambda: nn.ParameterList(forms=[[[2, -1], "float32"]]), ArchitectureError, "shape=-1"),
        (lambda: nn.ParameterList(forms=["x"]), ArchitectureError, r"no \[shape, dtype\]"),
    ],
)
def test_what_does_not_fit_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
