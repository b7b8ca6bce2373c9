"""Lanes that are neighbouring outputs on a CPU: elementwise kernels, reductions down columns."""

from __future__ import annotations

import math

from jairika_nb.engine import columns
from jairika_nb.engine.code import GRAIN, Writer
from jairika_nb.engine.fused import REDUCED, Kernel
from jairika_nb.engine.index import Var
from jairika_nb.engine.row_lanes import row_code
from jairika_nb.engine.row_loops import step_head
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.spelling import WIDTH

# Lines of memory at a row's ends that are written in parts matter little from so many elements on.
SHORTEST_STREAMED = 1024


def body(
    w: Writer, kernel: Kernel, lane: Var, full: int, once: Scope, units: int
) -> tuple[list[str], int]:
    """The statements for a piece of neighbouring outputs, and how many pieces there are."""
    outer = [v for v in kernel.kept if v is not lane]
    by_rows = full == WIDTH and columns.fits(kernel)
    vectors = GRAIN // WIDTH // max(kernel.row_size, 1)
    span = WIDTH * max(4, vectors) if kernel.row else GRAIN
    turned = _turned(kernel, lane)
    if turned:
        span //= WIDTH
        outer[outer.index(turned)] = Var(f"{turned.name}_block", math.ceil(turned.size / WIDTH))
    if by_rows:
        span = columns.span(lane.size, math.prod(v.size for v in outer), units)
    chunks = math.ceil(lane.size / span)
    size, step = w.integer_argument(lane.size), w.integer_argument(span)
    if chunks > 1:
        many = w.integer_argument(chunks)
        lines = [f"const {w.integer} chunk = piece % {many};"]
        lines += w.unpack(outer, f"(piece / {many})")
        lines.append(f"const {w.integer} end = min((chunk + 1) * {step}, {w.bound(lane.size)});")
        lines.append(f"{w.integer} {lane.name} = chunk * {step};")
    else:
        lines = w.unpack(outer, "piece")
        lines.append(f"const {w.integer} end = {size};")
        lines.append(f"{w.integer} {lane.name} = 0;")
    top = Scope(lines=lines, parent=once, variables=frozenset(kernel.kept))
    # The last vector begins earlier and computes some lanes again, where no old value is lost.
    again = full == WIDTH and not (turned or w.pairs)
    if lane.size % WIDTH and lane.size < SHORTEST_STREAMED:
        # Lines would be written in parts, each of which waits for memory.
        w.streamed = set()
    pieces = math.prod(v.size for v in outer) * chunks
    if by_rows:
        w.lane, w.width = lane, full
        top.lines += columns.body(w, kernel, lane, top)
        return top.lines, pieces
    for is_rest, width in enumerate((full, full if again else 1) if full > 1 else (1,)):
        w.lane, w.width = lane, width
        within = [lane, REDUCED, turned] if turned else [lane, REDUCED]
        unit = Scope(parent=top, variables=frozenset(within))
        row_code(w, kernel, unit)
        if again and is_rest:
            begin = f"{lane.name} = end - {width};"
            top.lines += [f"if ({lane.name} < end) {{", begin, *unit.lines, "}"]
            continue
        top.lines.append(step_head(lane.name, "end", width))
        rows = _block_rows(w, turned) if turned else []
        top.lines += [*rows, *unit.lines, *["}"] * bool(turned), "}"]
    return top.lines, pieces


def _turned(kernel: Kernel, lane: Var) -> Var | None:
    """The variable along which something lies side by side that lanes would read line by line.

    Blocks of 16 x 16 of it are read from the cache, where whole rows would have pushed it out.
    """
    if kernel.row or lane.size < WIDTH:
        return None
    places = [e.data[1] for e in kernel.exprs if e.kind == "load"]
    across = [place for place in places if place.coefficient(lane) not in (0, 1, None)]
    wide = [v for v in kernel.kept if v is not lane and v.size >= WIDTH]
    return next((v for v in wide for place in across if place.coefficient(v) == 1), None)


def _block_rows(w: Writer, var: Var) -> list[str]:
    """The head of the loop over the rows of a block."""
    name, first = var.name, f"{var.name}_block * {WIDTH}"
    end = f"min({first} + {WIDTH}, {w.bound(var.size)})"
    return [f"for ({w.integer} {name} = {first}; {name} < {end}; {name}++) {{"]
