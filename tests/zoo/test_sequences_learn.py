"""Recurrent networks learn from real data: digits row by row, names letter by letter."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import data, nn, optim, zoo
from jairika_nb.data.tokenizers import CharTokenizer


class Rows(nn.Module):
    """An LSTM that reads an image from its first row to its last."""

    def __init__(self):
        self.lstm = nn.LSTM(8, 64, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        _, (h, _) = self.lstm(x[:, 0])
        return self.head(h[0])


def test_an_lstm_reads_digits_row_by_row():
    pytest.importorskip("sklearn", reason="digits come with scikit-learn")
    training, held_out = data.split(data.digits(), [0.8, 0.2], seed=1)
    jrk.random.seed(0)
    net = Rows()
    jrk.fit(net, training, epochs=12, optimizer=optim.Adam(lr=5e-3), seed=0, progress=False)
    assert jrk.evaluate(net, held_out)["accuracy"] >= 0.93


def bigram_floor(training, held_out, size):
    """Nats a letter of held-out names by the best of all models that see one letter back."""
    counts = np.ones((size, size))
    (inputs, targets), (seen, wanted) = training, held_out
    np.add.at(counts, (inputs[targets >= 0], targets[targets >= 0]), 1.0)
    chances = counts / counts.sum(1, keepdims=True)
    return -np.log(chances[seen[wanted >= 0], wanted[wanted >= 0]]).mean()


def test_a_network_of_letters_knows_more_of_names_than_pairs_tell(data_dir):
    names = data.names(data_dir)
    tokenizer = CharTokenizer.train(names, specials=("<end>",))
    rows, others = data.split_lines([*names], [0.9, 0.1], seed=0)
    length = max(map(len, names)) + 1
    training, held_out = (
        data.TokenLines([tokenizer.encode(n) for n in part], 0, 0, length)[:]
        for part in (rows, others)
    )
    floor = bigram_floor(training, held_out, len(tokenizer))
    # What A. Karpathy's makemore (2022) tells of pairs in these names.
    assert floor == pytest.approx(2.45, abs=0.02)
    jrk.random.seed(0)
    net = zoo.CharRNN(len(tokenizer), hidden_size=96, embedding_dim=24, cell="gru")
    steps, batch, rate = 300, 128, 8e-3
    optimizer = optim.Adam(lr=rate)

    def loss_of(x, y):
        return nn.functional.cross_entropy(net(x).reshape(-1, len(tokenizer)), y.reshape(-1))

    @jrk.compile
    def step(x, y):
        loss = loss_of(x, y)
        optimizer.update(net, loss.backward(net))
        return loss

    random = np.random.default_rng(0)
    for number in range(steps):
        optimizer.lr = rate * (1 - number / steps)
        chosen = random.integers(0, len(training[0]), batch)
        step(training[0][chosen], training[1][chosen])
    loss = loss_of(*held_out).item()
    assert loss < floor - 0.25
    drawn = zoo.generate(net, np.zeros((20, 1), int), length, seed=1, stop=0)
    assert len({tokenizer.decode(row) for row in drawn}) > 15
