"""Writes matrix products for GPUs: tiles in local memory, filled by functions for the operands.

Whatever makes an operand is computed on the way into the tiles, views included: transposes and the
windows of a convolution are never stored as such.
"""

from __future__ import annotations

import math

from jairika_nb.engine import quads
from jairika_nb.engine.code import Writer
from jairika_nb.engine.dtypes import NARROW
from jairika_nb.engine.fused import Expr, Kernel, Operand
from jairika_nb.engine.product import _filled, lane_of
from jairika_nb.engine.program import Entry
from jairika_nb.engine.quads import FOUR, Quad
from jairika_nb.engine.routines import filled, template
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.source import Argument, Source, name_of, traffic
from jairika_nb.engine.tiles import MatrixTile, Tile, span
from jairika_nb.engine.vector_lane import access_score

# Sizes below this are written into the text where indices are divided by them: the taps and
# strides of convolutions, which networks do not change.
LITERAL = 64
SIDES = ("left", "right")
# Steps along the inner axis whose sums are put aside together; whole steps of every tile.
BLOCK = 512


def write(kernel: Kernel, entries: list[Entry]) -> Source:
    """The kernel of a product and whatever elementwise work follows it."""
    gemm = entries[kernel.product]  # type: ignore[index]
    shape, k, _, choice = gemm.attrs
    (tile, parts), unit = choice, choice.unit
    m, n = shape[-2:]
    batch = math.prod(shape[:-2]) // parts
    w = Writer(kernel, entries)
    w.literal_below = LITERAL
    sides = [_operand(w, o, s) for o, s in zip(kernel.operands, SIDES, strict=True)]
    functions = [function for function, _ in sides]
    functions.append(_epilogue(w, kernel, shape))
    values = {
        "REAL": gemm.dtype.lane, "REAL4": f"{gemm.dtype.lane}4", "THREADS": tile.items,
        "ROWS": tile.rows, "COLUMNS": tile.columns, "DEPTH": tile.depth,
        "HIGH": tile.high, "WIDE": tile.wide, "BLOCK": BLOCK, "UNITS": int(unit is not None),
        "NARROW": 0, "WORDS": tile.depth,
    }  # fmt: skip
    if unit:
        values |= unit.values
        values["WORDS"] = tile.depth * unit.itemsize // 4
    texts = [_side(side, tile, *steps) for side, (_, steps) in zip(SIDES, sides, strict=True)]
    texts += [unit.text, template("gemm_matrix.cl")] if unit else [template("gemm_local.cl")]
    name = name_of(kernel, entries)
    text = _filled("".join(texts), w, name, functions, values)
    tiles = math.ceil(m / tile.rows), math.ceil(n / tile.columns)
    sizes = [Argument("int", s) for s in (m, n, k, *tiles, batch, span(k, choice))]
    moved = traffic(kernel, entries)
    moved += sum(entries[i].size * entries[i].dtype.itemsize for o in kernel.operands
                 for i in o.loads)  # fmt: skip
    groups = math.prod(tiles) * batch * parts
    return Source(
        name, text, frozenset(w.preambles), [*sizes, *w.arguments], (groups * tile.items,),
        (tile.items,), [o.entry for o in kernel.outputs], moved, 2 * batch * m * n * k,
    )  # fmt: skip


def _side(side: str, tile: Tile | MatrixTile, along_k: bool, step: int) -> str:
    """The functions that bring an operand into its tile."""
    lines = tile.rows if side == "left" else tile.columns
    many = lines * tile.depth // tile.items // step
    own = {"LINES": lines, "ALONG_K": int(along_k), "STEP": step, "MANY": many}
    return filled(template("gemm_operand.cl"), own).replace("side_", f"{side}_")


# Operands


def _operand(w: Writer, operand: Operand, side: str) -> tuple[tuple, tuple[bool, int]]:
    """The function that reads elements of an operand; whether along k, and how many at once.

    Neighbouring work-items read what lies side by side, four elements each where they are aligned.
    """
    inner, outer = operand.columns, operand.rows
    if side == "right":
        inner, outer = outer, inner
    scores = [access_score(operand.exprs, v) if v else None for v in (inner, outer)]
    along_k, along_other = (-1 if s is None else s for s in scores)
    first = along_k >= along_other if side == "left" else along_k > along_other
    lane = inner if first else outer
    read = _stripped(operand.expr)
    four = lane is not None and lane.size % FOUR == 0 and read in quads.loads([read], lane)
    body = w.unpack(operand.batch, "batch")
    if four:
        assert lane is not None
        buffer, at = w.buffer(read.data[0]), w.form(read.data[1])
        body.append(f"vstore4({quads.load(buffer, at, read.dtype)}, 0, value);")
    else:
        scope = Scope()
        text = w.operand(operand.expr, scope, 1)
        body += [*scope.lines, f"*value = {text};"]
    kind = operand.expr.dtype.lane
    names = ("row", "column") if side == "left" else ("column", "row")
    places = ", ".join(f"const int {name}" for name in names)
    declared = f"const int batch, {places}, {kind} *value"
    return ("", f"{side}_at", declared, body), (first, FOUR if four else 1)


def _stripped(expr: Expr) -> Expr:
    """What is read, where nothing is done to it but that 2-byte floats become float32."""
    while expr.kind == "op" and expr.data[0] == "cast" and expr.args[0].dtype in NARROW:
        expr = expr.args[0]
    return expr


# Epilogues


def _epilogue(w: Writer, kernel: Kernel, shape: tuple[int, ...]) -> tuple:
    """The function that takes four neighbouring sums through the fused work and stores them."""
    lane = lane_of(kernel, shape)
    assert lane is not None
    row = f"i{len(shape) - 2}"
    batch = [v for v in kernel.kept if int(v.name[1:]) < len(shape) - 2]
    named = [f"const {w.integer} {row} = m;"] if any(v.name == row for v in kernel.kept) else []
    top = Scope(lines=[*w.unpack(batch, "batch"), *named])
    whole = all(quads.fits(o.at, lane) for o in kernel.outputs)
    quad = Quad(w, lane, "n", None if whole else "many")
    quad.stage([o.expr for o in kernel.outputs] if whole else [])
    scope = Scope(parent=top, variables=frozenset(kernel.kept))
    sums = {e: "sums[four]" for e in kernel.exprs if e.kind == "product"}
    scope.names |= sums
    last = [quad.assign(o, i, scope) for i, o in enumerate(kernel.outputs)]
    kind = next(iter(sums)).dtype.lane if sums else "float"
    declared = f"const int batch, const int m, const int n, const int many, const {kind} *sums"
    return "", "epilogue", declared, [*top.lines, *quad.lines(scope, last)]
