"""Results that may be written over an input: new parameters and moments over the old ones.

A kernel that reads an element and stores the new one at the same place needs no second buffer, and
saves the memory traffic of one. Here it is seen where that is possible; whether the old values are
really nobody's any more is asked before each run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairika_nb.engine.fused import Expr, Kernel
from jairika_nb.engine.program import Entry

if TYPE_CHECKING:
    from jairika_nb.engine.bundle import Group
    from jairika_nb.engine.lower import Lowered

Pair = tuple[int, int]  # a result, and the leaf whose buffer it may take


def pairs(
    lowered: Lowered, kernels: list[Kernel], groups: list[Group], results: list[int]
) -> frozenset[Pair]:
    """The wanted results that may be written over a leaf.

    Nothing reads the leaf but the kernel that computes the result, element by element, and what
    ran before it.
    """
    launch = {member: number for number, g in enumerate(groups) for member in g.members}
    readers: dict[int, list[int]] = {}
    for number, kernel in enumerate(kernels):
        for entry in _read(kernel, lowered):
            readers.setdefault(entry, []).append(number)
    found = set()
    for own, kernel in enumerate(kernels):
        for result, leaf in elementwise(kernel, lowered.entries):
            others = [n for n in readers.get(leaf, ()) if n != own]
            free = result in results and leaf not in results
            if free and all(launch[n] < launch[own] for n in others):
                found.add((result, leaf))
    return frozenset(found)


def _read(kernel: Kernel, lowered: Lowered) -> list[int]:
    given = kernel.product if kernel.routine is None else kernel.routine
    return [*kernel.reads, *(() if given is None else lowered.entries[given].inputs)]


def elementwise(kernel: Kernel, entries: list[Entry]) -> list[Pair]:
    """Outputs each of whose elements is stored where the same element of a leaf is read."""
    if kernel.routine is not None or kernel.row or kernel.sides or kernel.reductions:
        return []
    # Operands of a product are read again and again, its epilogue's tensors once.
    again = {p for operand in kernel.operands for p in operand.loads}
    if kernel.product is not None:
        again.update(entries[kernel.product].inputs)
    loads: dict[int, list[Expr]] = {}
    for expr in kernel.exprs:
        read = expr.data[0] if expr.kind == "load" else None
        if read is not None and read not in again and entries[read].op == "leaf":
            loads.setdefault(read, []).append(expr)
    found = []
    for output in kernel.outputs:
        new = entries[output.entry]
        for leaf, reads in loads.items():
            same = (entries[leaf].dtype, entries[leaf].size) == (new.dtype, new.size)
            plain = all(e.data[1] == output.at and not e.data[2] for e in reads)
            # A store of another output may come before the read, its own never does.
            if same and plain and _reaches(output.expr, set(reads)):
                found.append((output.entry, leaf))
    return found


def _reaches(top: Expr, loads: set[Expr]) -> bool:
    seen, todo = set(), [top]
    while todo:
        expr = todo.pop()
        if expr in loads:
            return True
        if expr not in seen:
            seen.add(expr)
            todo += expr.args
    return False
