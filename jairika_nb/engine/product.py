"""Writes matrix products: a template from ``kernels/`` around a generated epilogue."""

from __future__ import annotations

import math

from jairika_nb.engine.code import Argument, Scope, Source, Writer, name_of, traffic
from jairika_nb.engine.fuse import Kernel, Misfit
from jairika_nb.engine.index import Var
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import template
from jairika_nb.engine.schedule_cpu import _score, _vector_ready
from jairika_nb.engine.spelling import WIDTH

TILE, PER = 16, 4


def write(kernel: Kernel, entries: list[Entry], units: int) -> Source:
    """The kernel of a product and whatever elementwise work follows it."""
    gemm = entries[kernel.product]  # type: ignore[index]
    shape, k, tile = gemm.attrs
    w = Writer(kernel, entries)
    a, b = (Argument("buffer", i) for i in gemm.inputs)
    m, n = shape[-2:]
    batch = math.prod(shape[:-2])
    if tile:
        panels_m, panels_n = math.ceil(m / tile[0]), math.ceil(n / tile[1])
        blocks = max(1, min(panels_m, math.ceil(units * 8 / max(panels_n * batch, 1))))
        per = math.ceil(panels_m / blocks)
        sizes = [m, n, k, panels_m, panels_n, per]
        launch = (panels_n, math.ceil(panels_m / per), batch), (1, 1, 1)
        text = f"#define MR {tile[0]}\n#define NR {tile[1]}\n"
        file = "gemm.cl"
    else:
        span = TILE * PER
        sizes = [m, n, k]
        launch = (math.ceil(n / span) * TILE, math.ceil(m / span) * TILE, batch), (TILE, TILE, 1)
        text, file = f"#define TILE {TILE}\n#define PER {PER}\n", "gemm_local.cl"
    name = name_of(kernel, entries)
    epilogue = _epilogue(w, kernel, shape, wide=bool(tile))
    body = template(file).replace("KERNEL_NAME", name)
    arguments = [a, b, *(Argument("int", s) for s in sizes), *w.arguments]
    moved = traffic(kernel, entries) + sum(entries[i].size * 4 for i in gemm.inputs)
    return Source(
        name, text + epilogue + body, frozenset(w.preambles), arguments, *launch,
        [o.entry for o in kernel.outputs], moved, 2 * batch * m * n * k,
    )  # fmt: skip


def _epilogue(w: Writer, kernel: Kernel, shape: tuple[int, ...], wide: bool) -> str:
    """Functions that take one or 16 sums through the fused operations and store the result."""
    widths = (WIDTH, 1) if wide else (1,)
    parts = [_function(w, kernel, shape, width) for width in widths]
    # Arguments are known only now that the code is written.
    declared = "".join(f", {p}" for p in w.parameters)
    passed = "".join(f", {p.split()[-1].lstrip('*')}" for p in w.parameters)
    text = f"#define EPILOGUE_PARAMETERS {declared}\n"
    for width, lines in zip(widths, parts, strict=True):
        kind = f"float{width}" if width > 1 else "float"
        body = "\n".join(f"  {line}" for line in lines)
        text += (
            f"inline void epilogue{width}(int batch, int m, int n, {kind} sum{declared}) {{\n"
            f"{body}\n}}\n"
            f"#define EPILOGUE{width}(batch, m, n, sum) epilogue{width}(batch, m, n, sum{passed})\n"
        )
    return text


def _function(w: Writer, kernel: Kernel, shape: tuple[int, ...], width: int) -> list[str]:
    lane = lane_of(kernel, shape)
    w.lane, w.width = lane, width
    scope = Scope(lines=_places(w, kernel, shape))
    for expr in kernel.exprs:
        if expr.kind == "product":
            text = "sum"
            if width > 1 and w.wide(expr) == 1:
                raise Misfit("columns of the product are not lanes")
            scope.names[expr] = text
    stores = [w.store(o, scope) for o in kernel.outputs]
    return [*scope.lines, *stores]


def _places(w: Writer, kernel: Kernel, shape: tuple[int, ...]) -> list[str]:
    names = {len(shape) - 2: "m", len(shape) - 1: "n"}
    lines = []
    batch = []
    for var in kernel.kept:
        axis = int(var.name[1:])
        if axis in names:
            lines.append(f"const int {var.name} = {names[axis]};")
        else:
            batch.append(var)
    return [*w.unpack(batch, "batch"), *lines]


def lane_of(kernel: Kernel, shape: tuple[int, ...]) -> Var | None:
    """The variable of the product's columns."""
    last = f"i{len(shape) - 1}"
    return next((v for v in kernel.kept if v.name == last), None)


def can_follow(kernel: Kernel, shape: tuple[int, ...], wide: bool) -> bool:
    """Whether a kernel's work can be done on a product's tiles as they are finished."""
    if kernel.row:
        return False
    if not wide:
        return True
    lane = lane_of(kernel, shape)
    if lane is None or not all(_vector_ready(e) for e in kernel.exprs):
        return False
    return _score(kernel, lane) is not None
