"""Small recurrences as functions of tensors, for tests of values and derivatives."""

from __future__ import annotations

import numpy as np

import jairika_nb as jrk
from jairika_nb.engine.ops.cells import CELLS
from jairika_nb.engine.ops.recurrent import recurrent
from jairika_nb.tensors.tensor import Tensor


def run(cell, back, lengths=None, states=None):
    """The squared (first) states of a recurrence, of gates, weights and states at its start."""

    def function(*tensors):
        nodes = [t.node for t in tensors]
        if lengths:
            nodes.append(jrk.tensor(np.array(lengths, np.int32), device=tensors[0].device).node)
        return Tensor(recurrent(cell, tuple(nodes), back))[: states or CELLS[cell].states] ** 2

    return function


def gradients(cell):
    """What a run gives backwards, as a function of what comes in at its end too."""

    def function(upstream, *tensors):
        y = run(cell, False)(*tensors)
        return jrk.concat([g.flatten() for g in jrk.grad(y, tensors, upstream)])

    return function


def sequence(cell, steps=2, rows=1, size=2):
    """Gates, weights, first states and, where the cell has one, the second state or the bias."""
    gates, rng = CELLS[cell].gates, np.random.default_rng(7)
    more = {"lstm": [(rows, size)], "gru": [(size,)]}.get(cell, [])
    shapes = [(steps, rows, size * gates), (size * gates, size), (rows, size), *more]
    # Distinct values away from zero, where relu bends.
    count = [int(np.prod(s)) for s in shapes]
    return tuple(
        rng.permutation(np.linspace(-0.7, 0.8, n)).reshape(s)
        for n, s in zip(count, shapes, strict=True)
    )
