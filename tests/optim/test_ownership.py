"""Moments follow their layers through surgery, against PyTorch, and never reach another network."""

import copy

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import TrainingError

X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


@pytest.fixture(autouse=True)
def on_the_reference():
    """What is looked at are names, which are the same everywhere."""
    with jrk.device("reference"):
        yield


def network():
    return nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))


def step(net, optimizer):
    optimizer.update(net, (net(X) ** 2).mean().backward(net))


def trained(optimizer):
    net = network()
    step(net, optimizer)
    return net


def bits(net):
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


def test_layers_keep_their_moments_where_others_come_and_go():
    """PyTorch's optimisers know parameters as objects; new ones join by a group of their own."""
    torch = pytest.importorskip("torch")
    layers = [nn.Linear(3, 3) for _ in range(3)]
    theirs = [torch.nn.Linear(3, 3) for _ in range(3)]
    for own, other in zip(layers, theirs, strict=True):
        own.load_state_dict(other.state_dict())
    net, optimizer = nn.Sequential(layers[0], layers[1]), optim.Adam(lr=0.1)
    adam = torch.optim.Adam([*theirs[0].parameters(), *theirs[1].parameters()], lr=0.1)

    def both(*order):
        step(net, optimizer)
        adam.zero_grad()
        out = torch.tensor(X)
        for i in order:
            out = theirs[i](out)
        (out**2).mean().backward()
        adam.step()

    both(0, 1)
    both(0, 1)
    net.insert(1, layers[2])
    adam.add_param_group({"params": list(theirs[2].parameters())})
    both(0, 2, 1)
    both(0, 2, 1)
    assert optimizer.steps["2.weight"] == 4
    assert optimizer.steps["1.weight"] == 2
    net.pop(0)
    both(2, 1)
    for own, other in zip(layers, theirs, strict=True):
        for name, value in own.state_dict().items():
            expected = other.state_dict()[name].numpy()
            np.testing.assert_allclose(value.numpy(), expected, rtol=2e-5, atol=2e-6)
    assert list(optimizer.steps) == ["0.weight", "0.bias", "1.weight", "1.bias"]


@pytest.mark.parametrize("make", [optim.Adam, optim.Lion, lambda: optim.SGD(momentum=0.9)])
def test_another_network_is_refused_and_nothing_changes(make):
    optimizer, other = make(), network()
    net = trained(optimizer)
    before, state = bits(other), optimizer.state_dict()
    for train in (
        lambda: step(other, optimizer),
        lambda: jrk.fit(other, (X, X), epochs=1, optimizer=optimizer, initialise="lsuv"),
        lambda: jrk.fit(other, (X, X), epochs=1, optimizer=optimizer, background=True),
    ):
        with pytest.raises(TrainingError, match=r"moments of another network for 0\.weight"):
            train()
    assert bits(other) == before
    assert all(state[key] is value for key, value in optimizer.state_dict().items()
               if hasattr(value, "numpy"))  # fmt: skip
    step(net, optimizer)
    assert set(optimizer.steps.values()) == {2}


def test_the_ways_out_that_the_error_names():
    optimizer, fresh = optim.Adam(lr=0.1), optim.Adam(lr=0.1)
    net = trained(optimizer)
    other = network()
    twin = copy.deepcopy(other)
    optimizer.reset()
    step(other, optimizer)
    step(twin, fresh)
    assert bits(other) == bits(twin)
    # A copy of a network goes on with the state of the first, if that is asked for.
    again = copy.deepcopy(other)
    with pytest.raises(TrainingError, match="another network"):
        step(again, optimizer)
    optimizer.load_state_dict(optimizer.state_dict())
    step(again, optimizer)
    step(twin, fresh)
    assert bits(again) == bits(twin)
    with pytest.raises(TrainingError, match="another network"):
        step(other, optimizer)
    assert optimizer.steps["0.weight"] == 2
    step(net, optim.Adam())


