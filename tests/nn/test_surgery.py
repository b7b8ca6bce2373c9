"""Reaching into networks: by name, freezing, moving, tied and shared parts."""

import copy
import json

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim, store
from jairika_nb.errors import ArchitectureError, ArgumentError, DTypeError, TrainingError

X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


def network():
    jrk.random.seed(3)
    return nn.Sequential({"features": nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)),
                          "head": nn.Linear(3, 2)})  # fmt: skip


def rebuilt(net):
    new = nn.build(json.loads(json.dumps(net.architecture())))
    new.load_state_dict(net.state_dict())
    return new


def values(net):
    return {name: value.numpy() for name, value in net.state_dict().items()}


def test_parts_by_dotted_name():
    net = network()
    assert net.get_submodule("features.2") is net._modules["features"][2]
    assert net.get_submodule("") is net
    assert net.get_parameter("head.bias") is net.head.bias
    net.register_buffer("seen", jrk.zeros(()))
    assert net.get_buffer("seen") is net.seen
    net.set_parameter("head.weight", jrk.zeros((2, 3)))
    assert net.head.weight.tolist() == [[0, 0, 0], [0, 0, 0]]
    net.set_submodule("features.1", nn.ReLU())
    net.set_submodule("features.3", nn.Dropout(0.1))
    assert [type(m).__name__ for m in net.get_submodule("features")] == [
        "Linear", "ReLU", "Linear", "Dropout",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: net.get_submodule("features.9"), r"no module 'features\.9'; did you mean"),
        (lambda net: net.get_parameter("head.wieght"), "did you mean head.weight"),
        (lambda net: net.get_parameter("nothing.weight"), "no parameter"),
        (lambda net: net.get_buffer("head.weight"), "no buffer 'head.weight'"),
        (lambda net: net.set_parameter("head.more", jrk.zeros(())), "no parameter"),
        (lambda net: net.set_submodule("x.y", nn.ReLU()), "no module 'x'"),
        (lambda net: net.set_submodule("head", 3), "must be a module, not a int"),
        (lambda net: net.freeze("backbone.*"), r"no parameter that matches 'backbone\.\*'"),
    ],
)
def test_what_is_not_there_is_told(call, words):
    with pytest.raises(ArchitectureError, match=words):
        call(network())


def test_frozen_parameters_are_left_out_of_training(device):
    net = network().freeze("features.*").unfreeze("features.2.bias")
    before = values(net)
    assert net.frozen_names() == ["features.0.weight", "features.0.bias", "features.2.weight"]
    grads = (net(X) ** 2).sum().backward(net)
    assert list(grads) == ["features.2.bias", "head.weight", "head.bias"]
    optimizer = optim.AdamW(lr=0.1, weight_decay=0.5)
    optimizer.update(net, grads)
    every = dict(net.named_parameters())
    # Gradients that were taken by hand change nothing frozen either.
    by_hand = jrk.grad((net(X) ** 2).sum(), list(every.values()))
    optimizer.update(net, dict(zip(every, by_hand, strict=True)))
    after = values(net)
    same = [name for name in before if np.array_equal(before[name], after[name])]
    assert same == ["features.0.weight", "features.0.bias", "features.2.weight"]
    assert list(optimizer.steps) == list(grads)
    net.unfreeze()
    assert net.frozen_names() == []
    assert list((net(X) ** 2).sum().backward(net)) == list(every)


def test_freezing_by_the_name_of_a_module_and_altogether():
    net = network()
    assert net.freeze("head").frozen_names() == ["head.weight", "head.bias"]
    assert list(net.unfreeze("head.bias").frozen_names()) == ["head.weight"]
    assert len(net.freeze().frozen_names()) == 6
    assert (net(X) ** 2).sum().backward(net) == {}


def test_a_tensor_tied_to_a_frozen_one_is_frozen():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[0].freeze()
    net[1].weight = net[0].weight
    assert list(net.named_trainable_parameters()) == []
    net.unfreeze("1")
    assert net.frozen_names() == []


def test_a_compiled_step_notices_freezing(device):
    net, optimizer = network(), optim.SGD(lr=0.1)

    @jrk.compile
    def step(x):
        loss = (net(x) ** 2).sum()
        optimizer.update(net, loss.backward(net))
        return loss

    for _ in range(4):
        step(X)
    net.freeze("features")
    before = values(net)
    for _ in range(4):
        step(X)
    after = values(net)
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed == ["head.weight", "head.bias"]
    assert step.replays == 3


def test_what_is_frozen_comes_back_from_data_and_files(tmp_path):
    net = network().freeze("features")
    for other in (rebuilt(net), copy.deepcopy(net)):
        assert other.frozen_names() == net.frozen_names()
        assert other.architecture() == net.architecture()
    path = tmp_path / "tuned.jrk.h5"
    store.init(path, net).close()
    with store.open(path, mode="a") as model:
        model.commit(net.unfreeze("features.2"), name="warm")
        model.commit(net.unfreeze(), name="all")
        found = [model["main"][name].load().frozen_names() for name in ("prime", "warm", "all")]
        assert [len(names) for names in found] == [4, 2, 0]
        with pytest.raises(ArchitectureError, match="architecture is another"):
            net.features[1] = nn.Dropout(0.5)
            model.commit(net)


