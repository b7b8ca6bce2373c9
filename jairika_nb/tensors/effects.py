"""What a recorded run left behind: its result, and the places that it assigned to.

Both are kept as templates, plain data that says how to make them again from the objects at the
watched places and from the tensors that a replay computes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jairika_nb.engine.graph import Node
from jairika_nb.errors import ReplayError
from jairika_nb.tensors.checks import (
    ABSENT,
    ALL_ITEMS,
    CELLS,
    FIXED,
    NODE,
    PLAIN,
    SEQUENCE,
    SLOTS,
    is_plain,
)
from jairika_nb.tensors.guards import Places
from jairika_nb.tensors.tensor import Tensor

Template = tuple
# The kinds of templates: the object at a place, a constant, the n-th new tensor, a container.
PLACE, CONSTANT, NEW, PARTS, ENTRIES = range(5)
# The kinds of assignments.
SET_ITEM, SET_ATTRIBUTE, SET_CELL, SET_NODE, SET_ALL, DELETE = range(6)


class Replaced(NamedTuple):
    """A watched tensor whose place a new one took: its place, and the number of the new handle.

    ``within`` are the places of containers that were replaced along with it; None where the tensor
    is the same and only its node is new.
    """

    place: int
    handle: int
    within: tuple[int, ...] | None


@dataclass
class Effects:
    """Templates of what a run returned and assigned.

    ``nodes`` are the nodes to compute, each once; ``handles`` tell for each new tensor its node:
    a number from 0 up is one of ``nodes``, ``-1 - i`` the node of the ``i``-th watched tensor.
    ``replaced`` tells what new tensors stand where others stood.
    """

    result: Template = (CONSTANT, None)
    assignments: list[tuple[int, int, Any, Template]] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)
    replaced: list[Replaced] = field(default_factory=list)

    def form(self) -> tuple:
        """All but the nodes: equal for two runs that left the same behind."""
        return self.result, self.assignments, self.handles

    def apply(
        self,
        values: list[Any],
        tensors: dict[int, Tensor],
        assignments: list[tuple] | None = None,
    ) -> Any:
        """Assign and return, with the objects at the places and the new tensors.

        ``assignments`` are those of them that are needed, if not all are.
        """
        result = made(self.result, values, tensors)
        for kind, place, key, template in self.assignments if assignments is None else assignments:
            target = values[place]
            if kind == SET_ITEM:
                target[key] = made(template, values, tensors)
            elif kind == SET_NODE:
                target.node = tensors[template[1]].node
            elif kind == SET_ALL:
                new = made(template, values, tensors)
                target.clear()
                target.extend(new)
            elif kind == DELETE:
                del target[key]
            elif kind == SET_CELL:
                target.__closure__[key].cell_contents = made(template, values, tensors)
            else:
                setattr(target, key, made(template, values, tensors))
        return result


def made(template: Template, values: list[Any], tensors: dict[int, Tensor]) -> Any:
    """The object that a template describes."""
    kind, what, *more = template
    if kind == NEW:
        return tensors[what]
    if kind == CONSTANT:
        return what
    if kind == PLACE:
        return values[what]
    if kind == PARTS:
        parts = [made(t, values, tensors) for t in more[0]]
        return what(*parts) if hasattr(what, "_fields") else what(parts)
    return what((key, made(t, values, tensors)) for key, t in more[0])


class Observer:
    """Compares what there is after a run with what the watch saw before it."""

    def __init__(self, watch: Places, inputs: list[Node]) -> None:
        self.watch = watch
        self.effects = Effects()
        self.inputs = {id(node): i for i, node in enumerate(inputs)}
        self.places = {id(value): i for i, value in enumerate(watch.values)}
        self.numbers: dict[int, int] = {}  # of new tensors, by id
        self.roots: dict[int, int] = {}  # of nodes, by id
        self.alive: list[Any] = []  # so that no id is used twice
        self.around: list[Any] = []

    def observe(self, result: Any) -> Effects:
        """The effects of a run that returned ``result``."""
        spoiled = self.watch.spoiled()
        if spoiled:
            raise ReplayError(
                f"{self.watch.names[2]} changes {spoiled}, which a replay could not repeat: make "
                "it a tensor, or change it outside"
            )
        for at, (kind, before) in self.watch.contents.items():
            self._compare(kind, at, self.watch.values[at], before)
        self.effects.result = self._template(result, "its result")
        return self.effects

    def _compare(self, kind: int, at: int, value: Any, before: dict[Any, Any]) -> None:
        if kind == NODE:
            if value.node is not before["node"]:
                handle = self._handle(Tensor(value.node))
                self._assign(SET_NODE, at, None, (NEW, handle))
                self.effects.replaced.append(Replaced(at, handle, None))
        elif kind == SEQUENCE:
            if not _same_items(list(value), [*before.values()]):
                parts = [self._template(item, self.watch.names[at]) for item in value]
                self._assign(SET_ALL, at, None, (PARTS, list, parts))
                for old, new in zip(before.values(), value, strict=False):
                    self._replace(old, new, ())
        elif kind == CELLS:
            for i, old in before.items():
                self._changed(SET_CELL, at, i, old, value.__closure__[i].cell_contents)
        elif kind == SLOTS:
            for name, old in before.items():
                self._changed(SET_ATTRIBUTE, at, name, old, getattr(value, name, ABSENT))
        else:
            self._compare_items(kind, at, value, before)

    def _compare_items(
        self, kind: int, at: int, value: dict[Any, Any], before: dict[Any, Any]
    ) -> None:
        for key, old in before.items():
            self._changed(SET_ITEM, at, key, old, value.get(key, ABSENT))
        if kind == ALL_ITEMS:
            skipped = self.watch.skipped.get(at, ())
            for key in [k for k in value if k not in before and k not in skipped]:
                self._changed(SET_ITEM, at, key, ABSENT, value[key])

    def _changed(self, kind: int, at: int, key: Any, old: Any, new: Any) -> None:
        if new is old:
            return
        if new is ABSENT:
            self._assign(DELETE, at, key, (CONSTANT, None))
        else:
            self._assign(kind, at, key, self._template(new, f"{self.watch.names[at]}.{key}"))
            self._replace(old, new, ())

    def _replace(self, old: Any, new: Any, within: tuple[int, ...]) -> None:
        """Note the tensors in ``new`` that stand where others stood in ``old``."""
        at = self.places.get(id(old))
        if at is None or new is old:
            return
        if isinstance(old, Tensor) and isinstance(new, Tensor):
            if id(new) in self.numbers:
                self.effects.replaced.append(Replaced(at, self.numbers[id(new)], within))
        elif isinstance(old, dict) and isinstance(new, dict):
            for key in new:
                self._replace(old.get(key), new[key], (*within, at))
        elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
            for a, b in zip(old, new, strict=False):
                self._replace(a, b, (*within, at))

    def _assign(self, kind: int, at: int, key: Any, template: Template) -> None:
        self.effects.assignments.append((kind, at, key, template))

    def _template(self, value: Any, name: str) -> Template:
        if type(value) in PLAIN or isinstance(value, FIXED) or is_plain(value):
            return CONSTANT, value
        if id(value) in self.places:
            return PLACE, self.places[id(value)]
        if isinstance(value, Tensor):
            return NEW, self._handle(value)
        if isinstance(value, list | tuple | dict):
            return self._container(value, name)
        raise ReplayError(
            f"{self.watch.names[2]} makes {name} a new {type(value).__name__}, which a replay "
            "could not make again: use tensors, numbers, and lists, tuples or dicts of them"
        )

    def _container(self, value: Any, name: str) -> Template:
        if any(value is outer for outer in self.around):
            raise ReplayError(f"{self.watch.names[2]} makes {name} contain itself")
        self.around.append(value)
        if isinstance(value, dict):
            rows = [(k, self._template(v, f"{name}[{k!r}]")) for k, v in value.items()]
            found: Template = (ENTRIES, type(value), rows)
        else:
            parts = [self._template(v, f"{name}[{i}]") for i, v in enumerate(value)]
            found = (PARTS, type(value), parts)
        self.around.pop()
        return found

    def _handle(self, tensor: Tensor) -> int:
        """The number of a new tensor."""
        if id(tensor) not in self.numbers:
            self.alive.append(tensor)
            self.numbers[id(tensor)] = len(self.effects.handles)
            self.effects.handles.append(self._node(tensor.node))
        return self.numbers[id(tensor)]

    def _node(self, node: Node) -> int:
        if id(node) in self.inputs:
            return -1 - self.inputs[id(node)]
        if id(node) not in self.roots:
            self.roots[id(node)] = len(self.effects.nodes)
            self.effects.nodes.append(node)
        return self.roots[id(node)]


def _same_items(a: list[Any], b: list[Any]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))
