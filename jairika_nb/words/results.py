"""What a word gives back: an object that shows itself as text, as static HTML and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from jairika_nb.store.show import aligned
from jairika_nb.words import page


class Result(Protocol):
    """The answer of a word.

    ``ok`` is False where the answer is bad news that is not an error, such as a damaged file;
    the command line then exits 1.
    """

    @property
    def ok(self) -> bool: ...

    def __str__(self) -> str: ...

    def _repr_html_(self) -> str: ...

    def to_json(self) -> Any: ...


@dataclass(frozen=True, repr=False)
class Done:
    """One thing was done: a sentence about it, its facts, and what usually comes next.

    >>> print(Done("switched to 'lstm'", {"variant": "lstm"}, "%jrk log"))
    switched to 'lstm'
    next: %jrk log
    """

    sentence: str
    facts: dict[str, Any] = field(default_factory=dict)
    then: str = ""
    ok: bool = True

    def __str__(self) -> str:
        return self.sentence + (f"\nnext: {self.then}" if self.then else "")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        parts = [page.paragraph(self.sentence)]
        if self.then:
            parts.append(page.paragraph("next: ", page.code(self.then)))
        return page.block(*parts)

    def to_json(self) -> dict[str, Any]:
        return self.facts


@dataclass(frozen=True, repr=False)
class Sheet:
    """Rows under a title: cells are text, ``data`` is the same content as JSON."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    data: Any
    notes: tuple[str, ...] = ()
    ok: bool = True

    def __str__(self) -> str:
        rows = aligned(self.columns, self.rows) if self.rows else []
        lines = [self.title, *(f"  {line}" for line in rows)]
        return "\n".join([*lines, *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        notes = [page.paragraph(page.prose(note)) for note in self.notes]
        return page.block(page.table(self.title, self.columns, self.rows), *notes)

    def to_json(self) -> Any:
        return self.data


@dataclass(frozen=True, repr=False)
class Graph:
    """The history of all variants, drawn."""

    address: str
    nodes: tuple[Any, ...]
    ok: bool = True

    def __str__(self) -> str:
        from jairika_nb.store import graph

        return f"{self.address}\n{graph.text(self.nodes)}".rstrip("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from jairika_nb.store import graph

        return graph.html(self.nodes)

    def to_json(self) -> dict[str, Any]:
        from jairika_nb.store import graph

        return {"address": self.address, "nodes": graph.to_json(self.nodes)}


@dataclass(frozen=True, repr=False)
class Tree:
    """A model as a tree of variants and iterations, in the one form every front prints."""

    tree: dict[str, Any]
    ok: bool = True

    def __str__(self) -> str:
        from jairika_nb.store.show import tree_text

        return tree_text(self.tree).rstrip("\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from jairika_nb.store.show import tree_html

        return tree_html(self.tree)

    def to_json(self) -> dict[str, Any]:
        return self.tree
