"""Writes the kernels of recurrent layers: all steps of a sequence in one launch."""

from __future__ import annotations

import math
from dataclasses import replace

from jairika_nb.engine.device import Device
from jairika_nb.engine.ops.cells import CELLS
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import RESULT, ROUTINES, template
from jairika_nb.engine.routines.spread import ints, source
from jairika_nb.engine.source import Argument, Source
from jairika_nb.engine.spelling import PREAMBLES

NUMBERS = {"rnn_tanh": 0, "rnn_relu": 1, "lstm": 2, "gru": 3}
# What cells call, where the drivers' own is not the best.
FUNCTIONS = {"TANH": "tanh", "SQUASH": "sigmoid"}
# Vectors of sums that a work-item keeps in registers, at most.
SUMS = 16


def _written(entry: Entry, wide: int, given: list[int], sizes: tuple[int, ...], device: Device,
             masked: bool, backward: bool) -> Source:  # fmt: skip
    """The kernel for ``sizes`` (rows, size, steps); ``wide`` vectors are summed for each row."""
    cell, reverse, span = entry.attrs[:3]
    rows, size, steps = sizes
    each = max(math.ceil(rows / device.compute_units), 1)
    kept = entry.dtype.opencl
    functions = {word: f"{name}_{kept}16" for word, name in FUNCTIONS.items()}
    functions = {word: name for word, name in functions.items() if name in PREAMBLES}
    macros = {
        "T": kept, "V16": f"{kept}16", **functions, "CELL": NUMBERS[cell], "SPAN": span,
        "ROWS": rows_together(wide), "MASKED": int(masked),
        **({"UPSTREAM": entry.attrs[3]} if backward else {}),
    }  # fmt: skip
    arguments = [Argument("buffer", i) for i in (RESULT, *given)]
    arguments += ints(rows, size, steps, int(reverse), each)
    arguments += ints(entry.shape[-1]) if backward else []
    moved = 2 * entry.size * entry.dtype.itemsize
    items = math.ceil(rows / each)
    name = f"{cell}_back" if backward else cell
    file = "recurrent_back.cl" if backward else "recurrent_forward.cl"
    made = source("recurrent.cl", name, macros, arguments, (device, items, 1), moved)
    return replace(
        made,
        body=made.body + template(file).replace("KERNEL_NAME", name),
        preambles=made.preambles | set(functions.values()),
        flops=2 * rows * steps * CELLS[cell].gates * size * size,
    )


def rows_together(wide: int) -> int:
    """Rows multiplied at a time: a power of two, as batches are, since those that lack cost too."""
    return max(n for n in (2, 4, 8) if n == 2 or n * wide <= SUMS)


def _forward(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    cell, _, span = entry.attrs
    x, w, h, *rest = entry.inputs
    # What a cell lacks stands for nothing: another input in its place, unread.
    extra = rest.pop(0) if cell in ("lstm", "gru") else h
    masked = bool(rest)
    given = [x, w, h, extra, extra, rest[0] if masked else h]
    _, steps, rows, size = entry.shape
    wide = CELLS[cell].gates * span
    return _written(entry, wide, given, (rows, size, steps), device, masked, False)


def _backward(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    cell, _, span, states, _ = entry.attrs
    *upstream, kept, w = entry.inputs[: states + 2]
    h, *rest = entry.inputs[states + 2 :]
    c = rest.pop(0) if cell == "lstm" else h
    masked = bool(rest)
    given = [upstream[0], upstream[-1], kept, w, h, c, rest[0] if masked else h]
    _, steps, rows, size = inputs[states].shape
    return _written(entry, span, given, (rows, size, steps), device, masked, True)


ROUTINES["recurrent_rows"] = _forward
ROUTINES["recurrent_rows_back"] = _backward
