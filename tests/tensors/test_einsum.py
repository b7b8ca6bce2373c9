"""Sums of products over named axes against NumPy and PyTorch, and what they refuse."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors

SIZES = {"i": 3, "j": 4, "k": 5, "l": 2, "b": 2, "h": 3}
SUBSCRIPTS = [
    "ij,jk->ik", "ij,jk", "ii", "ii->i", "iij->j", "ij->ji", "i,j->ij", "bij,bjk->bik", "ij,ij->",
    "...ij,...jk->...ik", "...i->i...", "ij,jk,kl->il", "bhi,bhj,j->bi", "ij->", "i,i",
    "...ii->...i", "ijk,jil->kl", "b...,b->...", "ij,kl", "ki,kj->kij", "i,->i", "ij,j->ij",
    " i j , j k -> i k", "iii", "ij,jj->ij", "...,...", "ijk,ijk,ijk->k", "i,i,i->i",
]  # fmt: skip


def operands(subscripts):
    rng = np.random.default_rng(len(subscripts))
    parts = subscripts.replace(" ", "").split("->")[0].split(",")
    for number, part in enumerate(parts):
        shape = []
        for label in part.replace("...", "*"):
            shape += ([2, 3] if number == 0 else [1, 3]) if label == "*" else [SIZES[label]]
        yield rng.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
def test_as_numpy(device, subscripts):
    arrays = list(operands(subscripts))
    y = jrk.einsum(subscripts, *(jrk.tensor(a) for a in arrays))
    wanted = np.einsum(subscripts, *(a.astype(np.float64) for a in arrays))
    assert y.shape == wanted.shape
    np.testing.assert_allclose(y.numpy(), wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("subscripts", ["ij,jk,kl->il", "...ii->...i", "bhi,bhj,j->bi", "ii"])
def test_derivatives_as_torch(device, subscripts):
    torch = pytest.importorskip("torch")
    arrays = [a.astype(np.float64) for a in operands(subscripts)]
    ours = [jrk.tensor(a) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    y = (jrk.einsum(subscripts, *ours) ** 2).sum()
    z = (torch.einsum(subscripts, *theirs) ** 2).sum()
    for a, b in zip(jrk.grad(y, ours), torch.autograd.grad(z, theirs), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-9)


def test_integers_stay_exact(device):
    a = jrk.tensor(np.arange(6, dtype=np.int32).reshape(2, 3))
    y = jrk.einsum("ij,kj->ik", a, a)
    assert y.dtype == jrk.int32
    assert y.tolist() == [[5, 14], [14, 50]]


def test_a_chain_is_contracted_from_its_cheap_end():
    # (1000 x 1) from the left would make a matrix of a million numbers.
    column, row = jrk.ones((1000, 1)), jrk.ones((1, 1000))
    y = jrk.einsum("ij,jk,kl->il", column, row, column)
    sizes, stack = [], [y.node]
    while stack:
        node = stack.pop()
        if node.op == "matmul":
            sizes.append(node.size)
        stack += node.inputs
    assert max(sizes) <= 1000


@pytest.mark.parametrize(
    ("subscripts", "shapes", "words"),
    [
        ("ij,jk", [(2, 3), (4, 5)], "'j' names sizes 3 and 4"),
        ("ij", [(2, 3, 4)], r"does not fit a tensor of \(2, 3, 4\)"),
        ("ij,jk", [(2, 3)], "names 2 operands, 1 given"),
        ("ij->ik", [(2, 3)], "names 'k'"),
        ("ij->ii", [(2, 2)], "names 'i'"),
        ("ii", [(2, 3)], "sizes 2 and 3"),
        ("i2", [(2, 3)], "more than letters"),
        ("...i...", [(2, 3)], "more than letters"),
        ("ij->j.", [(2, 3)], "more than letters"),
    ],
)
def test_wrong_subscripts(subscripts, shapes, words):
    with jrk.device("reference"), pytest.raises(errors.ShapeError, match=words):
        jrk.einsum(subscripts, *(jrk.zeros(s) for s in shapes))
