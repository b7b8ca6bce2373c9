"""What a fused kernel is: expressions over loop variables, reductions over a row, outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.index import Form, Var

# Stands in a value's variables for "known once the row was reduced".
REDUCED = Var("reduced", 1)
Bound = tuple[Form, int, int, int]  # form, low, high (exclusive), divisor that must leave no rest


# Indices that a kernel reads: the leaf they come from unchanged, if so, and the size of the axis.
Check = tuple[int | None, int]


@dataclass(frozen=True, eq=False)
class Expr:
    """A value inside a kernel.

    kind: load, scalar, index, picked, checked, random, op, guard or reduced; ``variables`` are
    the loop variables it changes with, which decides where it is computed and how wide.
    """

    kind: str
    dtype: DType
    args: tuple[Expr, ...]
    data: tuple
    variables: frozenset[Var]


@dataclass
class Reduction:
    """One accumulation over the row: ``op`` joins the values of ``expr``."""

    op: str
    expr: Expr
    result: Expr


@dataclass
class Side:
    """A reduction to one number that each work-item does for itself before all else."""

    row: list[Var]
    reduction: Reduction


@dataclass
class Output:
    """One stored result: which entry, its value, and where in its buffer each element goes."""

    entry: int
    expr: Any  # an Expr; None where the kernel is given rather than traced
    at: Form


@dataclass
class Operand:
    """An operand of a product as the kernel computes it; ``rows`` and ``columns`` are its axes."""

    expr: Expr
    batch: list[Var]
    rows: Var | None
    columns: Var | None
    exprs: list[Expr]
    loads: list[int]
    inlined: list[int]
    crowded: list[int]
    checks: list[Check]


@dataclass
class Kernel:
    """All that the code writer needs to know of one fused kernel."""

    kept: list[Var]
    row: list[Var]
    reductions: list[Reduction]
    outputs: list[Output]
    loads: list[int]
    inlined: list[int]
    mapped: bool
    exprs: list[Expr]
    crowded: list[int]
    product: int | None = None
    routine: int | None = None
    operands: tuple[Operand, ...] = ()
    sides: tuple[Side, ...] = ()
    checks: tuple[Check, ...] = ()
    is_long: bool = False  # whether its indices may be over 2**31

    @property
    def reads(self) -> list[int]:
        """The stored entries it reads."""
        return list(dict.fromkeys([*self.loads, *(p for o in self.operands for p in o.loads)]))

    @property
    def computes(self) -> list[int]:
        """The entries it computes without storing them."""
        return [*self.inlined, *(p for o in self.operands for p in o.inlined)]

    @property
    def all_checks(self) -> list[Check]:
        """What indices it reads, its operands' too."""
        return [*self.checks, *(c for o in self.operands for c in o.checks)]

    @property
    def is_fixed(self) -> bool:
        """Whether its form is given, so that nothing but an epilogue can join it."""
        return self.product is not None or self.routine is not None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return math.prod(v.size for v in self.kept)

    @property
    def row_size(self) -> int:
        """How many elements a row has."""
        return math.prod(v.size for v in self.row)


class Misfit(Exception):
    """This fusion is not possible; the planner takes another."""
