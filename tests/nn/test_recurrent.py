"""Recurrent layers and cells against PyTorch: values, states, gradients, packed sequences."""

import json

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import ArchitectureError, OutOfRange, ShapeError

torch = pytest.importorskip("torch")
KINDS = ("RNN", "LSTM", "GRU")
LENGTHS = [2, 4, 1]


def pair(kind, *args, **kwargs):
    """A layer of ours and one of PyTorch's with the same weights."""
    torch.manual_seed(1)
    theirs = getattr(torch.nn, kind)(*args, **kwargs)
    ours = getattr(nn, kind)(*args, **kwargs)
    ours.load_state_dict(theirs.state_dict())
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    return ours, theirs


def flat(result):
    """Outputs and states, nested in tuples, as one list of tensors."""
    if isinstance(result, tuple | list):
        return [t for part in result for t in flat(part)]
    return [result]


def close(ours, theirs, tolerance=3e-6):
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=2e-5, atol=tolerance)


def compare(ours, theirs, inputs, run_ours=None, run_theirs=None):
    """Results, and gradients of inputs and parameters under one random upstream."""
    a = [jrk.tensor(v) for v in inputs]
    b = [torch.tensor(v, requires_grad=True) for v in inputs]
    y, z = (flat((run or default)(m, *v)) for run, default, m, v in (
        (run_ours, lambda m, *v: m(*v), ours, a), (run_theirs, lambda m, *v: m(*v), theirs, b),
    ))  # fmt: skip
    rng = np.random.default_rng(5)
    upstream = [rng.normal(size=tuple(t.shape)).astype(np.float32) for t in z]
    total = sum((t * jrk.tensor(u)).sum() for t, u in zip(y, upstream, strict=True))
    sum((t * torch.tensor(u)).sum() for t, u in zip(z, upstream, strict=True)).backward()
    names = dict(ours.named_parameters())
    grads = jrk.grad(total, [*a, *names.values()])
    jrk.eval(*y, *grads)
    for one, other in zip(y, z, strict=True):
        close(one, other)
    wanted = [v.grad for v in b] + [dict(theirs.named_parameters())[n].grad for n in names]
    for g, w in zip(grads, wanted, strict=True):
        close(g, torch.zeros(g.shape) if w is None else w, 2e-5)


def sequence(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


OPTIONS = [
    {},
    {"bias": False},
    {"num_layers": 2, "bidirectional": True},
    {"num_layers": 2, "batch_first": True},
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_on_every_device(device, kind):
    ours, theirs = pair(kind, 4, 6, bidirectional=True)
    compare(ours, theirs, [sequence(4, 3, 4)])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", OPTIONS)
def test_options(kind, options):
    with jrk.device("reference"):
        ours, theirs = pair(kind, 4, 6, **options)
        compare(ours, theirs, [sequence(5, 3, 4)])


def initial(kind, rows, batch, size=6, proj=None):
    batch = () if batch is None else (batch,)
    h = sequence(rows, *batch, proj or size)
    return (h, sequence(rows, *batch, size) - 1) if kind == "LSTM" else (h,)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [None, 3])
def test_initial_states_with_and_without_a_batch(kind, batch):
    with jrk.device("reference"):
        ours, theirs = pair(kind, 4, 6, num_layers=2, bidirectional=True)
        x = sequence(5, 4) if batch is None else sequence(5, batch, 4)

        def run(layer, x, *states):
            return layer(x, states if kind == "LSTM" else states[0])

        compare(ours, theirs, [x, *initial(kind, 4, batch)], run, run)


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_plain_networks_have_two_functions(device, nonlinearity):
    ours, theirs = pair("RNN", 4, 6, nonlinearity=nonlinearity)
    compare(ours, theirs, [sequence(4, 3, 4)])


def test_states_smaller_than_the_memory(device):
    more = {"num_layers": 2, "bidirectional": True} if device.is_reference else {}
    ours, theirs = pair("LSTM", 4, 6, proj_size=2, **more)
    compare(ours, theirs, [sequence(2, 3, 4)])


def packed(module, x, **options):
    return module.pack_padded_sequence(x, LENGTHS, enforce_sorted=False, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_sequences(device, kind):
    on_all = kind == "LSTM" or device.is_reference
    if not on_all:
        pytest.skip("one kind on each driver")
    ours, theirs = pair(kind, 4, 6, num_layers=2, bidirectional=True)

    def run(module):
        def through(layer, x, *states):
            y, last = layer(packed(module, x), states if kind == "LSTM" else states[0])
            return module.pad_packed_sequence(y, total_length=5)[0], last

        return through

    compare(
        ours, theirs, [sequence(4, 3, 4), *initial(kind, 4, 3)],
        run(nn.rnn), run(torch.nn.utils.rnn),
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"proj_size": 2}])
def test_lengths_give_what_a_packed_run_gives(kind, options):
    if options and kind != "LSTM":
        pytest.skip("only LSTM projects")
    with jrk.device("reference"):
        ours, theirs = pair(kind, 4, 6, bidirectional=True, batch_first=True, **options)

        def run(layer, x):
            utils = torch.nn.utils.rnn
            y, last = layer(packed(utils, x, batch_first=True))
            return utils.pad_packed_sequence(y, batch_first=True)[0], last

        lengths = jrk.tensor(LENGTHS)
        compare(ours, theirs, [sequence(3, 4, 4)], lambda m, x: m(x, lengths=lengths), run)


