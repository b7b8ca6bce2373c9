"""The loops over a row on a CPU: in vectors, in blocks of a long sum, several vectors a turn."""

from __future__ import annotations

import math
from collections.abc import Callable

from jairika_nb.engine import apart, columns
from jairika_nb.engine.code import Writer
from jairika_nb.engine.index import Var
from jairika_nb.engine.scope import Scope

Body = Callable[[Scope], list[str]]
Lines = tuple[list[str], list[str]]
Blocks = Callable[[int], Lines] | None
Many = Callable[[], Lines] | None
# Vectors of a row that are reduced side by side where little is computed of each: one alone would
# wait for the one before.
TOGETHER = apart.PARTS
# Windows of so many elements are written out: loops of three turns cost more than those do. With
# 2 x 2, which pooling has, PoCL is quicker by loops.
WINDOW = range(5, 17)


def loop(
    w: Writer, row: list[Var], unit: Scope, body: Body, blocks: Blocks = None, many: Many = None
) -> None:
    """Nested loops over the row; the innermost runs in vectors where it is the lane.

    ``blocks`` and ``many`` are what reductions do about blocks of steps, and about several at once.
    """
    if not row:
        unit.lines += columns.inside(row, unit, body)
        return
    *outer, last = row
    full, along = w.width, row[-1] is w.lane
    if _is_window(row) and not along and blocks is None:
        heads = [f"for ({w.integer} {v.name} = 0; {v.name} < {v.size}; {v.name}++) {{" for v in row]
        steps = [line for head in heads for line in ("#pragma unroll", head)]
        unit.lines += [*steps, *columns.inside(row, unit, body), *["}"] * len(row)]
        return
    inner = [f"{w.integer} {last.name} = 0;"]
    if many and apart.fits(w, w.kernel):
        inner += apart.loop(w, last, unit, body, blocks, many)
        many = None
    for width in (full, 1) if along else (1,):
        w.width = width if along else full
        # What vectors leave of a row is a few elements, but of many rows it is many.
        w.in_block = blocks is not None and (not along or width == full or bool(outer))
        end = f"{last.name}_stop" if w.in_block else w.integer_argument(last.size)
        steps = _several(w, row, unit, body, end, many) if many and width == full else []
        inside = columns.inside(row, unit, body)
        steps += [step_head(last.name, end, width), *inside, "}"]
        inner += _blocks(w, last, width, steps, blocks) if w.in_block else steps
    w.width, w.in_block = full, False
    for var in outer:
        size = w.integer_argument(var.size)
        unit.lines.append(f"for ({w.integer} {var.name} = 0; {var.name} < {size}; {var.name}++) {{")
    unit.lines += ["{", *inner, "}", *["}"] * len(outer)]


def _is_window(row: list[Var]) -> bool:
    """Whether a row has several short axes, as windows of images do, whose sizes hardly change."""
    return len(row) > 1 and math.prod(v.size for v in row) in WINDOW


def _several(w: Writer, row: list[Var], unit: Scope, body: Body, end: str, many: Many) -> list[str]:
    """A loop of TOGETHER vectors a turn, each with an accumulator, so that none waits for another.

    ``many`` tells what comes before it, and what joins the accumulators after it.
    """
    assert many is not None
    w.is_several = True
    inside = columns.inside(row, unit, body)
    w.is_several = False
    before, after = many()
    name = row[-1].name
    return [
        *before,
        f"while ({_room(name, end, w.width * TOGETHER)}) {{",
        "#pragma unroll",
        f"for (int u = 0; u < {TOGETHER}; u++, {name} += {w.width}) {{",
        *inside,
        "}",
        "}",
        *after,
    ]


def _blocks(w: Writer, var: Var, width: int, steps: list[str], blocks: Blocks) -> list[str]:
    """A loop in blocks of columns.BLOCK steps, with something to do before and after each."""
    assert blocks is not None
    before, after = blocks(width)
    name, size, stop = var.name, w.integer_argument(var.size), f"{var.name}_stop"
    return [
        f"while ({_room(name, size, width)}) {{",
        f"const {w.integer} {stop} = min({name} + {columns.BLOCK * width}, {w.bound(var.size)});",
        *before,
        *steps,
        *after,
        "}",
    ]


def step_head(name: str, end: str, width: int) -> str:
    """The head of a loop that goes on in steps of ``width`` as long as there are whole ones."""
    step = f"{name}++" if width == 1 else f"{name} += {width}"
    return f"for (; {_room(name, end, width)}; {step}) {{"


def _room(name: str, end: str, width: int) -> str:
    return f"{name} < {end}" if width == 1 else f"{name} + {width} <= {end}"
