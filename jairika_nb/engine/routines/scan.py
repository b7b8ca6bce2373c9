"""Writes the kernels of running sums, products, extremes and recurrences."""

from __future__ import annotations

import math

from jairika_nb.engine import spelling
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.limits import limits
from jairika_nb.engine.ops.reduce import initial
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import RESULT, ROUTINES
from jairika_nb.engine.routines.spread import ints, share, source
from jairika_nb.engine.source import Argument, Source

GROUP = 256
_EXTREME = "((((a) {0} (b)) | ((a) != (a))) ? (a) : (b))"
JOIN = {
    "add": "((a) + (b))",
    "mul": "((a) * (b))",
    "max": _EXTREME.format(">="),
    "min": _EXTREME.format("<="),
    "logaddexp": "(fmax(a, b) + GROWTH(a, b))",
}
# Joining one value after the other: sums carry along what rounding lost (W. Kahan, 1965), so that
# long rows do not drift. What overflowed or is no number leaves nothing to carry.
_KEEP = "lost = lost - lost == (V)(0) ? lost : (V)(0); sum = next;"
STEP = {
    "add": "{ const V more = (value) - lost, next = sum + more; lost = (next - sum) - more; "
    + _KEEP + " }",
    "logaddexp": "{ const V new = value, top = fmax(sum, new), "
    "more = GROWTH(sum, new) - (new > sum ? (V)(0) : lost), next = top + more; "
    "lost = (next - top) - more; " + _KEEP + " }",
}  # fmt: skip
PLAIN_STEP = "{ const V new = value; sum = JOIN(sum, new); }"


def _growth(dtype: DType) -> str:
    """By how much log(exp(a) + exp(b)) is above the larger one."""
    half = "0.6931471805599453" + "f" * (dtype.itemsize < 8)
    # Equal ones may be infinite, and their difference nothing.
    return f"((a) == (b) ? {half} : log1p(exp(-fabs((a) - (b)))))"


def _macros(dtype: DType, kind: str) -> dict[str, object]:
    kept = dtype.opencl
    neutral = {"logaddexp": "(-INFINITY)"}.get(kind) or spelling.literal(
        initial({"add": "sum", "mul": "prod"}.get(kind, kind), dtype), dtype
    )
    compensated = kind in STEP and dtype.kind == "float"
    return {
        "T": kept, "V16": f"{kept}16", "V8": f"{kept}8", "V4": f"{kept}4",
        "JOIN(a, b)": JOIN[kind], "GROWTH(a, b)": _growth(dtype),
        "STEP(V, sum, lost, value)": STEP[kind] if compensated else PLAIN_STEP,
        # The sum of minus zero alone is minus zero.
        "NEUTRAL": f"(({kept})-0.0f)" if compensated and kind == "add" else neutral,
    }  # fmt: skip


def _scan(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    kind, reverse, blocks = entry.attrs
    before, n, after = entry.shape
    macros, ways = _macros(entry.dtype, kind), (int(reverse), int(len(inputs) > 1))
    # Without starts the input stands in their place, unread.
    buffers = [Argument("buffer", i) for i in (RESULT, entry.inputs[0], entry.inputs[-1])]
    size, moved = math.ceil(n / blocks), 2 * entry.size * entry.dtype.itemsize
    name = f"scan_{kind}"
    if after > 1:
        span = macros["SPAN"] = 1 if device.kind == "gpu" else 16
        groups = math.ceil(after / span)
        pieces = before * blocks * groups
        each, items = share(device, pieces, entry.size)
        numbers = ints(n, after, blocks, size, *ways, groups, pieces, each)
        launch = (device, items, 0)
        return source("scan_columns.cl", name, macros, [*buffers, *numbers], launch, moved)
    pieces = before * blocks
    if device.kind == "gpu":
        group = macros["GROUP"] = limits(device).group(GROUP)
        launch = (device, pieces * group, group)
        arguments = [*buffers, *ints(n, blocks, size, *ways)]
        return source("scan_group.cl", name, macros, arguments, launch, moved)
    each, items = share(device, pieces, entry.size)
    arguments = [*buffers, *ints(n, blocks, size, *ways, pieces, each)]
    return source("scan_lines.cl", name, macros, arguments, (device, items, 0), moved)


def _recurrence(entry: Entry, inputs: list[Entry], device: Device) -> Source:
    (reverse,) = entry.attrs
    before, n, after = entry.shape
    kept = entry.dtype.opencl
    span = 1 if device.kind == "gpu" or after < 16 else 16
    macros = {"T": kept, "V16": f"{kept}16", "SPAN": span}
    groups = math.ceil(after / span)
    pieces = before * groups
    each, items = share(device, pieces, entry.size)
    buffers = [Argument("buffer", i) for i in (RESULT, *entry.inputs)]
    arguments = [*buffers, *ints(n, after, int(reverse), groups, pieces, each)]
    moved = 3 * entry.size * entry.dtype.itemsize
    launch = (device, items, 0)
    return source("scan_recurrence.cl", "recurrence", macros, arguments, launch, moved)


ROUTINES["scan_rows"] = _scan
ROUTINES["recurrence_rows"] = _recurrence
