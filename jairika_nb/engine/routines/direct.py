"""Writes the kernels of convolutions that are summed tap by tap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from jairika_nb.engine.device import Device
from jairika_nb.engine.ops.direct import LANES
from jairika_nb.engine.ops.patches import Geometry
from jairika_nb.engine.panels import TRANSPOSE
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import RESULT, ROUTINES, template
from jairika_nb.engine.routines.spread import ints, source
from jairika_nb.engine.source import Argument, Source

# Places of a piece and channels at a time; numbers of samples that a core's cache keeps.
PLACES, CHANNELS, CACHED = 256, 64, 1 << 17
# Work-items a core gets; each has its own scratch.
SHARES = 8


def share(device: Device, pieces: int) -> tuple[int, int]:
    """How many pieces a work-item takes one after the other, and how many work-items there are."""
    each = -(-pieces // (device.compute_units * SHARES))
    return each, -(-pieces // each)


def width(outputs: int) -> int:
    """How many outputs are summed at a time."""
    return 32 if outputs % 32 == 0 else 16


def written(
    file: str,
    before: tuple[str, ...],
    macros: Mapping[str, object],
    arguments: list[Argument],
    launch: tuple[Device, int],
    cost: tuple[int, int],
) -> Source:
    """A template after the functions it calls; ``cost`` is bytes moved and operations."""
    device, items = launch
    name = file.removesuffix(".cl")
    made = source(file, name, {}, arguments, (device, items, 1), cost[0])
    defined = "".join(f"#define {key} {value}\n" for key, value in macros.items())
    functions = "".join(map(template, before))
    return replace(made, body=defined + TRANSPOSE + functions + made.body, flops=cost[1])


def taken_in_turn(
    file: str,
    before: tuple[str, ...],
    macros: Mapping[str, object],
    entry: Entry,
    sizes: tuple[int, list[Argument]],
    launch: tuple[Device, int],
    cost: tuple[int, int],
) -> Source:
    """The same for pieces that as many work-items as there are cores take as they come to them.

    ``sizes`` are the numbers of scratch of each, and the kernel's own arguments; ``launch`` has the
    number of pieces.
    """
    device, pieces = launch
    workers = min(device.compute_units, pieces)
    scratch, own = sizes
    arguments = given(entry, workers * scratch, [*own, *ints(pieces, workers)])
    arguments.insert(len(entry.inputs) + 2, Argument("counter", 0))
    items = min(pieces, device.compute_units * SHARES)
    return written(file, before, macros, arguments, (device, items), cost)


def given(entry: Entry, scratch: int, sizes: list[Argument]) -> list[Argument]:
    """The arguments of a kernel: result, inputs, ``scratch`` numbers if any, and sizes."""
    buffers = [Argument("buffer", i) for i in (RESULT, *entry.inputs)]
    own = [Argument("scratch", scratch * 4)] if scratch else []
    return [*buffers, *own, *sizes]


def moved(entry: Entry, inputs: list[Entry]) -> int:
    """Bytes read and written."""
    return 4 * (entry.size + sum(i.size for i in inputs))


def _image(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    *places, _ = entry.attrs
    samples, channels, *size = inputs[0].shape
    planes = samples * entry.shape[1]
    each, items = share(device, planes)
    arguments = given(entry, 0, ints(channels, *size, *places, planes, each))
    return written("direct_image.cl", (), {}, arguments, (device, items),
                   (moved(entry, inputs), 0))  # fmt: skip


def _product(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (samples, outputs, *out), walk, corner = entry.attrs
    walk = Geometry(*walk)
    (_, blocks, *room, _), taps = inputs[0].shape, inputs[1].shape[2:]
    channels, wide = inputs[1].shape[0 if walk.flipped else 1], width(outputs)
    chunk, phases = min(CHANNELS, blocks * LANES), math.prod(walk.spread)
    rows, columns = (-(-n // step) for n, step in zip(out, walk.spread, strict=True))
    total, groups = samples * rows * columns, outputs // wide
    places = _places(total // columns, columns, phases, -(-SHARES * device.compute_units // groups))
    pieces = groups * -(-total // places)
    each, items = share(device, pieces)
    sizes = ints(channels, outputs, samples, *out, *taps, *room, *corner, *walk.stride,
                 *walk.spread, *walk.dilation, *(lo for lo, _ in walk.pads), places, pieces,
                 each)  # fmt: skip
    macros = {"NR": wide, "ROOM": chunk, "TAPS": math.prod(taps),
              "FLIPPED": int(walk.flipped), "WHOLE": int(channels % LANES == 0)}  # fmt: skip
    space = wide * (math.prod(taps) * chunk + phases * -(-places // 8) * 8) + -(-places // 16) * 16
    work = 2 * entry.size * channels * math.prod(taps) // phases
    return written("direct_product.cl", ("direct.cl",), macros, given(entry, items * space, sizes),
                   (device, items), (moved(entry, inputs), work))  # fmt: skip


def _places(lines: int, columns: int, phases: int, shares: int) -> int:
    """How many places of each phase a piece has: whole lines of them where there are several."""
    if phases == 1:
        return PLACES
    return max(1, min(PLACES // columns, lines // shares)) * columns


def _kernel(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (parts, outputs, channels, *taps), walk, span = entry.attrs
    walk = Geometry(*walk)
    (samples, _, *room, _), out = inputs[0].shape, inputs[1].shape[2:4]
    wide = width(outputs)
    pieces = parts * (outputs // wide) * inputs[0].shape[1]
    each, items = share(device, pieces)
    block = max(1, CACHED // (math.prod(room) * LANES + math.prod(out) * wide))
    before = [max(lo, 0) - lo for lo, _ in walk.pads]
    corner = before[0] * room[1] + before[1]
    sizes = ints(channels, outputs, samples, *out, taps[1], *room, corner, *walk.stride,
                 *walk.dilation, span, block, pieces, each)  # fmt: skip
    macros = {"NR": wide, "TAPS": math.prod(taps)}
    scratch = items * math.prod(taps) * LANES * wide
    work = 2 * outputs * channels * math.prod(taps) * math.prod(out) * samples
    return written("direct_kernel.cl", (), macros, given(entry, scratch, sizes),
                   (device, items), (moved(entry, inputs), work))  # fmt: skip


ROUTINES["direct_image"] = _image
ROUTINES["direct_product"] = _product
ROUTINES["direct_kernel"] = _kernel
