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

    def __str__(self) -> str:
        table = [HEADS, *((r.name, r.kind, r.shapes, r.output, f"{r.count:,}") for r in self.rows)]
        widths = [max(len(row[i]) for row in table) for i in range(len(HEADS))]
        lines = [
            "  ".join(
                cell.rjust(width) if i == len(HEADS) - 1 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        ]
        return "\n".join([*lines, f"{self.title}: {self.total:,} parameters"])

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col'>{h}</th>" for h in HEADS)
        body = "".join(
            "<tr>"
            + "".join(f"<td>{escape(c)}</td>" for c in (r.name, r.kind, r.shapes, r.output))
            + f"<td style='text-align:right'>{r.count:,}</td></tr>"
            for r in self.rows
        )
        return (
            f"<table><caption>{escape(self.title)}: {self.total:,} parameters</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
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
