"""A kernel once it is written: its text and arguments, how it is launched, its name and cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from jairika_nb.engine import spelling
from jairika_nb.engine.fused import Kernel
from jairika_nb.engine.program import Entry

# Bytes and operations a second of a slow device.
SLOW_BYTES, SLOW_FLOPS = 4e9, 2e10


@dataclass(frozen=True)
class Argument:
    """One argument of a kernel.

    kind: buffer (an entry), scalar (slot, dtype), stream (slot, word), int, long, scratch (a
    temporary buffer of so many bytes) or fault (where kernels report an index out of range).
    """

    kind: str
    value: Any
    dtype: Any = None


@dataclass
class Source:
    """A kernel's text, its arguments in order, and how it is launched."""

    name: str
    body: str
    preambles: frozenset[str]
    arguments: list[Argument]
    global_size: tuple[int, ...]
    local_size: tuple[int, ...] | None
    outputs: list[int]
    bytes: int
    flops: int
    host: Entry | None = None  # what NumPy computes in this step instead of a kernel
    shapes: tuple[tuple[int, ...], ...] = ()  # and the shapes it sees its inputs with
    alone: bool = False  # whether it may ask about its launch, so shares none with others

    @property
    def most_seconds(self) -> float:
        """What a slow device takes at most; infinite for kernels that a user wrote."""
        return math.inf if self.alone else self.bytes / SLOW_BYTES + self.flops / SLOW_FLOPS

    @property
    def text(self) -> str:
        """The whole OpenCL C, with the functions it calls."""
        return "".join(spelling.PREAMBLES[p] for p in sorted(self.preambles)) + self.body


def name_of(kernel: Kernel, entries: list[Entry]) -> str:
    """A name that says what a kernel does, from its operations in order."""
    skip = {"cast", "where", "const"}
    words = [entries[i].op for i in kernel.inlined if entries[i].op not in skip]
    kinds = list(dict.fromkeys(reversed(words)))[:6]
    if kernel.product is not None:
        return "_".join(["gemm", *kinds])
    if not kinds:
        return "copy"
    return "_".join(["row" if kernel.mapped else "reduce" if kernel.row else "map", *kinds])


def traffic(kernel: Kernel, entries: list[Entry]) -> int:
    """Bytes of every distinct tensor read and written."""
    touched = [*kernel.loads, *(o.entry for o in kernel.outputs)]
    return sum(entries[i].size * entries[i].dtype.itemsize for i in touched)


def work(kernel: Kernel) -> int:
    """Arithmetic operations, an elementwise operation counting one an element."""
    total = 0
    for expr in kernel.exprs:
        if expr.kind == "op":
            total += math.prod(v.size for v in expr.variables)
    return total + len(kernel.reductions) * kernel.rows * kernel.row_size
