"""Writes attention and its derivatives without a buffer of all scores."""

from __future__ import annotations

import math
from dataclasses import replace

from jairika_nb.engine.device import Device
from jairika_nb.engine.layout import Layout
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import ROUTINES, attention_group
from jairika_nb.engine.routines.attention_arguments import given, given_back, macros, written
from jairika_nb.engine.routines.spread import ints
from jairika_nb.engine.source import Argument, Source

# Queries of a work-item; keys whose weights it holds; queries that a block of keys takes at a time.
LANES, KEYS, ROWS = 32, 64, 32


def _forward(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    if device.kind == "gpu":
        return attention_group.forward(entry, inputs, device)
    layout: Layout = entry.attrs[0]
    queries, keys, width, depth = layout.sizes
    batch = math.prod(layout.batch)
    blocks = math.ceil(queries / LANES)
    tiles = KEYS * (1 + layout.form.masked + (layout.form.keep < 1))
    scratch = 4 * batch * blocks * LANES * (width + tiles + depth)
    own = [Argument("scratch", scratch), *ints(blocks)]
    arguments = given(layout, entry, inputs, own)
    products = 2 * batch * queries * keys * (width + depth)
    values = {**macros(layout, inputs, 3), "KEYS": KEYS}
    return _with_functions(written(
        ("attention_tiles", "attention"), "attention", layout, entry, inputs, values, arguments,
        (device, batch * blocks, 0), products,
    ), layout)  # fmt: skip


def _backward(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    if device.kind == "gpu":
        return attention_group.backward(entry, inputs, device)
    layout: Layout = entry.attrs[0]
    queries, keys, width, depth = layout.sizes
    batch, parts = math.prod(layout.batch), layout.parts
    wide = math.ceil(width / 16) * 16
    direct = wide == width
    own = 64 * (width + depth) + 32 * wide + 64 * ROWS + queries * (1 if direct else 1 + wide)
    scratch = Argument("scratch", 4 * batch * parts * own)
    apart = Argument("long", batch * queries * width)
    arguments = given_back(layout, entry, inputs, [scratch, *ints(parts), apart])
    products = 2 * batch * queries * keys * (3 * width + 2 * depth)
    values = {**macros(layout, inputs, 6), "ROWS": ROWS, "DIRECT": int(direct)}
    return _with_functions(written(
        ("attention_tiles", "attention_back"), "attention_back", layout, entry, inputs, values,
        arguments, (device, batch * parts, 0), products,
    ), layout)  # fmt: skip


def _with_functions(made: Source, layout: Layout) -> Source:
    """The source with the functions that its text calls."""
    words = {"philox"} if layout.form.keep < 1 else set()
    return replace(made, preambles=made.preambles | {"exp2_near"} | words)


ROUTINES["attention_rows"] = _forward
ROUTINES["attention_rows_back"] = _backward
