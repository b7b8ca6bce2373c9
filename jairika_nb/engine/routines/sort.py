"""Writes the kernels that sort: whole rows, or the passes over chunks of long rows."""

from __future__ import annotations

import math

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.limits import limits
from jairika_nb.engine.ops.sort import FEW, GPU_CHUNK
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import RESULT, ROUTINES
from jairika_nb.engine.routines.spread import ints, share, source
from jairika_nb.engine.source import Argument, Source

GROUP = 256


def _key_macros(dtype: DType) -> dict[str, object]:
    """KEY(v, flip): unsigned integers that order as the values do; KEYS for 16 of them."""
    kept = dtype.opencl
    unsigned = {1: "uchar", 2: "ushort", 4: "uint", 8: "ulong"}[dtype.itemsize]
    key, keys = (_key(dtype, unsigned, width) for width in ("", "16"))
    macros = {"T": kept, "K": unsigned, "K16": f"{unsigned}16"}
    return {**macros, "KEY(v, flip)": key, "KEYS(v, flip)": keys}


def _key(dtype: DType, unsigned: str, width: str) -> str:
    # Minus zero is zero, and NaN is last whichever way the others are turned.
    top = f"(({unsigned})(({unsigned})1 << {8 * dtype.itemsize - 1}))"
    flip, kind = f"({unsigned})-flip", f"{unsigned}{width}"
    if dtype.kind != "float":
        turned = top if dtype.kind == "int" else f"({unsigned})0"
        return f"(({kind})(as_{kind}(v) ^ {turned} ^ {flip}))"
    kept = f"{dtype.opencl}{width}"
    raw = f"as_{kind}((v) == ({kept})(0) ? ({kept})(0) : (v))"
    key = f"((({raw} & {top}) != ({kind})(0)) ? ~{raw} : ({raw} | {top}))"
    return f"((v) != (v) ? ~({kind})(0) : ({key} ^ {flip}))"


def _buffers(entry: Entry) -> list[Argument]:
    return [Argument("buffer", i) for i in (RESULT, *entry.inputs)]


def _bytes(entry: Entry, inputs: list[Entry]) -> int:
    return sum(e.size * e.dtype.itemsize for e in (entry, *inputs))


def _rows(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (x,) = inputs
    rows, n = x.shape
    macros, flip = _key_macros(x.dtype), int(entry.attrs[0])
    moved = _bytes(entry, inputs)
    if device.kind == "gpu":
        size = 1 << (n - 1).bit_length()
        group = limits(device).group(min(GROUP, max(size // 2, 16)))
        macros |= {"SIZE": size, "GROUP": group}
        arguments = [*_buffers(entry), *ints(n, flip)]
        launch = (device, rows * group, group)
        return source("sort_group.cl", "argsort", macros, arguments, launch, moved)
    macros |= {"PARTS": 2 if x.dtype.itemsize == 8 else 1, "PASSES": min(x.dtype.itemsize, 4)}
    each, items = share(device, rows, x.size * 8)
    scratch = Argument("scratch", items * n * 16)
    arguments = [*_buffers(entry), scratch, *ints(n, flip, rows, each)]
    return source("sort_rows.cl", "argsort", macros, arguments, (device, items, 0), moved)


def _first(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (x,) = inputs
    rows, n = x.shape
    descending, k = entry.attrs
    macros = {**_key_macros(x.dtype), "MOST": FEW}
    each, items = share(device, rows, x.size)
    arguments = [*_buffers(entry), *ints(n, k, int(descending), rows, each)]
    moved, launch = _bytes(entry, inputs), (device, items, 0)
    return source("sort_first.cl", "first_places", macros, arguments, launch, moved)


def _pairs(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    x = inputs[0]
    descending, part = entry.attrs
    macros = {**_key_macros(x.dtype), "STEP": 0}
    # Without pairs the input stands in their place, unread.
    buffers = [Argument("buffer", i) for i in (RESULT, entry.inputs[0], entry.inputs[-1])]
    each, items = share(device, x.size, x.size)
    again = int(len(inputs) > 1)
    arguments = [*buffers, *ints(x.shape[1], int(descending), part, again, x.size, each)]
    moved = _bytes(entry, inputs)
    return source("sort_chunks.cl", "sort_pairs", macros, arguments, (device, items, 0), moved)


def _chunks(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    rows, n = inputs[0].shape
    shift, chunk, digits = entry.attrs
    chunks = math.ceil(n / chunk)
    macros: dict[str, object] = {"STEP": 1 if len(inputs) == 1 else 2, "DIGITS": digits}
    pieces, moved, name = rows * chunks, _bytes(entry, inputs), entry.op
    if device.kind == "gpu":
        group = limits(device).group(GROUP)
        macros |= {"GROUP": group, "PER": GPU_CHUNK // group}
        arguments = [*_buffers(entry), *ints(n, 32 + shift, chunks)]
        launch = (device, pieces * group, group)
        return source("sort_chunks_group.cl", name, macros, arguments, launch, moved)
    each, items = share(device, pieces, inputs[0].size)
    arguments = [*_buffers(entry), *ints(n, 32 + shift, chunk, chunks, pieces, each)]
    return source("sort_chunks.cl", name, macros, arguments, (device, items, 0), moved)


def _search(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    rows, values = inputs
    n, many = rows.shape[1], values.shape[1]
    right = entry.attrs[0] == "right"
    # NaN lies after all else, and beside NaN.
    after = "((v) != (v))" if right else "((a) == (a) && (v) != (v))"
    before = f"((a) {'<=' if right else '<'} (v) || {after})"
    macros = {"T": rows.dtype.opencl, "BEFORE(a, v)": before}
    each, items = share(device, values.size, values.size * max(1, n.bit_length()))
    stride = n if rows.shape[0] > 1 else 0
    arguments = [*_buffers(entry), *ints(n, many, stride, values.size, each)]
    launch, moved = (device, items, 0), _bytes(entry, inputs)
    return source("sort_search.cl", "searchsorted", macros, arguments, launch, moved)


ROUTINES["argsort_rows"] = _rows
ROUTINES["first_rows"] = _first
ROUTINES["sort_pairs"] = _pairs
ROUTINES["radix_counts"] = _chunks
ROUTINES["radix_move"] = _chunks
ROUTINES["searchsorted"] = _search