def test_a_network_that_is_gone_is_another_one_too():
    optimizer = optim.Adam()
    trained(optimizer)
    with pytest.raises(TrainingError, match=r"make a new optim\.Adam\(\.\.\.\)"):
        step(network(), optimizer)


def test_parts_and_wholes_share_moments_and_parts_of_one_name_do_not():
    optimizer = optim.Adam()
    net = trained(optimizer)
    step(net[0], optimizer)
    assert optimizer.steps["weight"] == 2
    assert "0.weight" not in optimizer.steps
    with pytest.raises(TrainingError, match="another network for weight, bias"):
        step(net[2], optimizer)
    step(net, optimizer)
    assert optimizer.steps["0.weight"] == 3
    assert optimizer.steps["2.weight"] == 2
    # Networks that have no name in common may have one optimiser.
    step(nn.Sequential({"head": nn.Linear(3, 1)}), optimizer)
    step(net, optimizer)
    assert optimizer.steps["0.weight"] == 4
    assert optimizer.steps["head.weight"] == 1


def test_a_network_made_of_the_layers_of_another():
    optimizer = optim.Adam()
    net = trained(optimizer)
    head = net[2]
    other = nn.Sequential(net[0], nn.Tanh(), nn.Linear(3, 3))
    # Two heads on one body are not one.
    with pytest.raises(TrainingError, match=r"another network for 2\.weight, 2\.bias, and"):
        step(other, optimizer)
    step(net, optimizer)
    assert set(optimizer.steps.values()) == {2}
    del net, head
    other[2] = nn.Linear(3, 5)
    step(other, optimizer)
    assert optimizer.steps["0.weight"] == 3
    assert optimizer.steps["2.weight"] == 1


def test_nothing_to_mix_up_nothing_to_refuse():
    optimizer = optim.SGD(lr=0.1)
    trained(optimizer)
    trained(optimizer)
    assert set(optimizer.steps.values()) == {1}


def test_a_job_gives_the_moments_back_to_its_model():
    optimizer, alone = optim.Adam(), optim.Adam()
    net = trained(optimizer)
    twin = copy.deepcopy(net)
    alone.load_state_dict(optimizer.state_dict())
    options = {"epochs": 2, "loss": nn.MSELoss(), "progress": False, "seed": 1}
    jrk.fit(net, (X, X), optimizer=optimizer, background=True, **options).wait(30)
    jrk.fit(twin, (X, X), optimizer=alone, **options)
    step(net, optimizer)
    step(twin, alone)
    assert bits(net) == bits(twin)
    assert set(optimizer.steps.values()) == {4}
    with pytest.raises(TrainingError, match="another network"):
        step(twin, optimizer)


def test_a_failed_step_after_surgery_takes_moves_back():
    optimizer = optim.Adam()
    net = trained(optimizer)
    net.insert(0, nn.Linear(3, 3))
    spoiled = np.full_like(X, np.nan)
    with pytest.raises(TrainingError, match="the loss became nan"):
        jrk.fit(net, (spoiled, X), epochs=1, optimizer=optimizer, loss=nn.MSELoss(), progress=False)
    step(net, optimizer)
    assert optimizer.steps == {"0.weight": 1, "0.bias": 1, "1.weight": 2, "1.bias": 2,
                               "3.weight": 2, "3.bias": 2}  # fmt: skip


def test_a_commit_after_surgery_keeps_the_names_of_that_moment(tmp_path):
    optimizer, again = optim.Adam(), optim.Adam()
    net = trained(optimizer)
    with jrk.init(tmp_path / "a.jrk.h5", net) as model:
        net.insert(0, nn.Linear(3, 3))
        model.derive("deeper")
        kept = model.commit(net, "deeper", optimizer=optimizer)
        again.load_state_dict(kept.optimizer_state())
        twin = kept.load()
    assert [n for n in again.steps if n.endswith("weight")] == ["1.weight", "3.weight"]
    step(net, optimizer)
    step(twin, again)
    assert bits(net) == bits(twin)
    assert optimizer.steps == again.steps
