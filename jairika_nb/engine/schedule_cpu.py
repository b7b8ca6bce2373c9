"""The CPU schedule: work-items own runs of rows, in loops over 16-wide vectors."""

from __future__ import annotations

from jairika_nb.engine import joined_rows, kept_lanes, row_lanes, short_lines
from jairika_nb.engine.accumulators import reduce
from jairika_nb.engine.code import Writer
from jairika_nb.engine.device import Device
from jairika_nb.engine.fused import Kernel
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import spread
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.source import Source, traffic, work
from jairika_nb.engine.spelling import WIDTH
from jairika_nb.engine.vector_lane import best_lane


def write(kernel: Kernel, entries: list[Entry], device: Device, name: str) -> Source:
    """The kernel for a CPU."""
    kernel = joined_rows.joined(kernel)
    w = Writer(kernel, entries)
    w.streamed = _past_the_cache(w, device.last_cache)
    lane = best_lane(kernel)
    once = _sides(w, kernel)
    short = None if lane or w.pairs else short_lines.lane_of(kernel)
    if short:
        body, pieces = short_lines.body(w, kernel, short, once)
    elif lane in kernel.kept or (lane is None and kernel.kept and not kernel.row):
        width = WIDTH if lane else 1
        along = lane or kernel.kept[-1]
        body, pieces = kept_lanes.body(w, kernel, along, width, once, device.compute_units)
    else:
        body, pieces = row_lanes.body(w, kernel, lane, once)
    per, items = spread.share(device, pieces, kernel.rows * max(kernel.row_size, 1))
    share = w.integer_argument(per)
    w.scratch(items)
    head = [
        *_own_memory(w),
        *once.lines,
        f"const {w.integer} first = get_global_id(0) * {share};",
        f"const {w.integer} last = min(first + {share}, {w.bound(pieces)});",
        f"for ({w.integer} piece = first; piece < last; piece++) {{",
    ]
    text = w.assemble(name, [*head, *body, "}"])
    return Source(
        name, text, frozenset(w.preambles), w.arguments, (items,), (1,),
        [o.entry for o in kernel.outputs], traffic(kernel, entries), work(kernel),
    )  # fmt: skip


def _own_memory(w: Writer) -> list[str]:
    """The parts of the scratch memory that are a work-item's own."""
    if w.saved is None:
        return []
    size = w.integer_argument(w.saved.stride)
    return [
        f"global {expr.dtype.lane} *row{i} = scratch{i} + get_global_id(0) * {size};"
        for i, expr in enumerate(w.saved.passes)
    ]


def _past_the_cache(w: Writer, cache: int) -> set[int]:
    """The outputs that nobody would find in a cache of so many bytes: a plain store reads first."""
    if traffic(w.kernel, w.entries) < cache:
        return set()
    sizes = {o.entry: w.entries[o.entry] for o in w.kernel.outputs}
    return {e for e, row in sizes.items() if row.size * row.dtype.itemsize >= cache // 4}


def _sides(w: Writer, kernel: Kernel) -> Scope:
    """What a work-item computes once: reductions to one number, and all that never changes."""
    scope = Scope()
    w.lane, w.width = None, 1
    for number, side in enumerate(kernel.sides):
        alone = Kernel([], side.row, [side.reduction], [], [], [], False, [], [])
        reduce(w, alone, {f"s{number}": side.reduction}, scope)
    return scope
