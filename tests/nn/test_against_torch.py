"""Layers, activations and losses against PyTorch: forward and gradients, train and eval mode."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional
RNG = np.random.default_rng(11)
X = RNG.normal(0, 2, (5, 4)).astype(np.float32)
X[0, :3] = [0.0, 30.0, -30.0]


def same(ours, theirs, tolerance=2e-6):
    theirs = theirs.detach().numpy() if hasattr(theirs, "detach") else theirs
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=2e-5, atol=tolerance)


def compare(ours, theirs, x=X, tolerance=2e-6):
    """Values and input gradients of two functions under one random upstream."""
    a, b = jrk.tensor(x), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    same(y, z, tolerance)
    upstream = np.random.default_rng(1).normal(size=tuple(z.shape)).astype(np.float32)
    z.backward(torch.tensor(upstream))
    same(jrk.grad(y, [a], jrk.tensor(upstream))[0], b.grad, tolerance)


ACTIVATIONS = [
    (nn.ReLU(), torch.nn.ReLU()),
    (nn.ReLU(inplace=True), torch.nn.ReLU()),
    (nn.ELU(), torch.nn.ELU()),
    (nn.ELU(0.3), torch.nn.ELU(0.3)),
    (nn.LeakyReLU(), torch.nn.LeakyReLU()),
    (nn.LeakyReLU(negative_slope=0.2), torch.nn.LeakyReLU(0.2)),
    (nn.GELU(), torch.nn.GELU()),
    (nn.GELU("tanh"), torch.nn.GELU("tanh")),
    (nn.SiLU(), torch.nn.SiLU()),
    (nn.Tanh(), torch.nn.Tanh()),
    (nn.Sigmoid(), torch.nn.Sigmoid()),
    (nn.Softmax(axis=1), torch.nn.Softmax(1)),
    (nn.Softmax(axis=0), torch.nn.Softmax(0)),
    (nn.LogSoftmax(axis=-1), torch.nn.LogSoftmax(-1)),
    (nn.Identity(), torch.nn.Identity()),
]


@pytest.mark.parametrize(("ours", "theirs"), ACTIVATIONS, ids=[str(row[0]) for row in ACTIVATIONS])
def test_activation(device, ours, theirs):
    # Where tanh saturates, a last bit of it is multiplied by the slope of its argument.
    compare(ours, theirs, tolerance=3e-4 if "tanh" in str(ours) else 1e-5)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (2, 3, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_with_torch_weights(device, shape, bias):
    theirs, ours = torch.nn.Linear(4, 3, bias=bias), nn.Linear(4, 3, bias=bias)
    ours.load_state_dict(theirs.state_dict())
    x = RNG.normal(size=shape).astype(np.float32)
    compare(ours, theirs, x)
    theirs.zero_grad()
    theirs(torch.tensor(x)).sum().backward()
    grads = ours(jrk.tensor(x)).sum().backward(ours)
    assert list(grads) == [name for name, _ in theirs.named_parameters()]
    for name, parameter in theirs.named_parameters():
        same(grads[name], parameter.grad)


@pytest.mark.parametrize("arguments", [(), (0,), (1, 2), (-2, -1)])
def test_flatten(device, arguments):
    compare(
        nn.Flatten(*arguments),
        torch.nn.Flatten(*arguments),
        RNG.normal(size=(2, 3, 2, 2)).astype(np.float32),
    )


def networks():
    def layers(library):
        return library.Sequential(
            library.Flatten(),
            library.Linear(6, 5),
            library.ELU(),
            library.Dropout(0.5),
            library.Linear(5, 3, bias=False),
        )

    theirs, ours = layers(torch.nn), layers(nn)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def test_state_dict_has_torch_keys_shapes_and_order(device):
    ours, theirs = networks()
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, tuple(v.shape)) for k, v in theirs.state_dict().items()
    ]
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})


def test_network_in_evaluation_mode(device):
    ours, theirs = networks()
    compare(ours.eval(), theirs.eval(), RNG.normal(size=(4, 2, 3)).astype(np.float32))


LOSSES = [
    ({}, {}),
    ({"reduction": "sum"}, {}),
    ({"reduction": "none"}, {}),
    ({"label_smoothing": 0.2}, {}),
    ({"ignore_index": 1}, {}),
    ({"ignore_index": 1, "label_smoothing": 0.3}, {}),
    ({"ignore_index": 1, "reduction": "none", "label_smoothing": 0.3}, {}),
    ({}, {"weight": [0.5, 0.0, 2.0, 1.0]}),
    ({"label_smoothing": 0.1}, {"weight": [0.5, 0.0, 2.0, 1.0]}),
    ({"label_smoothing": 0.1, "ignore_index": 2}, {"weight": [0.5, 0.0, 2.0, 1.0]}),
    ({"reduction": "sum", "ignore_index": -100}, {"weight": [0.5, 0.1, 2.0, 1.0]}),
]
LABELS = {(5, 4): (5,), (4,): (), (3, 4, 2): (3, 2)}
# Every option on plain rows; the other shapes and labels on the device with those that matter.
CASES = [(*row, (5, 4), "host") for row in LOSSES]
CASES += [(*row, shape, "host") for row in LOSSES[-2:] for shape in ((4,), (3, 4, 2))]
CASES += [(*row, shape, "device") for row in (LOSSES[0], LOSSES[-2]) for shape in LABELS]


@pytest.mark.parametrize(("options", "weights", "shape", "where"), CASES)
def test_cross_entropy_of_classes(device, options, weights, shape, where):
    x = RNG.normal(0, 2, shape).astype(np.float32)
    # Every class but the ignored one for a single label: torch gives NaN for a mean of nothing.
    labels = np.array(3) if shape == (4,) else RNG.integers(0, 4, LABELS[shape])
    ours = nn.CrossEntropyLoss(**options, **weights)
    theirs = torch.nn.CrossEntropyLoss(
        **options, **{k: torch.tensor(v) for k, v in weights.items()}
    )
    target = labels if where == "host" else jrk.tensor(labels.astype(np.int32))
    compare(lambda a: ours(a, target), lambda b: theirs(b, torch.tensor(labels)), x)


@pytest.mark.parametrize("options", [{}, {"reduction": "sum"}, {"label_smoothing": 0.2}])
@pytest.mark.parametrize("weight", [None, [0.5, 1.0, 2.0, 1.0]])
@pytest.mark.parametrize("shape", [(5, 4), (3, 4, 2)])
def test_cross_entropy_of_probabilities(device, options, weight, shape):
    x = RNG.normal(size=shape).astype(np.float32)
    p = RNG.random(shape).astype(np.float32)
    ours = nn.CrossEntropyLoss(weight, **options)
    theirs = torch.nn.CrossEntropyLoss(None if weight is None else torch.tensor(weight), **options)
    compare(lambda a: ours(a, p), lambda b: theirs(b, torch.tensor(p)), x)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_nll_and_mse(device, reduction):
    labels, target = np.array([0, 3, 2, 1, 3]), RNG.normal(size=(5, 4)).astype(np.float32)
    compare(
        lambda a: nn.functional.nll_loss(a, labels, reduction=reduction),
        lambda b: F.nll_loss(b, torch.tensor(labels), reduction=reduction),
    )
    compare(
        lambda a: nn.MSELoss(reduction)(a, target),
        lambda b: torch.nn.MSELoss(reduction=reduction)(b, torch.tensor(target)),
        tolerance=1e-4,
    )


def test_large_and_infinite_scores_stay_exact(device):
    x = np.array([[1e4, -1e4, 0.0], [-np.inf, 1.0, 2.0]], np.float32)
    labels = np.array([0, 2])
    compare(
        lambda a: nn.functional.cross_entropy(a, labels),
        lambda b: F.cross_entropy(b, torch.tensor(labels)),
        x,
    )


def test_initial_weights_follow_torch_bounds(device):
    jrk.random.seed(3)
    layer = nn.Linear(100, 400)
    for values in (layer.weight.numpy(), layer.bias.numpy()):
        assert np.abs(values).max() <= 0.1
        assert np.abs(values).max() > 0.098
        assert abs(values.mean()) < 0.01
        assert values.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.1)
