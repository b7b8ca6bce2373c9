"""Graphs of layers: wired in Python or as data, checked, trained, changed, drawn."""

import base64
import copy
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim, store
from jairika_nb.errors import ArchitectureError, ArgumentError, ShapeError
from jairika_nb.nn.functions import FUNCTIONS

RANDOM = np.random.default_rng(5)
IMAGE = RANDOM.normal(size=(6, 8)).astype(np.float32)
META = RANDOM.normal(size=(6, 2)).astype(np.float32)
DIGIT = RANDOM.integers(0, 3, 6)
SIZE = RANDOM.normal(size=(6, 1)).astype(np.float32)

DATA = {
    "inputs": ["image", "meta"],
    "nodes": [
        {"name": "digit", "layer": "Linear", "args": {"in_features": 6, "out_features": 3},
         "inputs": "both"},
        {"name": "both", "function": "concat", "args": {"axis": 1}, "inputs": ["hidden", "meta"]},
        {"name": "hidden", "layer": "Tanh", "inputs": ["features"]},
        {"name": "features", "inputs": ["image"],
         "layer": {"type": "Linear", "args": {"in_features": 8, "out_features": 4}}},
        {"name": "size", "layer": "Linear", "args": {"in_features": 6, "out_features": 1},
         "inputs": ["both"]},
    ],
    "outputs": {"digit": "digit", "size": "size"},
}  # fmt: skip


def in_python():
    image, meta = nn.Input("image"), nn.Input("meta")
    hidden = nn.Tanh()(nn.Linear(8, 4)(image).named("features")).named("hidden")
    both = hidden.concat(meta, axis=1).named("both")
    digit, size = nn.Linear(6, 3)(both).named("digit"), nn.Linear(6, 1)(both).named("size")
    return nn.Graph([image, meta], {"digit": digit, "size": size})


def rebuilt(net):
    new = nn.build(json.loads(json.dumps(net.architecture())))
    new.load_state_dict(net.state_dict())
    return new


def same(a, b):
    return np.array_equal(a.numpy(), b.numpy())


def oracle(state):
    """The same network in PyTorch, with the same weights by the same names."""
    torch = pytest.importorskip("torch")
    net = torch.nn.ModuleDict({
        "features": torch.nn.Linear(8, 4), "digit": torch.nn.Linear(6, 3),
        "size": torch.nn.Linear(6, 1),
    })  # fmt: skip
    net.load_state_dict({k: torch.tensor(v.numpy()) for k, v in state.items()})

    def forward(image, meta):
        hidden = torch.tanh(net["features"](torch.tensor(image)))
        both = torch.cat([hidden, torch.tensor(meta)], 1)
        return net["digit"](both), net["size"](both)

    return torch, net, forward


def test_two_inputs_and_two_outputs_train_as_in_pytorch(device):
    net = nn.build(json.loads(json.dumps(nn.Graph(**DATA).architecture())))
    torch, other, forward = oracle(net.state_dict())
    optimizer = optim.SGD(lr=0.1, momentum=0.9)
    theirs = torch.optim.SGD(other.parameters(), lr=0.1, momentum=0.9)

    @jrk.compile
    def step(image, meta, digit, size):
        out = net(image=image, meta=meta)
        loss = nn.functional.cross_entropy(out["digit"], digit)
        loss = loss + nn.functional.mse_loss(out["size"], size)
        optimizer.update(net, loss.backward(net))
        return loss

    losses = []
    for _ in range(6):
        digit, size = forward(IMAGE, META)
        loss = torch.nn.functional.cross_entropy(digit, torch.tensor(DIGIT))
        loss = loss + torch.nn.functional.mse_loss(size, torch.tensor(SIZE))
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        losses.append(step(IMAGE, META, DIGIT, SIZE).item())
        np.testing.assert_allclose(losses[-1], loss.item(), rtol=2e-5)
    assert losses[-1] < losses[0]
    assert step.replays >= 3
    for name, value in other.state_dict().items():
        np.testing.assert_allclose(net.state_dict()[name].numpy(), value.numpy(), atol=2e-6)


