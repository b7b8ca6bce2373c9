"""Pieces, stacks and diagonals against NumPy, and what wrong calls say."""

from __future__ import annotations

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import errors

X = np.arange(60, dtype="float32").reshape(3, 4, 5)

SAME_AS_NUMPY = {
    "tensor_split": (lambda x: jrk.tensor_split(x, 3, axis=2), lambda x: np.array_split(x, 3, 2)),
    "tensor_split at places": (
        lambda x: jrk.tensor_split(x, (1, 3, 9), axis=1), lambda x: np.split(x, (1, 3, 9), 1)),
    "split in sizes": (
        lambda x: jrk.split(x, (1, 0, 3), axis=1), lambda x: np.split(x, (1, 1), 1)),
    "chunk": (lambda x: jrk.chunk(x, 3, axis=2), lambda x: np.split(x, (2, 4), 2)),
    "hsplit": (lambda x: jrk.hsplit(x, 2), lambda x: np.hsplit(x, 2)),
    "vsplit": (lambda x: jrk.vsplit(x, 3), lambda x: np.vsplit(x, 3)),
    "dsplit": (lambda x: jrk.dsplit(x, 5), lambda x: np.dsplit(x, 5)),
    "hstack": (lambda x: [jrk.hstack([x, x * 2])], lambda x: [np.hstack([x, x * 2])]),
    "vstack": (lambda x: [jrk.vstack([x[0, 0], x[1, 0]])],
               lambda x: [np.vstack([x[0, 0], x[1, 0]])]),
    "dstack": (lambda x: [jrk.dstack([x[0], x[1]])], lambda x: [np.dstack([x[0], x[1]])]),
    "column_stack": (lambda x: [jrk.column_stack([x[0, 0], x[0].T])],
                     lambda x: [np.column_stack([x[0, 0], x[0].T])]),
    "atleast_3d": (lambda x: jrk.atleast_3d(x, x[0], x[0, 0], x[0, 0, 0]),
                   lambda x: np.atleast_3d(x, x[0], x[0, 0], x[0, 0, 0])),
    "rot90": (lambda x: [jrk.rot90(x, k, (2, 0)) for k in range(-1, 5)],
              lambda x: [np.rot90(x, k, (2, 0)) for k in range(-1, 5)]),
    "fliplr": (lambda x: [jrk.fliplr(x)], lambda x: [np.fliplr(x)]),
    "diag": (lambda x: [jrk.diag(x[0], offset=-1), jrk.diag(x[0, 0], offset=2)],
             lambda x: [np.diag(x[0], -1), np.diag(x[0, 0], 2)]),
    "diagflat": (lambda x: [jrk.diagflat(x[0, :2], offset=-1)],
                 lambda x: [np.diagflat(x[0, :2], -1)]),
    "narrow": (lambda x: [jrk.narrow(x, 2, -3, 2)], lambda x: [x[..., 2:4]]),
    "select": (lambda x: [jrk.select(x, 1, -1)], lambda x: [x[:, -1]]),
    "unflatten": (lambda x: [jrk.unflatten(x, 1, (2, -1))], lambda x: [x.reshape(3, 2, 2, 5)]),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME_AS_NUMPY)
def test_results_equal_numpy(device, name):
    ours, theirs = SAME_AS_NUMPY[name]
    for got, want in zip(ours(jrk.tensor(X)), theirs(X), strict=False):
        np.testing.assert_array_equal(got.numpy(), want)


def test_blocks_lie_along_the_diagonal(device):
    found = jrk.block_diag(jrk.ones((1, 2)), jrk.tensor(3), jrk.ones((2, 0)), jrk.tensor([4.0]))
    want = [[1, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 4]]
    assert found.tolist() == want and found.dtype == jrk.float32


def test_a_matrix_on_the_diagonal_of_chosen_axes(device):
    x = jrk.tensor(X[0])
    made = jrk.diag_embed(x, offset=1, axis1=0, axis2=2)
    assert made.shape == (6, 4, 6)
    np.testing.assert_array_equal(np.diagonal(made.numpy(), 1, 0, 2), X[0])


@pytest.mark.parametrize(
    "call,error,words",
    [
        (lambda x: jrk.split(x, (1, 2)), "ShapeError", "add up"),
        (lambda x: jrk.split(x, 0), "OutOfRange", "1 or more"),
        (lambda x: jrk.chunk(x, 0), "OutOfRange", "chunks=0"),
        (lambda x: jrk.tensor_split(x, -1), "OutOfRange", "sections=-1"),
        (lambda x: jrk.hsplit(x, 2), "ArgumentError", "tensor_split"),
        (lambda x: jrk.dsplit(x, 1), "ShapeError", "3 axes"),
        (lambda x: jrk.narrow(x, 0, 1, 5), "OutOfRange", r"\(2, 3\)"),
        (lambda x: jrk.select(x, 2, 0), "OutOfRange", "axis 2"),
        (lambda x: jrk.rot90(x, axes=(0, 0)), "ShapeError", "twice"),
        (lambda x: jrk.fliplr(x[0]), "ShapeError", "two axes"),
        (lambda x: jrk.diag(x.expand(2, 2, 3)), "ShapeError", "linalg.diagonal"),
        (lambda x: jrk.diag_embed(x, axis1=1, axis2=1), "OutOfRange", "3 axes"),
        (lambda x: jrk.block_diag(x.expand(2, 2, 3)), "ShapeError", "two axes"),
        (lambda x: jrk.hstack(x), "ArgumentError", "list or tuple"),
        (lambda x: jrk.unflatten(x, 1, (2, 2)), "ShapeError", r"\(2, 3\)"),
        (lambda x: jrk.split(x, 1, dim=1), "ArgumentError", "axis="),
        (lambda x: jrk.split(x, 1, axis="a"), "ArgumentError", "axis='a'"),
        (lambda x: jrk.chunk(x, None), "ArgumentError", "chunks=None"),
        (lambda x: jrk.rot90(x, "y"), "ArgumentError", "k='y'"),
        (lambda x: jrk.expand_as(x, None), "ArgumentError", "NoneType"),
    ],
)
def test_wrong_calls_say_what_is_wrong(call, error, words):
    with jrk.device("reference"), pytest.raises(getattr(errors, error), match=words):
        call(jrk.ones((2, 3)))
