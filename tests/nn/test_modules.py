"""Modules: registration, state, modes, errors that name the place, summaries."""

import copy
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import (
    ArchitectureError,
    ArgumentError,
    DataError,
    DTypeError,
    GradientError,
    OutOfRange,
    ShapeError,
)

pytestmark = pytest.mark.usefixtures("reference")


@pytest.fixture
def reference():
    with jrk.device("reference"):
        yield


def bits(net):
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


class Block(nn.Module):
    def __init__(self, size):
        self.first = nn.Linear(size, size)
        self.scale = nn.Parameter([2.0])
        self.register_buffer("seen", jrk.tensor([0.0]))

    def forward(self, x):
        return self.first(x) * self.scale


def test_assigning_registers_by_kind():
    block = Block(2)
    assert list(dict(block.named_parameters())) == ["scale", "first.weight", "first.bias"]
    assert list(dict(block.named_buffers())) == ["seen"]
    assert list(block.state_dict()) == ["scale", "seen", "first.weight", "first.bias"]
    assert block.scale.tolist() == [2.0]
    block.first = nn.Identity()
    assert list(block.state_dict()) == ["scale", "seen"]
    del block.scale
    assert list(block.state_dict()) == ["seen"]
    with pytest.raises(AttributeError, match="Block has no attribute 'scale'"):
        _ = block.scale


class Counting(nn.Module):
    def __init__(self, saved):
        self.scale = nn.Parameter([2.0])
        self.register_buffer("table", jrk.tensor([1.0, 3.0]), persistent=saved)

    def forward(self, x):
        self.table = self.table + 1
        return x * self.scale + self.table


def test_a_buffer_need_not_be_saved():
    net = nn.Sequential(Counting(False), Counting(True))
    assert list(net.state_dict()) == ["0.scale", "1.scale", "1.table"]
    assert [name for name, _ in net.named_buffers()] == ["0.table", "1.table"]
    assert not net.load_state_dict(net.state_dict()).missing_keys
    assert net.double()[0].table.dtype is jrk.float64
    # Looking changes it no more than other buffers, and it counts as memory.
    assert net.summary(jrk.zeros((2,), dtype="float64")).bytes == 6 * 8
    assert net[0].table.tolist() == [1.0, 3.0]
    assert copy.deepcopy(net).state_dict().keys() == net.state_dict().keys()
    net[0].register_buffer("table", jrk.zeros(2))
    assert "0.table" in net.state_dict()


def test_a_compiled_run_changes_buffers_that_are_not_saved():
    net = Counting(False)
    run = jrk.compile(net)
    found = [run(jrk.zeros(2)).tolist() for _ in range(4)]
    assert found == [[2.0, 4.0], [3.0, 5.0], [4.0, 6.0], [5.0, 7.0]]
    assert net.table.tolist() == [5.0, 7.0]


def test_plain_values_do_not_replace_parts():
    block = Block(2)
    with pytest.raises(ArchitectureError, match="holds a tensor"):
        block.scale = 3.0
    with pytest.raises(ArchitectureError, match="is a module"):
        block.first = None
    with pytest.raises(ArchitectureError, match="without dots"):
        block.add_module("a.b", nn.Identity())
    block.scale = jrk.tensor([5.0])
    assert dict(block.named_parameters())["scale"].tolist() == [5.0]


def test_train_and_eval_reach_every_part():
    net = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    assert [m.training for m in net.modules()] == [True] * 4
    assert [m.training for m in net.eval().modules()] == [False] * 4
    assert net.train()[1][0].training


def test_a_shared_parameter_is_one():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 1
    assert list(net.state_dict()) == ["0.weight", "1.weight"]
    net.replace({"0.weight": jrk.zeros((3, 3))})
    assert net[1].weight is net[0].weight


