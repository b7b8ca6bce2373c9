"""The CPU schedule: work-items own runs of rows, in loops over 16-wide vectors."""

from __future__ import annotations

import math
from collections.abc import Callable

from jairika_nb.engine import apart, columns, dtypes, joined_rows, passes, short_lines
from jairika_nb.engine.ahead import cost, reading_ahead
from jairika_nb.engine.code import GRAIN, Saved, Scope, Writer, neutral
from jairika_nb.engine.device import Device
from jairika_nb.engine.fused import REDUCED, Expr, Kernel, Reduction
from jairika_nb.engine.index import Form, Var
from jairika_nb.engine.program import Entry
from jairika_nb.engine.source import Source, traffic, work
from jairika_nb.engine.spelling import WIDTH, value_type

Body = Callable[[Scope], list[str]]
Blocks = Callable[[int], tuple[list[str], list[str]]] | None
Many = Callable[[], tuple[list[str], list[str]]] | None
# A value along a row of at most so many elements is stored for later passes rather than computed
# again from this cost on (an addition is 1, an exponential 8).
LONGEST_SAVED, DEAR = 1 << 15, 8
# Vectors of a row that are reduced side by side where little is computed of each: one alone would
# wait for the one before.
TOGETHER = apart.PARTS


# Lines of memory at a row's ends that are written in parts matter little from so many elements on.
SHORTEST_STREAMED = 1024


def write(kernel: Kernel, entries: list[Entry], device: Device, name: str) -> Source:
    """The kernel for a CPU."""
    kernel = joined_rows.joined(kernel)
    w = Writer(kernel, entries)
    w.streamed = _past_the_cache(w, device.last_cache)
    lane = best_lane(kernel)
    once = _sides(w, kernel)
    short = None if lane or w.pairs else short_lines.lane_of(kernel)
    if short and access_score(kernel.exprs, short) is not None:
        body, pieces = _short_lines(w, kernel, short, once)
    elif lane in kernel.kept or (lane is None and kernel.kept and not kernel.row):
        width = WIDTH if lane else 1
        body, pieces = _kept_lane(
            w, kernel, lane or kernel.kept[-1], width, once, device.compute_units
        )
    else:
        body, pieces = _row_lane(w, kernel, lane, once)
    per, items = _share(kernel, pieces, device.compute_units)
    share = w.integer_argument(per)
    w.scratch(items)
    head = [
        *_own_memory(w),
        *once.lines,
        f"const {w.integer} first = get_global_id(0) * {share};",
        f"const {w.integer} last = min(first + {share}, {w.bound(pieces)});",
        f"for ({w.integer} piece = first; piece < last; piece++) {{",
    ]
    text = w.assemble(name, [*head, *body, "}"])
    return Source(
        name, text, frozenset(w.preambles), w.arguments, (items,), (1,),
        [o.entry for o in kernel.outputs], traffic(kernel, entries), work(kernel),
    )  # fmt: skip


def _own_memory(w: Writer) -> list[str]:
    """The parts of the scratch memory that are a work-item's own."""
    if w.saved is None:
        return []
    size = w.integer_argument(w.saved.stride)
    return [
        f"global {expr.dtype.lane} *row{i} = scratch{i} + get_global_id(0) * {size};"
        for i, expr in enumerate(w.saved.passes)
    ]


