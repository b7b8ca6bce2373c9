"""Writes attention without a buffer of all scores."""

from __future__ import annotations

import math

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import float32
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import RESULT, ROUTINES
from jairika_nb.engine.routines.spread import ints, source
from jairika_nb.engine.source import Argument, Source

# Queries a work-item: more share one turning of the keys, fewer keep all cores busy.
ROWS, FEWEST = 64, 8


def _attention(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    query, _, value = inputs
    causal, scale = entry.attrs
    batch = math.prod(query.shape[:-2])
    (length, width), (keys, depth) = query.shape[-2:], value.shape[-2:]
    rows = ROWS
    while rows > FEWEST and batch * math.ceil(length / rows) < device.compute_units * 4:
        rows //= 2
    blocks = math.ceil(length / rows)
    scratch = Argument("scratch", batch * blocks * (width * 32 + rows * 2) * 4)
    buffers = [Argument("buffer", i) for i in (RESULT, *entry.inputs)]
    arguments = [*buffers, scratch, Argument("number", scale, float32)]
    arguments += ints(length, keys, width, depth, blocks)
    moved = 4 * (entry.size + sum(i.size for i in inputs))
    macros = {"ROWS": rows, "CAUSAL": int(causal)}
    return source(
        "attention.cl", "attention", macros, arguments, (device, batch * blocks, 1), moved
    )


ROUTINES["attention_rows"] = _attention
