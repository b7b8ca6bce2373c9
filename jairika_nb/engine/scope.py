"""Blocks of the code that is written, and what has been computed in them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from jairika_nb.engine.fused import Expr
from jairika_nb.engine.index import Var
from jairika_nb.engine.spelling import WIDTH


@dataclass
class Scope:
    """A block of code and the expressions already computed in it or around it."""

    lines: list[str] = field(default_factory=list)
    names: dict[Expr, str] = field(default_factory=dict)
    parent: Scope | None = None
    variables: frozenset[Var] = frozenset()

    def find(self, expr: Expr) -> str | None:
        """The name of an expression computed here or around here."""
        scope: Scope | None = self
        while scope:
            if expr in scope.names:
                return scope.names[expr]
            scope = scope.parent
        return None


@dataclass
class Saved:
    """Values along a row that one pass stores in memory of its work-item for the later ones.

    ``passes``: which pass over the row, by number, computes each.
    """

    passes: dict[Expr, int]
    var: Var
    number: int = 0  # of the pass that is being written

    @property
    def stride(self) -> int:
        """Elements from one work-item's values to the next one's."""
        return math.ceil(self.var.size / WIDTH) * WIDTH

    def place(self, expr: Expr) -> str:
        """Where the value of the present element is."""
        return f"row{list(self.passes).index(expr)} + {self.var.name}"
