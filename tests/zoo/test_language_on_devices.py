"""The zoo's networks of language give on every device what they give on the reference."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, zoo

TOKENS = np.random.default_rng(1).integers(1, 19, (2, 6)).astype(np.int32)
MASK = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])


def gpt():
    return zoo.GPT(20, 8, 8, 1, 2, dropout=0.0)


def bert():
    return zoo.Bert(20, 8, 1, 2, 12, max_position_embeddings=8, hidden_dropout_prob=0.0,
                    attention_probs_dropout_prob=0.0)  # fmt: skip


def scores(net):
    if isinstance(net, zoo.Bert):
        return net(TOKENS, attention_mask=jrk.tensor(MASK)).last_hidden_state
    return net(TOKENS)


@pytest.mark.parametrize("make", [gpt, bert, lambda: zoo.CharRNN(20, 6, cell="gru")])
def test_scores_and_gradients(device, make):
    with jrk.device("reference"):
        jrk.random.seed(4)
        own = make()
        state = {name: value.numpy() for name, value in own.state_dict().items()}
        wanted = results(own)
    if device.is_reference:
        pytest.skip("the reference is what devices are compared with")
    net = make()
    net.load_state_dict(state)
    for name, value in results(net).items():
        scale = max(1e-3, np.abs(wanted[name]).max())
        np.testing.assert_allclose(value, wanted[name], rtol=0, atol=2e-5 * scale, err_msg=name)


def results(net):
    y = scores(net)
    targets = np.roll(TOKENS, -1).reshape(-1) % y.shape[-1]
    loss = nn.functional.cross_entropy(y.reshape(-1, y.shape[-1]), targets)
    found = {"scores": y, **loss.backward(net)}
    jrk.eval(*found.values())
    return {name: value.numpy() for name, value in found.items()}


def test_texts_go_on_as_on_the_reference(device):
    with jrk.device("reference"):
        jrk.random.seed(4)
        own = gpt()
        state = {name: value.numpy() * 8 for name, value in own.state_dict().items()}
        own.load_state_dict(state)
        wanted = zoo.generate(own, TOKENS[:, :2], 4, seed=1)
    net = gpt()
    net.load_state_dict(state)
    np.testing.assert_array_equal(zoo.generate(net, TOKENS[:, :2], 4, seed=1), wanted)
    # Where the network lives, whatever device new tensors go to.
    with jrk.device("reference"):
        np.testing.assert_array_equal(zoo.generate(net, TOKENS[:, :2], 4, seed=1), wanted)
