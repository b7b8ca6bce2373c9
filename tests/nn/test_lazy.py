"""Layers that find their sizes: what they become, when, and what they keep."""

import json

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ArchitectureError, ReplayError, ShapeError, TrainingError

# What each is made with, its input, and what it then is.
LAYERS = {
    "LazyLinear": ((5, False), (2, 3, 7), "Linear(in_features=7, out_features=5, bias=False)"),
    "LazyConv1d": ((4, 3), (6, 8), "Conv1d(6, 4, kernel_size=(3,), stride=(1,))"),
    "LazyConv2d": ((4, 3, 2), (1, 6, 5, 5), "Conv2d(6, 4, kernel_size=(3, 3), stride=(2, 2))"),
    "LazyConvTranspose2d": (
        (4, 3), (1, 6, 5, 5), "ConvTranspose2d(6, 4, kernel_size=(3, 3), stride=(1, 1))"),
    "LazyBatchNorm1d": (
        (), (4, 3), "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, "
        "track_running_stats=True)"),
    "LazyInstanceNorm1d": (
        (1e-3,), (2, 4, 9), "InstanceNorm1d(4, eps=0.001, momentum=0.1, affine=True, bias=True, "
        "track_running_stats=True)"),
}  # fmt: skip
X = np.random.default_rng(1).normal(size=(8, 2, 6)).astype(np.float32)
pytestmark = pytest.mark.usefixtures("reference")


@pytest.fixture
def reference():
    with jrk.device("reference"):
        yield


@pytest.mark.parametrize("name", LAYERS)
def test_a_first_call_makes_it_the_layer_that_pytorch_makes(name):
    torch = pytest.importorskip("torch")
    arguments, shape, text = LAYERS[name]
    ours, theirs = getattr(nn, name)(*arguments), getattr(torch.nn, name)(*arguments)
    assert repr(ours).startswith(f"{name}(")
    assert ours.state_dict() == {}
    assert repr(nn.build(json.loads(json.dumps(ours.architecture())))) == repr(ours)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    ours(jrk.tensor(x))
    theirs(torch.tensor(x))
    assert repr(ours) == repr(theirs) == text
    assert type(ours) is getattr(nn, name.removeprefix("Lazy"))
    ours.load_state_dict(theirs.state_dict())
    rebuilt = nn.build(json.loads(json.dumps(ours.architecture())))
    assert repr(rebuilt) == text
    got, want = ours.eval()(jrk.tensor(x)), theirs.eval()(torch.tensor(x))
    np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-4, atol=1e-5)


def network():
    return nn.Sequential(nn.LazyConv1d(4, 3), nn.LazyBatchNorm1d(), nn.Flatten(), nn.LazyLinear(2))


def test_a_network_is_whole_after_one_example_and_learns():
    net, x = network(), jrk.tensor(X)
    seen = []
    net[0].register_forward_hook(lambda layer, given, output: seen.append(output.shape))
    net.eval().summary(x)
    assert [type(m).__name__ for m in net] == ["Conv1d", "BatchNorm1d", "Flatten", "Linear"]
    assert not any(m.training for m in net.modules())
    assert net[3].in_features == 16
    before = net[3].weight.numpy()
    loss = net.train()(x).square().sum()
    assert seen[-1] == (8, 4, 4)
    optim.SGD(lr=0.1).update(net, loss.backward(net))
    assert not np.array_equal(net[3].weight.numpy(), before)


def test_fit_asks_for_an_example_first():
    net, labels = network(), np.arange(8) % 2
    with pytest.raises(TrainingError, match=r"'0', LazyConv1d\(.*call the network once"):
        jrk.fit(net, (X, labels), epochs=1, optimizer=optim.SGD(lr=0.01))
    net(X[:2])
    history = jrk.fit(net, (X, labels), epochs=2, optimizer=optim.SGD(lr=0.01))
    assert len(history.epochs) == 2


def test_without_a_batch_channels_are_counted_all_the_same():
    layer = nn.LazyInstanceNorm1d()
    layer(jrk.ones((4, 9)))
    assert layer.num_features == 4


def test_a_compiled_function_must_not_be_the_first():
    net = nn.Sequential(nn.LazyLinear(2))
    step = jrk.compile(lambda x: net(x))
    with pytest.raises(ReplayError, match="LazyLinear finds its sizes at the first call"):
        step(jrk.ones((2, 3)))
    net(jrk.ones((2, 3)))
    assert step(jrk.ones((2, 3))).shape == (2, 2)


def test_a_call_that_fails_leaves_it_open():
    layer = nn.LazyConv2d(4, 3, groups=2)
    with pytest.raises(ShapeError, match=r"LazyConv2d.*\(3, 3\) must have 3 or 4 axes"):
        layer(jrk.ones((3, 3)))
    with pytest.raises(ArchitectureError, match="in_channels=3 do not split into groups=2"):
        layer(jrk.ones((1, 3, 5, 5)))
    assert layer(jrk.ones((1, 6, 5, 5))).shape == (1, 4, 3, 3)
    with pytest.raises(ShapeError, match="Conv2d"):
        layer(jrk.ones((1, 8, 5, 5)))


def test_arguments_are_those_of_the_layer_without_the_missing_one():
    with pytest.raises(ArchitectureError, match=r"LazyLinear.*out_features"):
        nn.LazyLinear()
    with pytest.raises(ArchitectureError, match=r"LazyConv2d.*in_channels"):
        nn.LazyConv2d(4, 3, in_channels=3)
