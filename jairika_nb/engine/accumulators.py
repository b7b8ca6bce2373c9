"""Reductions over a row on a CPU: what is accumulated, in how many places, and how it is joined."""

from __future__ import annotations

from jairika_nb.engine import columns
from jairika_nb.engine.code import Writer, neutral
from jairika_nb.engine.costs import DEAR, cost
from jairika_nb.engine.fused import Kernel, Reduction
from jairika_nb.engine.row_loops import TOGETHER, Lines, loop
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.spelling import value_type


def reduce(w: Writer, kernel: Kernel, named: dict[str, Reduction], unit: Scope) -> None:
    """One pass over the row that makes some reductions of one kind."""
    parts = [_Part(w, kernel, reduction, name) for name, reduction in named.items()]
    for part in parts:
        unit.lines += part.start()
    along, row = parts[0].along, kernel.row
    cheap = along and row[-1].size >= parts[0].width * TOGETHER
    cheap = cheap and all(cost(p.reduction.expr, row[-1]) < DEAR for p in parts)

    def step(scope: Scope) -> list[str]:
        return [*(line for part in parts for line in part.step(scope)), *w.reads_ahead()]

    def blocks(wide: int) -> Lines:
        return _side_by_side([part.blocks(wide) for part in parts])

    def many() -> Lines:
        return _side_by_side([part.many() for part in parts])

    loop(w, row, unit, step, blocks if parts[0].long_sum else None, many if cheap else None)
    for part in parts:
        if along:
            unit.lines += _horizontal(w, part.reduction, part.name)
        unit.names[part.reduction.result] = part.name


def _side_by_side(pairs: list[Lines]) -> Lines:
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
        self.long_sum = columns.is_long_sum(reduction, steps)

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

    def blocks(self, wide: int) -> Lines:
        if self.along and wide == 1:
            return columns.carried(self.name, 1, self.dtype)
        return columns.carried(self.first, self.width, self.dtype)

    def many(self) -> Lines:
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