def test_loading_lists_all_that_does_not_fit_and_changes_nothing():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = {k: v.numpy() for k, v in net.state_dict().items()}
    state = {"0.weight": np.ones((2, 3)), "0.bias": np.ones(3), "extra": np.ones(1), "x.y": 1}
    with pytest.raises(ArchitectureError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    assert "missing: 1.weight, 1.bias" in text
    assert "unexpected: extra, x.y" in text
    assert "0.weight is (2, 3) instead of (3, 2)" in text
    assert all(np.array_equal(before[k], v.numpy()) for k, v in net.state_dict().items())
    net.load_state_dict({"1.bias": np.array([7.0]), "extra": 0}, strict=False)
    assert net[1].bias.tolist() == [7.0]


@pytest.mark.parametrize("state", ["net.pt", None, [1]])
def test_loading_takes_names_with_arrays(state):
    with pytest.raises(ArgumentError, match="takes names with arrays"):
        nn.Linear(2, 1).load_state_dict(state)


def test_loading_keeps_bits():
    one, two = nn.Linear(7, 5), nn.Linear(7, 5)
    two.load_state_dict({k: v.numpy() for k, v in one.state_dict().items()})
    assert all(
        np.array_equal(v.numpy(), two.state_dict()[k].numpy()) for k, v in one.state_dict().items()
    )


def test_a_wrong_shape_names_the_layer_before_anything_runs():
    net = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(64, 8), nn.ReLU()))
    with pytest.raises(ShapeError) as caught:
        net(jrk.zeros((5, 60)))
    text = str(caught.value)
    assert "layer '1.0', Linear(in_features=64, out_features=8, bias=True)" in text
    assert "(5, 60)" in text
    assert "(8, 64)" in text
    assert "\n" not in text


def test_a_missing_flatten_is_suggested():
    with pytest.raises(ShapeError, match=r"nn.Flatten"):
        nn.Linear(64, 8)(jrk.zeros((5, 1, 8, 8)))


def test_a_shape_error_in_a_layer_of_ones_own_names_it():
    class Odd(nn.Module):
        def forward(self, x):
            return x + jrk.zeros((7,))

    with pytest.raises(ShapeError, match=r"layer 'odd', Odd\(\): add: shapes \(2, 3\) and \(7,\)"):
        nn.Sequential({"odd": Odd()})(jrk.zeros((2, 3)))


def test_dropout_acts_only_in_training():
    jrk.random.seed(5)
    x, layer = jrk.ones((1000,)), nn.Dropout(0.25)
    dropped = layer(x).numpy()
    assert set(dropped.round(4)) == {0.0, np.float32(4 / 3).round(4)}
    assert 0.2 < (dropped == 0).mean() < 0.3
    assert not np.array_equal(layer(x).numpy(), dropped)
    jrk.random.seed(5)
    assert np.array_equal(layer(x).numpy(), dropped)
    assert layer.eval()(x).tolist() == [1.0] * 1000
    assert nn.Dropout(0.0)(x).tolist() == [1.0] * 1000
    assert nn.Dropout(1.0)(x).tolist() == [0.0] * 1000


def test_dropout_keeps_the_same_elements_backwards():
    x = jrk.tensor(np.ones(50, np.float32))
    y = nn.Dropout(0.5)(x)
    assert np.array_equal(y.numpy(), jrk.grad(y.sum(), [x])[0].numpy())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Linear(0, 3), "in_features=0"),
        (lambda: nn.Linear(3, 2.5), "out_features=2.5"),
        (lambda: nn.Dropout(1.5), "p=1.5"),
        (lambda: nn.ELU(beta=2), "beta"),
        (lambda: nn.Sequential(abs), "not a module"),
        (lambda: nn.Sequential({"a": 3}), "layer a is a int"),
    ],
)
def test_bad_arguments(make, words):
    with pytest.raises(ArchitectureError, match=words):
        make()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: nn.Softmax(dim=1), "Softmax takes no dim=;.* use axis="),
        (lambda x: nn.Flatten(start_dim=1), "Flatten takes no start_dim=;.* use start_axis="),
        (lambda x: nn.functional.softmax(x, dim=1), "softmax takes no dim=;.* use axis="),
        (lambda x: nn.functional.log_softmax(x, dim=1), "log_softmax .* use axis="),
        (lambda x: nn.functional.flatten(x, end_dim=1), "flatten .* use end_axis="),
        (lambda x: nn.build({"type": "Softmax", "args": {"dim": 1}}), "at the top: .* use axis="),
    ],
)
def test_pytorch_names_of_axes_are_answered_with_ours(call, words):
    with pytest.raises(ArchitectureError, match=words):
        call(jrk.zeros((2, 3)))


def test_a_layer_of_ones_own_may_have_a_dim():
    class Wide(nn.Module):
        def __init__(self, dim, axis=0):
            self.dim = dim

    assert Wide(dim=512).dim == 512


LOGITS = np.zeros((3, 4), np.float32)


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ([0, 4, 9], DataError, "2 of 3 labels are no class, the first is 4.*0 to 3"),
        ([0, -1, 2], DataError, "^1 of 3 labels is no class, the first is -1"),
        ([0, 1], ShapeError, r"\(2,\).*\(3, 4\).*must have shape \(3,\)"),
        ([[0.5, 0.5]], ShapeError, r"\(1, 2\).*\(3, 4\)"),
        ([True, False, True], DTypeError, "bool"),
    ],
)
def test_targets_that_do_not_fit(target, error, words):
    with pytest.raises(error, match=words):
        nn.CrossEntropyLoss()(jrk.tensor(LOGITS), np.array(target))


