"""Writes fused kernels as OpenCL C.

On a CPU a work-item owns a run of rows or a long piece of one, in loops over explicit 16-wide
vectors. On a GPU a work-item owns one element, and a work-group one row that is reduced through
local memory. Sizes and strides are kernel arguments, so new shapes meet programs already built.
"""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import spelling
from jairika_nb.engine.arguments import Arguments
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.fused import Expr, Kernel, Reduction
from jairika_nb.engine.index import Atom, Form, Picked, Quotient, Remainder, Var
from jairika_nb.engine.ops.reduce import initial
from jairika_nb.engine.program import Entry, number_of
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.source import Argument
from jairika_nb.engine.spelling import WIDTH, value_type

# Elements a CPU work-item should have, so that its start costs little beside its work.
GRAIN = 8192


class Writer(Arguments):
    """Collects arguments and lines of one kernel; the schedules drive it."""

    def __init__(self, kernel: Kernel, entries: list[Entry]) -> None:
        super().__init__(kernel, entries)
        self.preambles: set[str] = set()
        self.count = 0
        self.lane: Var | None = None
        self.width = 1
        self.in_block = self.is_several = False
        # Reads that were done before, by the text that has their value.
        self.staged: dict[Expr, str] = {}
        # Divisors below this are written into the text: a division by a constant is cheap.
        self.literal_below = 0
        self.picked: dict[Expr, str] = {}
        self.streamed: set[int] = set()  # outputs that are stored past the caches
        self.number = 0  # of the pass over the row that is being written
        self.ahead: Any = None  # what one of them reads of the next row, see ahead.py

    # Index arithmetic

    def form(self, form: Form) -> str:
        """The text of an index."""
        parts = []
        for atom, coefficient in form.terms:
            text = self._atom(atom)
            factor = abs(coefficient)
            text = text if factor == 1 else f"{text} * {self.integer_argument(factor)}"
            parts.append(("- " if coefficient < 0 else "+ ") + text)
        if form.constant or not parts:
            sign = "- " if form.constant < 0 else "+ "
            parts.append(sign + self.integer_argument(abs(form.constant)))
        joined = " ".join(parts)
        return joined[2:] if joined.startswith("+ ") else joined

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Var):
            return atom.name
        if isinstance(atom, Picked):
            return self.picked[atom.expr]
        assert isinstance(atom, (Quotient, Remainder))
        sign = "/" if isinstance(atom, Quotient) else "%"
        written = atom.by < self.literal_below
        by = str(atom.by) if written else self.integer_argument(atom.by)
        return f"({self.form(atom.form)}) {sign} {by}"

    def condition(self, bounds: tuple) -> str:
        """The text of "inside the padded tensor"."""
        tests = []
        for form, low, high, by in bounds:
            text = f"({self.form(form)})"
            least, greatest = form.bounds
            if least < low:
                tests.append(f"{text} >= {self.integer_argument(low)}")
            if greatest >= high:
                tests.append(f"{text} < {self.integer_argument(high)}")
            if by > 1:
                tests.append(f"{text} % {self.integer_argument(by)} == 0")
        return " && ".join(tests) or "1"

    # Expressions

    def wide(self, expr: Expr) -> int:
        """How many lanes an expression has under the current schedule."""
        return self.width if self.lane in expr.variables else 1

    def emit(self, expr: Expr, scope: Scope) -> str:
        """Compute an expression in ``scope`` (or the outermost one that can) and name it."""
        while scope.parent and not (expr.variables & scope.variables):
            scope = scope.parent
        known = scope.find(expr)
        if known is None:
            known = self._compute(expr, scope)
            scope.names[expr] = known
        return known

    def _compute(self, expr: Expr, scope: Scope) -> str:
        width = self.wide(expr)
        if expr.kind == "scalar":
            where, value = expr.data
            if where == "slot":
                return self.scalar(value, expr.dtype)
            return spelling.literal(number_of(value), expr.dtype)
        saved = self.saved
        first = None if saved is None else saved.passes.get(expr)
        if saved is not None and first is not None and first < saved.number:
            return self._named(expr, spelling.register(saved.place(expr), width), scope, width)
        self._emit_picked(expr, scope)
        name = self._named(expr, getattr(self, f"_{expr.kind}")(expr, scope, width), scope, width)
        if saved is not None and first is not None:
            scope.lines.append(spelling.keep(name, saved.place(expr), width))
        return name

    def _named(self, expr: Expr, text: str, scope: Scope, width: int) -> str:
        self.count += 1
        name = f"v{self.count}"
        scope.lines.append(f"const {value_type(expr.dtype, width)} {name} = {text};")
        return name

    def _emit_picked(self, expr: Expr, scope: Scope) -> None:
        """Compute the indices from data that an expression's own index needs."""
        bounds = expr.data[-1] if expr.kind in ("load", "guard") else ()
        for form in (*(d for d in expr.data if isinstance(d, Form)), *(b[0] for b in bounds)):
            for atom in form.picked:
                self.picked[atom.expr] = self.emit(atom.expr, scope)

    def _checked(self, expr: Expr, scope: Scope, width: int) -> str:
        value, picked = expr.args
        self.emit(picked, scope)
        return self.operand(value, scope, width)

    def _picked(self, expr: Expr, scope: Scope, width: int) -> str:
        size, axis = expr.data
        self.preambles.add("pick")
        fault = self._argument("fault", 0, "global int *fault", Argument("fault", 0))
        chosen = self.emit(expr.args[0], scope)
        return f"pick({chosen}, {self.integer_argument(size)}, {axis}, {fault})"

    def operand(self, expr: Expr, scope: Scope, width: int) -> str:
        """An argument of a ``width``-wide operation, repeated over the lanes where it is one."""
        text = self.emit(expr, scope)
        if width == 1 or self.wide(expr) == width:
            return text
        kind = value_type(expr.dtype, width)
        return f"({kind})(-{text})" if expr.dtype.kind == "bool" else f"({kind})({text})"

    def _load(self, expr: Expr, scope: Scope, width: int) -> str:
        if expr in self.staged:
            return self.staged[expr]
        entry, place, bounds = expr.data
        buffer, dtype = self.buffer(entry), expr.dtype
        at = self.form(place)
        along = [b for b in bounds if width > 1 and self.lane in b[0].variables]
        if along:
            self.preambles |= spelling.memory_needs(dtype, width)
            rest = [b for b in bounds if b not in along]
            size = self.integer_argument(self.entries[entry].size)
            return self._load_part(f"{buffer}, {at}, {size}", dtype, along, rest)
        step = place.coefficient(self.lane) if width > 1 and self.lane is not None else 1
        if step == 1:
            self.preambles |= spelling.memory_needs(dtype, width)
            text = spelling.load(buffer, at, dtype, width)
        elif step is None:
            # The schedule saw that lanes come in pairs, from an even one on.
            text = spelling.load_doubled(buffer, at, dtype)
        elif step == 2:
            self.preambles |= spelling.memory_needs(dtype, width)
            text = spelling.load_alternate(buffer, at, dtype)
        else:
            by, sign = self.integer_argument(abs(step)), "-" if step < 0 else "+"
            places = [f"{at} {sign} {i} * {by}" for i in range(width)]
            text = spelling.load_scattered(buffer, places, dtype)
        if not bounds:
            return text
        zero = f"({value_type(dtype, width)})(0)"
        return f"({self.condition(bounds)}) ? {text} : {zero}"

    def _load_part(self, place: str, dtype: DType, along: list, rest: list) -> str:
        """A vector of which only the lanes inside a padded tensor are read."""
        function = f"load_part_{dtype.name}"
        self.preambles.add(function)
        first = [f"{self.integer_argument(low)} - ({self.form(f)})" for f, low, _, _ in along]
        last = [f"{self.integer_argument(high)} - ({self.form(f)})" for f, _, high, _ in along]
        begin, end = _nested("max", first), _nested("min", last)
        text = f"{function}({place}, {begin}, {end})"
        zero = f"({value_type(dtype, spelling.WIDTH)})(0)"
        return f"({self.condition(tuple(rest))}) ? {text} : {zero}" if rest else text

    def _lanes_inside(self, bounds: tuple) -> str:
        tests = []
        for form, low, high, _ in bounds:
            at = f"((int16)({self.form(form)}) + {self._ramp(form)})"
            tests.append(f"({at} >= {self.integer_argument(low)})")
            tests.append(f"({at} < {self.integer_argument(high)})")
        return " & ".join(tests)

    def _guard(self, expr: Expr, scope: Scope, width: int) -> str:
        value, fill = (self.operand(a, scope, width) for a in expr.args)
        along = tuple(b for b in expr.data[0] if width > 1 and self.lane in b[0].variables)
        if along:
            rest = tuple(b for b in expr.data[0] if b not in along)
            inside = f"({self._lanes_inside(along)})"
            text = spelling.select(inside, value, fill, expr.dtype, width)
            return f"({self.condition(rest)}) ? {text} : {fill}" if rest else text
        return f"({self.condition(expr.data[0])}) ? {value} : {fill}"

    def _index(self, expr: Expr, scope: Scope, width: int) -> str:
        text = self.form(expr.data[0])
        if width == 1:
            return f"(int)({text})"
        return f"(int16)({text}) + {self._ramp(expr.data[0])}"

    def _ramp(self, form: Form) -> str:
        assert self.lane is not None
        step = form.coefficient(self.lane) or 0
        ramp = "(int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)"
        return ramp if step == 1 else f"{ramp} * (int16)({self.integer_argument(step)})"

    def _random(self, expr: Expr, scope: Scope, width: int) -> str:
        slot, place = expr.data
        self.preambles.add("philox")
        words = ", ".join(self.stream(slot))
        if width == 1:
            return f"philox1((uint)({self.form(place)}), {words})"
        ramp = f"convert_uint16((int16)({self.form(place)}) + {self._ramp(place)})"
        return f"philox16({ramp}, {words})"

    def _op(self, expr: Expr, scope: Scope, width: int) -> str:
        name = expr.data[0]
        args = [self.operand(a, scope, width) for a in expr.args]
        if name == "cast":
            text, needs = spelling.cast(args[0], expr.args[0].dtype, expr.dtype, width)
        else:
            kind = expr.dtype if name == "where" else expr.args[0].dtype
            text, needs = spelling.operation(name, args, kind, expr.dtype, width)
        self.preambles |= needs
        return text

    def store(self, output: Any, scope: Scope) -> str:
        """The statement that stores an output."""
        width = self.width if self.lane in output.at.variables else 1
        entry = self.entries[output.entry]
        buffer = self.buffer(output.entry, output=True)
        text = self.operand(output.expr, scope, width)
        at = self.form(output.at)
        if output.entry in self.streamed and width > 1 and entry.dtype.name != "float16":
            # What is written over an input has been read anyway.
            apart = [f"{buffer} != {self.buffer(i)}" for o, i in self.pairs if o == output.entry]
            text, needs = spelling.streamed(text, buffer, at, entry.dtype, apart)
            self.preambles |= needs
            return text
        self.preambles |= spelling.memory_needs(entry.dtype, width)
        return spelling.store(text, buffer, at, entry.dtype, width)

    def reads_ahead(self) -> list[str]:
        """The statements of the present step that fetch what the next row has there."""
        is_here = self.ahead is not None and self.ahead.number == self.number
        return self.ahead.lines if is_here and self.width == WIDTH else []

    def combined(self, reduction: Reduction, a: str, b: str, width: int = 1) -> str:
        """One step of a reduction, on values ``width`` lanes wide."""
        dtype = reduction.expr.dtype
        text, needs = spelling.operation(reduction.op, [a, b], dtype, dtype, width)
        self.preambles |= needs
        return text

    def unpack(self, variables: list[Var], flat: str) -> list[str]:
        """Statements that split a flat position into loop variables, last one fastest."""
        lines, rest = [], flat
        for var in reversed(variables[1:]):
            size = self.integer_argument(var.size)
            lines.append(f"const {self.integer} {var.name} = {rest} % {size};")
            lines.append(f"const {self.integer} {var.name}_rest = {rest} / {size};")
            rest = f"{var.name}_rest"
        if variables:
            lines.append(f"const {self.integer} {variables[0].name} = {rest};")
        return lines

    def assemble(self, name: str, body: list[str], attributes: str = "") -> str:
        """The kernel's text around its body."""
        lines = "\n".join(_indented(body))
        parameters = ",\n    ".join(self.parameters)
        return f"kernel {attributes}void {name}(\n    {parameters}) {{\n{lines}\n}}\n"


def _nested(function: str, terms: list[str]) -> str:
    out = terms[0]
    for term in terms[1:]:
        out = f"{function}({out}, {term})"
    return out


def _indented(lines: list[str], depth: int = 1) -> list[str]:
    out = []
    for line in lines:
        if line.startswith("}"):
            depth -= 1
        out.append("  " * depth + line)
        if line.endswith("{"):
            depth += 1
    return out


def neutral(reduction: Reduction) -> str:
    """What an accumulator starts from."""
    dtype = reduction.expr.dtype
    return spelling.literal(initial(reduction.op, dtype), dtype)