def _past_the_cache(w: Writer, cache: int) -> set[int]:
    """The outputs that nobody would find in a cache of so many bytes: a plain store reads first."""
    if traffic(w.kernel, w.entries) < cache:
        return set()
    sizes = {o.entry: w.entries[o.entry] for o in w.kernel.outputs}
    return {e for e, row in sizes.items() if row.size * row.dtype.itemsize >= cache // 4}


def _sides(w: Writer, kernel: Kernel) -> Scope:
    """What a work-item computes once: reductions to one number, and all that never changes."""
    scope = Scope()
    w.lane, w.width = None, 1
    for number, side in enumerate(kernel.sides):
        alone = Kernel([], side.row, [side.reduction], [], [], [], False, [], [])
        _reduce(w, alone, {f"s{number}": side.reduction}, scope)
    return scope


def _share(kernel: Kernel, pieces: int, units: int) -> tuple[int, int]:
    """How many pieces a work-item takes, and how many work-items there are."""
    elements = kernel.rows * max(kernel.row_size, 1)
    wanted = max(1, min(pieces, elements // GRAIN, units * 8))
    per = max(1, math.ceil(pieces / wanted))
    return per, math.ceil(pieces / per)


def best_lane(kernel: Kernel) -> Var | None:
    """The loop variable to run over vector lanes: the one most accesses are contiguous along."""
    candidates = [v for v in (kernel.kept[-1:] + kernel.row[-1:]) if v.size >= WIDTH]
    scored = [(s, v) for v in candidates if (s := _score(kernel, v)) is not None]
    return max(scored, key=lambda row: row[0])[1] if scored else None


def _score(kernel: Kernel, lane: Var) -> tuple[int, int] | None:
    """Contiguous accesses less scattered ones; None where an access cannot be a vector.

    Of a reduction those of its reads come first: it writes once where it reads a whole row.
    """
    reads = access_score(kernel.exprs, lane, in_pairs=lane.size % 2 == 0)
    if reads is None:
        return None
    score = reads
    for output in kernel.outputs:
        step = output.at.coefficient(lane)
        if step not in (0, 1) or (step == 0 and lane in kernel.kept):
            return None
        score += step
    return (reads if kernel.row else score, score) if score >= 0 else None


def access_score(exprs: list[Expr], lane: Var, in_pairs: bool = False) -> int | None:
    """Contiguous reads less scattered ones; None where a read cannot be a vector.

    Two lanes may read one element where they come ``in_pairs``: vectors begin at even places.
    """
    score = 0
    for expr in exprs:
        if expr.kind == "checked" and lane in expr.args[1].variables:
            return None
        if expr.kind in ("load", "index", "random"):
            place: Form = expr.data[1] if expr.kind != "index" else expr.data[0]
            step = place.coefficient(lane)
            if step is None and not (in_pairs and _reads_in_pairs(expr, lane)):
                return None
            if expr.kind == "load":
                score -= step not in (0, 1, 2, None)
            score += step in (1, None)
        if expr.kind in ("load", "guard") and not _can_guard(expr, lane):
            return None
    return score


def _reads_in_pairs(expr: Expr, lane: Var) -> bool:
    plain = expr.kind == "load" and expr.dtype is dtypes.float32
    return plain and expr.data[1].halves(lane)


def _can_guard(expr: Expr, lane: Var) -> bool:
    """Whether lanes outside a padded tensor can be told from those inside it."""
    along = [b for b in expr.data[-1] if lane in b[0].variables]
    if not along:
        return True
    plain = all(form.coefficient(lane) == 1 and by == 1 for form, _, _, by in along)
    return plain and (expr.kind == "guard" or expr.data[1].coefficient(lane) == 1)


def _kept_lane(
    w: Writer, kernel: Kernel, lane: Var, full: int, once: Scope, units: int
) -> tuple[list[str], int]:
    """Lanes are neighbouring outputs: elementwise kernels, and reductions down columns."""
    outer = [v for v in kernel.kept if v is not lane]
    by_rows = full == WIDTH and columns.fits(kernel)
    vectors = GRAIN // WIDTH // max(kernel.row_size, 1)
    span = WIDTH * max(4, vectors) if kernel.row else GRAIN
    turned = _turned(kernel, lane)
    if turned:
        span //= WIDTH
        outer[outer.index(turned)] = Var(f"{turned.name}_block", math.ceil(turned.size / WIDTH))
    if by_rows:
        span = columns.span(lane.size, math.prod(v.size for v in outer), units)
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
    top = Scope(lines=lines, parent=once, variables=frozenset(kernel.kept))
    # The last vector begins earlier and computes some lanes again, where no old value is lost.
    again = full == WIDTH and not (by_rows or turned or w.pairs)
    if lane.size % WIDTH and lane.size < SHORTEST_STREAMED:
        # Lines would be written in parts, each of which waits for memory.
        w.streamed = set()
    for is_rest, width in enumerate((full, full if again else 1) if full > 1 else (1,)):
        w.lane, w.width = lane, width
        if by_rows and width == full:
            top.lines += columns.body(w, kernel, lane, top)
            continue
        within = [lane, REDUCED, turned] if turned else [lane, REDUCED]
        unit = Scope(parent=top, variables=frozenset(within))
        _row_code(w, kernel, unit)
        if again and is_rest:
            begin = f"{lane.name} = end - {width};"
            top.lines += [f"if ({lane.name} < end) {{", begin, *unit.lines, "}"]
            continue
        top.lines.append(_steps(lane.name, "end", width))
        rows = _block_rows(w, turned) if turned else []
        top.lines += [*rows, *unit.lines, *["}"] * bool(turned), "}"]
    return top.lines, math.prod(v.size for v in outer) * chunks


def _short_lines(w: Writer, kernel: Kernel, lane: Var, once: Scope) -> tuple[list[str], int]:
    """Lanes are a line shorter than a vector; see the module of that name."""
    w.streamed = set()
    top = Scope(lines=w.unpack(kernel.kept[:-1], "piece"), parent=once,
                variables=frozenset(kernel.kept))  # fmt: skip
    top.lines.append(f"{w.integer} {lane.name} = 0;")
    for width in (WIDTH, 1):
        w.lane, w.width = lane, width
        unit = Scope(parent=top, variables=frozenset([lane, REDUCED]))
        _row_code(w, kernel, unit)
        end = w.integer_argument(lane.size)
        head = "if (piece + 1 < last) {" if width > 1 else _steps(lane.name, end, 1)
        top.lines += [head, *unit.lines, *["continue;"] * (width > 1), "}"]
    return top.lines, kernel.rows // lane.size


def _turned(kernel: Kernel, lane: Var) -> Var | None:
    """The variable along which something lies side by side that lanes would read line by line.

    Blocks of 16 x 16 of it are read from the cache, where whole rows would have pushed it out.
    """
    if kernel.row or lane.size < WIDTH:
        return None
    places = [e.data[1] for e in kernel.exprs if e.kind == "load"]
    across = [place for place in places if place.coefficient(lane) not in (0, 1, None)]
    wide = [v for v in kernel.kept if v is not lane and v.size >= WIDTH]
    return next((v for v in wide for place in across if place.coefficient(v) == 1), None)


def _block_rows(w: Writer, var: Var) -> list[str]:
    """The head of the loop over the rows of a block."""
    name, first = var.name, f"{var.name}_block * {WIDTH}"
    end = f"min({first} + {WIDTH}, {w.bound(var.size)})"
    return [f"for ({w.integer} {name} = {first}; {name} < {end}; {name}++) {{"]


def _row_lane(w: Writer, kernel: Kernel, lane: Var | None, once: Scope) -> tuple[list[str], int]:
    """Lanes run along the row, or there are none."""
    w.lane, w.width = lane, WIDTH if lane else 1
    kept = frozenset(kernel.kept)
    w.saved = _saved(kernel) if lane else None
    w.ahead = reading_ahead(w) if lane in kernel.row else None
    top = Scope(lines=w.unpack(kernel.kept, "piece"), parent=once, variables=kept)
    unit = Scope(parent=top, variables=frozenset([*kernel.kept, REDUCED]))
    _row_code(w, kernel, unit)
    return [*top.lines, *unit.lines], kernel.rows


def _row_code(w: Writer, kernel: Kernel, unit: Scope) -> None:
    """Reductions, pass after pass, then the outputs of the row and along it."""
    made = 0
    together = passes.grouped(kernel.reductions)
    for number, group in enumerate(together):
        _at_pass(w, number)
        _reduce(w, kernel, {f"a{made + i}": r for i, r in enumerate(group)}, unit)
        made += len(group)
    _at_pass(w, len(together))
    along = [o for o in kernel.outputs if o.at.variables & frozenset(kernel.row)]
    for output in kernel.outputs:
        if output not in along:
            unit.lines.append(w.store(output, unit))
    if along:
        _loop(w, kernel.row, unit, lambda s: [*(w.store(o, s) for o in along), *w.reads_ahead()])


def _saved(kernel: Kernel) -> Saved | None:
    """What a pass over a row should store for the later ones instead of their computing it anew."""
    if len(kernel.row) != 1 or kernel.row_size > LONGEST_SAVED:
        return None
    (var,) = kernel.row
    asked = [[r.expr for r in group] for group in passes.grouped(kernel.reductions)]
    asked.append([o.expr for o in kernel.outputs if var in o.at.variables])
    first: dict[Expr, int] = {}
    saved: dict[Expr, int] = {}
    for number, todo in enumerate(asked):
        while todo:
            expr = todo.pop()
            if first.setdefault(expr, number) == number:
                todo += [a for a in expr.args if var in a.variables]
            elif cost(expr, var) >= DEAR and expr.dtype.kind == "float":
                saved[expr] = first[expr]
            else:
                todo += [a for a in expr.args if var in a.variables]
    return Saved(saved, var) if saved else None


def _at_pass(w: Writer, number: int) -> None:
    w.number = number
    if w.saved is not None:
        w.saved.number = number


def _loop(
    w: Writer, row: list[Var], unit: Scope, body: Body, blocks: Blocks = None, many: Many = None
) -> None:
    """Nested loops over the row; the innermost runs in vectors where it is the lane.

    ``blocks`` and ``many`` are what reductions do about blocks of steps, and about several at once.
    """
    if not row:
        unit.lines += columns.inside(row, unit, body)
        return
    *outer, last = row
    full, along = w.width, row[-1] is w.lane
    inner = [f"{w.integer} {last.name} = 0;"]
    if many and apart.fits(w, w.kernel):
        inner += apart.loop(w, last, unit, body, blocks, many)
        many = None
    for width in (full, 1) if along else (1,):
        w.width = width if along else full
        # What vectors leave of a row is a few elements, but of many rows it is many.
        w.in_block = blocks is not None and (not along or width == full or bool(outer))
        end = f"{last.name}_stop" if w.in_block else w.integer_argument(last.size)
        steps = _several(w, row, unit, body, end, many) if many and width == full else []
        inside = columns.inside(row, unit, body)
        steps += [_steps(last.name, end, width), *inside, "}"]
        inner += _blocks(w, last, width, steps, blocks) if w.in_block else steps
    w.width, w.in_block = full, False
    for var in outer:
        size = w.integer_argument(var.size)
        unit.lines.append(f"for ({w.integer} {var.name} = 0; {var.name} < {size}; {var.name}++) {{")
    unit.lines += ["{", *inner, "}", *["}"] * len(outer)]


def _several(w: Writer, row: list[Var], unit: Scope, body: Body, end: str, many: Many) -> list[str]:
    """A loop of TOGETHER vectors a turn, each with an accumulator, so that none waits for another.

    ``many`` tells what comes before it, and what joins the accumulators after it.
    """
    assert many is not None
    w.is_several = True
    inside = columns.inside(row, unit, body)
    w.is_several = False
    before, after = many()
    name = row[-1].name
    return [
        *before,
        f"while ({_room(name, end, w.width * TOGETHER)}) {{",
        "#pragma unroll",
        f"for (int u = 0; u < {TOGETHER}; u++, {name} += {w.width}) {{",
        *inside,
        "}",
        "}",
        *after,
    ]


def _blocks(w: Writer, var: Var, width: int, steps: list[str], blocks: Blocks) -> list[str]:
    """A loop in blocks of columns.BLOCK steps, with something to do before and after each."""
    assert blocks is not None
    before, after = blocks(width)
    name, size, stop = var.name, w.integer_argument(var.size), f"{var.name}_stop"
    return [
        f"while ({_room(name, size, width)}) {{",
        f"const {w.integer} {stop} = min({name} + {columns.BLOCK * width}, {w.bound(var.size)});",
        *before,
        *steps,
        *after,
        "}",
    ]


def _room(name: str, end: str, width: int) -> str:
    return f"{name} < {end}" if width == 1 else f"{name} + {width} <= {end}"


def _steps(name: str, end: str, width: int) -> str:
    step = f"{name}++" if width == 1 else f"{name} += {width}"
    return f"for (; {_room(name, end, width)}; {step}) {{"


def _reduce(w: Writer, kernel: Kernel, named: dict[str, Reduction], unit: Scope) -> None:
    """One pass over the row that makes some reductions of one kind."""
    parts = [_Part(w, kernel, reduction, name) for name, reduction in named.items()]
    for part in parts:
        unit.lines += part.start()
    along, row = parts[0].along, kernel.row
    cheap = along and row[-1].size >= parts[0].width * TOGETHER
    cheap = cheap and all(cost(p.reduction.expr, row[-1]) < DEAR for p in parts)

    def step(scope: Scope) -> list[str]:
        return [*(line for part in parts for line in part.step(scope)), *w.reads_ahead()]

    def blocks(wide: int) -> tuple[list[str], list[str]]:
        return _side_by_side([part.blocks(wide) for part in parts])

    def many() -> tuple[list[str], list[str]]:
        return _side_by_side([part.many() for part in parts])

    _loop(w, row, unit, step, blocks if parts[0].long_sum else None, many if cheap else None)
    for part in parts:
        if along:
            unit.lines += _horizontal(w, part.reduction, part.name)
        unit.names[part.reduction.result] = part.name


def _side_by_side(pairs: list[tuple[list[str], list[str]]]) -> tuple[list[str], list[str]]:
    before, after = zip(*pairs, strict=True)
    return [line for lines in before for line in lines], [line for lines in after for line in lines]


class _Part:
    """A reduction of a pass: its accumulators, and what a pass does with them."""

    def __init__(self, w: Writer, kernel: Kernel, reduction: Reduction, name: str) -> None:
        self.w, self.reduction, self.name = w, reduction, name
        self.dtype = reduction.expr.dtype
        self.along = w.lane in kernel.row
        self.width = w.width if self.along or w.lane in kernel.kept else 1
        self.first = f"{name}_lanes" if self.along else name
        self.kind, self.neutral = value_type(self.dtype, self.width), neutral(reduction)
        steps = kernel.row_size // (self.width if self.along else 1)
        floats = reduction.op == "sum" and self.dtype.kind == "float"
        self.long_sum = floats and steps > columns.BLOCK

    def start(self) -> list[str]:
        kind, first, name = self.kind, self.first, self.name
        lines = [f"{kind} {first} = ({kind})({self.neutral});"]
        if self.along:
            lines.append(f"{value_type(self.dtype, 1)} {name} = {self.neutral};")
        if self.long_sum:
            lines.append(f"{kind} {first}_lost = ({kind})(0);")
        if self.long_sum and self.along:
            lines.append(f"{value_type(self.dtype, 1)} {name}_lost = 0;")
        return lines

    def step(self, scope: Scope) -> list[str]:
        w = self.w
        target = self.first if w.width == self.width else self.name
        target = f"{target}_block" if w.in_block else target
        target = f"{target}_each[u]" if w.is_several else target
        # Where lanes neither run along the row nor are kept, there are none.
        wide = w.width if self.along or self.width > 1 else 1
        text = w.operand(self.reduction.expr, scope, wide)
        return [f"{target} = {w.combined(self.reduction, target, text, wide)};"]

    def blocks(self, wide: int) -> tuple[list[str], list[str]]:
        if self.along and wide == 1:
            return columns.carried(self.name, 1, self.dtype)
        return columns.carried(self.first, self.width, self.dtype)

    def many(self) -> tuple[list[str], list[str]]:
        w, kind, width = self.w, self.kind, self.width
        target = f"{self.first}_block" if w.in_block else self.first
        each = ", ".join([f"({kind})({self.neutral})"] * TOGETHER)
        pairs = [w.combined(self.reduction, f"{target}_each[{i}]", f"{target}_each[{i + 1}]", width)
                 for i in range(0, TOGETHER, 2)]  # fmt: skip
        joined = [f"const {kind} {target}_{i} = {pair};" for i, pair in enumerate(pairs)]
        both = w.combined(self.reduction, f"{target}_0", f"{target}_1", width)
        all_of_them = f"{target}_all"
        total = w.combined(self.reduction, target, all_of_them, width)
        joined += [f"const {kind} {all_of_them} = {both};", f"{target} = {total};"]
        return [f"{kind} {target}_each[{TOGETHER}] = {{{each}}};"], joined


def _horizontal(w: Writer, reduction: Reduction, name: str) -> list[str]:
    """Join the lanes pairwise: 16 to 8 to 4 to 2 to 1."""
    dtype = reduction.expr.dtype
    lines, wide = [], f"{name}_lanes"
    for half in (8, 4, 2):
        part = f"{name}_{half}"
        kind = value_type(dtype, half)
        joined = w.combined(reduction, f"{wide}.lo", f"{wide}.hi", half)
        lines.append(f"{kind} {part} = {joined};")
        wide = part
    pair = w.combined(reduction, f"{wide}.x", f"{wide}.y")
    lines.append(f"{value_type(dtype, 1)} {name}_1 = {pair};")
    lines.append(f"{name} = {w.combined(reduction, name, f'{name}_1')};")
    return lines
