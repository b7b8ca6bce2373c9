"""Long rows that are reduced in one pass are read in several places at once.

Memory gives more to a core that reads at places far from each other: they are on other pages, and
in other banks.
"""

from __future__ import annotations

from collections.abc import Callable

from jairika_nb.engine import columns
from jairika_nb.engine.code import Writer
from jairika_nb.engine.fused import Kernel
from jairika_nb.engine.index import Var
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.source import traffic
from jairika_nb.engine.spelling import WIDTH

Lines = tuple[list[str], list[str]]
# The places of a row, its least length (those on neighbouring pages gain nothing), and the bytes of
# a kernel from which on they come from memory.
PARTS, LONG, LEAST = 4, 1 << 15, 1 << 24


def fits(w: Writer, kernel: Kernel) -> bool:
    """Whether the one reduction of a kernel is over rows that are worth it."""
    if len(kernel.reductions) != 1 or len(kernel.row) != 1 or kernel.row_size < LONG:
        return False
    (row,) = kernel.row
    is_last = not any(row in o.at.variables for o in kernel.outputs)
    return is_last and w.lane is row and traffic(kernel, w.entries) >= LEAST


def loop(
    w: Writer,
    row: Var,
    unit: Scope,
    body: Callable[[Scope], list[str]],
    blocks: Callable[[int], Lines] | None,
    many: Callable[[], Lines],
) -> list[str]:
    """The loop over all of a row but less than a vector for each part.

    ``many`` tells what comes before and after a loop with an accumulator for each part, ``blocks``
    the same of a block of a long sum.
    """
    w.in_block, w.is_several = blocks is not None, True
    inside = columns.inside([row], unit, body)
    w.is_several = False
    first, last = many()
    before, after = blocks(WIDTH) if blocks else ([], [])
    name, part = row.name, f"{row.name}_part"
    stop = f"min({name}_at + {columns.BLOCK // PARTS * WIDTH}, {part})"
    return [
        f"const {w.integer} {part} = {w.integer_argument(row.size)} / {PARTS * WIDTH} * {WIDTH};",
        f"for ({w.integer} {name}_at = 0; {name}_at < {part};) {{",
        f"const {w.integer} {name}_stop = {stop if blocks else part};",
        *before,
        *first,
        f"for (; {name}_at < {name}_stop; {name}_at += {WIDTH}) {{",
        "#pragma unroll",
        f"for (int u = 0; u < {PARTS}; u++) {{",
        f"const {w.integer} {name} = {name}_at + u * {part};",
        *inside,
        "}",
        "}",
        *last,
        *after,
        "}",
        f"{name} = {PARTS} * {part};",
    ]
