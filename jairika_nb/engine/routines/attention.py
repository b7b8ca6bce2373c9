"""Writes attention and its derivatives without a buffer of all scores."""

from __future__ import annotations

import math
from dataclasses import replace

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import bool_, float32
from jairika_nb.engine.layout import Layout, View
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import BESIDE, RESULT, ROUTINES, template
from jairika_nb.engine.routines.spread import ints, source
from jairika_nb.engine.source import Argument, Source

# Queries of a work-item; keys whose weights it holds; queries that a block of keys takes at a time.
LANES, KEYS, ROWS = 32, 64, 32


def _forward(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    layout: Layout = entry.attrs[0]
    queries, keys, width, depth = layout.sizes
    batch = math.prod(layout.batch)
    blocks = math.ceil(queries / LANES)
    tiles = KEYS * (1 + layout.form.masked + (layout.form.keep < 1))
    scratch = 4 * batch * blocks * LANES * (width + tiles + depth)
    arguments = [
        Argument("buffer", RESULT), Argument(BESIDE, (0, 4 * batch * queries)),
        *(Argument("buffer", i) for i in entry.inputs[:3]), Argument("scratch", scratch),
        Argument("number", layout.form.scale, float32),
        *ints(*layout.batch[1:], *layout.sizes, blocks), *_places(layout.views[:3]),
        *_places(layout.results), *_masked(layout, entry, inputs, 3),
    ]  # fmt: skip
    products = 2 * batch * queries * keys * (width + depth)
    macros = {**_macros(layout, inputs, 3), "KEYS": KEYS}
    return _written("attention", layout, entry, inputs, macros, arguments, batch * blocks,
                    products, device)  # fmt: skip


def _backward(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    layout: Layout = entry.attrs[0]
    queries, keys, width, depth = layout.sizes
    batch, parts = math.prod(layout.batch), layout.parts
    wide = math.ceil(width / 16) * 16
    direct = wide == width
    own = 64 * (width + depth) + 32 * wide + 64 * ROWS + queries * (1 if direct else 1 + wide)
    g, y, q, k, v, logsum = entry.inputs[:6]
    arguments = [
        Argument("buffer", RESULT),
        *(Argument(BESIDE, (i, 4 * batch * keys * n)) for i, n in enumerate((width, depth))),
        *(Argument("buffer", i) for i in (g, y, logsum, q, k, v)),
        Argument("scratch", 4 * batch * parts * own),
        Argument("number", layout.form.scale, float32),
        *ints(*layout.batch[1:], *layout.sizes, parts),
        Argument("long", batch * queries * width), *_places(layout.views[:5]),
        *_places(layout.results), *_masked(layout, entry, inputs, 6),
    ]  # fmt: skip
    products = 2 * batch * queries * keys * (3 * width + 2 * depth)
    macros = {**_macros(layout, inputs, 6), "ROWS": ROWS, "DIRECT": int(direct)}
    return _written("attention_back", layout, entry, inputs, macros, arguments, batch * parts,
                    products, device)  # fmt: skip


def _places(views: tuple[View, ...]) -> list[Argument]:
    return [Argument("long", n) for v in views for n in (v.start, *v.batch, v.row)]


def _macros(layout: Layout, inputs: list[Entry], mask: int) -> dict[str, object]:
    form = layout.form
    macros: dict[str, object] = {"CAUSAL": int(form.causal), "DROPOUT": int(form.keep < 1)}
    if form.masked:
        kind = inputs[mask].dtype
        macros |= {"MASKED": 1 if kind is bool_ else 2, "MASK_TYPE": kind.opencl}
    return macros


def _masked(layout: Layout, entry: Entry, inputs: list[Entry], first: int) -> list[Argument]:
    """The arguments of a mask, and of dropout's words: the numbers they are drawn by."""
    found = []
    if layout.form.masked:
        view = layout.views[-1]
        found += [Argument("buffer", entry.inputs[first]), *_places((view,))]
        found.append(Argument("long", view.column))
    if layout.form.keep < 1:
        slot = inputs[-1].attrs[0]
        found.append(Argument("number", layout.form.keep, float32))
        found += [Argument("stream", (slot, word)) for word in range(3)]
    return found


def _written(
    name: str, layout: Layout, entry: Entry, inputs: list[Entry], macros: dict[str, object],
    arguments: list[Argument], items: int, products: int, device: Device,
) -> Source:  # fmt: skip
    moved = 4 * (entry.size + sum(i.size for i in inputs))
    made = source(f"{name}.cl", name, macros, arguments, (device, items, 1), moved)
    defined, text = made.body.split("#ifndef", 1)
    tiles = template("attention_tiles.cl")
    preambles = made.preambles | ({"philox"} if layout.form.keep < 1 else frozenset())
    flops = products // 2 if layout.form.causal else products
    return replace(made, body=f"{defined}{tiles}#ifndef{text}", preambles=preambles, flops=flops)


ROUTINES["attention_rows"] = _forward
ROUTINES["attention_rows_back"] = _backward
