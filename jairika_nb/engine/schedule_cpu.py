"""The CPU schedule: work-items own runs of rows, in loops over 16-wide vectors."""

from __future__ import annotations

import math
from collections.abc import Callable

from jairika_nb.engine.code import GRAIN, Scope, Source, Writer, neutral, traffic, work
from jairika_nb.engine.fuse import REDUCED, Expr, Kernel, Reduction
from jairika_nb.engine.index import Form, Var
from jairika_nb.engine.program import Entry
from jairika_nb.engine.spelling import LANE_TYPES, SCALAR_ONLY, WIDTH, value_type

Body = Callable[[Scope], list[str]]


def write(kernel: Kernel, entries: list[Entry], units: int, name: str) -> Source:
    """The kernel for a CPU with ``units`` cores."""
    w = Writer(kernel, entries)
    lane = best_lane(kernel)
    if lane in kernel.kept or (lane is None and kernel.kept and not kernel.row):
        body, pieces = _kept_lane(w, kernel, lane or kernel.kept[-1], WIDTH if lane else 1)
    else:
        body, pieces = _row_lane(w, kernel, lane)
    per, items = _share(kernel, pieces, units)
    share = w.integer_argument(per)
    head = [
        f"const {w.integer} first = get_global_id(0) * {share};",
        f"const {w.integer} last = min(first + {share}, {w.bound(pieces)});",
        f"for ({w.integer} piece = first; piece < last; piece++) {{",
    ]
    text = w.assemble(name, [*head, *body, "}"])
    return Source(
        name, text, frozenset(w.preambles), w.arguments, (items,), (1,),
        [o.entry for o in kernel.outputs], traffic(kernel, entries), work(kernel),
    )  # fmt: skip


