"""A character GPT learns Shakespeare: minutes, so only where ``JRK_LONG=1`` asks for it."""

import math
import os
import time

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import data, nn, optim, zoo
from jairika_nb.data.tokenizers import CharTokenizer

# 3.7 million tokens, 6 operations for each and each of 0.8 million parameters, and attention: 20
# TFLOP, 3 to 4 minutes of two quiet cores.
CONTEXT, BATCH, STEPS, WARM = 128, 12, 2400, 100
RATE, LEAST = 2e-3, 1e-4
pytestmark = pytest.mark.skipif(
    os.environ.get("JRK_LONG") != "1", reason="takes minutes; JRK_LONG=1 runs it"
)


def rate(step):
    """Up in a line, then down half a cosine."""
    if step < WARM:
        return RATE * (step + 1) / WARM
    done = (step - WARM) / (STEPS - WARM)
    return LEAST + (RATE - LEAST) * (1 + math.cos(math.pi * done)) / 2


def batches(tokens, seed):
    random = np.random.default_rng(seed)
    while True:
        starts = random.integers(0, len(tokens) - CONTEXT, BATCH)
        windows = tokens[starts[:, None] + np.arange(CONTEXT + 1)]
        yield windows[:, :-1], windows[:, 1:]


def loss_of(net, x, y):
    scores = net(x)
    return nn.functional.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))


def trained(tokens, vocabulary):
    jrk.random.seed(1)
    net = zoo.GPT(vocabulary, CONTEXT, n_embd=128, n_layer=4, n_head=4, dropout=0.0)
    decayed = [{"match": "*.bias", "weight_decay": 0}, {"match": "*ln_*", "weight_decay": 0}]
    optimizer = optim.AdamW(lr=RATE, betas=(0.9, 0.99), weight_decay=0.1, groups=decayed)

    @jrk.compile
    def step(x, y):
        loss = loss_of(net, x, y)
        optimizer.update(net, loss.backward(net))
        return loss

    for number, (x, y) in zip(range(STEPS), batches(tokens, seed=2), strict=False):
        optimizer.lr = rate(number)
        step(x, y)
    return net


def held_out_loss(net, tokens):
    """Nats a character, each seen with up to CONTEXT - 1 before it in its window."""
    windows = data.TokenWindows(tokens, CONTEXT)
    net.eval()
    score = jrk.compile(lambda x, y: loss_of(net, x, y))
    size = 64
    count = len(windows) // size * size
    losses = [score(*windows[i : i + size]).item() for i in range(0, count, size)]
    return float(np.mean(losses))


def test_a_small_gpt_predicts_shakespeare_in_ten_minutes(data_dir):
    text = data.shakespeare(data_dir)
    tokenizer = CharTokenizer.train(text)
    training, held_out = data.split_sequence(tokenizer.encode(text), [0.9, 0.1])
    start = time.monotonic()
    net = trained(training, len(tokenizer))
    seconds = time.monotonic() - start
    loss = held_out_loss(net, held_out)
    drawn = tokenizer.decode(zoo.generate(net, tokenizer.encode("ROMEO:"), 300, 0.8, seed=1))
    print(f"{loss:.3f} nats a character after {seconds:.0f} s\n{drawn}")
    assert loss <= 1.9
    assert seconds < 600
