"""A network at a glance: layers, shapes, counts and cost, as text and as an HTML table."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from jairika_nb.nn.module import Module
from jairika_nb.nn.shapes import Call, outputs_of
from jairika_nb.tensors.inspect.units import amount

# A column, whether it is of numbers, and what a row has there.
COLUMNS = (
    ("layer", False, lambda row: row.name),
    ("type", False, lambda row: row.kind),
    ("reads", False, lambda row: row.reads),
    ("parameters", False, lambda row: row.shapes),
    ("output", False, lambda row: row.output),
    ("count", True, lambda row: f"{row.count:,}"),
    ("trainable", True, lambda row: f"{row.trainable:,}"),
    ("bytes", True, lambda row: f"{row.bytes:,}"),
    ("MACs", True, lambda row: "" if row.macs is None else f"{row.macs:,}"),
)


@dataclass(frozen=True)
class Row:
    """One module, with what it holds itself; what it reads is known in an ``nn.Graph``."""

    name: str
    kind: str
    shapes: str
    output: str = ""
    count: int = 0
    trainable: int = 0
    bytes: int = 0
    macs: int | None = None
    reads: str = ""


@dataclass(frozen=True)
class Summary:
    """What ``net.summary()`` shows; ``rows`` in order of definition, ``total`` parameters.

    ``trainable`` is how many are not frozen, ``bytes`` what parameters and buffers take, ``macs``
    the multiply-adds of linear and convolution layers for the example inputs, None without them.

    >>> from jairika_nb import nn
    >>> print(nn.Sequential(nn.Linear(4, 3), nn.ReLU()).summary())
    layer  type                                              parameters               count  bytes
    0      Linear(in_features=4, out_features=3, bias=True)  weight (3, 4) bias (3,)     15     60
    1      ReLU()                                                                         0      0
    Sequential: 15 parameters, 60 B
    """

    title: str
    rows: tuple[Row, ...]
    total: int
    trainable: int
    bytes: int
    macs: int | None

    @classmethod
    def of(cls, module: Module, *inputs: Any) -> Summary:
        """The summary of a module; with example inputs also output shapes and multiply-adds.

        Nothing is computed: shapes are known while tensors are still lazy.
        """
        calls = outputs_of(module, inputs) if inputs else {}
        free = dict(module.named_trainable_parameters())
        rows = _rows(module, calls, {id(value) for value in free.values()})
        state = {id(t): t for t in module._tensors().values()}
        known = [row.macs for row in rows if row.macs is not None]
        return cls(
            type(module).__name__,
            tuple(rows),
            module.count_parameters(),
            module.count_parameters(only_trainable=True),
            sum(t.nbytes for t in state.values()),
            sum(known) if inputs else None,
        )

    def columns(self) -> list[Any]:
        """The columns that say something about this network."""
        dull = {
            "reads": not any(row.reads for row in self.rows),
            "output": not any(row.output for row in self.rows),
            "trainable": self.trainable == self.total,
            "MACs": not self.macs,
        }
        return [column for column in COLUMNS if not dull.get(column[0])]

    def cells(self) -> list[tuple[str, ...]]:
        """The table as text, its head first."""
        columns = self.columns()
        head = tuple(name for name, _, _ in columns)
        return [head, *(tuple(text(row) for _, _, text in columns) for row in self.rows)]

    def total_text(self) -> str:
        """The network's name, how many parameters it has, and what they take."""
        words = [f"{self.title}: {self.total:,} parameter{'' if self.total == 1 else 's'}"]
        if self.trainable != self.total:
            words.append(f"{self.trainable:,} of them trainable")
        words.append(amount(self.bytes, "B"))
        if self.macs:
            words.append(f"{amount(self.macs)} multiply-adds")
        return ", ".join(words)

    def __str__(self) -> str:
        table, columns = self.cells(), self.columns()
        widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if numeric else cell.ljust(width)
                for cell, width, (_, numeric, _) in zip(row, widths, columns, strict=True)
            ).rstrip()
            for row in table
        ]
        return "\n".join([*lines, self.total_text()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *rows = self.cells()
        sides = ["right" if numeric else "left" for _, numeric, _ in self.columns()]
        body = "".join(f"<tr>{_html('td', row, sides)}</tr>" for row in rows)
        return (
            f"<table><caption>{escape(self.total_text())}</caption>"
            f"<thead><tr>{_html('th', head, sides)}</tr></thead><tbody>{body}</tbody></table>"
        )


def _html(tag: str, row: tuple[str, ...], sides: list[str]) -> str:
    # Notebooks align cells to the right, which is for numbers.
    scope = " scope='col'" if tag == "th" else ""
    return "".join(
        f"<{tag}{scope} style='text-align:{side}'>{escape(cell)}</{tag}>"
        for cell, side in zip(row, sides, strict=True)
    )


def _rows(module: Module, calls: dict[int, list[Call]], free: set[int]) -> list[Row]:
    reads, again = _wiring(module)
    rows = []
    for name, part in module.named_modules():
        if part._parameters or not part._modules or name in reads:
            rows.append(_row(name, part, calls.get(id(part), []), free, reads.get(name, "")))
        for node, layer, read in again.get(name, ()):
            rows.append(Row(node, f"layer of {layer}", "", reads=read))
    return rows


def _wiring(module: Module) -> tuple[dict[str, str], dict[str, list[tuple[str, str, str]]]]:
    """What each node of the graphs inside reads, and the nodes that share the layer of another."""
    reads: dict[str, str] = {}
    again: dict[str, list[tuple[str, str, str]]] = {}
    for prefix, part in module.named_modules():
        start = f"{prefix}." if prefix else ""
        for node, layer, inputs in getattr(part, "wiring", ()):
            read = ", ".join(map(str, inputs))
            if node == layer:
                reads[start + node] = read
            else:
                again.setdefault(start + layer, []).append((start + node, layer, read))
    return reads, again


def _row(name: str, module: Module, calls: list[Call], free: set[int], reads: str) -> Row:
    own = {key: value for key, value in module._parameters.items() if value is not None}
    held = [*own.values(), *(b for b in module._buffers.values() if b is not None)]
    inside = f"({module.extra_repr()})" if own or not module._modules else ""
    macs = [call.macs for call in calls if call.macs is not None]
    return Row(
        name or "(self)",
        f"{type(module).__name__}{inside}",
        " ".join(f"{key} {value.shape}" for key, value in own.items()),
        calls[0].output if calls else "",
        sum(value.size for value in own.values()),
        sum(value.size for value in own.values() if id(value) in free),
        sum(value.nbytes for value in held),
        sum(macs) if macs else None,
        reads,
    )