def test_a_label_out_of_range_on_the_device_never_passes_as_right():
    loss = nn.functional.cross_entropy
    labels = jrk.tensor([0, 7, -100])
    rows = loss(jrk.tensor(LOGITS), labels, reduction="none").numpy()
    assert rows[0] == pytest.approx(np.log(4))
    assert np.isnan(rows[1])
    assert rows[2] == 0
    assert np.isnan(loss(jrk.tensor(LOGITS), labels).item())


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "uint32"])
def test_labels_may_be_of_any_integers(kind):
    logits = jrk.tensor(np.random.default_rng(1).normal(size=(2, 300)).astype(np.float32))
    labels = np.array([100, 3])
    wanted = nn.functional.cross_entropy(logits, labels).item()
    found = nn.functional.cross_entropy(logits, jrk.tensor(labels.astype(kind)))
    assert found.item() == pytest.approx(wanted)


def test_losses_refuse_what_broadcasting_would_hide():
    with pytest.raises(ShapeError, match=r"\(3, 1\).*\(3,\)"):
        nn.MSELoss()(jrk.zeros((3, 1)), np.zeros(3))
    with pytest.raises(OutOfRange, match="reduction='avg'"):
        nn.MSELoss("avg")


def test_gradients_by_name_and_zeros_for_what_is_unused():
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    grads = net[0](jrk.ones((1, 2))).sum().backward(net)
    assert list(grads) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert grads["0.weight"].tolist() == [[1, 1], [1, 1]]
    assert grads["1.weight"].tolist() == [[0, 0], [0, 0]]
    with pytest.raises(GradientError):
        net[0](jrk.ones((1, 2))).backward(net)


def test_summary_tells_shapes_and_counts_and_computes_nothing():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.Dropout(0.5))
    jrk.random.seed(1)
    before = jrk.random.state()
    summary = net.summary(jrk.zeros((2, 1, 8, 8)))
    assert jrk.random.state() == before
    assert summary.total == 650
    text = str(summary)
    assert "weight (10, 64) bias (10,)" in text
    assert [row.output for row in summary.rows] == ["(2, 64)", "(2, 10)", "(2, 10)"]
    assert "650" in text.splitlines()[2]
    html = net._repr_html_()
    assert html.count("<tr>") == 4
    assert "Linear(in_features=64" in html


def test_a_summary_without_example_inputs_has_no_output_column():
    net = nn.Sequential(nn.Linear(64, 10), nn.Tanh())
    text = str(net.summary())
    assert text.splitlines()[0].split() == ["layer", "type", "parameters", "count", "bytes"]
    assert text.splitlines()[1].endswith("  650  2,600")
    assert "output" not in net._repr_html_()
    assert "output" in str(net.summary(jrk.zeros((2, 64))))


def test_a_summary_aligns_text_left_and_counts_right():
    tree = ElementTree.fromstring(
        nn.Linear(1, 1, bias=False).summary(jrk.zeros((1, 1)))._repr_html_()
    )
    for row in tree.iter("tr"):
        sides = [cell.get("style") for cell in row]
        assert sides == ["text-align:left"] * 4 + ["text-align:right"] * 3
    assert tree.find("caption").text == "Linear: 1 parameter, 4 B, 1 multiply-adds"


def test_a_summary_counts_what_is_trained_and_what_it_costs():
    net = nn.Sequential(nn.Linear(64, 10), nn.Sequential(nn.Linear(10, 5, bias=False))).freeze("0")
    summary = net.half().summary(jrk.zeros((3, 64), dtype=jrk.float16))
    assert (summary.total, summary.trainable, summary.bytes) == (700, 50, 1400)
    assert [(r.count, r.trainable, r.bytes, r.macs) for r in summary.rows] == [
        (650, 0, 1300, 3 * 640),
        (50, 50, 100, 3 * 50),
    ]
    assert str(summary).splitlines()[0].split()[-4:] == ["count", "trainable", "bytes", "MACs"]
    assert str(summary).endswith(
        "700 parameters, 50 of them trainable, 1.4 kB, 2.07 k multiply-adds"
    )


