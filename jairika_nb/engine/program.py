"""A program: the part of the graph to run, numbered by value and free of its data.

Equal subgraphs become one entry. What changes from step to step (device data, scalars, random
streams) is kept beside the entries, so two training steps have equal keys and share one plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Shape, topological

# Scalars that are part of the formula rather than data; written into the source as they are.
LITERALS = {0, 1, -1, 2, -2, 0.5, -0.5}


class Entry(NamedTuple):
    """One operation of a program; ``inputs`` are positions of earlier entries."""

    op: str
    attrs: tuple
    inputs: tuple[int, ...]
    shape: Shape
    dtype: DType

    @property
    def size(self) -> int:
        """How many elements the entry has."""
        return math.prod(self.shape)


@dataclass
class Program:
    """Entries in order of need, the ones wanted, and the data they run on."""

    entries: list[Entry] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)
    leaves: list[Any] = field(default_factory=list)
    scalars: list[bool | int | float] = field(default_factory=list)
    streams: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def key(self) -> tuple:
        """Equal for programs that the same plan can run."""
        return tuple(self.entries), tuple(self.wanted)


def is_literal(value: bool | int | float) -> bool:
    """Whether a scalar is written into kernel source instead of passed as an argument."""
    return value in LITERALS or value != value or value in (math.inf, -math.inf)


def capture(roots: list[Node]) -> Program:
    """The program that computes ``roots``."""
    program = Program()
    place: dict[int, int] = {}
    known: dict[Entry, int] = {}
    for node in topological(roots, lambda n: n.value is not None):
        entry = _entry(program, node, place)
        if entry not in known:
            known[entry] = len(program.entries)
            program.entries.append(entry)
        place[id(node)] = known[entry]
    program.wanted = [place[id(root)] for root in roots]
    return program


def _entry(program: Program, node: Node, place: dict[int, int]) -> Entry:
    if node.value is not None:
        number = _slot(program.leaves, node.value, lambda a, b: a is b)
        entry = Entry("leaf", (number,), (), node.shape, node.dtype)
    elif node.op == "const" and not is_literal(node.attrs[0]):
        number = _slot(program.scalars, node.attrs[0], lambda a, b: a == b and type(a) is type(b))
        entry = Entry("const", ("slot", number), (), (), node.dtype)
    elif node.op == "const":
        # repr keeps 1 and True and 1.0, 0.0 and -0.0 apart, which compare equal.
        value = node.attrs[0]
        entry = Entry("const", ("literal", repr(value)), (), (), node.dtype)
    elif node.op == "random":
        number = _slot(program.streams, node.attrs, lambda a, b: a == b)
        entry = Entry("random", (number,), (), node.shape, node.dtype)
    else:
        inputs = tuple(place[id(i)] for i in node.inputs)
        entry = Entry(node.op, node.attrs, inputs, node.shape, node.dtype)
    return entry


def _slot(rows: list, value: Any, same: Any) -> int:
    for number, known in enumerate(rows):
        if same(known, value):
            return number
    rows.append(value)
    return len(rows) - 1