def test_python_and_data_make_the_same_network():
    one, two = in_python(), nn.Graph(**DATA)
    assert one.architecture()["args"]["inputs"] == two.architecture()["args"]["inputs"]
    assert list(one.state_dict()) == [
        "features.weight", "features.bias", "digit.weight", "digit.bias", "size.weight",
        "size.bias",
    ]  # fmt: skip
    assert {n[0]: n[2] for n in one.wiring} == {n[0]: n[2] for n in two.wiring}
    # Nodes run in an order in which everything is there, whatever order the data has.
    assert [n[0] for n in two.wiring] == ["features", "hidden", "both", "digit", "size"]
    two.load_state_dict(one.state_dict())
    with jrk.device("reference"):
        for net in (one.to("reference"), two.to("reference"), rebuilt(one)):
            first = net(IMAGE, META)
            assert list(first) == ["digit", "size"]
            for again in (net({"image": IMAGE, "meta": META}), net((IMAGE, META)),
                          net(IMAGE, meta=META)):  # fmt: skip
                assert same(first["digit"], again["digit"])
                assert same(first["size"], again["size"])


@pytest.mark.usefixtures("reference")
class TestOnReference:
    @pytest.fixture
    def reference(self):
        with jrk.device("reference"):
            yield

    def test_outputs_come_in_the_form_that_was_asked_for(self):
        x = nn.Input("x")
        y = (x * 2).named("y")
        z = (y + x).named("z")
        one = jrk.tensor([1.0])
        assert nn.Graph(x, y)(one).tolist() == [2.0]
        found = nn.Graph([x], [z, y])(one)
        assert type(found) is tuple
        assert [v.tolist() for v in found] == [[3.0], [2.0]]
        found = nn.Graph(x, {"a": z, "b": x})(one)
        assert {k: v.tolist() for k, v in found.items()} == {"a": [3.0], "b": [1.0]}
        assert rebuilt(nn.Graph([x], [z]))(one)[0].tolist() == [3.0]

    def test_a_shared_layer_is_one(self):
        a, b = nn.Input("a"), nn.Input("b")
        tower = nn.Linear(2, 3)
        net = nn.Graph([a, b], tower(a).named("left") - tower(b).named("right"))
        assert list(net.state_dict()) == ["left.weight", "left.bias"]
        new = rebuilt(net)
        assert new.architecture() == net.architecture()
        assert "(right): layer of left of b" in repr(new)
        x, y = META, META[::-1].copy()
        want = (META - y) @ net.left.weight.numpy().T
        np.testing.assert_allclose(new(x, y).numpy(), want, atol=1e-6)
        assert list(net.capture(x, y)) == ["left", "left:2", "subtract", ""]

    @pytest.mark.parametrize(
        ("write", "want"),
        [
            (lambda a, b: a + b - 1, lambda a, b: a + b - 1),
            (lambda a, b: 2 / (a * b + 3), lambda a, b: 2 / (a * b + 3)),
            (lambda a, b: np.float32(2) * a + b * np.int64(3), lambda a, b: 2 * a + b * 3),
            (lambda a, b: (-a) ** 2, lambda a, b: a**2),
            (lambda a, b: a.matmul(b.transpose(0, 1)), lambda a, b: a @ b.T),
            (lambda a, b: a @ b.permute(1, 0), lambda a, b: a @ b.T),
            (lambda a, b: a.add(b, a, 1.5), lambda a, b: a + b + a + 1.5),
            (lambda a, b: a.average(b), lambda a, b: (a + b) / 2),
            (lambda a, b: a.maximum(b).minimum(0.5), lambda a, b: np.maximum(a, b).clip(max=0.5)),
            (lambda a, b: a.concat(b, axis=1), lambda a, b: np.concatenate([a, b], 1)),
            (lambda a, b: a.stack(b, b), lambda a, b: np.stack([a, b, b])),
            (lambda a, b: a.mean(1) + b.sum(axis=0), lambda a, b: a.mean(1) + b.sum(0)),
            (lambda a, b: a.max(1, True) + b, lambda a, b: a.max(1, keepdims=True) + b),
            (lambda a, b: a.reshape(1, -1).squeeze(0), lambda a, b: a.reshape(-1)),
            (lambda a, b: a.unsqueeze(1).flatten(0, 1), lambda a, b: a),
            (lambda a, b: a[1, ::2], lambda a, b: a[1, ::2]),
            (lambda a, b: a[..., None, 0:1], lambda a, b: a[..., None, 0:1]),
            (lambda a, b: a.split([1, 1], 1)[1] * b.chunk(2)[0], lambda a, b: a[:, 1:] * b[:1]),
            (lambda a, b: a.std(0) + b.var(axis=0), lambda a, b: a.std(0) + b.var(0)),
            (lambda a, b: a.relu().exp(), lambda a, b: np.exp(np.maximum(a, 0))),
        ],
    )  # fmt: skip
    def test_functions_of_symbols_survive_as_data(self, write, want):
        a, b = nn.Input("a"), nn.Input("b")
        out = write(a, b)
        net = rebuilt(nn.Graph([s for s in (a, b) if uses(out, s)], out))
        x, y = IMAGE[:2, :2], META[:2]
        given = {"a": x, "b": y}
        found = net({name: given[name] for name in net.input_names})
        np.testing.assert_allclose(found.numpy(), want(x, y), rtol=2e-6)

    def test_values_of_layers_that_return_several_are_picked(self):
        two = nn.Graph("x", ["x", "y"], [{"name": "y", "function": "multiply", "inputs": ["x", 3]}])
        named = nn.Graph("x", {"k": "y"}, [{"name": "y", "function": "exp", "inputs": ["x"]}])
        x = nn.Input("x")
        net = rebuilt(nn.Graph(x, two(x)[1] + named(x)["k"]))
        assert net(jrk.tensor([0.0, 1.0])).tolist() == [1.0, pytest.approx(3 + np.e)]
        with pytest.raises(ShapeError, match="slice: 2 of 2 values"):
            nn.Graph(x, two(x)[2])(jrk.zeros(2))
        with pytest.raises(ShapeError, match="pick a value"):
            nn.Graph(x, two(x)[:, 0])(jrk.zeros(2))

    def test_errors_in_a_node_name_it(self):
        with pytest.raises(ShapeError, match=r"layer 'both', Function\('concat', axis=1\)"):
            in_python()(IMAGE, META[:3])
        with pytest.raises(ShapeError, match=r"layer 'features', Linear.*\(6, 2\)"):
            in_python()(META, META)

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda net: net(IMAGE), "1 by position given; it takes image, meta"),
            (lambda net: net(IMAGE, META, META), "3 by position"),
            (lambda net: net(IMAGE, image=META), "1 by position, image given"),
            (lambda net: net(IMAGE, mata=META), "mata given; it takes image, meta"),
            (lambda net: net(), "none given"),
        ],
    )
    def test_wrong_inputs(self, call, words):
        with pytest.raises(ArchitectureError, match=words):
            call(in_python())

    def test_layers_can_be_exchanged_inserted_and_removed(self):
        net = in_python()
        net.digit = nn.Linear(6, 5)
        assert rebuilt(net)(IMAGE, META)["digit"].shape == (6, 5)
        before = net(IMAGE, META)["digit"]
        net.insert("half", nn.Function("slice", index=[slice_of(0, 4)]), after="digit")
        net.insert("cut", nn.Dropout(0.0), after="image")
        new = rebuilt(net)
        assert np.array_equal(new(IMAGE, META)["digit"].numpy(), before.numpy()[:4])
        assert {n: i for n, _, i in new.wiring}["features"] == ("cut",)
        for name in ("half", "cut", "hidden"):
            net.remove(name)
        x = np.concatenate(
            [IMAGE @ net.features.weight.numpy().T + net.features.bias.numpy(), META], 1
        )
        want = x @ net.digit.weight.numpy().T + net.digit.bias.numpy()
        np.testing.assert_allclose(net(IMAGE, META)["digit"].numpy(), want, rtol=1e-5, atol=1e-5)
        assert "hidden" not in dict(net.named_modules())
        with pytest.raises(ArchitectureError, match=r"cannot remove 'both'.*features"):
            net.remove("both")
        with pytest.raises(ArchitectureError, match="cannot insert 'size' after 'meta'"):
            net.insert("size", nn.Tanh(), after="meta")
        del net.size
        with pytest.raises(ArchitectureError, match="layer of node 'size' was deleted"):
            net(IMAGE, META)

    def test_a_compiled_function_notices_new_wiring(self):
        net = in_python()
        predict = jrk.compile(lambda a, b: net(a, b)["size"])
        for _ in range(3):
            first = predict(IMAGE, META).numpy()
        net.insert("calm", nn.Tanh(), after="size")
        for _ in range(3):
            np.testing.assert_allclose(predict(IMAGE, META).numpy(), np.tanh(first), rtol=1e-6)
        assert predict.replays == 2

    def test_a_deep_copy_is_wired_alike_and_learns_on_its_own(self):
        net = in_python()
        twin = copy.deepcopy(net)
        assert twin.architecture() == net.architecture()
        first = twin(IMAGE, META)["size"]
        assert same(first, net(IMAGE, META)["size"])
        net.insert("calm", nn.Tanh(), after="size")
        net.set_parameter("features.weight", net.features.weight * 2)
        assert same(twin(IMAGE, META)["size"], first)

    def test_a_file_keeps_graphs(self, tmp_path):
        net = in_python().freeze("features")
        path = tmp_path / "two.jrk.h5"
        store.init(path, net).close()
        with store.open(path) as model:
            again = model["main"]["prime"].load()
        assert same(again(IMAGE, META)["size"], net(IMAGE, META)["size"])
        assert again.frozen_names() == ["features.weight", "features.bias"]


