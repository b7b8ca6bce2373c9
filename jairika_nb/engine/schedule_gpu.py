"""The GPU schedule: a work-item for each element, a work-group for each long row."""

from __future__ import annotations

import math

from jairika_nb.engine.code import GROUP, GROUP_ROW, Scope, Writer, neutral
from jairika_nb.engine.fused import REDUCED, Kernel, Reduction
from jairika_nb.engine.program import Entry
from jairika_nb.engine.source import Source, traffic, work
from jairika_nb.engine.spelling import value_type


def write(kernel: Kernel, entries: list[Entry], name: str) -> Source:
    """The kernel for a GPU."""
    w = Writer(kernel, entries)
    grouped = kernel.row_size >= GROUP_ROW
    total = w.integer_argument(kernel.rows)
    place = "get_group_id(0)" if grouped else "get_global_id(0)"
    head = [f"const {w.integer} piece = {place};"]
    # Work-groups that meet barriers are as many as rows: no item may leave before the others.
    head += [] if grouped else [f"if (piece >= {total}) return;"]
    top = Scope(lines=w.unpack(kernel.kept, "piece"))
    unit = Scope(parent=top, variables=frozenset([*kernel.kept, REDUCED]))
    for number, reduction in enumerate(kernel.reductions):
        _reduce(w, kernel, reduction, number, unit, grouped)
    _outputs(w, kernel, unit, grouped)
    local = GROUP if grouped else 64
    groups = kernel.rows if grouped else math.ceil(kernel.rows / local)
    text = w.assemble(
        name, [*_local_memory(kernel, grouped), *head, *top.lines, *unit.lines],
        f"__attribute__((reqd_work_group_size({local}, 1, 1))) ",
    )  # fmt: skip
    return Source(
        name, text, frozenset(w.preambles), w.arguments, (groups * local,), (local,),
        [o.entry for o in kernel.outputs], traffic(kernel, entries), work(kernel),
    )  # fmt: skip


def _local_memory(kernel: Kernel, grouped: bool) -> list[str]:
    rows = kernel.reductions if grouped else []
    kinds = [value_type(r.expr.dtype, 1) for r in rows]
    return [f"local {kind} a{i}_shared[{GROUP}];" for i, kind in enumerate(kinds)]


def _along_row(w: Writer, kernel: Kernel, unit: Scope, grouped: bool, body) -> None:
    """A loop over the flattened row: all of it, or each GROUP-th element for a work-group."""
    scope = Scope(parent=unit, variables=frozenset(kernel.row))
    last = body(scope)
    size = w.integer_argument(kernel.row_size)
    start, step = ("get_local_id(0)", GROUP) if grouped else ("0", 1)
    unit.lines.append(f"for ({w.integer} at = {start}; at < {size}; at += {step}) {{")
    unit.lines += [*w.unpack(kernel.row, "at"), *scope.lines, *last, "}"]


def _reduce(
    w: Writer, kernel: Kernel, reduction: Reduction, number: int, unit: Scope, grouped: bool
) -> None:
    name, kind = f"a{number}", value_type(reduction.expr.dtype, 1)
    unit.lines.append(f"{kind} {name} = {neutral(reduction)};")
    long_sum = reduction.op == "sum" and reduction.expr.dtype.kind == "float" and grouped
    if long_sum:
        unit.lines.append(f"{kind} {name}_lost = 0;")

    def step(scope: Scope) -> list[str]:
        text = w.emit(reduction.expr, scope)
        if not long_sum:
            return [f"{name} = {w.combined(reduction, name, text)};"]
        # What rounding lost is carried along (W. Kahan, 1965), unless it is infinity less infinity.
        return [
            f"const {kind} {name}_add = {text} - {name}_lost;",
            f"const {kind} {name}_new = {name} + {name}_add;",
            f"{name}_lost = ({name}_new - {name}) - {name}_add;",
            f"{name}_lost = {name}_lost - {name}_lost == 0 ? {name}_lost : 0;",
            f"{name} = {name}_new;",
        ]

    _along_row(w, kernel, unit, grouped, step)
    if grouped:
        unit.lines += _tree(w, reduction, name)
    unit.names[reduction.result] = name


def _tree(w: Writer, reduction: Reduction, name: str) -> list[str]:
    shared, lid = f"{name}_shared", "get_local_id(0)"
    joined = w.combined(reduction, f"{shared}[{lid}]", f"{shared}[{lid} + half_of]")
    return [
        f"{shared}[{lid}] = {name};",
        "barrier(CLK_LOCAL_MEM_FENCE);",
        f"for (int half_of = {GROUP} / 2; half_of > 0; half_of /= 2) {{",
        f"if ({lid} < half_of) {{",
        f"{shared}[{lid}] = {joined};",
        "}",
        "barrier(CLK_LOCAL_MEM_FENCE);",
        "}",
        f"{name} = {shared}[0];",
    ]


def _outputs(w: Writer, kernel: Kernel, unit: Scope, grouped: bool) -> None:
    along = [o for o in kernel.outputs if o.at.variables & frozenset(kernel.row)]
    single = [o for o in kernel.outputs if o not in along]
    lines = [w.store(o, unit) for o in single]
    if lines and grouped:
        lines = ["if (get_local_id(0) == 0) {", *lines, "}"]
    unit.lines += lines
    if along:
        _along_row(w, kernel, unit, grouped, lambda scope: [w.store(o, scope) for o in along])
