"""Where derivatives end: the results of replays, and histories that were let go.

Taking a derivative through such a node raises instead of giving zeros. For that each of them
remembers, without keeping them alive, the nodes that it was made of.
"""

from __future__ import annotations

import weakref
from collections.abc import Container, Iterable

from jairika_nb.engine.graph import Node, topological

_with_history: weakref.WeakSet[Node] = weakref.WeakSet()


class Origin:
    """The nodes from which one replay made its results, as far as they are alive."""

    __slots__ = ("sources",)

    def __init__(self, inputs: Iterable[Node]) -> None:
        self.sources: set[weakref.ref[Node]] = set()
        for node in inputs:
            if node.dtype.kind == "float":
                self._add(node)

    def _add(self, node: Node) -> None:
        self.sources.add(weakref.ref(node))
        if node.op == "replayed":
            self.sources |= {r for r in node.attrs[0].sources if r() is not None}
        elif node.inputs:
            for below in topological([node], through_values=True):
                self.sources.add(weakref.ref(below))
                if below.op == "replayed":
                    self.sources |= {r for r in below.attrs[0].sources if r() is not None}

    def beside(self, siblings: Iterable[Node]) -> Origin:
        """As this one, for a result that was also made of other results of the same replay."""
        found = Origin(siblings)
        found.sources |= self.sources
        return found

    def forget(self) -> None:
        """Drop the nodes that are gone."""
        self.sources = {ref for ref in self.sources if ref() is not None}

    def connected(self) -> list[Node]:
        """The nodes that are still alive."""
        return [node for ref in self.sources if (node := ref()) is not None]


def ancestors(roots: list[Node], ends: Container[int]) -> list[list[int]]:
    """For each root the numbers of the other roots that derivatives reach from it."""
    bits = {id(node): 1 << n for n, node in enumerate(roots)}
    below: dict[int, int] = {}
    for node in topological(roots, through_values=True, ends=ends):
        found = 0
        if node.op != "detach" and id(node) not in ends:
            for i in node.inputs:
                found |= below.get(id(i), 0) | bits.get(id(i), 0)
        below[id(node)] = found
    return [[n for n in range(len(roots)) if below[id(node)] >> n & 1] for node in roots]


def let_go(node: Node) -> None:
    """Free the history of a node that has its value; derivatives through it raise from now on."""
    origin = Origin(node.inputs)
    close(node, origin)
    origin.forget()


def remember(node: Node) -> None:
    """Note a node that has its value and a history, for :func:`let_go_all`."""
    if node.inputs:
        _with_history.add(node)


def let_go_all() -> None:
    """Free all histories of nodes that have their values: the last resort before memory is out."""
    for node in list(_with_history):
        if node.value is not None and node.inputs:
            let_go(node)
    _with_history.clear()


def close(node: Node, origin: Origin) -> None:
    """Make a node that has its value one without a graph, noting where it came from."""
    passes = node.dtype.kind == "float" and node.op != "detach" and node.inputs
    node.op, node.attrs = ("replayed", (origin,)) if passes else ("leaf", ())
    node.inputs, node.age = (), 0
