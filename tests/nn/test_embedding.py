"""Tables of rows: padding, bounds and frequency as in PyTorch, bags, given rows."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.errors import ArchitectureError, DTypeError, OutOfRange, ShapeError
from jairika_nb.nn import functional as F

torch = pytest.importorskip("torch")
TABLE = np.random.default_rng(2).normal(size=(6, 3)).astype(np.float32)
FLAT, GRID = np.array([1, 4, 4, 0, 5, 1, 4]), np.array([[1, 4, 4], [5, 0, 1]])
STARTS = np.array([0, 0, 3, 6])


def bag(**options):
    """A layer of each library with the same rows."""
    ours, theirs = nn.EmbeddingBag(6, 3, **options), torch.nn.EmbeddingBag(6, 3, **options)
    with torch.no_grad():
        theirs.weight[:] = torch.tensor(TABLE)
    ours.load_state_dict(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    assert repr(nn.build(ours.architecture())) == repr(ours)
    return ours, theirs


BAGS = {
    "means": ({}, GRID, None),
    "sums from offsets": ({"mode": "sum"}, FLAT, STARTS),
    "means from offsets": ({"include_last_offset": True}, FLAT, np.array([0, 2, 2, 7])),
    "maxima": ({"mode": "max"}, GRID, None),
    "maxima from offsets": ({"mode": "max", "padding_idx": 4}, FLAT, STARTS),
    "padding": ({"padding_idx": -2}, GRID, None),
    "only padding": ({"padding_idx": 4}, FLAT, np.array([0, 1, 3])),
    "bounded": ({"max_norm": 1.0, "norm_type": 3.0}, FLAT, STARTS),
}


def compare_bag(name):
    options, index, offsets = BAGS[name]
    ours, theirs = bag(**options)
    y = ours(jrk.tensor(index), None if offsets is None else jrk.tensor(offsets))
    z = theirs(torch.tensor(index), None if offsets is None else torch.tensor(offsets))
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-5, atol=1e-6)
    upstream = np.random.default_rng(3).normal(size=y.shape).astype(np.float32)
    z.backward(torch.tensor(upstream))
    (slope,) = jrk.grad(y, [ours.weight], jrk.tensor(upstream))
    np.testing.assert_allclose(slope.numpy(), theirs.weight.grad.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.weight.numpy(), theirs.weight.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", BAGS)
def test_bags_equal_pytorch(name):
    with jrk.device("reference"):
        compare_bag(name)


@pytest.mark.parametrize("name", ["maxima from offsets", "bounded"])
def test_bags_on_every_device(device, name):
    compare_bag(name)


def test_bags_divide_by_the_frequency_of_each_row():
    # PyTorch's own bags divide by that of another row at times, so its embedding is the oracle.
    with jrk.device("reference"):
        ours = nn.EmbeddingBag.from_pretrained(TABLE, scale_grad_by_freq=True, mode="sum")
        table = torch.tensor(TABLE, requires_grad=True)
        rows = torch.nn.functional.embedding(torch.tensor(GRID), table, scale_grad_by_freq=True)
        rows.sum(1).square().sum().backward()
        y = ours(jrk.tensor(GRID))
        slope = jrk.grad(y.square().sum(), [ours.weight])[0].numpy()
        np.testing.assert_allclose(slope, table.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_weights_of_samples_and_their_slopes(device):
    scale = np.random.default_rng(5).normal(size=7).astype(np.float32)
    ours, theirs = bag(mode="sum")
    a, b = jrk.tensor(scale), torch.tensor(scale, requires_grad=True)
    y = ours(jrk.tensor(FLAT), jrk.tensor(STARTS), per_sample_weights=a)
    z = theirs(torch.tensor(FLAT), torch.tensor(STARTS), per_sample_weights=b)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-5, atol=1e-6)
    z.square().sum().backward()
    slope = jrk.grad(y.square().sum(), [a])[0].numpy()
    np.testing.assert_allclose(slope, b.grad.numpy(), rtol=1e-5, atol=1e-5)


def test_rows_that_exceed_the_norm_shrink_in_the_table_and_tied_rows_with_them():
    with jrk.device("reference"):
        layer = nn.Embedding.from_pretrained(TABLE * 3, max_norm=1.0)
        tied = nn.Sequential(layer, layer)
        y = layer(jrk.tensor([2, 5]))
        norms = np.linalg.norm(layer.weight.numpy(), axis=1)
        assert norms[[2, 5]] == pytest.approx([1, 1], abs=1e-5)
        assert norms[[0, 1, 3, 4]] == pytest.approx(np.linalg.norm(TABLE * 3, axis=1)[[0, 1, 3, 4]])
        assert np.array_equal(y.numpy(), layer.weight.numpy()[[2, 5]])
        assert tied[1].weight is layer.weight


def test_given_rows_are_frozen_unless_asked():
    with jrk.device("reference"):
        fixed = nn.Embedding.from_pretrained(jrk.tensor(TABLE), padding_idx=1)
        free = nn.Embedding.from_pretrained(TABLE, freeze=False)
        bags = nn.EmbeddingBag.from_pretrained(TABLE, mode="sum")
        assert [list(m.state_dict()) for m in (fixed, free, bags)] == [["weight"]] * 3
        assert [len(dict(m.named_trainable_parameters())) for m in (fixed, free, bags)] == [0, 1, 0]
        assert np.array_equal(fixed(jrk.tensor([1])).numpy(), TABLE[[1]])
        again = nn.build(fixed.architecture())
        again.load_state_dict(fixed.state_dict())
        assert again.frozen_names() == ["weight"]
        assert (again.padding_idx, again.num_embeddings) == (1, 6)


def test_the_row_of_the_padding_starts_as_zeros_and_stays():
    jrk.random.seed(1)
    with jrk.device("reference"):
        layer = nn.Embedding(4, 3, padding_idx=-1)
        assert np.array_equal(layer.weight.numpy()[3], np.zeros(3))
        assert 0.5 < layer.weight.numpy()[:3].std() < 1.6
        loss = layer(jrk.tensor([3, 1])).sum()
        optim.SGD(lr=1.0).update(layer, loss.backward(layer))
        assert np.array_equal(layer.weight.numpy()[3], np.zeros(3))


W = jrk.zeros((4, 2), device="reference")
BAD = {
    "index": (OutOfRange, lambda: nn.Embedding(4, 2)(jrk.tensor([4])).numpy(), "4"),
    "padding": (ArchitectureError, lambda: nn.Embedding(4, 2, 4), "padding_idx=4 is no row of 4"),
    "rows": (ArchitectureError, lambda: nn.Embedding(0, 2), "num_embeddings=0"),
    "floats": (DTypeError, lambda: nn.Embedding(4, 2)(jrk.ones(2)), "integers, not float32"),
    "given": (ShapeError, lambda: nn.Embedding.from_pretrained([1.0]), r"\(1,\) must be"),
    "mode": (ArchitectureError, lambda: nn.EmbeddingBag(4, 2, mode="min"), "mode='min'"),
    "no offsets": (ShapeError, lambda: F.embedding_bag([1, 2], W), "one axis needs offsets"),
    "offsets": (ShapeError, lambda: F.embedding_bag([[1, 2]], W, [0]), "need none"),
    "weights": (ShapeError, lambda: F.embedding_bag([[1, 2]], W, per_sample_weights=W[0]),
                "mode='sum'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_wrong_calls(name):
    error, call, words = BAD[name]
    with jrk.device("reference"), pytest.raises(error, match=words):
        call()
