"""Writes attention and its derivatives for a GPU: a work-group for each block of rows."""

from __future__ import annotations

import math

from jairika_nb.engine.device import Device
from jairika_nb.engine.layout import Layout
from jairika_nb.engine.ops.attention import GROUP
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines.attention_arguments import given, given_back, macros, written
from jairika_nb.engine.routines.spread import ints
from jairika_nb.engine.source import Source

# Columns of sums that a work-group has, so that they are registers: longer rows are panels of
# several groups. Numbers of rows that each of its 8 lines of work-items may have, and the most
# sums that a work-item should have (ptxas counts 119 to 204 registers of 255 and spills none).
STEP, MOST = 32, 128
LINES, HIGHS, SUMS = 8, (8, 4), 64


def forward(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    """Blocks of queries."""
    layout: Layout = entry.attrs[0]
    queries, keys, width, depth = layout.sizes
    batch, wide = math.prod(layout.batch), _padded(depth)
    high = _rows(4 + wide // 16)
    blocks, panels = math.ceil(queries / (LINES * high)), math.ceil(depth / wide)
    arguments = given(layout, entry, inputs, ints(blocks, panels))
    products = 2 * batch * queries * keys * (panels * width + depth)
    values = {**macros(layout, inputs, 3), "HIGH": high, "WIDTH": wide}
    return written(
        ("attention_blocks", "attention_group"), "attention", layout, entry, inputs, values,
        arguments, (device, batch * blocks * panels * GROUP, GROUP), products,
    )  # fmt: skip


def backward(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    """Blocks of queries, which have derivatives of their own, and blocks of keys."""
    layout: Layout = entry.attrs[0]
    queries, keys, width, depth = layout.sizes
    batch, longest = math.prod(layout.batch), max(width, depth)
    wide = _padded(longest)
    high = _rows(2 * (4 + wide // 16))
    blocks = [math.ceil(n / (LINES * high)) for n in (queries, keys)]
    panels = math.ceil(longest / wide)
    arguments = given_back(layout, entry, inputs, ints(*blocks, panels))
    products = 2 * batch * queries * keys * (2 * panels * (width + depth) + 2 * width + depth)
    values = {**macros(layout, inputs, 6), "HIGH": high, "WIDTH": wide}
    return written(
        ("attention_blocks", "attention_group_back"), "attention_back", layout, entry, inputs,
        values, arguments, (device, batch * sum(blocks) * panels * GROUP, GROUP), products,
    )  # fmt: skip


def _padded(columns: int) -> int:
    return min(math.ceil(columns / STEP) * STEP, MOST)


def _rows(columns: int) -> int:
    """Rows of a work-item that has so many sums of each."""
    return next((high for high in HIGHS if high * columns <= SUMS), HIGHS[-1])
