"""What evaluating tensors will do, in a form that views can draw: nodes, kernels, arguments.

Planning is all that happens here: nothing is compiled and nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jairika_nb.engine import sites
from jairika_nb.engine.graph import TABLE, Node, topological
from jairika_nb.engine.program import Entry, Program, capture
from jairika_nb.engine.source import Argument, Source

# The operations through which a scalar constant stays the same scalar.
SPREADING = ("expand", "reshape", "cast")


@dataclass
class Outline:
    """A graph and the kernels that compute it.

    ``inputs`` and ``kernel`` run beside ``nodes``: the numbers of a node's inputs, and the number
    of the kernel that computes it first (None for data that is there, or on the reference).
    ``arguments`` runs beside ``sources``; ``flows`` are pairs of kernels of which the second reads
    what the first stores.
    """

    nodes: list[Node]
    inputs: list[tuple[int, ...]]
    kernel: list[int | None]
    sources: list[Source] = field(default_factory=list)
    arguments: list[list[Parameter]] = field(default_factory=list)
    flows: set[tuple[int, int]] = field(default_factory=set)

    def row(self, i: int) -> tuple[str, str, str, str, str, str]:
        """Name, operation, inputs, type, kernel and line of the program of a node."""
        node, kernel = self.nodes[i], self.kernel[i]
        inputs = ", ".join(f"%{j}" for j in self.inputs[i])
        where = "" if kernel is None else f"{kernel + 1} {self.sources[kernel].name}"
        line = sites.line_of(node.site)
        return f"%{i}", operation(node), inputs, type_of(node), where, str(line or "")

    def lines(self, first: int, last: int) -> list[str]:
        """The graph as text: so many nodes of its beginning and of its end."""
        count = len(self.nodes)
        shown = [*range(count)]
        if count > first + last:
            shown = [*range(first), *range(count - last, count)]
        rows: list[tuple[str, ...]] = []
        for i in shown:
            name, op, inputs, kind, kernel, line = self.row(i)
            left = f"{name} = {op}({inputs})" if inputs else f"{name} = {op}"
            rows.append((left, kind, kernel and f"kernel {kernel}", line))
        lines = columns(rows)
        if len(shown) < count:
            lines.insert(first, f"... {count - len(shown):,} nodes left out; rows() has them all")
        return lines

    def members(self, kernel: int) -> list[int]:
        """The numbers of the nodes that a kernel computes."""
        return [i for i, k in enumerate(self.kernel) if k == kernel]


@dataclass
class Parameter:
    """One argument of a kernel: its C declaration and name, and what it stands for."""

    name: str
    declaration: str
    meaning: str


def outline(roots: list[Node]) -> Outline:
    """The graph of ``roots``, which live on one device, and its kernels where there are any."""
    nodes = topological(roots)
    number = {id(n): i for i, n in enumerate(nodes)}
    inputs = [tuple(number[id(i)] for i in used_inputs(n)) for n in nodes]
    found = Outline(nodes, inputs, [None] * len(nodes))
    todo = [r for r in roots if r.value is None]
    if todo and not todo[0].device.is_reference:
        _plan(found, todo)
    return found


def used_inputs(node: Node) -> tuple[Node, ...]:
    """The inputs that computing the node needs: none where its value is there."""
    return () if node.value is not None else node.inputs


def operation(node: Node) -> str:
    """What a node does, in a word or two."""
    if node.value is not None:
        return "data"
    if node.op == "const":
        return f"const {node.attrs[0]!r}"
    return node.op


def type_of(node: Node | Entry) -> str:
    """``float32[2, 3]``."""
    return f"{node.dtype.name}{list(node.shape)}"


def _plan(found: Outline, roots: list[Node]) -> None:
    from jairika_nb.engine.execute import planned

    program = capture(roots)
    plan = planned(program, roots[0].device)
    found.sources = plan.sources
    entries = [
        plan.place[program.place[id(n)]] if id(n) in program.place else -1 for n in found.nodes
    ]
    first: dict[int, int] = {}
    for kernel, inside in enumerate(plan.inside):
        for entry in inside:
            first.setdefault(entry, kernel)
    rows = zip(found.nodes, entries, strict=True)
    _assign(found, [_maker(node, entry, plan.entries, first) for node, entry in rows])
    known: dict[int, int] = {}
    for node, entry in enumerate(entries):
        known.setdefault(entry, node)
    found.arguments = [
        parameters(source, lambda a: _meaning(a, found, known, plan.entries, program))
        for source in plan.sources
    ]
    found.flows = _flows(plan.sources)


def _maker(node: Node, entry: int, entries: list[Entry], first: dict[int, int]) -> int | None:
    """The first kernel that computes a node."""
    if node.value is None and TABLE[node.op].kind not in ("view", "source", "barrier"):
        # What an operation was made of may end in a view of what a kernel stores.
        while entry not in first and TABLE[entries[entry].op].kind == "view":
            entry = entries[entry].inputs[0]
    return first.get(entry)


def _flows(sources: list[Source]) -> set[tuple[int, int]]:
    maker: dict[int, int] = {}
    flows: set[tuple[int, int]] = set()
    for kernel, source in enumerate(sources):
        read = [a.value for a in source.arguments if a.kind == "buffer"]
        flows |= {(maker[e], kernel) for e in read if e in maker}
        maker.update(dict.fromkeys(source.outputs, kernel))
    return flows


def _assign(found: Outline, kernel: list[int | None]) -> None:
    # Views and constants dissolve into whatever reads them first, or follow what they view.
    for node in range(len(kernel) - 1, -1, -1):
        mine = kernel[node]
        for i in found.inputs[node]:
            free = found.nodes[i].value is None and found.kernel[i] is None
            if mine is not None and free and kernel[i] is None:
                found.kernel[i] = mine
        if mine is not None:
            found.kernel[node] = mine
        elif found.kernel[node] is not None:
            kernel[node] = found.kernel[node]
            for i in found.inputs[node]:
                if found.nodes[i].value is None and kernel[i] is None:
                    found.kernel[i] = found.kernel[node]
    for node, inputs in enumerate(found.inputs):
        if found.kernel[node] is None and found.nodes[node].value is None:
            found.kernel[node] = next((found.kernel[i] for i in inputs), None)


def columns(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Lines of text with the columns under each other; columns that hold nothing are left out.

    >>> columns([("a", "", "1"), ("bcd", "", "20")], right=frozenset({2}))
    ['a     1', 'bcd  20']
    """
    used = [i for i in range(len(rows[0])) if any(row[i] for row in rows)] if rows else []
    width = {i: max(len(row[i]) for row in rows) for i in used}
    return [
        "  ".join(
            row[i].rjust(width[i]) if i in right else row[i].ljust(width[i]) for i in used
        ).rstrip()
        for row in rows
    ]