@pytest.mark.parametrize("frozen", ["weight", [3], ["nothing"], {"weight": 1}])
def test_hostile_lists_of_frozen_parameters(frozen):
    data = nn.Linear(2, 2).architecture() | {"frozen": frozen}
    with pytest.raises(ArchitectureError, match="frozen must list own parameters, weight, bias"):
        nn.build(data)


def test_moving_and_converting(device):
    net = network()
    net.register_buffer("count", jrk.tensor([3]))
    net.head.weight = jrk.zeros((2, 3))
    tied = net.get_submodule("features")
    tied[2].weight = tied[0].weight
    assert net.to("reference") is net
    assert {v.device.id for v in net.state_dict().values()} == {"reference"}
    assert tied[2].weight is tied[0].weight
    net.to(device, jrk.float16)
    assert {v.device for v in net.state_dict().values()} == {device}
    assert {n: v.dtype for n, v in net.state_dict().items()} == {
        n: jrk.int32 if n == "count" else jrk.float16 for n in net.state_dict()
    }
    kinds = [net.half, net.float, net.bfloat16]
    assert [make().head.bias.dtype for make in kinds] == [jrk.float16, jrk.float32, jrk.bfloat16]
    assert net.to(jrk.zeros((), device="reference")).head.bias.device.id == "reference"
    with pytest.raises(DTypeError, match="use a float dtype"):
        net.to(dtype="int32")
    with pytest.raises(ArgumentError, match=r"to\(3\): give a device"):
        net.to(3)


def test_loading_moves_to_the_devices_of_the_network(device):
    net = network()
    net.load_state_dict(network().to("reference").state_dict())
    assert {v.device for v in net.state_dict().values()} == {device}


def test_architectures_keep_dtypes_and_leave_devices_out():
    net = nn.Sequential(nn.Linear(2, 2, device="reference"), nn.Linear(2, 2, dtype=jrk.float64))
    args = [child["args"] for _, child in net.architecture()["children"]]
    assert args == [
        {"in_features": 2, "out_features": 2},
        {"in_features": 2, "out_features": 2, "dtype": "float64"},
    ]
    assert rebuilt(net.half())[0].weight.dtype is jrk.float16
    assert rebuilt(net.float())[1].weight.dtype is jrk.float32


def test_tied_parameters_and_shared_modules_stay_so_when_built():
    inner = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    net = nn.Sequential({"a": inner, "b": nn.Sequential(nn.Linear(3, 3), inner), "c": inner[0]})
    net.b[0].weight = net.a[0].weight
    new = rebuilt(net)
    assert new.architecture() == net.architecture()
    assert new.b[1] is new.a
    assert new.c is new.a[0]
    assert new.b[0].weight is new.a[0].weight
    assert len(list(new.parameters())) == len(list(net.parameters())) == 3
    assert np.array_equal(new(X).numpy(), net(X).numpy())


def test_a_tie_that_a_constructor_makes_survives():
    before = nn.architecture.TYPES.copy()

    @jrk.register
    class Tied(nn.Module):
        def __init__(self):
            self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
            self.second.weight = self.first.weight

    assert rebuilt(Tied()).second.weight is not None
    new = rebuilt(Tied())
    assert new.second.weight is new.first.weight
    nn.architecture.TYPES.clear()
    nn.architecture.TYPES.update(before)


LINEAR = {"type": "Linear", "args": {"in_features": 3, "out_features": 3}}
TWO = {"type": "Sequential", "children": [["a", LINEAR], ["b", LINEAR]]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TWO | {"tied": 3}, "tied must list lists"),
        (TWO | {"tied": [["a.weight"]]}, "tied must list lists"),
        (TWO | {"tied": [["a.weight", "a.bias"]]}, r"\(3, 3\).*\(3,\).*cannot be one parameter"),
        (TWO | {"tied": [["a.weight", "c.weight"]]}, "no parameter 'c.weight'"),
        (
            {"type": "Sequential", "children": [["a", {"shared": "b"}]]},
            "no module described before",
        ),
        ({"type": "Sequential", "children": [["a", {"shared": ""}]]}, "no module described before"),
        ({"shared": 3}, "at the top: shares '3'"),
    ],
)
def test_hostile_ties(data, words):
    with pytest.raises(ArchitectureError, match=words):
        nn.build(data)


def test_fit_leaves_frozen_parameters_alone():
    net = network().freeze("features")
    before = values(net)
    history = jrk.fit(net, (X, np.array([0, 1])), epochs=2, progress=False)
    after = values(net)
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    assert changed == ["head.weight", "head.bias"]
    assert len(history.epochs) == 2
    with pytest.raises(TrainingError, match="all parameters of Sequential are frozen"):
        jrk.fit(net.freeze(), (X, np.array([0, 1])), epochs=1, progress=False)
