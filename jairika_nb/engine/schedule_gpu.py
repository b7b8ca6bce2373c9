"""The GPU schedule: a work-item for four neighbours, a work-group for each long row or 32 columns.

Neighbouring work-items touch neighbouring memory. Rows whose elements lie side by side are read by
all items of a group; where the rows lie side by side instead, as in sums down columns, a group has
some of them, its items in lines of neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from jairika_nb.engine import lanes, quads
from jairika_nb.engine.code import Writer, neutral
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import REGISTERS
from jairika_nb.engine.fused import REDUCED, Expr, Kernel, Output, Reduction
from jairika_nb.engine.index import Var
from jairika_nb.engine.limits import Limits, limits
from jairika_nb.engine.program import Entry
from jairika_nb.engine.quads import FOUR, Quad
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.source import Source, traffic, work
from jairika_nb.engine.spelling import value_type

# Rows from this size on are shared by a group.
LONG_ROW = 64
# Work-items of a group: where none needs another, and where they share a row.
ALONE, LEAST, MOST = 128, 64, 256
# Neighbouring columns that a group has.
COLUMNS = 32


class Group(NamedTuple):
    """A work-group that reduces: ``across`` neighbouring rows, each by ``deep`` items."""

    across: int
    deep: int

    @property
    def items(self) -> int:
        """Its work-items."""
        return self.across * self.deep


def write(kernel: Kernel, entries: list[Entry], name: str, device: Device) -> Source:
    """The kernel for a GPU."""
    w = Writer(kernel, entries)
    most = _most(kernel, limits(device))
    group = _group(kernel, most) if kernel.row_size >= LONG_ROW else None
    if group:
        lines, groups = _shared_rows(w, kernel, group, lanes.exchange(device))
        local = group.items
    else:
        reduces = kernel.row or kernel.reductions
        lines, items = _own_rows(w, kernel) if reduces else _elements(w, kernel)
        local = min(ALONE, most)
        groups = math.ceil(items / local)
    text = w.assemble(name, lines, f"__attribute__((reqd_work_group_size({local}, 1, 1))) ")
    return Source(
        name, text, frozenset(w.preambles), w.arguments, (groups * local,), (local,),
        [o.entry for o in kernel.outputs], traffic(kernel, entries), work(kernel),
    )  # fmt: skip


def _most(kernel: Kernel, room: Limits) -> int:
    """Work-items of a group: what each reduction has of them lies in local memory."""
    each = sum(REGISTERS[r.expr.dtype.lane]().itemsize for r in kernel.reductions)
    return room.group(min(MOST, room.local_bytes // max(each, 1)))


def _group(kernel: Kernel, most: int) -> Group:
    """How many neighbouring rows a group takes, and how many items each of them gets."""
    if runs_down_columns(kernel):
        across = min(COLUMNS, most, 1 << (kernel.kept[-1].size - 1).bit_length())
        return Group(across, most // across)
    wanted = 1 << (math.ceil(kernel.row_size / (2 * FOUR)) - 1).bit_length()
    return Group(1, max(min(wanted, most), min(LEAST, most)))


def runs_down_columns(kernel: Kernel) -> bool:
    """Whether what lies side by side in memory belongs to different rows."""
    if not kernel.kept or kernel.kept[-1].size == 1:
        return False
    return _contiguity(kernel, kernel.kept[-1]) > _contiguity(kernel, kernel.row[-1])


def _contiguity(kernel: Kernel, var: Var) -> int:
    """Contiguous accesses along a variable less scattered ones."""
    score = 0
    places = [e.data[1] for e in kernel.exprs if e.kind == "load"]
    for place in [*places, *(o.at for o in kernel.outputs)]:
        step = place.coefficient(var)
        score += (step == 1) - (step not in (0, 1))
    return score


# No work-item needs another


def _elements(w: Writer, kernel: Kernel) -> tuple[list[str], int]:
    """Four neighbouring elements a work-item, or one."""
    found, lane = kernel.outputs, kernel.kept[-1] if kernel.kept else None
    whole = lane is not None and lane.size % FOUR == 0
    if lane is None or not (whole or len(kernel.kept) == 1) or not quads.worthwhile(
        [o.expr for o in found], found, lane
    ):  # fmt: skip
        lines = [*_begin(w, "get_global_id(0)", kernel.rows), *w.unpack(kernel.kept, "piece")]
        unit = Scope(lines=lines, variables=frozenset(kernel.kept))
        lines += [w.store(o, unit) for o in found]
        return lines, kernel.rows
    outer = kernel.kept[:-1]
    fours = Var("fours", math.ceil(lane.size / FOUR))
    pieces = math.prod(v.size for v in outer) * fours.size
    lines = [*_begin(w, "get_global_id(0)", pieces), *w.unpack([*outer, fours], "piece")]
    lines.append(f"const {w.integer} start = fours * 4;")
    if not whole:
        lines.append(f"const {w.integer} many = min(({w.integer})4, {w.bound(lane.size)} - start);")
    top = Scope(lines=lines, variables=frozenset(outer))
    lines += quads.outputs(w, Quad(w, lane, "start", None if whole else "many"), found, top)
    return lines, pieces


def _begin(w: Writer, place: str, pieces: int) -> list[str]:
    total = w.integer_argument(pieces)
    return [f"const {w.integer} piece = {place};", f"if (piece >= {total}) return;"]


def _own_rows(w: Writer, kernel: Kernel) -> tuple[list[str], int]:
    """A short row a work-item."""
    lines = [*_begin(w, "get_global_id(0)", kernel.rows), *w.unpack(kernel.kept, "piece")]
    top = Scope(lines=lines)
    unit = Scope(parent=top, variables=frozenset([*kernel.kept, REDUCED]))
    for number, reduction in enumerate(kernel.reductions):
        _reduce(w, kernel, reduction, number, unit, "0", 1)
    single, along = _split(kernel)
    unit.lines += [w.store(o, unit) for o in single]
    _store_along(w, kernel, along, unit, "0", 1)
    return [*top.lines, *unit.lines], kernel.rows


# Work-groups that share rows


def _shared_rows(
    w: Writer, kernel: Kernel, group: Group, exchange: str
) -> tuple[list[str], int]:  # fmt: skip
    # Groups that meet barriers are whole: items past the last column repeat it and store nothing.
    lines = [f"const {w.integer} piece = get_group_id(0);"]
    inside, start, pieces = "1", "get_local_id(0)", kernel.rows
    if group.across == 1:
        lines += w.unpack(kernel.kept, "piece")
    else:
        *outer, lane = kernel.kept
        chunk = Var("chunk", math.ceil(lane.size / group.across))
        pieces = math.prod(v.size for v in outer) * chunk.size
        lines += w.unpack([*outer, chunk], "piece")
        lines += [
            f"const int across = get_local_id(0) % {group.across};",
            f"const {w.integer} column = chunk * {group.across} + across;",
            f"const {w.integer} {lane.name} = min(column, {w.bound(lane.size)} - 1);",
        ]
        start, inside = f"get_local_id(0) / {group.across}", f"column < {w.bound(lane.size)}"
    top = Scope(lines=lines)
    unit = Scope(parent=top, variables=frozenset([*kernel.kept, REDUCED]))
    for number, reduction in enumerate(kernel.reductions):
        _reduce(w, kernel, reduction, number, unit, start, group.deep)
        name = f"a{number}"
        if exchange and group.across == 1:
            unit.lines += lanes.joined(w, reduction, name, group.items, exchange)
        else:
            unit.lines += _tree(w, reduction, name, group)
    single, along = _split(kernel)
    first = f"get_local_id(0) < {group.across}"
    condition = first if group.across == 1 else f"{first} && {inside}"
    if single:
        # What these need may be needed along the row too, so it is computed before the branch.
        scope = Scope(parent=unit, variables=frozenset([*kernel.kept, REDUCED]))
        stores = [w.store(o, scope) for o in single]
        unit.lines += [f"if ({condition}) {{", *scope.lines, *stores, "}"]
    if along and group.across > 1:
        unit.lines.append(f"if ({inside}) {{")
    _store_along(w, kernel, along, unit, start, group.deep)
    if along and group.across > 1:
        unit.lines.append("}")
    memory = [
        f"local {value_type(r.expr.dtype, 1)} a{i}_shared[{group.items}];"
        for i, r in enumerate(kernel.reductions)
    ]
    return [*memory, *top.lines, *unit.lines], pieces


def _tree(w: Writer, reduction: Reduction, name: str, group: Group) -> list[str]:
    """Join what the items of each row have, half of them at a time."""
    shared, item = f"{name}_shared", "get_local_id(0)"
    joined = w.combined(reduction, f"{shared}[{item}]", f"{shared}[{item} + half_of]")
    least = group.across
    return [
        f"{shared}[{item}] = {name};",
        "barrier(CLK_LOCAL_MEM_FENCE);",
        f"for (int half_of = {group.items // 2}; half_of >= {least}; half_of /= 2) {{",
        f"if ({item} < half_of) {{",
        f"{shared}[{item}] = {joined};",
        "}",
        "barrier(CLK_LOCAL_MEM_FENCE);",
        "}",
        f"{name} = {shared}[{'0' if least == 1 else 'across'}];",
    ]


# Along a row


def _split(kernel: Kernel) -> tuple[list[Output], list[Output]]:
    """Outputs of the row, and those along it."""
    along = [o for o in kernel.outputs if o.at.variables & frozenset(kernel.row)]
    return [o for o in kernel.outputs if o not in along], along


def _loop(w: Writer, variables: list[Var], start: str, step: int) -> list[str]:
    """The head of a loop over a flattened row: from ``start`` each ``step``-th."""
    size = w.integer_argument(math.prod(v.size for v in variables))
    head = f"for ({w.integer} at = {start}; at < {size}; at += {step}) {{"
    return [head, *w.unpack(variables, "at")]


def _along(
    w: Writer, kernel: Kernel, unit: Scope, start: str, step: int,
    tops: list[Expr], found: list[Output], body: Callable[[Scope, Quad | None], list[str]],
) -> list[str]:  # fmt: skip
    """A loop over the row, by four neighbours where they are vectors in memory."""
    *outer, lane = kernel.row or [Var("alone", 1)]
    if lane.size % FOUR or not quads.worthwhile(tops, found, lane):
        scope = Scope(parent=unit, variables=frozenset(kernel.row))
        last = body(scope, None)
        return [*_loop(w, kernel.row, start, step), *scope.lines, *last, "}"]
    quad = Quad(w, lane, "fours * 4")
    quad.stage(tops)
    between = Scope(parent=unit, variables=frozenset(outer))
    scope = Scope(parent=between, variables=frozenset([lane]))
    last = body(scope, quad)
    inside = quad.lines(scope, last)
    variables = [*outer, Var("fours", lane.size // FOUR)]
    return [*_loop(w, variables, start, step), *between.lines, *inside, "}"]


def _store_along(
    w: Writer, kernel: Kernel, along: list[Output], unit: Scope, start: str, step: int
) -> None:
    def body(scope: Scope, quad: Quad | None) -> list[str]:
        if quad is None:
            return [w.store(o, scope) for o in along]
        return [quad.assign(o, i, scope) for i, o in enumerate(along)]

    if along:
        tops = [o.expr for o in along]
        unit.lines += _along(w, kernel, unit, start, step, tops, along, body)


def _reduce(
    w: Writer, kernel: Kernel, reduction: Reduction, number: int, unit: Scope,
    start: str, step: int,
) -> None:  # fmt: skip
    """What one work-item makes of its share of a row."""
    name, kind = f"a{number}", value_type(reduction.expr.dtype, 1)
    unit.lines.append(f"{kind} {name} = {neutral(reduction)};")
    # Short sums too: they may be of the parts of a long one.
    carries = reduction.op == "sum" and reduction.expr.dtype.kind == "float"
    if carries:
        unit.lines.append(f"{kind} {name}_lost = 0;")

    def body(scope: Scope, quad: Quad | None) -> list[str]:
        text = w.emit(reduction.expr, scope)
        if not carries:
            return [f"{name} = {w.combined(reduction, name, text)};"]
        if quad is None:
            return _carried(name, kind, text)
        # Four are summed plainly and join the total together.
        quad.before.append(f"{kind} {name}_four = 0;")
        quad.after += _carried(name, kind, f"{name}_four")
        return [f"{name}_four += {text};"]

    unit.lines += _along(w, kernel, unit, start, step, [reduction.expr], [], body)
    unit.names[reduction.result] = name


def _carried(name: str, kind: str, text: str) -> list[str]:
    # What rounding lost is carried along (W. Kahan, 1965), unless it is infinity less infinity.
    return [
        f"const {kind} {name}_add = {text} - {name}_lost;",
        f"const {kind} {name}_new = {name} + {name}_add;",
        f"{name}_lost = ({name}_new - {name}) - {name}_add;",
        f"{name}_lost = {name}_lost - {name}_lost == 0 ? {name}_lost : 0;",
        f"{name} = {name}_new;",
    ]