def test_packing_equals_pytorch():
    with jrk.device("reference"):
        x, other = sequence(4, 3, 2), torch.nn.utils.rnn
        for options in ({}, {"batch_first": True}):
            given = x.transpose(1, 0, 2) if options else x
            ours = packed(nn.rnn, jrk.tensor(given), **options)
            theirs = packed(other, torch.tensor(given), **options)
            close(ours.data, theirs.data)
            for name in ("batch_sizes", "sorted_indices", "unsorted_indices"):
                assert getattr(ours, name).tolist() == getattr(theirs, name).tolist()
            y, lengths = nn.rnn.pad_packed_sequence(ours, padding_value=-7.0, **options)
            z, count = other.pad_packed_sequence(theirs, padding_value=-7.0, **options)
            close(y, z)
            assert lengths.tolist() == count.tolist()
        rows = [x[:n, i] for i, n in enumerate(LENGTHS)]
        for side in ("left", "right"):
            options = {"padding_value": 2.0, "padding_side": side}
            close(nn.rnn.pad_sequence([jrk.tensor(r) for r in rows], **options),
                  other.pad_sequence([torch.tensor(r) for r in rows], **options))  # fmt: skip
        back = nn.rnn.unpack_sequence(
            nn.rnn.pack_sequence([jrk.tensor(r) for r in rows], enforce_sorted=False)
        )
        for row, again in zip(rows, back, strict=True):
            np.testing.assert_array_equal(again.numpy(), row)


@pytest.mark.parametrize(
    "cell", ["RNNCell-tanh", "RNNCell-relu", "LSTMCell", "GRUCell"],
)  # fmt: skip
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_cells(cell, bias, batch):
    with jrk.device("reference"):
        kind, _, function = cell.partition("-")
        more = {"nonlinearity": function} if function else {}
        ours, theirs = pair(kind, 4, 6, bias=bias, **more)
        count = 2 if kind == "LSTMCell" else 1
        states = [sequence(*batch, 6) + k for k in range(count)]

        def run(layer, x, *states):
            return layer(x, states if count == 2 else states[0])

        compare(ours, theirs, [sequence(*batch, 4), *states], run, run)
        close(flat(ours(jrk.ones((*batch, 4))))[0], flat(theirs(torch.ones(*batch, 4)))[0])


def test_cells_on_every_device(device):
    for kind in ("LSTMCell", "GRUCell"):
        ours, theirs = pair(kind, 4, 6)
        compare(ours, theirs, [sequence(3, 4)])


def test_dropout_acts_between_layers_in_training_only():
    with jrk.device("reference"):
        jrk.random.seed(3)
        net = nn.GRU(4, 64, num_layers=2, dropout=0.5)
        x = jrk.tensor(sequence(5, 3, 4))
        one, other = net(x), net(x)
        # The first layer's final state comes before any dropout.
        np.testing.assert_array_equal(one[1][0].numpy(), other[1][0].numpy())
        assert np.abs(one[0].numpy() - other[0].numpy()).max() > 1e-3
        net.eval()
        np.testing.assert_array_equal(net(x)[0].numpy(), net(x)[0].numpy())
        zero = nn.GRU(4, 5, num_layers=2, dropout=1.0)
        blind = nn.GRU(5, 5)
        blind.load_state_dict({k.replace("l1", "l0"): v for k, v in zero.state_dict().items()
                               if "l1" in k})  # fmt: skip
        np.testing.assert_allclose(
            zero(x)[0].numpy(), blind(jrk.zeros((5, 3, 5)))[0].numpy(), rtol=1e-6
        )


def test_initial_weights_follow_torch_bounds():
    with jrk.device("reference"):
        jrk.random.seed(3)
        for name, value in nn.LSTM(8, 100, proj_size=20).state_dict().items():
            drawn = value.numpy()
            assert 0.095 < np.abs(drawn).max() <= 0.1, name


