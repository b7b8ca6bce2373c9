"""Axes of a reduction that lie side by side everywhere are one longer axis.

Rows of an image are short and no whole vectors; its planes are longer, and often both at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jairika_nb.engine import index
from jairika_nb.engine.fused import Expr, Kernel, Output, Reduction
from jairika_nb.engine.index import Form, Var


def joined(kernel: Kernel) -> Kernel:
    """The kernel with as few row variables as its indices allow."""
    if kernel.mapped or kernel.is_fixed:
        return kernel
    for at in reversed(range(len(kernel.row) - 1)):
        first, second = kernel.row[at : at + 2]
        if all(_are_one(form, first, second) for e in kernel.exprs for form in _forms(e)):
            whole = Var(first.name, first.size * second.size)
            kernel = _with(kernel, _Joining(first, second, whole))
    return kernel


def _forms(expr: Expr) -> list[Form]:
    bounds = expr.data[-1] if expr.kind in ("load", "guard") else ()
    return [*(d for d in expr.data if isinstance(d, Form)), *(b[0] for b in bounds)]


def _are_one(form: Form, first: Var, second: Var) -> bool:
    a, b = form.coefficient(first), form.coefficient(second)
    picked = any({first, second} & p.expr.variables for p in form.picked)
    return a is not None and b is not None and a == b * second.size and not picked


class _Joining:
    """Puts one variable for two into expressions, each once."""

    def __init__(self, first: Var, second: Var, whole: Var) -> None:
        self.first, self.second, self.whole = first, second, whole
        self.known: dict[Expr, Expr] = {}

    def expr(self, expr: Expr) -> Expr:
        """The expression over the new variable; itself where it has nothing of the two."""
        if expr not in self.known:
            args = tuple(map(self.expr, expr.args))
            used = expr.variables - {self.first, self.second}
            if used == expr.variables and args == expr.args:
                self.known[expr] = expr
            else:
                data = tuple(map(self._data, expr.data))
                new = {self.whole} if used != expr.variables else set()
                self.known[expr] = replace(expr, args=args, data=data, variables=used | new)
        return self.known[expr]

    def _data(self, item: Any) -> Any:
        if isinstance(item, Form):
            step = item.coefficient(self.second) or 0
            rest = tuple(t for t in item.terms if t[0] not in (self.first, self.second))
            whole = index.variable(self.whole)
            return index.combine([(Form(rest, item.constant), 1), (whole, step)])
        return tuple(map(self._data, item)) if isinstance(item, tuple) else item


def _with(kernel: Kernel, by: _Joining) -> Kernel:
    reductions = [Reduction(r.op, by.expr(r.expr), by.expr(r.result)) for r in kernel.reductions]
    outputs = [Output(o.entry, by.expr(o.expr), o.at) for o in kernel.outputs]
    row = [by.whole if v is by.first else v for v in kernel.row if v is not by.second]
    exprs = [by.expr(e) for e in kernel.exprs]
    return replace(kernel, row=row, reductions=reductions, outputs=outputs, exprs=exprs)