def slice_of(start, stop):
    return {"slice": [start, stop, None]}


def uses(symbol, which):
    parts = [o for o in symbol.operands if isinstance(o, type(symbol))]
    return symbol is which or any(uses(part, which) for part in parts)


def broken(**changes):
    return {**json.loads(json.dumps(DATA)), **changes}


ADD = {"name": "n", "function": "add", "inputs": ["x", "x"]}


def one(*rows, inputs="x", outputs="n"):
    return {"inputs": inputs, "outputs": outputs, "nodes": list(rows)}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (one(ADD, {**ADD, "name": "m", "inputs": ["y", "n"]}, outputs="z"),
         ["node 'm' reads 'y', which is no input and no node", "output 'z' is no node"]),
        (one(ADD, ADD), ["'n' names several nodes"]),
        (one({**ADD, "name": "x"}, outputs="x"), ["'x' names several nodes"]),
        (one(ADD, inputs=["x", "y", "z"]), ["input 'y' is not used; input 'z' is not used"]),
        (one(ADD, {**ADD, "name": "m"}), ["node 'm' leads to no output"]),
        (one({**ADD, "inputs": ["x", "m"]}, {**ADD, "name": "m", "inputs": ["n", "x"]}),
         ["in a circle", "n", "m"]),
        (one({**ADD, "inputs": ["n", "x"]}), ["the nodes n -> n read each other in a circle"]),
        (one({**ADD, "inputs": ["x"]}), ["gives add 1 operands; it takes 2 operands or more"]),
        (one({**ADD, "inputs": [1, 2]}), ["node 'n' reads no input"]),
        (one({**ADD, "inputs": ["x", None]}), ["node 'n' reads None"]),
        (one({**ADD, "name": "a.b"}, outputs="a.b"), ["'a.b' cannot name a node"]),
        (one(ADD, outputs=[]), ["there are no outputs"]),
        (one({**ADD, "function": "system"}, {"name": "m", "layer": "Nope", "inputs": ["x"]}),
         ["node 'n'", "'system' is none of", "node 'm': unknown layer type 'Nope'"]),
        (one({**ADD, "args": {"axis": 1}}), ["Function 'add' takes no axis"]),
        (one({**ADD, "function": "slice", "args": {"index": {"a": 1}}}), ["is no index"]),
        (one({"name": "n", "inputs": ["x"]}), ["node 'n': a node is"]),
        (one({**ADD, "layer": "Tanh"}), ["a node is"]),
        (one({**ADD, "more": 1}), ["a node is"]),
        (one(7), ["node '0': a node is"]),
        (one({"name": "n", "shared": "m", "inputs": ["x"]}), ["shares the layer 'm'"]),
        (one({"name": "n", "layer": {"type": "Linear"}, "inputs": ["x"]}), ["in_features"]),
        ({"inputs": "x", "outputs": "n", "nodes": "n"}, ["nodes are a list, not a str"]),
        ({"inputs": 3, "outputs": "n", "nodes": []}, ["not a int"]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_listed(data, words):
    for make in (lambda: nn.Graph(**data), lambda: nn.build({"type": "Graph", "args": data})):
        with pytest.raises(ArchitectureError) as caught:
            make()
        assert all(word in str(caught.value) for word in words), caught.value


def test_what_symbols_cannot_do_is_told():
    x = nn.Input("x")
    for wrong, words in [
        (lambda: nn.Graph(x, jrk.zeros(3)), "not a Tensor"),
        (lambda: nn.Graph(["x"], [x.exp()]), "'x' is no symbol"),
        (lambda: nn.Graph(x.exp(), x.exp().log()), "inputs are nn.Input"),
        (lambda: nn.Graph(x, x + nn.Input("y")), "reads 'y'"),
        (lambda: nn.Graph([x, nn.Input("y")], x.exp()), "input 'y' is not used"),
    ]:
        with pytest.raises(ArchitectureError, match=words):
            wrong()
    for wrong in (lambda: list(x), lambda: bool(x), lambda: nn.Tanh()(x, jrk.zeros(2)),
                  lambda: nn.Tanh()(x, axis=1), lambda: nn.Input(3)):  # fmt: skip
        with pytest.raises(ArgumentError):
            wrong()
    with pytest.raises(AttributeError, match="a symbol has no 'fft'; it has add, subtract"):
        x.fft()


def test_long_chains_and_many_branches_are_wired_quickly():
    x = nn.Input("x")
    y = x
    for _ in range(3000):
        y = y + x
    assert len(nn.Graph(x, y).wiring) == 3000
    rows = [{"name": str(i), "function": "add", "inputs": ["x", str(i + 1)]} for i in range(3000)]
    net = nn.Graph("x", "0", [*rows, {"name": "3000", "function": "exp", "inputs": ["x"]}])
    assert net.wiring[0][0] == "3000"


def test_summaries_and_pictures_show_what_reads_what():
    net = in_python()
    text = str(net.summary(jrk.zeros((6, 8)), jrk.zeros((6, 2))))
    head, *rows = text.splitlines()
    assert head.split()[:4] == ["layer", "type", "reads", "parameters"]
    both = next(row for row in rows if row.startswith("both"))
    assert re.split(r"  +", both)[:4] == [
        "both",
        "Function('concat', axis=1)",
        "hidden, meta",
        "(6, 6)",
    ]
    html = net.picture(jrk.zeros((6, 8)), jrk.zeros((6, 2)))._repr_html_()
    svg = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1]).decode()
    words = [t.text for t in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    for word in ("image", "input", "both", "concat", "(6, 6)", "Linear, 36 parameters", "output"):
        assert word in words
    assert svg.count("<path") == 2 * (5 + 1 + 2)
    assert "as text" not in html
    assert net.picture()._repr_html_() in net._repr_html_()
    assert str(net.picture()) == repr(net)


def test_every_function_can_be_said_to_take_what_it_takes():
    for name, row in FUNCTIONS.items():
        layer = nn.Function(name)
        assert nn.build(layer.architecture()).function == name
        with pytest.raises(ShapeError, match=f"{name}: 0 operands; it takes {row.takes}"):
            layer()


@pytest.mark.parametrize("recursion", [1000, 20_000])
def test_depth_and_size_of_hostile_graphs_are_bounded(recursion):
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(recursion, before))  # as other libraries do
    try:
        check_hostile_graphs()
    finally:
        sys.setrecursionlimit(before)


