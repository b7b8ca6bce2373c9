"""Runs Python in a notebook's namespace for words that take expressions and cells."""

from __future__ import annotations

import ast
from typing import Any


class Python:
    """The shell's own way of running code: its magics, its namespace, its tracebacks."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def run(self, text: str) -> Any:
        """Run statements; the value of the last one where it is an expression, else None."""
        shell = self.shell
        cell = shell.transform_cell(text)
        tree = shell.compile.ast_parse(cell)
        # Under a name of its own, tracebacks and call sites show the lines.
        name = shell.compile.cache(cell, shell.execution_count, raw_code=text)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if tree.body:
            shell.ex(shell.compile(tree, name, "exec"))
        if last is None:
            return None
        return shell.ev(shell.compile(ast.Expression(last.value), name, "eval"))

    def show(self, value: Any) -> None:
        """Display a value in the cell's output."""
        from IPython.display import display

        display(value)
