"""Writes matrix products: a template from ``kernels/`` around functions made for the operands."""

from __future__ import annotations

import math

from jairika_nb.engine import panels, pieces, vector_lane
from jairika_nb.engine.code import Writer
from jairika_nb.engine.fused import Kernel, Misfit, Operand
from jairika_nb.engine.index import Var
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import filled, template
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.source import Argument, Source, name_of, traffic
from jairika_nb.engine.spelling import WIDTH


def write(kernel: Kernel, entries: list[Entry], units: int) -> Source:
    """The kernel of a product and whatever elementwise work follows it."""
    gemm = entries[kernel.product]  # type: ignore[index]
    return _on_cpu(kernel, entries, gemm, units)


def is_strided(operand: Operand) -> bool:
    """Whether it is a read with one stride along the rows and one along the columns."""
    if operand.expr.kind != "load":
        return False
    _, place, bounds = operand.expr.data
    lines = [v for v in (operand.rows, operand.columns) if v]
    return not bounds and all(place.coefficient(v) is not None for v in lines)


def _on_cpu(kernel: Kernel, entries: list[Entry], gemm: Entry, units: int) -> Source:
    shape, k, (mr, nr), by = gemm.attrs
    m, n = shape[-2:]
    batch = math.prod(shape[:-2])
    w = Writer(kernel, entries)
    left = kernel.operands[0]
    row, inner = _strides(left)
    # Neighbouring rows side by side: a tile would read a little of each of many lines.
    copies = row == 1 and inner > 1 and n > 2 * nr
    cut = pieces.cut(batch, (m, n, k), (mr, nr), copies, units, by)
    ahead = _ahead(w, kernel, shape)
    parts = [*_epilogues(w, kernel, shape, (WIDTH, 1)), ahead, _room(w, kernel, shape)]
    parts += _operands(w, kernel, nr)
    asks = any("prefetch" in line for line in ahead[-1])
    values = {
        "MR": mr, "NR": nr, "PARTS": mr if asks else 1, "INDEX": w.integer,
        "ROW": w.integer_argument(row), "INNER": w.integer_argument(inner),
    }  # fmt: skip
    name = name_of(kernel, entries)
    text = _filled(template("gemm.cl"), w, name, parts, values)
    sizes = [Argument("int", s) for s in (m, n, k, *cut.sizes.values())]
    arguments = [
        Argument("buffer", left.expr.data[0]), Argument("scratch", cut.scratch),
        Argument("counter", 0), *sizes, *w.arguments,
    ]  # fmt: skip
    operand_bytes = sum(entries[i].size * 4 for o in kernel.operands for i in o.loads)
    return Source(
        name, text, frozenset(w.preambles), arguments, (cut.items,), (1,),
        [o.entry for o in kernel.outputs], traffic(kernel, entries) + operand_bytes,
        2 * batch * m * n * k,
    )  # fmt: skip


def _strides(operand: Operand) -> list[int]:
    """Of an operand that strides can read: along its rows and along its columns."""
    place = operand.expr.data[1]
    return [(place.coefficient(v) or 0) if v else 0 for v in (operand.rows, operand.columns)]


def _filled(text: str, w: Writer, name: str, parts: list, values: dict) -> str:
    """A template with its parameters written in, after the functions made for it.

    ``parts`` are (text before, name, parameters, lines) of functions that take all arguments.
    """
    declared = "".join(f", {p}" for p in w.parameters)
    passed = "".join(f", {p.split()[-1].lstrip('*')}" for p in w.parameters)
    functions = "".join(
        f"{before}inline void {function}({parameters}{declared}) {{\n"
        + "".join(f"  {line}\n" for line in lines).replace(" PASSED", passed)
        + "}\n"
        for before, function, parameters, lines in parts
    )
    values = {**values, "KERNEL_NAME": name, " PARAMETERS": declared, " PASSED": passed}
    return functions + filled(text, values)


# What is made for each product


def _operands(w: Writer, kernel: Kernel, columns: int) -> list[tuple[str, str, str, list[str]]]:
    """How the panels of the right operand are filled, and where the left one starts."""
    left, right = kernel.operands
    helper, body = panels.fill(w, right, w.unpack(right.batch, "batch"), columns)
    return [
        _left_start(w, left),
        (helper, "fill", "global float *panel, const int batch, const int first_n, "
         "const int first_k, const int depth, const int N", body),
    ]  # fmt: skip


def _left_start(w: Writer, left: Operand) -> tuple[str, str, str, list[str]]:
    """Where a batch of the left operand starts."""
    lines = w.unpack(left.batch, "batch")
    for var in (left.rows, left.columns):
        lines += [f"const {w.integer} {var.name} = 0;"] if var else []
    lines.append(f"*start = {w.form(left.expr.data[1])};")
    return "", "left_start", f"const int batch, {w.integer} *start", lines


def _epilogues(w: Writer, kernel: Kernel, shape: tuple[int, ...], widths: tuple[int, ...]) -> list:
    """Functions that take one or 16 sums through the fused operations and store the result."""
    return [
        (
            "", f"epilogue{width}",
            f"const int batch, const int m, const int n, float{'' if width == 1 else width} sum",
            _function(w, kernel, shape, width),
        )
        for width in widths
    ]  # fmt: skip


def _ahead(w: Writer, kernel: Kernel, shape: tuple[int, ...]) -> tuple[str, str, str, list[str]]:
    """A function that asks for what the epilogue of 16 columns reads, long before it does."""
    lines = _places(w, kernel, shape)
    reads = [e.data for e in kernel.exprs if e.kind == "load" and not e.data[2]]
    lines += [
        f"__builtin_prefetch({w.buffer(entry)} + ({w.form(place)}));"
        for entry, place, _ in reads
        if {*kernel.kept[-2:]} <= place.variables and not place.picked
    ]
    return "", "ahead", "const int batch, const int m, const int n", lines


def _room(w: Writer, kernel: Kernel, shape: tuple[int, ...]) -> tuple[str, str, str, list[str]]:
    """A function that asks for the lines that the epilogue of 16 columns writes."""
    lines = _places(w, kernel, shape)
    # What is written over an input has been read anyway.
    over = {o for o, _ in w.pairs}
    lines += [
        f"__builtin_prefetch({w.buffer(o.entry, output=True)} + ({w.form(o.at)}), 1);"
        for o in kernel.outputs
        if o.entry not in over
    ]
    return "", "room", "const int batch, const int m, const int n", lines


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
    return lane is not None and vector_lane.score(kernel, lane) is not None