def check_hostile_graphs():
    data = {"type": "Tanh"}
    for _ in range(500):
        data = {
            "type": "Graph",
            "args": {
                "inputs": "x",
                "outputs": "n",
                "nodes": [{"name": "n", "layer": data, "inputs": ["x"]}],
            },
        }
    deep = []
    for _ in range(5000):
        deep = [deep]
    for hostile in (data, {"type": "Dropout", "args": {"p": deep}}):
        with pytest.raises(ArchitectureError, match="too deep"):
            nn.build(hostile)
    many = [ADD] * 20_000
    with pytest.raises(ArchitectureError, match="'n' names several nodes") as caught:
        nn.Graph("x", "n", many)
    assert len(str(caught.value)) < 400


def test_outputs_are_called_by_text():
    x = nn.Input("x")
    for key in (3, "$child"):
        with pytest.raises(ArchitectureError, match="must be called by text"):
            nn.Graph(x, {key: x.exp()})


def test_functions_of_tensors_send_symbols_elsewhere():
    x = nn.Input("x")
    for call in (lambda: nn.functional.relu(x), lambda: jrk.concat([x, x], axis=1)):
        with pytest.raises(ArgumentError, match=r"such as x.relu\(\)"):
            call()


@pytest.mark.parametrize("value", [np.ones(2), [1.0, 2.0], jrk.zeros(2, device="reference")])
def test_arrays_are_no_operands_of_symbols(value):
    with pytest.raises(ArchitectureError, match=f"not {type(value).__name__}: what has a shape"):
        nn.Input("x") * value
    with pytest.raises(ArchitectureError, match=f"not {type(value).__name__}: what has a shape"):
        value * nn.Input("x")
