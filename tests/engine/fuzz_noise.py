"""How much the results of a program depend on roundings and on the order of sums and products.

Monte Carlo arithmetic (D. S. Parker, "Monte Carlo arithmetic: exploiting randomness in
floating-point arithmetic", 1997): each operation's result moves by up to a unit in its last place,
and sums and products go through their elements in another order. What an implementation may
return lies in the spread of several such runs; what is wrong does not.
"""

from __future__ import annotations

import contextlib

import fuzz_programs as programs
import ml_dtypes
import numpy as np

from jairika_nb.engine import device as devices
from jairika_nb.engine import reference
from jairika_nb.engine.graph import TABLE

RUNS = 64
# Into how many parts a fold is cut; each may overflow where the whole would not.
PARTS = (1, 16, 64)
FOLDS = {"sum": np.add, "prod": np.multiply}


def runs(program):
    """Results of several noisy runs on the reference, the same for the same program."""
    rng = np.random.default_rng(5)
    with devices.using("reference"), noisy(rng):
        return [programs.run(program) for _ in range(RUNS)]


@contextlib.contextmanager
def noisy(rng):
    """Inside the block the reference computes with noise drawn from ``rng``."""
    exact = reference.compute

    def compute(op, attrs, arrays, dtype):
        if op in FOLDS and dtype.kind == "float":
            found = folded(FOLDS[op], arrays[0], attrs, rng)
        else:
            found = exact(op, attrs, arrays, dtype)
        return found if TABLE[op].kind == "view" else moved(found, rng)

    reference.compute = compute
    try:
        yield
    finally:
        reference.compute = exact


def folded(fold, array, axes, rng):
    """A fold along ``axes`` in this or another order, in some parts first as lanes and cores do.

    One after the other in the type itself, where the reference has doubles inside.
    """
    kept = [i for i in range(array.ndim) if i not in axes]
    rows = array.transpose(*kept, *axes).reshape(*(array.shape[i] for i in kept), -1)
    # Half of the time as they lie: zeros and infinities of neighbours meet, or never do.
    if rng.random() < 0.5:
        rows = rows[..., rng.permutation(rows.shape[-1])]
    narrow = rows.astype(np.float32) if array.dtype.itemsize < 4 else rows
    parts = np.array_split(narrow, rng.choice(PARTS), axis=-1)
    ends = [fold.accumulate(part, axis=-1)[..., -1] for part in parts if part.size]
    found = fold.reduce(ends, axis=0) if ends else fold.reduce(narrow, axis=-1)
    shape = [1 if i in axes else n for i, n in enumerate(array.shape)]
    return found.reshape(shape).astype(array.dtype)


def moved(array, rng):
    """Floats moved by up to a unit in the last place."""
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        return array
    step = float(ml_dtypes.finfo(array.dtype).eps)
    factors = 1 + step * rng.uniform(-1, 1, array.shape)
    with np.errstate(all="ignore"):
        return (array.astype(np.float64) * factors).astype(array.dtype)
