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


def test_a_network_that_is_converted_while_it_learns_keeps_its_dtype(device):
    net, optimizer = network(), optim.Adam(lr=0.1)
    optimizer.update(net, (net(X) ** 2).sum().backward(net))
    twin, other = copy.deepcopy(net), copy.deepcopy(optimizer)
    net.half()
    for model, opt, x in ((net, optimizer, X.astype(np.float16)), (twin, other, X)):
        opt.update(model, (model(x) ** 2).sum().backward(model))
    assert {v.dtype for v in net.state_dict().values()} == {jrk.float16}
    for name, value in twin.state_dict().items():
        np.testing.assert_allclose(net.state_dict()[name].numpy(), value.numpy(), atol=0.01)


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


def test_resized_layers_keep_what_fits_and_learning_goes_on(device):
    net, optimizer = network(), optim.Adam(lr=0.01)
    net.get_submodule("features").eval()
    net.freeze("features.0")
    optimizer.update(net, (net(X) ** 2).sum().backward(net))
    before = values(net)
    net.set_submodule("features.2", nn.resized(net.get_submodule("features.2"), out_features=5))
    net.head = nn.resized(net.head, in_features=5)
    after = values(net)
    assert np.array_equal(after["features.2.weight"][:3], before["features.2.weight"])
    assert np.array_equal(after["features.2.bias"][:3], before["features.2.bias"])
    assert np.array_equal(after["head.weight"][:, :3], before["head.weight"])
    assert np.array_equal(after["head.bias"], before["head.bias"])
    assert np.all(after["head.weight"][:, 3:] != 0)
    assert not net.get_submodule("features.2").training
    optimizer.update(net, (net(X) ** 2).sum().backward(net))
    # Untouched parameters go on from their state, resized ones begin anew.
    assert optimizer.steps["head.bias"] == 2
    assert optimizer.steps["head.weight"] == 1
    small = nn.resized(nn.resized(net.head, in_features=2), dtype="float16", bias=False)
    assert (small.weight.shape, small.bias) == ((2, 2), None)
    assert nn.resized(net.get_submodule("features.0"), in_features=9).frozen_names() == [
        "weight", "bias",
    ]  # fmt: skip


def test_layers_that_cannot_be_resized_are_told():
    with pytest.raises(ArchitectureError, match="Linear does not take"):
        nn.resized(nn.Linear(2, 2), width=3)
    with pytest.raises(ArchitectureError, match="in_features=0"):
        nn.resized(nn.Linear(2, 2), in_features=0)
    with pytest.raises(ArchitectureError, match=r"mean is \(2,\) and would be \(2, 1\)"):
        nn.resized(nn.Normalization((2,)), shape=(2, 1))


def test_a_state_of_pytorchs_loads_as_it_is():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    ours = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    for state in (theirs.state_dict(), dict(theirs.named_parameters()),
                  theirs.to(torch.bfloat16).state_dict()):  # fmt: skip
        ours.load_state_dict(state, strict=False)
        for name, value in state.items():
            assert np.array_equal(ours.state_dict()[name].numpy(), value.detach().float().numpy())


def test_what_strict_false_forgave_is_returned():
    net = nn.Linear(2, 2)
    found = net.load_state_dict({"bias": np.ones(2), "extra": 1}, strict=False)
    assert found.missing_keys == ["weight"]
    assert found.unexpected_keys == ["extra"]
    assert net.load_state_dict(net.state_dict()) == ([], [])


def test_parameters_can_be_asked_for_as_in_pytorch():
    torch = pytest.importorskip("torch")

    def names(kind):
        net = kind.Sequential(kind.Linear(2, 2), kind.Sequential(kind.Linear(2, 2, bias=False)))
        net[1][0].weight = net[0].weight
        net.register_parameter("own", kind.Parameter(make(kind)))
        net.register_buffer("seen", make(kind))
        return [
            [name for name, _ in net.named_parameters(prefix="p")],
            [name for name, _ in net.named_parameters(recurse=False)],
            [name for name, _ in net.named_parameters(remove_duplicate=False)],
            [name for name, _ in net.named_buffers("b", recurse=False)],
            [name for name, _ in net.named_modules(prefix="m")],
            [len(list(net.parameters(False))), len(list(net.buffers()))],
        ]

    def make(kind):
        return torch.zeros(1) if kind is torch.nn else jrk.zeros(1)

    assert names(nn) == names(torch.nn)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cuda", r'use net.to\("gpu"\)'),
        ("requires_grad_", r"use net.freeze"),
        ("zero_grad", "none are kept"),
        ("register_full_backward_hook", "net.capture"),
        ("nonsense", "Linear has no attribute 'nonsense'$"),
    ],
)
def test_habits_from_pytorch_are_answered(name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(nn.Linear(2, 2), name)


@pytest.mark.parametrize(
    ("room", "name", "words"),
    [
        (nn, "utils", "use nn.rnn"),
        (nn, "Linaer", "'jairika_nb.nn' has no attribute 'Linaer'$"),
        (nn.init, "xavier_uniform_", r"nn.init.apply\(net, 'xavier_uniform'\)"),
        (nn.init, "nonsense_", "has no attribute 'nonsense_'$"),
    ],
)
def test_names_of_pytorchs_rooms_are_answered(room, name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(room, name)