def test_layers_come_back_from_their_architecture():
    with jrk.device("reference"):
        nets = [
            nn.RNN(4, 3, 2, "relu", False, True, 0.1, True),
            nn.LSTM(4, 3, proj_size=2, dtype=jrk.float64), nn.GRU(4, 3, bidirectional=True),
            nn.RNNCell(4, 3, nonlinearity="relu"), nn.LSTMCell(4, 3, False), nn.GRUCell(4, 3),
        ]  # fmt: skip
        for net in nets:
            again = nn.build(json.loads(json.dumps(net.architecture())))
            again.load_state_dict(net.state_dict())
            assert again.architecture() == net.architecture()
            assert repr(again) == repr(net)


def test_a_compiled_training_step_replays():
    with jrk.device("reference"):
        net, lengths = nn.LSTM(4, 6), jrk.tensor(LENGTHS)
        x = jrk.tensor(sequence(4, 3, 4))

        @jrk.compile
        def step(x, lengths):
            y, (h, c) = net(x, lengths=lengths)
            loss = (y * y).sum() + h.sum() + c.sum()
            return [loss, *loss.backward(net).values()]

        for shift in (0.0, 1.0, 2.0):
            found = step(x + shift, lengths)
            wanted = step.function(x + shift, lengths)
            for a, b in zip(found, wanted, strict=True):
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: nn.LSTM(0, 3), "input_size=0"),
        (lambda: nn.LSTM(3, 3, num_layers=10**9), "more than 1000 layers"),
        (lambda: nn.LSTM(3, 3, proj_size=3), "proj_size=3 must be below"),
        (lambda: nn.GRU(3, 3, dropout=2), "dropout=2 is no probability"),
        (lambda: nn.RNN(3, 3, nonlinearity="gelu"), "'tanh' or 'relu'"),
        (lambda: nn.RNNCell(3, 3, nonlinearity=None), "'tanh' or 'relu'"),
    ],
)
def test_wrong_settings(ask, words):
    with pytest.raises(ArchitectureError, match=words):
        ask()


def test_wrong_inputs_are_told_with_their_shapes():
    with jrk.device("reference"):
        net, x = nn.LSTM(4, 6), jrk.zeros((5, 3, 4))
        cases = [
            (lambda: net(jrk.zeros((5, 3, 7))), r"input \(5, 3, 7\).*batch, 4"),
            (lambda: net(jrk.zeros((0, 3, 4))), r"input \(0, 3, 4\)"),
            (lambda: net(x, (jrk.zeros((1, 3, 6)),)), r"must be \(1, 3, 6\), \(1, 3, 6\)"),
            (lambda: net(x, lengths=[1, 2]), r"lengths \[1, 2\] must be 3 integers"),
            (lambda: nn.GRUCell(4, 6)(jrk.zeros((3, 4)), jrk.zeros((2, 6))), r"1 of \(3, 6\)"),
        ]
        for ask, words in cases:
            with pytest.raises(ShapeError, match=words):
                ask()


def test_wrong_lengths():
    x = jrk.zeros((4, 3, 2), device="reference")
    for lengths, words in (([2, 4, 1], "not longest first"), ([5, 4, 1], "between 1 and the 4"),
                           ([2, 1], "must be 3 integers")):  # fmt: skip
        with pytest.raises(jrk.errors.JairikaError, match=words):
            nn.rnn.pack_padded_sequence(x, lengths)


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_that_no_row_can_have(kind):
    with jrk.device("reference"):
        net, x = getattr(nn, kind)(4, 6, batch_first=True), jrk.ones((3, 4, 4))
        for lengths in ([0, 2, 3], [4, 5, 1], [-1, 2, 3]):
            for given in (lengths, np.array(lengths)):
                with pytest.raises(OutOfRange, match=f"{kind}: lengths .* 1 and the 4 steps"):
                    net(x, lengths=given)
        for given in ([1.5, 2, 3], [True, True, True], [[1], [2], [3]], jrk.ones(3), 3):
            with pytest.raises(ShapeError, match=f"{kind}: lengths .*3 integers, one for each row"):
                net(x, lengths=given)
        assert net(x[0], lengths=2)[0].shape == (4, 6)


def test_wrong_lengths_on_the_device_spoil_their_rows_only(device):
    net, x = nn.GRU(3, 2), jrk.ones((4, 3, 3))
    y, last = net(x, lengths=jrk.tensor([2, 0, 9]))
    right, end = net(x, lengths=[2, 1, 4])
    assert np.isnan(last.numpy()[0, 1:]).all() and np.isnan(y.numpy()[:, 2]).all()
    np.testing.assert_array_equal(y.numpy()[:, 0], right.numpy()[:, 0])
    np.testing.assert_array_equal(last.numpy()[0, 0], end.numpy()[0, 0])
