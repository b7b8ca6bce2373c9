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
        number, before = self._place(text)
        # Empty lines before it give every line the number it has in the notebook's cell.
        cell = "\n" * before + shell.transform_cell(text)
        tree = shell.compile.ast_parse(cell)
        name = shell.compile.cache(cell, number, raw_code=cell)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if tree.body:
            shell.ex(shell.compile(tree, name, "exec"))
        if last is None:
            return None
        return shell.ev(shell.compile(ast.Expression(last.value), name, "eval"))

    def _place(self, text: str) -> tuple[int, int]:
        """The number of the running cell, and how many of its lines stand before the text."""
        cells = self.shell.history_manager.input_hist_raw or [""]
        at = max(cells[-1].find(text.strip()), 0)
        return len(cells) - 1, cells[-1].count("\n", 0, at)

    def show(self, value: Any) -> None:
        """Display a value in the cell's output."""
        from IPython.display import display

        display(value)
