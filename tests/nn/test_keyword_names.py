"""Layers and losses take their inputs by the names that PyTorch gives them."""

import inspect

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import ArgumentError
from jairika_nb.nn.lazy import Lazy

torch = pytest.importorskip("torch")
OWN = {"lengths"}  # arguments that only layers here take


def names(layer):
    rows = list(inspect.signature(layer.forward).parameters.values())[1:]
    return [row.name for row in rows if row.kind not in (row.VAR_POSITIONAL, row.VAR_KEYWORD)]


def pairs() -> list:
    found = []
    for name in nn.__all__:
        ours, theirs = getattr(nn, name), getattr(torch.nn, name, None)
        both = isinstance(ours, type) and issubclass(ours, nn.Module) and isinstance(theirs, type)
        if both and ours.forward is not nn.Module.forward:
            found.append(pytest.param(ours, theirs, id=name))
    return found


@pytest.mark.parametrize(("ours", "theirs"), pairs())
def test_names_and_their_order(ours, theirs):
    expected = names(theirs)[:1] if issubclass(ours, Lazy) else names(theirs)
    assert [name for name in names(ours) if name not in OWN] == expected


def test_the_table_has_all_layers():
    assert len(pairs()) > 120


X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 4)
LABELS = np.array([1, 0])


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        (nn.Linear(4, 2), {"input": X}),
        (nn.LazyLinear(2), {"input": X}),
        (nn.Sequential(nn.Conv1d(3, 2, 2), nn.ReLU()), {"input": X}),
        (nn.LSTM(4, 2), {"input": X}),
        (nn.Bilinear(4, 4, 2), {"input1": X, "input2": X}),
        (nn.CrossEntropyLoss(), {"input": X[:, 0], "target": LABELS}),
        (nn.PoissonNLLLoss(), {"log_input": X, "target": X * X}),
        (nn.TripletMarginLoss(), {"anchor": X[0], "positive": X[1], "negative": X[1] * 2}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_by_name_is_by_place(layer, named):
    with jrk.device("reference"):
        layer = layer.to("reference")
        by_name, by_place = layer(**dict(reversed(named.items()))), layer(*named.values())
        first = by_name[0] if isinstance(by_name, tuple) else by_name
        second = by_place[0] if isinstance(by_place, tuple) else by_place
        np.testing.assert_array_equal(first.numpy(), second.numpy())


def test_masks_may_be_lists():
    with jrk.device("reference"):
        attention, x = nn.MultiheadAttention(4, 2, batch_first=True), jrk.tensor(X)
        hidden = [[False, False, True], [False, True, True]]
        causal = [[0.0, -np.inf, -np.inf], [0.0, 0.0, -np.inf], [0.0, 0.0, 0.0]]
        for name, mask in (("key_padding_mask", hidden), ("attn_mask", causal)):
            listed = attention(x, x, x, **{name: mask})[0]
            made = attention(x, x, x, **{name: jrk.tensor(mask)})[0]
            np.testing.assert_array_equal(listed.numpy(), made.numpy())
        with pytest.raises(jrk.errors.DTypeError, match="attn_mask of int32 must be bool"):
            attention(x, x, x, attn_mask=[[0, 1, 1]] * 3)


def test_a_graph_is_written_with_names_too():
    with jrk.device("reference"):
        one, two = nn.Input("one"), nn.Input("two")
        net = nn.Graph([one, two], nn.Bilinear(4, 4, 2)(input1=one, input2=two))
        x = jrk.tensor(X[0])
        again = nn.build(net.architecture())
        again.load_state_dict(net.state_dict())
        np.testing.assert_array_equal(again(x, x * 2).numpy(), net(x, x * 2).numpy())
        with pytest.raises(ArgumentError, match="takes symbols and numbers, not attn_mask="):
            nn.MultiheadAttention(4, 2)(one, one, one, attn_mask=two)
        with pytest.raises(TypeError, match="unexpected keyword argument 'inputs'"):
            nn.Linear(4, 2)(inputs=x)
