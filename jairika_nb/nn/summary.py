"""A network at a glance: layers, shapes and counts, as text and as an HTML table."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from jairika_nb.nn.module import Module, observer
from jairika_nb.tensors import random
from jairika_nb.tensors.tensor import Tensor

HEADS = ("layer", "type", "parameters", "output", "count")


@dataclass(frozen=True)
class Row:
    """One module: dotted name, text, shapes of its own parameters, output shape, count."""

    name: str
    kind: str
    shapes: str
    output: str
    count: int


@dataclass(frozen=True)
class Summary:
    """What ``net.summary()`` shows; ``rows`` in order of definition, ``total`` parameters.

    >>> from jairika_nb import nn
    >>> nn.Sequential(nn.Linear(4, 3), nn.ReLU()).summary().total
    15
    """

    title: str
    rows: tuple[Row, ...]
    total: int

    @classmethod
    def of(cls, module: Module, *inputs: Any) -> Summary:
        """The summary of a module; with example inputs also its output shapes.

        Nothing is computed: shapes are known while tensors are still lazy.
        """
        outputs = _outputs(module, inputs) if inputs else {}
        rows = [
            _row(name, part, outputs)
            for name, part in module.named_modules()
            if part._parameters or not part._modules
        ]
        return cls(type(module).__name__, tuple(rows), sum(p.size for p in module.parameters()))

    def cells(self) -> list[tuple[str, ...]]:
        """The table as text, its head first; without example inputs there is no output column."""
        table: list[tuple[str, ...]] = [HEADS]
        table += [(r.name, r.kind, r.shapes, r.output, f"{r.count:,}") for r in self.rows]
        known = any(row.output for row in self.rows)
        return table if known else [(*row[:3], row[-1]) for row in table]

    def total_text(self) -> str:
        """The network's name and how many parameters it has."""
        return f"{self.title}: {self.total:,} parameter{'' if self.total == 1 else 's'}"

    def __str__(self) -> str:
        table = self.cells()
        widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
                + [row[-1].rjust(widths[-1])]
            )
            for row in table
        ]
        return "\n".join([*lines, self.total_text()])

    def _repr_html_(self) -> str:
        head, *rows = self.cells()
        body = "".join(f"<tr>{_html('td', row)}</tr>" for row in rows)
        return (
            f"<table><caption>{escape(self.total_text())}</caption>"
            f"<thead><tr>{_html('th', head)}</tr></thead><tbody>{body}</tbody></table>"
        )


def _html(tag: str, row: tuple[str, ...]) -> str:
    # Notebooks align cells to the right, which is for numbers; here only the last is one.
    sides = ["left"] * (len(row) - 1) + ["right"]
    scope = " scope='col'" if tag == "th" else ""
    return "".join(
        f"<{tag}{scope} style='text-align:{side}'>{escape(cell)}</{tag}>"
        for cell, side in zip(row, sides, strict=True)
    )


def _row(name: str, module: Module, outputs: dict[int, str]) -> Row:
    own = {key: value for key, value in module._parameters.items() if value is not None}
    shapes = " ".join(f"{key} {value.shape}" for key, value in own.items())
    kind = f"{type(module).__name__}({module.extra_repr()})"
    count = sum(value.size for value in own.values())
    return Row(name or "(self)", kind, shapes, outputs.get(id(module), ""), count)


def _outputs(module: Module, inputs: tuple[Any, ...]) -> dict[int, str]:
    shapes: dict[int, str] = {}

    def watch(part: Module, output: Any) -> None:
        shapes[id(part)] = str(output.shape) if isinstance(output, Tensor) else "..."

    token, drawn = observer.set(watch), random.state()
    try:
        module(*inputs)
    finally:
        observer.reset(token)
        # Looking must not change what a seeded run draws next.
        random.restore(drawn)
    return shapes
