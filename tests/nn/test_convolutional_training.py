"""A convolutional network trained in compiled steps, against the same steps of PyTorch."""

import sys
from pathlib import Path

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import optim

sys.path.insert(0, str(Path(__file__).parent))
from layer_comparison import draw, twins


def network(n):
    return n.Sequential(
        n.Conv2d(1, 4, 3, padding=1, bias=False),
        n.BatchNorm2d(4),
        n.ReLU(),
        n.MaxPool2d(2),
        n.Conv2d(4, 6, 3, stride=2, padding=1, padding_mode="circular"),
        n.GroupNorm(2, 6),
        n.SiLU(),
        n.AdaptiveAvgPool2d(1),
        n.Flatten(),
        n.Linear(6, 3),
    )


def test_compiled_steps_equal_those_of_pytorch(device):
    torch = pytest.importorskip("torch")
    ours, theirs = twins(network)
    optimizer = optim.SGD(lr=0.1, momentum=0.9)
    other = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9)
    images, labels = draw(5, 8, 1, 8, 8), np.arange(40).reshape(5, 8) % 3

    @jrk.compile
    def step(x, target):
        loss = jrk.nn.functional.cross_entropy(ours(x), target)
        optimizer.update(ours, loss.backward(ours))
        return loss

    for x, target in zip(images, labels, strict=True):
        loss = step(jrk.tensor(x), jrk.tensor(target))
        other.zero_grad()
        wanted = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(target))
        wanted.backward()
        other.step()
        assert loss.item() == pytest.approx(wanted.item(), rel=1e-4)
    assert step.replays >= 2
    for (name, value), want in zip(
        ours.state_dict().items(), theirs.state_dict().values(), strict=True
    ):
        np.testing.assert_allclose(value.numpy(), want.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)
    x = images[0]
    got, want = ours.eval()(jrk.tensor(x)), theirs.eval()(torch.tensor(x))
    np.testing.assert_allclose(got.numpy(), want.detach().numpy(), rtol=1e-3, atol=1e-4)