def _share(kernel: Kernel, pieces: int, units: int) -> tuple[int, int]:
    """How many pieces a work-item takes, and how many work-items there are."""
    elements = kernel.rows * max(kernel.row_size, 1)
    wanted = max(1, min(pieces, elements // GRAIN, units * 8))
    per = max(1, math.ceil(pieces / wanted))
    return per, math.ceil(pieces / per)


def best_lane(kernel: Kernel) -> Var | None:
    """The loop variable to run over vector lanes: the one most accesses are contiguous along."""
    if any(not _vector_ready(e) for e in kernel.exprs):
        return None
    candidates = [v for v in (kernel.kept[-1:] + kernel.row[-1:]) if v.size >= WIDTH]
    scored = [(s, v) for v in candidates if (s := _score(kernel, v)) is not None]
    return max(scored, key=lambda row: row[0])[1] if scored else None


def _vector_ready(expr: Expr) -> bool:
    return expr.dtype.name in LANE_TYPES and not (
        expr.kind == "op"
        and (expr.data[0] in SCALAR_ONLY or (expr.data[0] == "pow" and expr.dtype.kind != "float"))
    )


def _score(kernel: Kernel, lane: Var) -> int | None:
    """Contiguous accesses less scattered ones; None where an access cannot be a vector."""
    score = 0
    for expr in kernel.exprs:
        if expr.kind in ("load", "index", "random"):
            place: Form = expr.data[1] if expr.kind != "index" else expr.data[0]
            step = place.coefficient(lane)
            if step is None:
                return None
            if expr.kind == "load":
                if step not in (0, 1) and expr.dtype.kind == "bool":
                    return None
                score -= step not in (0, 1)
            score += step == 1
        if expr.kind in ("load", "guard") and not _can_guard(expr, lane):
            return None
    for output in kernel.outputs:
        step = output.at.coefficient(lane)
        if step not in (0, 1) or (step == 0 and lane in kernel.kept):
            return None
        score += step
    return score if score >= 0 else None


def _can_guard(expr: Expr, lane: Var) -> bool:
    """Whether lanes outside a padded tensor can be told from those inside it."""
    along = [b for b in expr.data[-1] if lane in b[0].variables]
    if not along:
        return True
    plain = all(form.coefficient(lane) == 1 and by == 1 for form, _, _, by in along)
    float_lanes = expr.dtype.name == "float32"
    return plain and (expr.kind == "guard" or (float_lanes and expr.data[1].coefficient(lane) == 1))


def _kept_lane(w: Writer, kernel: Kernel, lane: Var, full: int) -> tuple[list[str], int]:
    """Lanes are neighbouring outputs: elementwise kernels, and reductions down columns."""
    outer = [v for v in kernel.kept if v is not lane]
    vectors = GRAIN // WIDTH // max(kernel.row_size, 1)
    span = WIDTH * max(4, vectors) if kernel.row else GRAIN
    chunks = math.ceil(lane.size / span)
    size, step = w.integer_argument(lane.size), w.integer_argument(span)
    if chunks > 1:
        many = w.integer_argument(chunks)
        lines = [f"const {w.integer} chunk = piece % {many};"]
        lines += w.unpack(outer, f"(piece / {many})")
        lines.append(f"const {w.integer} end = min((chunk + 1) * {step}, {w.bound(lane.size)});")
        lines.append(f"{w.integer} {lane.name} = chunk * {step};")
    else:
        lines = w.unpack(outer, "piece")
        lines.append(f"const {w.integer} end = {size};")
        lines.append(f"{w.integer} {lane.name} = 0;")
    top = Scope(lines=lines)
    for width in sorted({full, 1}, reverse=True):
        w.lane, w.width = lane, width
        unit = Scope(parent=top, variables=frozenset([lane, REDUCED]))
        _row_code(w, kernel, unit)
        top.lines.append(_steps(lane.name, "end", width))
        top.lines += [*unit.lines, "}"]
    return top.lines, math.prod(v.size for v in outer) * chunks


def _row_lane(w: Writer, kernel: Kernel, lane: Var | None) -> tuple[list[str], int]:
    """Lanes run along the row, or there are none."""
    w.lane, w.width = lane, WIDTH if lane else 1
    top = Scope(lines=w.unpack(kernel.kept, "piece"))
    unit = Scope(parent=top, variables=frozenset([*kernel.kept, REDUCED]))
    _row_code(w, kernel, unit)
    return [*top.lines, *unit.lines], kernel.rows


def _row_code(w: Writer, kernel: Kernel, unit: Scope) -> None:
    """Reductions one after the other, then the outputs of the row and along it."""
    for number, reduction in enumerate(kernel.reductions):
        _reduce(w, kernel, reduction, number, unit)
    along = [o for o in kernel.outputs if o.at.variables & frozenset(kernel.row)]
    for output in kernel.outputs:
        if output not in along:
            unit.lines.append(w.store(output, unit))
    if along:
        _loop(w, kernel.row, unit, lambda scope: [w.store(o, scope) for o in along])


def _loop(w: Writer, row: list[Var], unit: Scope, body: Body) -> None:
    """Nested loops over the row; the lane's loop runs in vectors, then one by one."""
    inner = _lane_loops(w, row, unit, body) if w.lane in row else _inside(row, unit, body)
    outer = [v for v in row if v is not w.lane]
    for var in outer:
        size = w.integer_argument(var.size)
        unit.lines.append(f"for ({w.integer} {var.name} = 0; {var.name} < {size}; {var.name}++) {{")
    unit.lines += [*inner, *["}"] * len(outer)]


def _inside(row: list[Var], unit: Scope, body: Body) -> list[str]:
    scope = Scope(parent=unit, variables=frozenset(row))
    last = body(scope)
    return [*scope.lines, *last]


def _lane_loops(w: Writer, row: list[Var], unit: Scope, body: Body) -> list[str]:
    assert w.lane is not None
    name, size, full = w.lane.name, w.integer_argument(w.lane.size), w.width
    lines = [f"{w.integer} {name} = 0;"]
    for width in (full, 1):
        w.width = width
        inner = _inside(row, unit, body)
        lines.append(_steps(name, size, width))
        lines += [*inner, "}"]
    w.width = full
    return ["{", *lines, "}"]


def _steps(name: str, end: str, width: int) -> str:
    if width == 1:
        return f"for (; {name} < {end}; {name}++) {{"
    return f"for (; {name} + {width} <= {end}; {name} += {width}) {{"


def _reduce(w: Writer, kernel: Kernel, reduction: Reduction, number: int, unit: Scope) -> None:
    dtype, name = reduction.expr.dtype, f"a{number}"
    start = neutral(reduction)
    if w.lane in kernel.row:
        kind = value_type(dtype, w.width)
        unit.lines.append(f"{kind} {name}_lanes = ({kind})({start});")
        unit.lines.append(f"{value_type(dtype, 1)} {name} = {start};")
    else:
        width = w.width if w.lane in kernel.kept else 1
        kind = value_type(dtype, width)
        unit.lines.append(f"{kind} {name} = ({kind})({start});")

    def step(scope: Scope) -> list[str]:
        vector = w.lane in kernel.row and w.width > 1
        target = f"{name}_lanes" if vector else name
        width = w.width if vector or w.lane in kernel.kept else 1
        text = w.operand(reduction.expr, scope, width)
        return [f"{target} = {w.combined(reduction, target, text)};"]

    _loop(w, kernel.row, unit, step)
    if w.lane in kernel.row:
        unit.lines += _horizontal(w, reduction, name)
    unit.names[reduction.result] = name


def _horizontal(w: Writer, reduction: Reduction, name: str) -> list[str]:
    """Join the lanes pairwise: 16 to 8 to 4 to 2 to 1."""
    dtype = reduction.expr.dtype
    lines, wide = [], f"{name}_lanes"
    for half in (8, 4, 2):
        part = f"{name}_{half}"
        kind = value_type(dtype, half)
        lines.append(f"{kind} {part} = {w.combined(reduction, f'{wide}.lo', f'{wide}.hi')};")
        wide = part
    pair = w.combined(reduction, f"{wide}.x", f"{wide}.y")
    lines.append(f"{value_type(dtype, 1)} {name}_1 = {pair};")
    lines.append(f"{name} = {w.combined(reduction, name, f'{name}_1')};")
    return lines
