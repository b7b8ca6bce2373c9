"""What all kernels of attention are given: operands, where these lie, a mask, dropout.

The order is that of ``kernels/attention_views.cl``; what a kernel has of its own stands in between.
"""

from __future__ import annotations

import math
from dataclasses import replace

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import bool_, float32
from jairika_nb.engine.layout import Layout, View
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import BESIDE, RESULT, template
from jairika_nb.engine.routines.spread import ints, source
from jairika_nb.engine.source import Argument, Source


def given(layout: Layout, entry: Entry, inputs: list[Entry], own: list[Argument]) -> list[Argument]:
    """The arguments forwards."""
    rows = math.prod(layout.batch) * layout.sizes[0]
    return [
        Argument("buffer", RESULT), Argument(BESIDE, (0, 4 * rows)),
        *(Argument("buffer", i) for i in entry.inputs[:3]), *_sizes(layout), *own,
        *places(layout.views[:3]), *places(layout.results), *masked(layout, entry, inputs, 3),
    ]  # fmt: skip


def given_back(
    layout: Layout, entry: Entry, inputs: list[Entry], own: list[Argument]
) -> list[Argument]:
    """The arguments backwards."""
    g, y, q, k, v, logsum = entry.inputs[:6]
    _, keys, *widths = layout.sizes
    rows = math.prod(layout.batch) * keys
    return [
        Argument("buffer", RESULT),
        *(Argument(BESIDE, (i, 4 * rows * n)) for i, n in enumerate(widths)),
        *(Argument("buffer", i) for i in (g, y, logsum, q, k, v)), *_sizes(layout), *own,
        *places(layout.views[:5]), *places(layout.results), *masked(layout, entry, inputs, 6),
    ]  # fmt: skip


def _sizes(layout: Layout) -> list[Argument]:
    scale = Argument("number", layout.form.scale, float32)
    return [scale, *ints(*layout.batch[1:], *layout.sizes)]


def places(views: tuple[View, ...]) -> list[Argument]:
    return [Argument("long", n) for v in views for n in (v.start, *v.batch, v.row)]


def macros(layout: Layout, inputs: list[Entry], mask: int) -> dict[str, object]:
    form = layout.form
    macros: dict[str, object] = {"CAUSAL": int(form.causal), "DROPOUT": int(form.keep < 1)}
    if form.masked:
        kind = inputs[mask].dtype
        macros |= {"MASKED": 1 if kind is bool_ else 2, "MASK_TYPE": kind.opencl}
    return macros


def masked(layout: Layout, entry: Entry, inputs: list[Entry], first: int) -> list[Argument]:
    """The arguments of a mask, and of dropout's words: the numbers they are drawn by."""
    found = []
    if layout.form.masked:
        view = layout.views[-1]
        found += [Argument("buffer", entry.inputs[first]), *places((view,))]
        found.append(Argument("long", view.column))
    if layout.form.keep < 1:
        slot = inputs[-1].attrs[0]
        found.append(Argument("number", layout.form.keep, float32))
        found += [Argument("stream", (slot, word)) for word in range(3)]
    return found


def written(
    files: tuple[str, str], name: str, layout: Layout, entry: Entry, inputs: list[Entry],
    macros: dict[str, object], arguments: list[Argument], launch: tuple[Device, int, int],
    products: int,
) -> Source:  # fmt: skip
    """The kernel of a template, the last of ``files``, behind what it is made of."""
    pieces, file = files
    moved = 4 * (entry.size + sum(i.size for i in inputs))
    made = source(f"{file}.cl", name, macros, arguments, launch, moved)
    defined, text = made.body.split("#ifndef", 1)
    before = template("attention_views.cl") + template(f"{pieces}.cl")
    flops = products // 2 if layout.form.causal else products
    return replace(made, body=f"{defined}{before}#ifndef{text}", flops=flops)
