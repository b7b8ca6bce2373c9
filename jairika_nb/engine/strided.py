"""Operands and results of attention where they lie: views are read and written by strides.

Heads are mostly views of one product, and the next product wants them side by side again: neither
needs a copy.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from jairika_nb.engine.device import Device
from jairika_nb.engine.fuse import operand
from jairika_nb.engine.graph import TABLE, Shape
from jairika_nb.engine.index import Var
from jairika_nb.engine.layout import BATCHES, Layout, View
from jairika_nb.engine.ops.attention import Form
from jairika_nb.engine.product import is_strided
from jairika_nb.engine.program import Entry

if TYPE_CHECKING:
    from jairika_nb.engine.lower import Lowered

# Views that can be read by strides, if sizes agree.
STRIDED = ("reshape", "permute", "expand", "slice", "detach")
# Keys that a work-item of the derivative takes at a time.
KEYS = 32


def forward(lowered: Lowered, entry: Entry) -> int:
    """The kernel of attention: its result as a view of what the kernel stores."""
    form = Form(*entry.attrs)
    seen = [_seen(lowered, i) for i in entry.inputs[:3]]
    (rest, more), sizes = _rest(lowered, form, entry.inputs[3:]), _sizes(lowered, entry.inputs)
    shape, turned = entry.shape, _is_turned(seen[0][1], entry.shape)
    batch = _batch(shape)
    layout = Layout(
        form, batch, sizes, tuple(v for _, v in (*seen, *more)), (_result(shape, turned),),
        (turned, False),
    )  # fmt: skip
    position = _add(lowered, entry, layout, [*(p for p, _ in (*seen, *more)), *rest], shape)
    return _turned_view(lowered, position, shape, turned)


def backward(lowered: Lowered, entry: Entry) -> int:
    """The kernel of the derivatives: that of the queries, summed over parts of the keys.

    A GPU's, which has no parts, is given each row's sum of g * y in place of y.
    """
    form = Form(*entry.attrs)
    g, y, logsum, *operands = entry.inputs
    seen = [_seen(lowered, i) for i in (g, y, *operands[:3])]
    (rest, more), sizes = _rest(lowered, form, tuple(operands[3:])), _sizes(lowered, operands)
    shapes = [lowered.entries[i].shape for i in operands[:3]]
    turned = tuple(_is_turned(v, s) for (_, v), s in zip(seen[2:], shapes, strict=True))
    results = tuple(_result(s, t) for s, t in zip(shapes, turned, strict=True))
    batch = _batch(entry.shape)
    parts = _parts(math.prod(batch), sizes[1], lowered.device)
    layout = Layout(form, batch, sizes, tuple(v for _, v in (*seen, *more)), results, turned, parts)
    kept = lowered.contiguous(logsum)
    inputs = [*(p for p, _ in seen), kept, *(p for p, _ in more), *rest]
    position = _add(lowered, entry, layout, inputs, entry.shape, parts)
    return _turned_view(lowered, _joined(lowered, position), entry.shape, turned[0])


def companion(lowered: Lowered, entry: Entry) -> int:
    """What a kernel stores beside its result."""
    number, shape = entry.attrs
    position = entry.inputs[0]
    while lowered.entries[position].op not in ("attention_rows", "attention_rows_back"):
        position = lowered.entries[position].inputs[0]
    turned = lowered.entries[position].attrs[0].turned[number + 1]
    stored = entry._replace(attrs=(number,), inputs=(position,), shape=_arranged(shape, turned))
    found = lowered.add(stored)
    lowered.companions.setdefault(position, {})[number] = found
    lowered.forced.add(found)
    return _turned_view(lowered, found, shape, turned)


def _add(
    lowered: Lowered, entry: Entry, layout: Layout, inputs: list[int], shape: Shape, parts: int = 1
) -> int:
    arranged = _arranged(shape, layout.turned[0])
    arranged = (parts, *arranged) if parts > 1 else arranged
    shapes = [lowered.entries[i].shape for i in inputs]
    position = lowered.add(
        Entry(entry.op, (layout, tuple(shapes)), tuple(inputs), arranged, entry.dtype)
    )
    lowered.shapes[position] = shapes
    lowered.forced.add(position)
    return position


def _joined(lowered: Lowered, position: int) -> int:
    """The sum over parts."""
    entry = lowered.entries[position]
    if entry.attrs[0].parts == 1:
        return position
    whole = (1, *entry.shape[1:])
    total = lowered.rewritten(Entry("sum", (0,), (position,), whole, entry.dtype))
    return lowered.view("reshape", whole[1:], total, whole[1:])


def _parts(batches: int, keys: int, device: Device) -> int:
    """How many work-items share the keys of a batch, so that all cores have something to do."""
    wanted = 4 * device.compute_units
    if batches >= wanted or device.kind == "gpu":
        return 1
    return max(1, min(math.ceil(wanted / batches), math.ceil(keys / KEYS)))


def _sizes(lowered: Lowered, operands: tuple[int, ...] | list[int]) -> tuple[int, int, int, int]:
    (rows, width), (keys, depth) = (lowered.entries[operands[i]].shape[-2:] for i in (0, 2))
    return rows, keys, width, depth


def _rest(
    lowered: Lowered, form: Form, rest: tuple[int, ...]
) -> tuple[list[int], list[tuple[int, View]]]:
    """Words of dropout, which kernels draw themselves, and the mask with its view."""
    mask = [_seen(lowered, rest[0], any_column=True)] if form.masked else []
    return list(rest[int(form.masked) :]), mask


# Views


def _seen(lowered: Lowered, position: int, any_column: bool = False) -> tuple[int, View]:
    """An operand as a view of what is stored, or stored."""
    entries, base = lowered.entries, position
    while entries[base].op in STRIDED and base not in lowered.forced:
        base = entries[base].inputs[0]
    found = None
    if TABLE[entries[base].op].kind != "source" or entries[base].op == "leaf":
        found = _view(entries, base, position)
    if found is None or (found.column != 1 and not any_column):
        base = lowered.contiguous(position)
        found = _result(entries[position].shape, False)
    if entries[base].op != "leaf":
        lowered.forced.add(base)
    return base, found


def _view(entries: list[Entry], base: int, position: int) -> View | None:
    sizes = entries[position].shape[:-2]
    batch = [Var(f"i{d}", n) for d, n in enumerate(sizes) if n != 1]
    seen = operand(entries, {base}, position, batch)
    if len(batch) > BATCHES or not is_strided(seen):
        return None
    place = seen.expr.data[1]
    steps = [place.coefficient(v) for v in batch]
    if None in steps:
        return None
    row, column = (place.coefficient(v) if v else 0 for v in (seen.rows, seen.columns))
    # Rows of one element are contiguous whatever their step.
    column = column if seen.columns else 1
    return View(place.constant, _filled(steps, 0), row, column)


def _filled(numbers: list[int], by: int) -> tuple[int, ...]:
    return (*(by for _ in range(BATCHES - len(numbers))), *numbers)


def _batch(shape: Shape) -> tuple[int, ...]:
    sizes = [n for n in shape[:-2] if n != 1]
    return _filled(sizes if len(sizes) <= BATCHES else [math.prod(sizes)], 1)


def _is_turned(view: View, shape: Shape) -> bool:
    """Whether the heads of a row lie side by side: (..., L, heads, size) in memory."""
    many = len(shape) > 2 and shape[-3] > 1 and len([n for n in shape[:-2] if n > 1]) <= BATCHES
    return many and view.row > view.batch[-1] > 0


def _arranged(shape: Shape, turned: bool) -> Shape:
    return (*shape[:-3], shape[-2], shape[-3], shape[-1]) if turned else shape


def _turned_view(lowered: Lowered, position: int, shape: Shape, turned: bool) -> int:
    if not turned:
        return position
    order = (*range(len(shape) - 3), len(shape) - 2, len(shape) - 3, len(shape) - 1)
    return lowered.view("permute", order, position, shape)


def _result(shape: Shape, turned: bool) -> View:
    """Where a contiguous result's batches and rows lie."""
    steps, step = {}, 1
    axes = list(range(len(shape)))
    if turned:
        axes[-3], axes[-2] = axes[-2], axes[-3]
    for axis in reversed(axes):
        steps[axis] = step
        step *= shape[axis]
    batch = [steps[a] for a in range(len(shape) - 2) if shape[a] != 1]
    if len(batch) > BATCHES:
        batch = [shape[-2] * shape[-1]]
    return View(0, _filled(batch, 0), steps[len(shape) - 2], 1)


RULES = {"attention_rows": forward, "attention_rows_back": backward, "companion": companion}
