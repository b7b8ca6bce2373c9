"""Products that are only used with rows and columns exchanged, as gradients of weights are.

They are computed that way around, C^T = B^T A^T, so that what follows reads them in order and can
join the product's own kernel.
"""

from __future__ import annotations

from collections import Counter

from jairika_nb.engine.graph import TABLE
from jairika_nb.engine.program import Entry, Program
from jairika_nb.engine.strided import STRIDED

# Kinds of operations whose result is stored in any case.
STORED = ("contract", "routine", "host")


def swap(dimensions: int) -> tuple[int, ...]:
    """The permutation that exchanges the last two axes."""
    return (*range(dimensions - 2), dimensions - 1, dimensions - 2)


def turned(program: Program, by_strides: bool) -> set[int]:
    """The products to compute the other way around.

    ``by_strides``: left operands are read from memory by strides, rather than in any way.
    """
    entries = program.entries
    uses = Counter(i for entry in entries for i in entry.inputs)
    found = set()
    for entry in entries:
        if entry.op == "permute" and entry.attrs == swap(len(entry.shape)):
            (product,) = entry.inputs
            alone = uses[product] == 1 and product not in program.wanted
            is_product = entries[product].op == "matmul" and alone
            if not is_product:
                continue
            if not by_strides or _can_be_left(entries, entries[product].inputs[1], uses):
                found.add(product)
    return found


def _can_be_left(entries: list[Entry], position: int, uses: Counter[int]) -> bool:
    """Whether an operand is one that strides read from memory without storing it for that."""
    while entries[position].op in STRIDED:
        (position,) = entries[position].inputs
    row = TABLE[entries[position].op]
    shared = row.kind == "elementwise" and uses[position] > 1
    return entries[position].op == "leaf" or row.kind in STORED or shared