@pytest.mark.parametrize(
    ("layer", "inputs", "macs"),
    [
        (lambda: nn.Conv2d(4, 6, 3, stride=2, groups=2), [(2, 4, 7, 7)], 2 * 6 * 9 * (2 * 9)),
        (lambda: nn.ConvTranspose1d(4, 6, 3, groups=2), [(2, 4, 5)], 2 * 4 * 5 * (3 * 3)),
        (lambda: nn.Bilinear(3, 4, 5), [(2, 3), (2, 4)], 2 * 5 * 12),
        (lambda: nn.LSTM(3, 4, 2), [(7, 2, 3)], 7 * 2 * (16 * 3 + 16 * 4 + 2 * 16 * 4)),
        # Four projections of 8 x 8 for queries and twice keys, then scores and their sums.
        (
            lambda: nn.MultiheadAttention(8, 2, batch_first=True),
            [(3, 5, 8), (3, 7, 8), (3, 7, 8)],
            3 * (2 * 5 + 2 * 7) * 64 + 2 * 3 * 5 * 7 * 8,
        ),
    ],
)
def test_a_summary_counts_multiply_adds(layer, inputs, macs):
    assert layer().summary(*map(jrk.zeros, inputs)).macs == macs


def test_a_summary_takes_whatever_a_layer_takes():
    lstm, state = nn.LSTM(3, 4), jrk.zeros((1, 2, 4))
    summary = lstm.summary(jrk.zeros((7, 2, 3)), (state, state))
    assert summary.macs == 14 * 16 * 7
    assert summary.rows[0].output == "(7, 2, 4), (1, 2, 4), (1, 2, 4)"
    cross = nn.TransformerDecoderLayer(8, 2, 16)
    found = cross.summary(jrk.zeros((5, 2, 8)), jrk.zeros((7, 2, 8)))
    linear = 10 * (8 * 16 * 2)
    own, other = 10 * 4 * 64 + 2 * 10 * 5 * 8, (2 * 10 + 2 * 14) * 64 + 2 * 10 * 7 * 8
    assert found.macs == linear + own + other


def test_a_summary_asks_for_an_example_instead_of_a_shape():
    with pytest.raises(ArgumentError, match=r"such as jrk.zeros\(\(1, 4\)\)"):
        nn.Embedding(5, 3).summary((1, 4))


def test_a_summary_counts_a_shared_parameter_once():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    assert (net.summary().total, net.summary().bytes) == (9, 36)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_deep_copy_learns_on_its_own(device, name):
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Tanh(), nn.Linear(4, 4), nn.Identity())
    x = np.ones((5, 3), np.float32)
    optimizer = getattr(optim, name)(lr=0.1)

    def learn(model, opt):
        opt.update(model, (model.eval()(x) ** 2).sum().backward(model))
        return bits(model)

    learn(net, optimizer)
    before, steps = bits(net), dict(optimizer.steps)
    twin, other = copy.deepcopy(net), copy.deepcopy(optimizer)
    assert twin.architecture() == net.architecture()
    assert bits(twin) == before
    after = learn(twin, other)
    assert after != before
    assert bits(net) == before
    assert optimizer.steps == steps
    # The first goes the same way, so nothing of its optimiser was lost or shared.
    assert learn(net, optimizer) == after


def test_a_deep_copy_stays_on_its_device_and_in_its_dtype(device):
    class Placed(nn.Module):
        def __init__(self, inner, device, *, dtype):
            self.inner, self.again = inner, inner
            self.device, self.dtype = device, dtype

    net = Placed(nn.Linear(2, 2, device=device), device, dtype=jrk.float32)
    twin = copy.deepcopy(net)
    assert twin.device is net.device is twin.inner.weight.device
    assert twin.dtype is net.dtype is twin.inner.weight.dtype
    assert twin.inner is twin.again is not net.inner


def test_a_deep_copy_keeps_what_is_shared_inside():
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    twin = copy.deepcopy(net)
    assert twin[1].weight is twin[0].weight
    twin.replace({"0.weight": jrk.zeros((3, 3))})
    assert len(list(twin.parameters())) == 1
    assert np.any(net[0].weight.numpy())


def test_sequential_can_be_cut_and_extended():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    del net[1]
    assert list(net.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    net.append(nn.Tanh())
    net[-1] = nn.Sigmoid()
    assert [type(layer).__name__ for layer in net] == ["Linear", "Linear", "Sigmoid"]
    assert len(net[:2]) == 2
    with pytest.raises(OutOfRange, match="layer 3 of 3"):
        net[3]
    named = nn.Sequential({"1": nn.Identity()}).append(nn.Tanh())
    assert [name for name, _ in named.named_children()] == ["1", "2"]


def test_forward_is_needed():
    with pytest.raises(NotImplementedError, match="Empty needs a forward"):
        type("Empty", (nn.Module,), {})()(1)
