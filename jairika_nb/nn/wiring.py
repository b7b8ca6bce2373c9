"""How the nodes of a graph hang together: checked as data, all mistakes at once, and ordered."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from jairika_nb.nn.functions import FUNCTIONS, Function
from jairika_nb.nn.symbol import Symbol

MOST_SHOWN = 12


class Node(NamedTuple):
    """A node: its name, the name of its layer, and what it reads: names of nodes, numbers."""

    name: str
    layer: str
    inputs: tuple[Any, ...]

    def reads(self) -> list[str]:
        """The names among its inputs."""
        return [i for i in self.inputs if isinstance(i, str)]


def problems(
    inputs: Sequence[Any], nodes: Sequence[Node], outputs: Sequence[Any], layers: dict[str, Any]
) -> list[str]:
    """All that is wrong with a graph, in words; nothing for one that can run."""
    names = [*inputs, *(node.name for node in nodes)]
    known = {name for name in names if isinstance(name, str)}
    found = [
        f"{name!r} cannot name a node; use text without dots"
        for name in names
        if not isinstance(name, str) or not name or "." in name
    ]
    counts = Counter(name for name in names if isinstance(name, str))
    found += [f"{name!r} names several nodes" for name, n in counts.items() if n > 1]
    for node in nodes:
        found += _node_problems(node, known, layers)
    found += [f"output {name!r} is no node" for name in outputs if name not in known]
    if not outputs:
        found.append("there are no outputs")
    if found:
        return found
    _, circle = ordered(inputs, nodes)
    if circle:
        return [f"the nodes {' -> '.join(circle)} read each other in a circle"]
    return _unused(inputs, nodes, outputs)


def _node_problems(node: Node, known: set[str], layers: dict[str, Any]) -> list[str]:
    found = []
    for part in node.inputs:
        if isinstance(part, str):
            if part not in known:
                found.append(f"node {node.name!r} reads {part!r}, which is no input and no node")
        elif type(part) not in (int, float):
            found.append(f"node {node.name!r} reads {part!r}; use names and numbers")
    layer = layers.get(node.layer)
    if layer is None:
        found.append(f"node {node.name!r} shares the layer {node.layer!r}, which no node has")
    elif isinstance(layer, Function):
        row = FUNCTIONS[layer.function]
        if not row.least <= len(node.inputs) <= row.most:
            found.append(
                f"node {node.name!r} gives {layer.function} {len(node.inputs)} operands; it takes "
                f"{row.takes}"
            )
    if not node.reads():
        found.append(f"node {node.name!r} reads no input")
    return found


def _unused(inputs: Sequence[str], nodes: Sequence[Node], outputs: Sequence[str]) -> list[str]:
    reads = {node.name: node.reads() for node in nodes}
    used, waiting = set(outputs), list(outputs)
    while waiting:
        for name in reads.get(waiting.pop(), ()):
            if name not in used:
                used.add(name)
                waiting.append(name)
    found = [f"input {name!r} is not used" for name in inputs if name not in used]
    return found + [f"node {n.name!r} leads to no output" for n in nodes if n.name not in used]


def ordered(inputs: Sequence[str], nodes: Sequence[Node]) -> tuple[list[Node], list[str]]:
    """The nodes, each after all that it reads; or a circle of names, first and last the same.

    Nodes keep their order where nothing forces another (Kahn 1962).
    """
    rows = {node.name: node for node in nodes}
    waits = {node.name: {i for i in node.reads() if i in rows} for node in nodes}
    users: dict[str, list[str]] = {}
    for name, reads in waits.items():
        for read in reads:
            users.setdefault(read, []).append(name)
    place = {name: i for i, name in enumerate(rows)}
    ready = [(place[name], name) for name in rows if not waits[name]]
    order: list[Node] = []
    while ready:
        name = heapq.heappop(ready)[1]
        order.append(rows[name])
        for user in users.get(name, ()):
            waits[user].discard(name)
            if not waits[user]:
                heapq.heappush(ready, (place[user], user))
    if len(order) == len(rows):
        return order, []
    name = next(name for name in rows if waits[name])
    path: dict[str, None] = {}
    while name not in path:
        path[name] = None
        name = next(i for i in rows[name].reads() if waits.get(i))
    walked = list(path)
    return [], [*walked[walked.index(name) :], name][::-1]


def traced(inputs: Sequence[Symbol], outputs: Sequence[Symbol]) -> tuple[list[Node], dict]:
    """The nodes behind symbols, named where they have no name yet, and the layers by name."""
    rows = _in_order(outputs)
    taken = {s.name for s in [*inputs, *rows] if s.name}
    layers: dict[str, Any] = {}
    names: dict[int, str] = {}
    nodes = []
    for symbol in rows:
        if symbol.layer is None:
            continue
        if not symbol.name:
            symbol.name = _free(symbol.layer, taken)
            taken.add(symbol.name)
        layer = names.setdefault(id(symbol.layer), symbol.name)
        layers[layer] = symbol.layer
        operands = tuple(o.name if isinstance(o, Symbol) else o for o in symbol.operands)
        nodes.append(Node(symbol.name, layer, operands))
    return nodes, layers


def _in_order(outputs: Sequence[Symbol]) -> list[Symbol]:
    """All symbols behind the outputs, each after its operands."""
    done: dict[int, Symbol] = {}
    waiting = list(outputs)[::-1]
    while waiting:
        symbol = waiting[-1]
        missing = [o for o in symbol.operands if isinstance(o, Symbol) and id(o) not in done]
        if missing:
            waiting += missing[::-1]
        else:
            done.setdefault(id(symbol), waiting.pop())
    return list(done.values())


def _free(layer: Any, taken: set[str]) -> str:
    """A name after the kind of layer: linear, linear_2, ..."""
    kind = layer.function if isinstance(layer, Function) else type(layer).__name__.lower()
    names = [kind, *(f"{kind}_{n}" for n in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def listed(found: list[str]) -> str:
    """Problems as one line."""
    more = f"; and {len(found) - MOST_SHOWN} more" if len(found) > MOST_SHOWN else ""
    return "; ".join(found[:MOST_SHOWN]) + more
