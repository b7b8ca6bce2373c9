"""Draws random programs from a seed.

Each step is tried on the reference, to know shapes and to keep values tame and, for operations
that jump, exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import fuzz_operations as ops
import numpy as np
from fuzz_families import DTYPES, FAMILIES
from fuzz_programs import Input, Program, apply

import jairika_nb as jrk
from jairika_nb.engine import device as devices

TAME = 1e3  # floats beyond this are not used further: their errors would hide others
MOST = 4096  # elements of a value, unless an input is larger
# Binary places that hold in a significand, with some room for sums.
PLACES = {"float16": 10, "bfloat16": 7}
SIZES = [1, 2, 3, 5, 7, 16, 17, 33, 40]
LARGE = [(40, 33), (33, 40), (3, 40, 33), (2, 33, 64), (9000,), (66000,), (70, 130), (3, 70000)]


@dataclass
class Value:
    """What is known of a value while a program is drawn."""

    tensor: object
    bits: int | None  # binary places of an exact value; None for a rounded one

    @property
    def exact(self):
        """Whether every device computes this very value."""
        return self.bits is not None

    @property
    def shape(self):
        """The sizes of its axes."""
        return self.tensor.shape

    @property
    def kind(self):
        """The kind of its dtype."""
        return self.tensor.dtype.kind


def draw(r: Random) -> Program:
    """A program of one to eight steps on one to three inputs."""
    with devices.using("reference"):
        jrk.random.seed(11)
        rows, values = [], []
        for i in range(r.randint(1, 3)):
            near = rows[0].shape if rows else None
            spec = Input(shape(r, near), r.choice(DTYPES) if i else first(r), r.randint(0, 9))
            rows.append(spec)
            bits = 2 if "float" in spec.dtype else 0
            values.append(Value(spec.tensor(False), bits))
        order = r.choice([0, 0, 0, 1, 1, 2])
        wanted = len(rows) + r.randint(1, 4 if order == 2 else 8)
        for _ in range(24):
            # Rather go on from the last value, so that chains grow.
            i = len(values) - 1 if r.random() < 0.4 else r.randrange(len(values))
            step = r.choice(FAMILIES)(r, values, i)
            value = tried(step, values) if step else None
            if value is not None:
                rows.append(step)
                values.append(value)
            if len(rows) == wanted:
                break
        numbers = range(len(values))
        outputs = {len(values) - 1, *(r.choice(numbers) for _ in range(r.randint(0, 3)))}
        floats = [i for i in numbers if values[i].kind == "float"]
        sources = sorted({r.choice(floats) for _ in range(r.randint(1, 2))})
        return Program(tuple(rows), tuple(sorted(outputs)), order, tuple(sources))


def first(r):
    """The first input is a float, so that there is something to derive by."""
    return r.choice(["float32", "float32", "float32", "float16", "bfloat16", "float64"])


def shape(r, near=None):
    """A shape, often one that broadcasts with ``near``."""
    if near is not None and r.random() < 0.6:
        return tuple(1 if r.random() < 0.2 else n for n in near)
    if r.random() < 0.1:
        return r.choice(LARGE)
    sizes = [r.choice(SIZES) for _ in range(r.randint(0, 5))]
    while math.prod(sizes) > MOST:
        sizes.pop()
    if sizes and r.random() < 0.06:
        sizes[r.randrange(len(sizes))] = 0
    return tuple(sizes)


def tried(step, values):
    """The value of a step on the reference; None where it is refused or grows wild."""
    args = [values[i] for i in step.args]
    state = jrk.random.state()
    limit = max([MOST * 2, *(v.tensor.size for v in args)])
    limit *= 2 if step.name in ("concat", "stack", "repeat") else 1
    try:
        out = apply(step, [v.tensor for v in values])
        array = out.numpy() if out.size <= limit else None
    except jrk.errors.JairikaError:
        array = None
    if array is None or (out.dtype.kind == "float" and not tame(array)):
        jrk.random.restore(state)
        return None
    return Value(out, bits_of(step, args, out))


def tame(array):
    """Whether all elements are of ordinary size."""
    return bool((np.abs(array.astype(np.float64)) <= TAME).all())


def bits_of(step, args, out):
    """Binary places of the result where it is exact on every device, else None."""
    if out.dtype.kind != "float":
        return 0 if all(v.exact or v.kind != "float" for v in args) or not args else None
    name = step.name
    if name not in ops.MOVES | ops.SUMS | ops.PRODUCTS or any(v.bits is None for v in args):
        return None
    bits = [v.bits for v in args] * (2 if name in ("jrk.square", "gram") else 1)
    places = sum(bits) if name in ops.PRODUCTS else max([*bits, 0])
    places += 2 if "value" in dict(step.params) else 0
    many = name in ops.SUMS or name in ("matmul", "gram", "einsum")
    inner = max([1, *(v.tensor.size for v in args)]) if many else 1
    largest = max([1.0, *(float(np.abs(v.tensor.numpy().astype(np.float64)).max(initial=0))
                          for v in args)])  # fmt: skip
    largest *= largest if name in ops.PRODUCTS else 1
    kept = 2.0 ** PLACES.get(out.dtype.name, 23)
    return places if largest * inner * 2.0**places < kept else None
