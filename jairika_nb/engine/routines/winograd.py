"""Writes the kernels of 3 x 3 convolutions by Winograd's transforms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from jairika_nb.engine.device import Device
from jairika_nb.engine.ops.winograd import LANES, PLACES, TILES, grouped
from jairika_nb.engine.panels import TRANSPOSE
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import RESULT, ROUTINES, template
from jairika_nb.engine.routines.spread import ints, source
from jairika_nb.engine.source import Argument, Source

# Channels of a piece of a product at a time, and of a piece of a kernel's derivative.
CHUNK, CHANNELS = 64, 64
# Numbers of the strip of an image that a work-item turns at a time: they fit its cache.
STRIP = 1 << 16
# Work-items a core gets; each has its own scratch.
SHARES = 8


def _share(device: Device, pieces: int) -> tuple[int, int]:
    each = -(-pieces // (device.compute_units * SHARES))
    return each, -(-pieces // each)


def _source(file: str, name: str, macros: Mapping[str, object], arguments: list[Argument],
            launch: tuple[Device, int], moved: int, flops: int) -> Source:  # fmt: skip
    device, items = launch
    made = source(file, name, macros, arguments, (device, items, 1), moved)
    return replace(made, body=TRANSPOSE + template("winograd.cl") + made.body, flops=flops)


def _image(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    take, down, across, above, before, _ = entry.attrs
    samples, channels, height, width = inputs[0].shape
    blocks, room = channels // LANES, entry.shape[2]
    strip = min(down, max(1, (STRIP // (width * LANES) - 2) // 4))
    size = _rows(strip, width)
    each, items = _share(device, samples * blocks)
    sizes = ints(height, width, blocks, down, across, above, before, room, strip, size,
                 samples * blocks, each)  # fmt: skip
    moved = 4 * (entry.size + inputs[0].size)
    return _source("winograd_image.cl", f"winograd_image{take}", {"TAKE": take},
                   _arguments(entry, items * size, sizes), (device, items), moved,
                   12 * (6 + take) * entry.size // PLACES)  # fmt: skip


def _rows(strip: int, width: int) -> int:
    """Numbers of the rows that a strip of tiles sees, of 16 planes."""
    return (4 * strip + 2) * width * LANES


def _width(outputs: int) -> int:
    return 32 if outputs % 32 == 0 else 16


def _arguments(entry: Entry, scratch: int, sizes: list[Argument]) -> list[Argument]:
    buffers = [Argument("buffer", i) for i in (RESULT, *entry.inputs)]
    return [*buffers, Argument("scratch", scratch * 4), *sizes]


def _product(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (samples, outputs, *out), flipped, corner = entry.attrs
    down, across = (-(-n // 4) for n in out)
    many, wide = samples * down * across, _width(outputs)
    if corner:
        channels, height, width = inputs[0].shape[1:]
        strip, group = grouped((down, across))
        tiles, pieces = TILES, -(-down // strip) * -(-samples // group)
    else:
        channels, room = inputs[0].shape[1] * LANES, inputs[0].shape[2]
        tiles = min(TILES, room)
        pieces = -(-many // tiles) * (outputs // wide)
    chunk = min(CHUNK, channels)
    each, items = _share(device, pieces)
    size = PLACES * wide * (chunk + tiles)
    sizes = ints(channels, outputs, *out, down, across)
    if corner:
        size += PLACES * channels * tiles + _rows(strip, width)
        sizes += ints(samples, height, width, *corner, strip, group, size, pieces, each)
    else:
        sizes += ints(many, room, pieces, each)
    macros = {"NR": wide, "TILES": tiles, "CHUNK": chunk, "FLIPPED": int(flipped),
              "FUSED": int(bool(corner))}  # fmt: skip
    moved = 4 * (entry.size + sum(i.size for i in inputs))
    return _source("winograd_product.cl", "winograd_product", macros,
                   _arguments(entry, items * size, sizes), (device, items), moved,
                   2 * PLACES * many * channels * outputs)  # fmt: skip


def _kernel(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (parts, outputs, channels, *_), span, rest = entry.attrs
    wide, piece = _width(outputs), min(CHANNELS, channels)
    pieces = parts * (outputs // wide) * math.ceil(channels / piece)
    each, items = _share(device, pieces)
    size = PLACES * wide * piece
    fused = len(rest) == 2
    if fused:
        (samples, _, height, width), out = inputs[0].shape, inputs[1].shape[2:]
        tiles = tuple(-(-n // 4) for n in out)
        many = samples * math.prod(tiles)
        strip, group = grouped(tiles)
        size += PLACES * TILES * (piece + wide) + _rows(strip, max(width, out[1]))
        sizes = ints(channels, outputs, *out, *tiles, samples, height, width, *rest, strip, group,
                     span, size, pieces, each)  # fmt: skip
    else:
        (many,) = rest
        sizes = ints(channels, outputs, many, inputs[0].shape[2], span, pieces, each)
    macros = {"NR": wide, "CHANNELS": piece, "TILES": TILES, "FUSED": int(fused)}
    moved = 4 * (entry.size + sum(i.size for i in inputs))
    return _source("winograd_kernel.cl", "winograd_kernel", macros,
                   _arguments(entry, items * size, sizes), (device, items), moved,
                   2 * PLACES * many * channels * outputs)  # fmt: skip


ROUTINES["winograd_image"] = _image
ROUTINES["winograd_product"] = _product
ROUTINES["winograd_kernel"] = _kernel
