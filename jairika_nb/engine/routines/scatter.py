"""Writes the kernels that store at places read from data."""

from __future__ import annotations

import math

from jairika_nb.engine import spelling
from jairika_nb.engine.device import Device
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import RESULT, ROUTINES
from jairika_nb.engine.routines.scan import JOIN
from jairika_nb.engine.routines.spread import ints, share, source
from jairika_nb.engine.source import Argument, Source

FAULT = Argument("fault", 0)
# Columns of a piece on a CPU: long enough runs, and several pieces of a wide row.
WIDEST = 256


def _macros(entry: Entry, index: Entry) -> dict[str, object]:
    kept = entry.dtype.opencl
    join = "(b)" if entry.attrs[0] == "set" else JOIN[entry.attrs[0]]
    return {"T": kept, "V16": f"{kept}16", "I": index.dtype.opencl, "JOIN(a, b)": join}


def _rows(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    index, updates = inputs[-2:]
    rows, n, after = entry.attrs[2]
    many = updates.shape[1]
    span = 1 if device.kind == "gpu" else min(WIDEST, math.ceil(after / 16) * 16)
    groups = math.ceil(after / span)
    # Every range meets all updates, so there are no more than keep the cores busy.
    ranges = 1
    if device.kind != "gpu" and many * after >= 4096:
        ranges = max(1, min(n, math.ceil(device.compute_units / (rows * groups))))
    macros = {**_macros(entry, index), "WIDE": int(span > 1)}
    if len(inputs) == 2:
        macros["FILL"] = spelling.literal(entry.attrs[3], entry.dtype)
    pieces = rows * groups * ranges
    each, items = share(device, pieces, max(updates.size, entry.size) * ranges)
    # 0 repeats the index over all rows, or all columns.
    lines, width = index.shape[0], index.shape[2]
    strides = (many * width if lines > 1 else 0, width, int(width > 1))
    numbers = ints(n, many, after, *strides, span, groups, ranges, entry.attrs[1], pieces, each)
    # Without a base the updates stand in its place, unread.
    places = (entry.inputs[-3] if len(inputs) == 3 else entry.inputs[-1], *entry.inputs[-2:])
    buffers = [Argument("buffer", i) for i in (RESULT, *places)]
    moved = sum(e.size * e.dtype.itemsize for e in (entry, *inputs))
    arguments = [*buffers, *numbers, FAULT]
    name = f"scatter_{entry.attrs[0]}"
    return source("scatter.cl", name, macros, arguments, (device, items, 0), moved)


def _sorted(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    base, element, _, updates = inputs
    _, n, after = base.shape
    each, items = share(device, base.size, base.size)
    numbers = ints(n, updates.shape[1], after, entry.attrs[1], element.size, base.size, each)
    buffers = [Argument("buffer", i) for i in (RESULT, *entry.inputs)]
    moved = sum(e.size * e.dtype.itemsize for e in (entry, *inputs))
    macros = _macros(entry, element)
    arguments = [*buffers, *numbers, FAULT]
    name = f"scatter_{entry.attrs[0]}_sorted"
    return source("scatter_sorted.cl", name, macros, arguments, (device, items, 0), moved)


ROUTINES["scatter_rows"] = _rows
ROUTINES["scatter_sorted"] = _sorted