# Arguments

_PARAMETERS = re.compile(r"kernel\s+(?:__attribute__\(\(.*?\)\)\)?\s*)?void\s+\w+\s*\(([^)]*)\)")
_MORE = re.compile(r"#define (\w+_PARAMETERS) *(.*)")


def declarations(text: str) -> list[str]:
    """The declarations of a kernel's parameters, as written in OpenCL C.

    >>> declarations("kernel void f(global float *restrict a, const int n) { }")
    ['global float *restrict a', 'const int n']
    """
    for name, more in _MORE.findall(text):
        text = text.replace(f" {name})", f"{more})").replace(f"{name})", f"{more})")
    rows = _PARAMETERS.findall(text)
    return [" ".join(row.split()) for row in rows[-1].split(",")] if rows and rows[-1] else []


def parameters(source: Source, meaning: Any) -> list[Parameter]:
    """The arguments of a kernel beside their declarations."""
    texts = declarations(source.text)
    if len(texts) != len(source.arguments):
        texts = [""] * len(source.arguments)
    names = [(re.findall(r"\w+", t) or [f"argument {i}"])[-1] for i, t in enumerate(texts)]
    rows = zip(names, texts, source.arguments, strict=True)
    return [Parameter(name, text, meaning(a)) for name, text, a in rows]


def _meaning(
    argument: Argument, found: Outline, known: dict[int, int], entries: list[Entry],
    program: Program,
) -> str:  # fmt: skip
    if argument.kind == "buffer":
        node = known.get(argument.value)
        if node is None:
            entry = entries[argument.value]
            return f"{entry.op} {type_of(entry)}, laid out by the planner"
        return f"%{node} {operation(found.nodes[node])} {type_of(found.nodes[node])}"
    if argument.kind == "scalar":
        return f"the number {program.scalars[argument.value]!r}"
    return _PLAIN.get(argument.kind, argument.kind + " {}").format(argument.value)


_PLAIN = {
    "int": "{}, a size, stride or offset",
    "long": "{}, a size, stride or offset",
    "number": "the number {}",
    "stream": "key and call of a random stream",
    "scratch": "{} bytes of scratch memory",
    "fault": "where indices out of range are reported",
    "counter": "counts the work-items that are done",
}
