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
            array = shuffled(arrays[0], attrs, rng)
            # One after the other in the type itself, where the reference has doubles inside.
            narrow = array.astype(np.float32) if array.dtype.itemsize < 4 else array
            found = FOLDS[op].reduce(narrow, axis=tuple(attrs), keepdims=True).astype(array.dtype)
        else:
            found = exact(op, attrs, arrays, dtype)
        return found if TABLE[op].kind == "view" else moved(found, rng)

    reference.compute = compute
    try:
        yield
    finally:
        reference.compute = exact


def shuffled(array, axes, rng):
    """The same elements along ``axes`` in another order, equal for all that is kept."""
    kept = [i for i in range(array.ndim) if i not in axes]
    rows = array.transpose(*kept, *axes)
    flat = rows.reshape(*rows.shape[: len(kept)], -1)
    flat = flat[..., rng.permutation(flat.shape[-1])].reshape(rows.shape)
    return flat.transpose(*np.argsort([*kept, *axes]))


def moved(array, rng):
    """Floats moved by up to a unit in the last place."""
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        return array
    step = float(ml_dtypes.finfo(array.dtype).eps)
    factors = 1 + step * rng.uniform(-1, 1, array.shape)
    with np.errstate(all="ignore"):
        return (array.astype(np.float64) * factors).astype(array.dtype)
