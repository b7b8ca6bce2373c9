"""Four neighbours a work-item on a GPU: scalar code in a short loop, memory touched in vectors.

GPUs compute scalars, but read and write 16 bytes an item as fast as 4. Loads and stores that lie
side by side, from a multiple of four elements on, are vectors; all others stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable

from jairika_nb.engine import dtypes, spelling
from jairika_nb.engine.code import Writer
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.fused import Expr, Output
from jairika_nb.engine.index import Form, Var
from jairika_nb.engine.scope import Scope

FOUR = 4


def fits(place: Form, lane: Var) -> bool:
    """Whether four elements along ``lane``, from a multiple of four on, are an aligned vector."""
    rest = [c for atom, c in place.terms if atom != lane]
    whole = len(place.terms) == 1 or lane.size % FOUR == 0
    return place.coefficient(lane) == 1 and whole and not any(
        number % FOUR for number in (place.constant, *rest)
    )  # fmt: skip


def load(buffer: str, at: str, dtype: DType) -> str:
    """Four elements of a buffer as values of registers."""
    place = f"{buffer} + ({at})"
    if dtype is dtypes.float16:
        return f"vloada_half4(0, {place})"
    text = f"*(global const {dtype.opencl}4 *)({place})"
    if dtype is dtypes.bfloat16:
        return f"as_float4(convert_uint4({text}) << 16)"
    if dtype is dtypes.bool_:
        return f"((convert_int4({text}) != 0) & 1)"
    return text if dtype.opencl == dtype.lane else f"convert_{dtype.lane}4({text})"


def store(text: str, buffer: str, at: str, dtype: DType) -> str:
    """The statement that stores four values of registers."""
    place = f"{buffer} + ({at})"
    if dtype is dtypes.float16:
        return f"vstorea_half4_rte({text}, 0, {place});"
    if dtype is dtypes.bfloat16:
        text = f"as_uint4({text}) >> 16"
    if dtype.opencl != dtype.lane:
        text = f"convert_{dtype.opencl}4({text})"
    return f"*(global {dtype.opencl}4 *)({place}) = {text};"


def reached(tops: Iterable[Expr]) -> list[Expr]:
    """The expressions that some are made of, down to what was reduced before."""
    seen: dict[Expr, None] = {}
    todo = [*tops]
    while todo:
        expr = todo.pop()
        if expr not in seen:
            seen[expr] = None
            todo += expr.args if expr.kind != "reduced" else ()
    return list(seen)


def loads(tops: Iterable[Expr], lane: Var) -> list[Expr]:
    """The reads below some expressions that are aligned vectors along ``lane``."""
    reads = [e for e in reached(tops) if e.kind == "load"]
    return [e for e in reads if not e.data[2] and not e.data[1].picked and fits(e.data[1], lane)]


def worthwhile(tops: list[Expr], outputs: list[Output], lane: Var) -> bool:
    """Whether any memory access along ``lane`` is an aligned vector."""
    return bool(loads(tops, lane)) or any(fits(o.at, lane) for o in outputs)


class Quad:
    """The code of four neighbours: reads before a loop, and stores behind it."""

    def __init__(self, w: Writer, lane: Var, start: str, many: str | None = None) -> None:
        """``start`` is the first place; with ``many``, only so many of the four are there."""
        self.w, self.lane, self.start, self.many = w, lane, start, many
        self.before: list[str] = []
        self.after: list[str] = []

    def stage(self, tops: list[Expr]) -> None:
        """Read what ``tops`` need in vectors."""
        self.w.staged = {}
        for expr in loads(tops, self.lane):
            name = f"q{len(self.w.staged)}"
            buffer, at = self.w.buffer(expr.data[0]), self.w.form(expr.data[1])
            kind = expr.dtype.lane
            self.before.append(f"{kind} {name}[4];")
            whole = f"vstore4({load(buffer, at, expr.dtype)}, 0, {name});"
            place = f"{at} + four"
            one = f"{name}[four] = {spelling.load(buffer, place, expr.dtype)};"
            self.before += self._at_start(whole, one)
            self.w.staged[expr] = f"{name}[four]"

    def _at_start(self, whole: str, one: str) -> list[str]:
        named = f"const {self.w.integer} {self.lane.name} = {self.start};"
        if self.many is None:
            return ["{", named, whole, "}"]
        each = [f"for (int four = 0; four < {self.many}; four++) {{", one, "}"]
        return ["{", named, f"if ({self.many} == 4) {{", whole, "} else {", *each, "}", "}"]

    def assign(self, output: Output, number: int, scope: Scope) -> str:
        """The statement of the loop that keeps or stores one value of an output."""
        w = self.w
        if not fits(output.at, self.lane):
            return w.store(output, scope)
        dtype = w.entries[output.entry].dtype
        buffer, at = w.buffer(output.entry, output=True), w.form(output.at)
        name = f"r{number}"
        self.before.append(f"{dtype.lane} {name}[4];")
        one = spelling.store(f"{name}[four]", buffer, f"{at} + four", dtype)
        self.after += self._at_start(store(f"vload4(0, {name})", buffer, at, dtype), one)
        return f"{name}[four] = {w.operand(output.expr, scope, 1)};"

    def lines(self, scope: Scope, last: list[str]) -> list[str]:
        """All lines: reads, the loop around what ``scope`` computes and ``last``, stores."""
        self.w.staged = {}
        named = f"const {self.w.integer} {self.lane.name} = {self.start} + four;"
        body = [named, *scope.lines, *last]
        if self.many is not None:
            body = [f"if (four < {self.many}) {{", *body, "}"]
        loop = ["#pragma unroll", "for (int four = 0; four < 4; four++) {", *body, "}"]
        return ["{", *self.before, *loop, *self.after, "}"]


def outputs(w: Writer, quad: Quad, found: list[Output], parent: Scope) -> list[str]:
    """The lines that compute and store ``found`` at four neighbours."""
    quad.stage([o.expr for o in found])
    scope = Scope(parent=parent, variables=frozenset([quad.lane]))
    last = [quad.assign(o, number, scope) for number, o in enumerate(found)]
    return quad.lines(scope, last)
