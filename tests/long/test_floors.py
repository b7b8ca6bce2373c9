"""What networks must reach on real data; run by JRK_LONG=1, as each takes a while."""

import os

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.data import DataLoader, TokenLines, mnist, names, split, split_lines, transforms
from jairika_nb.data.tokenizers import CharTokenizer

pytestmark = pytest.mark.skipif(
    os.environ.get("JRK_LONG") != "1", reason="takes minutes; JRK_LONG=1 runs it"
)
QUIET = {"progress": False}


def lenet():
    """LeNet-5 of LeCun et al. (1998) with rectifiers and maxima."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10),
    )  # fmt: skip


def test_a_convolutional_network_reads_handwritten_digits(data_dir):
    jrk.random.seed(1)
    train, held_out = split(mnist(data_dir, train=False), [8000, 2000], seed=1)
    loader = DataLoader(train, 64, shuffle=True, seed=1, num_workers=1, prefetch=2)
    options = {"optimizer": optim.Adam(lr=2e-3), "validation": held_out}
    history = jrk.fit(lenet(), loader, epochs=5, **options, **QUIET)
    assert history.metrics["val_accuracy"] >= 0.97


def test_random_crops_make_a_network_bear_shifted_digits(data_dir):
    """Digits that lie elsewhere are read far better after training on random crops."""
    found = []
    for crop in (None, transforms.RandomCrop(28, padding=4)):
        jrk.random.seed(1)
        train, held_out = split(mnist(data_dir, train=False), [8000, 2000], seed=1)
        loader = DataLoader(train.with_transform(crop), 64, shuffle=True, seed=1)
        net = lenet()
        jrk.fit(net, loader, epochs=3, optimizer=optim.Adam(lr=2e-3), **QUIET)
        images, labels = held_out.dataset.arrays[0][held_out.indices], held_out[:][1]
        shifted = np.roll(images, (3, -3), axis=(2, 3)) / np.float32(255)
        found.append(jrk.evaluate(net, (shifted, labels))["accuracy"])
    assert found[1] > found[0] + 0.15
    assert 1 - found[1] < (1 - found[0]) / 3


def test_a_table_of_pairs_learns_the_frequencies_of_letters(data_dir):
    """The best that a letter can tell of the next one follows from counting."""
    train, held_out = split_lines(names(data_dir), [0.9, 0.1], seed=1)
    tokenizer = CharTokenizer.train(train, specials=(".",))
    parts = [TokenLines([tokenizer.encode(n) for n in part], 0, 0) for part in (train, held_out)]
    counts = np.ones((27, 27))
    inputs, targets = parts[0][:]
    np.add.at(counts, (inputs[targets >= 0], targets[targets >= 0]), 1)
    chances = counts / counts.sum(axis=1, keepdims=True)
    inputs, targets = parts[1][:]
    best = -np.log(chances[inputs[targets >= 0], targets[targets >= 0]]).mean()

    class Pairs(nn.Module):
        def __init__(self):
            self.table = nn.Embedding(27, 27)

        def forward(self, tokens):
            return self.table(tokens).permute(0, 2, 1)

    jrk.random.seed(1)
    net, loss = Pairs(), nn.CrossEntropyLoss()
    loader = DataLoader(parts[0], 256, shuffle=True, seed=1)
    jrk.fit(net, loader, epochs=4, optimizer=optim.Adam(lr=0.05), loss=loss, **QUIET)
    scores = net(jrk.tensor(inputs))
    assert abs(loss(scores, targets).item() - best) < 0.01
    assert 2.4 < best < 2.5  # 2.45 is what everybody finds for these names
