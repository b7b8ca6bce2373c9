"""Values that other systems publish for dense layers, softmax, losses and activations."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.metrics import accuracy


def dense(rows):
    """A layer from one row of biases and one row for each input."""
    bias, *weights = np.array(rows, np.float32)
    layer = nn.Linear(len(weights), len(bias))
    layer.load_state_dict({"weight": np.transpose(weights), "bias": bias})
    return layer


def test_linear_of_one_to_fifteen(device):
    layer = nn.Linear(5, 3)
    state = {"weight": np.arange(1, 16, dtype=np.float32).reshape(3, 5), "bias": np.ones(3)}
    layer.load_state_dict(state)
    assert layer(jrk.tensor([1.0, 2.0, 3.0, 4.0, 5.0])).tolist() == [56, 131, 206]


# rows of biases and weights, x, y -> output, loss, rows after a step with learning rate 1.11
STEPS = [
    (
        [[2, -3], [0.4, 0.8], [0.6, 0.2], [0.1, 0.3]],
        [-0.5, 1.5, 0.2],
        [0.5, 0.25],
        [2.72, -3.04],
        7.87625,
        [-0.4642, 0.6519, 1.6321, -1.02595, -3.0963, 5.67785, -0.39284, 1.03038],
    ),
    ([[1.33], [1.44]], [1.22], [3.0], [3.0868], 0.00753424, [1.137304, 1.20491088]),
]


@pytest.mark.parametrize(("rows", "x", "y", "out", "loss", "after"), STEPS)
def test_dense_step(device, rows, x, y, out, loss, after):
    layer = dense(rows)
    predicted = layer(jrk.tensor([x]))
    error = nn.MSELoss()(predicted, np.array([y], np.float32))
    assert predicted.numpy()[0] == pytest.approx(out, rel=1e-5)
    assert error.item() == pytest.approx(loss, rel=1e-3 if loss < 1 else 1e-5)
    optim.SGD(lr=1.11).update(layer, error.backward(layer))
    new = np.concatenate([layer.bias.numpy()[None], layer.weight.numpy().T])
    assert new.ravel() == pytest.approx(after, rel=1e-4)


def test_two_layers_learn_in_one_step(device):
    """Without a function between them; the loss has 1.119082 of the errors -1.204 and -0.888."""
    first, second = dense([[2, -3], [0.4, 0.8], [0.6, 0.2]]), dense([[0.11, 0.22], [0.33, 0.44],
                                                                     [0.55, 0.66]])  # fmt: skip
    net = nn.Sequential(first, second)
    predicted = net(jrk.tensor([[-0.5, 1.5]]))
    error = nn.MSELoss()(predicted, np.array([[0.5, 0.25]], np.float32))
    assert predicted.numpy()[0] == pytest.approx([-0.704, -0.638], rel=1e-5)
    assert error.item() == pytest.approx(1.11908, rel=1e-5)
    optim.SGD(lr=0.1).update(net, error.backward(net))
    after = {
        first: [2.078804, -2.875172, 0.360598, 0.737586, 0.718206, 0.387242],
        second: [0.2304, 0.3088, 0.65508, 0.67976, 0.17676, 0.38472],
    }
    for layer, rows in after.items():
        new = np.concatenate([layer.bias.numpy()[None], layer.weight.numpy().T])
        assert new.ravel() == pytest.approx(rows, rel=1e-5)


class NadamFromTwo(optim.NAdam):
    """NAdam whose first step is number 2, as TensorFlow 2 counts.

    Its momentum grows and its mean square is corrected as if a step had gone before, but the
    product of momenta has only those of steps that were made.
    """

    live = optim.NAdam.live

    def scalars(self, step):
        beta1, beta2 = self.betas
        now, ahead = (beta1 * (1 - 0.5 * 0.96 ** (0.004 * (step + i))) for i in (1, 2))
        product = np.prod([beta1 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in range(2, step + 2)])
        of_mean = self.lr * ahead / (1 - product * ahead)
        scale = 1 / (1 - beta2 ** (step + 1))
        return self.lr * (1 - now) / (1 - product), of_mean, scale, *self.decays()


# t is the number that the optimiser gives its first step.
NADAM = [
    (optim.NAdam, [0.15733853, 0.26733853], [0.09715740, 0.20715739]),
    (NadamFromTwo, [-0.32800091, -0.21800091], [0.14979933, 0.25979932]),
]


@pytest.mark.parametrize(("kind", "first", "second"), NADAM, ids=["t=1", "t=2"])
def test_two_steps_of_nadam(device, kind, first, second):
    layer, opt = dense([[1.33], [1.44]]), kind(lr=1.11)
    for wanted in (first, second):
        error = nn.MSELoss()(layer(jrk.tensor([[10.22]])), np.array([[3.0]], np.float32))
        opt.update(layer, error.backward(layer))
        new = [layer.bias.item(), layer.weight.item()]
        assert new == pytest.approx(wanted, abs=2e-6)


def test_softmax_and_its_derivative(device):
    x = jrk.tensor([[-0.5, 1.5, 0.33]])
    p = nn.Softmax(axis=-1)(x)
    (dx,) = jrk.grad(p, [x], jrk.tensor([[1.11, 2.22, 3.33]]))
    assert p.numpy()[0] == pytest.approx([0.09361214, 0.69170538, 0.21468248], abs=1e-6)
    assert dx.numpy()[0] == pytest.approx([-0.11648983, -0.09295695, 0.20944679], abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "labels", "loss", "right"),
    [
        ([[0.2, 0.5, 0.2]], [2], 1.5040774, 0.0),
        ([[0.4, 0.6], [0.1, 0.9]], [0, 0], 3.21887582, 0.0),
        ([[0.4, 0.6], [0.1, 0.9]], [0, 1], -np.log(0.4) - np.log(0.9), 0.5),
    ],
)
def test_sparse_cross_entropy_of_probabilities(device, rows, labels, loss, right):
    p = np.array(rows, np.float32)
    scores = jrk.tensor(np.log(p / p.sum(-1, keepdims=True)))
    found = nn.functional.nll_loss(scores, np.array(labels), reduction="sum")
    assert found.item() == pytest.approx(loss, rel=1e-6)
    assert accuracy(p, labels) == right


E, S = np.exp, 1 / (1 + np.exp(-np.array([-0.5, 1.5])))
T = np.tanh([-0.5, 1.5])
ACTIVATIONS = [
    (nn.ReLU(), [0, 1.5], [0, 1]),
    (nn.LeakyReLU(0.01), [-0.005, 1.5], [0.01, 1]),
    (nn.ELU(1.0), [E(-0.5) - 1, 1.5], [E(-0.5), 1]),
    (nn.Tanh(), T, 1 - T**2),
    (nn.Sigmoid(), S, S * (1 - S)),
]


@pytest.mark.parametrize(("layer", "y", "slope"), ACTIVATIONS, ids=[str(r[0]) for r in ACTIVATIONS])
def test_activation_in_closed_form(device, layer, y, slope):
    x = jrk.tensor([-0.5, 1.5])
    out = layer(x)
    assert out.numpy() == pytest.approx(np.array(y), abs=1e-6)
    (dx,) = jrk.grad(out, [x], jrk.tensor([1.11, 2.22]))
    assert dx.numpy() == pytest.approx(np.array(slope) * [1.11, 2.22], abs=1e-6)


def test_convolution_and_pooling_of_three_by_three(device):
    image = jrk.tensor([[[[-0.5, 1.5, 0.25], [1, 2, 5], [3, 7, 3.5]]]])
    kernel, bias = jrk.tensor([[[[0.1, 0.2], [0.3, 0.4]]]]), jrk.tensor([3.0])
    seen = nn.functional.conv2d(image, kernel, bias)
    np.testing.assert_allclose(seen.numpy().ravel(), [4.35, 5.8, 7.2, 7.7], rtol=1e-6)
    image = jrk.tensor([[[[3.0, 5, 7], [4, 6, 8], [9, 10, 11]]]])
    largest = nn.functional.max_pool2d(image, 2, stride=1)
    assert largest.numpy().ravel().tolist() == [6, 8, 10, 11]
    (slope,) = jrk.grad(largest, [image], upstream=jrk.tensor([[[[1.0, 2], [3, 4]]]]))
    assert slope.numpy()[0, 0].tolist() == [[0, 0, 0], [0, 1, 2], [0, 3, 4]]


def test_pooling_of_two_by_two(device):
    image = jrk.tensor([[[[1.1, 1.5], [2.0, 1.4]]]])
    pool = nn.functional.max_pool2d
    assert pool(image, (2, 1)).numpy().ravel().tolist() == pytest.approx([2.0, 1.5])
    largest = pool(image, (1, 2))
    assert largest.numpy().ravel().tolist() == pytest.approx([1.5, 2.0])
    (slope,) = jrk.grad(largest, [image], upstream=jrk.tensor([[[[1.11], [2.22]]]]))
    assert slope.numpy().ravel().tolist() == pytest.approx([0, 1.11, 2.22, 0])
    # Two channels, which come last where the values are from.
    image = jrk.tensor([[[[1.1, 1.4], [2.0, 1.5]], [[1.2, 4.0], [1.3, 1.6]]]])
    assert pool(image.permute((0, 3, 1, 2)), 2).numpy().ravel().tolist() == [2, 4]


def test_two_filters_of_three_by_three_have_38_weights():
    layer = nn.Conv2d(2, 2, 3)
    assert sum(p.size for p in layer.parameters()) == 38
    assert layer(jrk.zeros((1, 2, 4, 4))).shape == (1, 2, 2, 2)
