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
    place: dict[int, int] = field(default_factory=dict)  # the entry of a node, by its id
    held: list[Node] = field(default_factory=list)  # wanted too: see capture

    @property
    def key(self) -> tuple:
        """Equal for programs that the same plan can run."""
        return tuple(self.entries), tuple(self.wanted)


def is_literal(value: bool | int | float) -> bool:
    """Whether a scalar is written into kernel source instead of passed as an argument."""
    return value in LITERALS or value != value or value in (math.inf, -math.inf)


_SPELLED = {"True": True, "False": False, "inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def number_of(text: str) -> bool | int | float:
    """The number that ``repr`` wrote."""
    if text in _SPELLED:
        return _SPELLED[text]
    return float(text) if any(c in text for c in ".e") else int(text)


def capture(roots: list[Node], with_held: bool = False) -> Program:
    """The program that computes ``roots``.

    ``with_held`` adds single numbers that somebody has a tensor of: those on the way, and a loss
    whose gradients are computed. Reading them later then costs nothing.
    """
    program = Program()
    place = program.place
    known: dict[Entry, int] = {}
    slots: dict[tuple, int] = {}
    entries = program.entries
    order = topological(roots)
    if with_held:
        program.held = held(order, roots)
        order = topological([*roots, *program.held]) if program.held else order
    for node in order:
        if node.inputs and node.value is None:
            inputs = tuple([place[id(i)] for i in node.inputs])
            entry = Entry(node.op, node.attrs, inputs, node.shape, node.dtype)
        else:
            entry = _source(program, slots, node)
        position = known.get(entry)
        if position is None:
            position = known[entry] = len(entries)
            entries.append(entry)
        place[id(node)] = position
    program.wanted = [place[id(node)] for node in (*roots, *program.held)]
    return program


def held(order: list[Node], roots: list[Node]) -> list[Node]:
    """The single numbers to compute along with ``roots``, which need the nodes of ``order``."""
    found: dict[int, Node] = {}
    for node in order:
        tensor = None if node.handle is None else node.handle()
        if tensor is not None and tensor.node.value is None and tensor.node.inputs:
            found[id(tensor.node)] = tensor.node
    for root in roots:
        found.pop(id(root), None)
    return [node for node in found.values() if node.device is roots[0].device]


def _source(program: Program, slots: dict[tuple, int], node: Node) -> Entry:
    op, attrs = node.op, node.attrs
    if node.value is not None:
        op, attrs = "leaf", (_slot(slots, program.leaves, (id(node.value),), node.value),)
    elif op == "const" and is_literal(attrs[0]):
        # repr keeps 1 and True and 1.0, 0.0 and -0.0 apart, which compare equal.
        attrs = ("literal", repr(attrs[0]))
    elif op == "const":
        key = (type(attrs[0]), attrs[0])
        attrs = ("slot", _slot(slots, program.scalars, key, attrs[0]))
    elif op == "random":
        attrs = (_slot(slots, program.streams, attrs, attrs),)
    return Entry(op, attrs, (), node.shape, node.dtype)


def _slot(slots: dict[tuple, int], rows: list, key: tuple, value: Any) -> int:
    """The place of data beside the entries, one for equal data."""
    known = slots.setdefault((id(rows), *key), len(rows))
    if known == len(rows):
        rows.append(value)
    return known
