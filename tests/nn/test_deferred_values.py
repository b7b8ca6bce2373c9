"""Networks made without drawing: the same numbers where somebody looks, no draw where not."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn
from jairika_nb.errors import DTypeError, OutOfRange, ShapeError
from jairika_nb.nn import init
from jairika_nb.tensors import random
from jairika_nb.zoo import GPT

DRAWS = {
    "uniform": lambda: init.uniform((3, 4), -1.0, 2.0),
    "normal": lambda: init.normal((3, 4), 1.0, 0.5),
    "kaiming_uniform": lambda: init.kaiming_uniform((3, 4), nonlinearity="relu"),
    "kaiming_normal": lambda: init.kaiming_normal((3, 4), mode="fan_out", dtype=jrk.float16),
    "xavier_uniform": lambda: init.xavier_uniform((3, 4), 2.0),
    "xavier_normal": lambda: init.xavier_normal((3, 4)),
    "trunc_normal": lambda: init.trunc_normal((3, 4)),
    "sparse": lambda: init.sparse((6, 4), 0.5),
    "orthogonal": lambda: init.orthogonal((4, 4)),
}
NETWORKS = {
    "layers": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 4), nn.PReLU()
    ),
    "tables": lambda: nn.Sequential(nn.Embedding(5, 4, padding_idx=0), nn.LSTM(4, 3)),
    "attention": lambda: nn.Transformer(4, 2, 1, 1, 8),
    "zoo": lambda: GPT(vocab_size=7, n_positions=4, n_layer=1, n_head=2, n_embd=4),
}


@pytest.fixture
def reference():
    with jrk.device("reference"):
        yield


@pytest.fixture
def nothing_drawn(monkeypatch):
    def refuse(shape, device):
        raise AssertionError(f"{shape} was drawn")

    return lambda: monkeypatch.setattr(random, "words", refuse)


def made(make, seed=3, *, later):
    jrk.random.seed(seed)
    if not later:
        return make(), jrk.random.state(), jrk.random.uniform((2,)).tolist()
    with init.deferred():
        result = make()
    return result, jrk.random.state(), jrk.random.uniform((2,)).tolist()


@pytest.mark.parametrize("name", DRAWS)
def test_what_is_looked_at_has_the_numbers_of_an_ordinary_draw(reference, name):
    wanted, after, following = made(DRAWS[name], later=False)
    found, *rest = made(DRAWS[name], later=True)
    assert rest == [after, following]
    assert (found.shape, found.ndim, found.dtype, found.device) == (
        wanted.shape, wanted.ndim, wanted.dtype, wanted.device,
    )  # fmt: skip
    assert found.numpy().tobytes() == wanted.numpy().tobytes()
    assert type(found) is jrk.Tensor and jrk.random.state()[1] == after[1] + 1


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_same_state_in_any_order_of_looking(reference, name):
    wanted, after, following = made(NETWORKS[name], later=False)
    found, *rest = made(NETWORKS[name], later=True)
    assert rest == [after, following]
    state = found.state_dict()
    for key, value in reversed(wanted.state_dict().items()):
        np.testing.assert_array_equal(state[key].numpy(), value.numpy(), err_msg=key)


def test_devices_draw_the_same_later(device):
    layer = lambda: nn.Linear(5, 3)  # noqa: E731
    wanted, found = made(layer, later=False)[0], made(layer, later=True)[0]
    assert found.weight.device is device
    x = jrk.ones((2, 5))
    assert found(x).numpy().tobytes() == wanted(x).numpy().tobytes()


def test_what_is_replaced_is_never_drawn(reference, nothing_drawn):
    kept = NETWORKS["layers"]()
    state = {name: value.numpy() for name, value in kept.state_dict().items()}
    nothing_drawn()
    with init.deferred():
        net = NETWORKS["layers"]()
    net.load_state_dict(state)
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[name], err_msg=name)


def test_what_is_left_is_drawn(reference):
    wanted, found = (made(NETWORKS["layers"], later=later)[0] for later in (False, True))
    found.load_state_dict({"3.bias": np.ones(4, np.float32)}, strict=False)
    assert found.state_dict()["3.bias"].tolist() == [1.0] * 4
    for name in ("0.weight", "0.bias", "3.weight"):
        expected = wanted.state_dict()[name].numpy()
        np.testing.assert_array_equal(found.state_dict()[name].numpy(), expected)


def test_copies_and_changes_of_what_is_not_drawn_yet(reference):
    make = DRAWS["uniform"]
    wanted = made(make, later=False)[0].numpy()
    for change in (copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), jrk.tensor):
        np.testing.assert_array_equal(change(made(make, later=True)[0]).numpy(), wanted)
    changed = made(make, later=True)[0]
    changed[0] = 7.0
    assert changed[0].tolist() == [7.0] * 4 and changed[1].tolist() == wanted[1].tolist()
    assert made(make, later=True)[0].astype(jrk.float64).dtype is jrk.float64
    with pytest.raises(AttributeError, match="nothing"):
        made(make, later=True)[0].nothing  # noqa: B018


def test_looking_first_in_a_compiled_function_draws_once(device):
    net = made(lambda: nn.Linear(4, 2), later=True)[0]
    wanted = made(lambda: nn.Linear(4, 2), later=False)[0]
    step, x = jrk.compile(lambda x: net(x) + jrk.random.uniform((2,))), jrk.ones((1, 4))
    found = [step(x).numpy() for _ in range(3)]
    jrk.random.restore((3, 3))  # after the two of the layer and the one of `made`
    for y in found:
        plain = (wanted(x) + jrk.random.uniform((2,))).numpy()
        np.testing.assert_allclose(y, plain, rtol=1e-6)


def test_compiled_functions_draw_anew_although_it_is_deferred_around_them(reference):
    step = jrk.compile(lambda: init.uniform((3,)) * 1.0)
    with init.deferred():
        first, second = step().tolist(), step().tolist()
    assert first != second


def test_threads_that_look_at_once_see_one_node(reference):
    for _ in range(20):
        x = made(DRAWS["normal"], later=True)[0]
        with ThreadPoolExecutor(4) as pool:
            nodes = {id(node) for node in pool.map(lambda _, x=x: x.node, range(8))}
        assert nodes == {id(x.node)}


def test_mistakes_are_told_where_they_are_made(reference):
    with init.deferred():
        for wrong, error in (
            (lambda: init.uniform((-1, 2)), ShapeError),
            (lambda: init.normal((2,), dtype="float17"), DTypeError),
            (lambda: init.kaiming_normal((2,)), ShapeError),
            (lambda: init.kaiming_uniform((2, 2), mode="fan"), OutOfRange),
        ):
            with pytest.raises(error):
                wrong()
    assert type(init.uniform((2,))) is jrk.Tensor  # and the block is over
