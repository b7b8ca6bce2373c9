"""One recorded run of a function: what it computed, from what, and what it left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import repeat
from typing import Any

from jairika_nb.engine import replay, run
from jairika_nb.engine.boundary import Origin
from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import Node, leaf
from jairika_nb.engine.head_start import Begun
from jairika_nb.engine.interrupts import uninterrupted
from jairika_nb.tensors import random
from jairika_nb.tensors.effects import Effects
from jairika_nb.tensors.guards import Places
from jairika_nb.tensors.parts import NUMBERS, Numbers, Part, Spent
from jairika_nb.tensors.spending import NODE, VALUE
from jairika_nb.tensors.staying import lasting, same_kind
from jairika_nb.tensors.tensor import Tensor


@dataclass
class Recording:
    """A run that can be replayed wherever its watch holds."""

    watch: Places
    effects: Effects
    pattern: list[int]
    parts: list[Part] = field(default_factory=list)
    data: list[Any] = field(default_factory=list)  # arrays made inside, by device and content
    numbers: list[Numbers] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)  # the places of the numbers' owners
    kinds: list[tuple] = field(default_factory=list)  # shape, dtype, device of each node
    sites: list[Any] = field(default_factory=list)  # the line of the program that made each node
    detached: list[bool] = field(default_factory=list)
    ancestors: list[list[int]] = field(default_factory=list)  # of each node, among the nodes
    draws: int = 0
    kept: dict[int, Any] = field(default_factory=dict)  # buffers of data, once verified
    is_verified: bool = False
    head_start: Any = None  # once verified, see HeadStart
    device: Device | None = None  # the default one, where the function makes its own tensors

    def form(self) -> tuple:
        """Equal for two runs that did the same; what a second run is held against."""
        parts = [part.form() for part in self.parts]
        shown = [(a.dtype.str, a.shape, a.tobytes()) for a in self.data]
        return parts, self.effects.form(), shown, self.owners, self.kinds, self.draws

    def matches(self, values: list[Any]) -> tuple[list[Node], list[Any]] | None:
        """The nodes of the watched tensors and what they hold; None where owners differ, or which
        of them are one.
        """
        for owner, numbers in zip(self.owners, self.numbers, strict=True):
            if values[owner] is not numbers.owner or not numbers.holds():
                return None
        nodes = [*map(NODE, self.watch.pick(values))]
        inputs = [*map(VALUE, nodes)]
        if type(None) in map(type, inputs):
            run.evaluate(nodes)
            inputs = [*map(VALUE, nodes)]
        return (nodes, inputs) if self._has_pattern(nodes, inputs) else None

    def _has_pattern(self, nodes: list[Node], inputs: list[Any]) -> bool:
        if self.is_distinct:
            # A node has one value: where no value comes twice, no node does.
            return len({*map(id, inputs)}) == len(nodes)
        return pattern(nodes) == self.pattern

    @cached_property
    def is_distinct(self) -> bool:
        """Whether all watched tensors are of their own, which is quickly seen."""
        many = len(self.pattern) // 2
        return self.pattern == [*range(many), *range(0, -many, -1)]

    def replay(
        self,
        values: list[Any],
        nodes: list[Node],
        inputs: list[Any],
        begun: Begun | None = None,
    ) -> Any:
        """Run again with what matches: compute, assign, return. ``begun`` is what runs already."""
        spent = [part.spent(values, inputs) for part in self.parts]
        if self.replaced and any(taken for taken, _ in spent):
            with uninterrupted():
                return self._replay(values, nodes, inputs, spent, begun)
        return self._replay(values, nodes, inputs, spent, begun)

    def _replay(
        self,
        values: list[Any],
        nodes: list[Node],
        inputs: list[Any],
        spent: list[Spent],
        begun: Begun | None,
    ) -> Any:
        owners = {id(n.owner): n.owner for n in self.numbers}.values()
        before = [_unwatched(owner) for owner in owners]
        try:
            numbers = [n.advance() for n in self.numbers]
            start = random.reserve(self.draws) if self.draws else (0, 0)
            new = self.compute(inputs, numbers, start, [taken for taken, _ in spent], begun)
        except BaseException:
            # The call did nothing: what it moved on goes back.
            for owner, state in zip(owners, before, strict=True):
                vars(owner).update(state)
            raise
        stay = self._staying(values, spent)
        if len(stay) == len(self.effects.handles) and self.is_detached:
            for h, n in enumerate(self.effects.handles):
                stay[h].node.site = self.sites[n]
            return self.effects.apply(values, stay, self.lasting)
        return self._handed_out(values, nodes, new, stay)

    def _handed_out(
        self, values: list[Any], nodes: list[Node], new: list[Any], stay: dict[int, Tensor]
    ) -> Any:
        """Put new values into tensors, new ones but for those that stay, and these in place."""
        handles = self.effects.handles
        kept = {handles[h]: tensor.node for h, tensor in stay.items()}
        made = [kept.get(n) or leaf(value, *self.kinds[n]) for n, value in enumerate(new)]
        for node, site in zip(made, self.sites, strict=True):
            node.site = site
        if not self.is_detached:
            old = set(map(id, kept.values()))
            self.end_derivatives(made, Origin([node for node in nodes if id(node) not in old]))
        tensors = {
            h: stay[h] if h in stay else Tensor(made[n] if n >= 0 else nodes[-1 - n])
            for h, n in enumerate(handles)
        }
        return self.effects.apply(
            values, tensors, self.lasting if len(stay) == self.replaced else None
        )

    @cached_property
    def replaced(self) -> int:
        """How many tensors may stay in place."""
        return sum(len(part.updates.rows) for part in self.parts)

    def _staying(self, values: list[Any], spent: list[Spent]) -> dict[int, Tensor]:
        """The tensors that stay in place, by their handles."""
        if not self.replaced:
            return {}
        return {
            handle: values[place]
            for rows, (_, stay) in zip(self.may_stay, spent, strict=True)
            for number, handle, place in rows
            if number in stay
        }

    @cached_property
    def may_stay(self) -> list[list[tuple[int, int, int]]]:
        """Of each part the results that may be the tensors that stood at places, their handles and
        these places.
        """
        return [
            [
                (number, old.handle, old.place)
                for old, number, _ in part.updates.rows
                for n in (part.nodes[number],)
                if self.detached[n] and same_kind(self.watch, old.place, self.kinds[n])
            ]
            for part in self.parts
        ]

    @cached_property
    def is_detached(self) -> bool:
        """Whether no derivative could pass any of the results."""
        return all(self.detached)

    @cached_property
    def lasting(self) -> list[tuple]:
        """The assignments that are needed where all of those stay."""
        replaced = [old for part in self.parts for old, _, _ in part.updates.rows]
        return lasting(self.effects, self.watch, replaced)

    def end_derivatives(self, made: list[Node], origin: Origin) -> None:
        """Let derivatives of the results go no further back than what was read: ``origin``."""
        for n, node in enumerate(made):
            if not self.detached[n]:
                others = [made[m] for m in self.ancestors[n]]
                node.op, node.attrs = "replayed", (origin.beside(others) if others else origin,)

    def compute(
        self,
        inputs: list[Any],
        numbers: Sequence[Sequence[float]],
        start: tuple[int, int],
        spent: Sequence[Mapping[int, int]] = (),
        begun: Begun | None = None,
    ) -> list[Any]:
        """The values of the nodes, from those of the watched tensors and the numbers.

        ``spent`` are the leaves of each part that results may be written over, ``begun`` what runs
        already.
        """
        results: list[Any] = [None] * len(self.kinds)
        for part, free in zip(self.parts, spent or repeat(replay.NOTHING), strict=False):
            leaves = part.leaf_values(inputs, partial(self._leaf, part, numbers))
            streams = [random.stream(start, k) for k in part.streams]
            found = part.step.run(leaves, part.scalars, streams, free, begun)
            for n, value in zip(part.nodes, found, strict=True):
                results[n] = value
        return results

    def reserve(self) -> None:
        """Fill the pools with what the next run needs beside the results of this one."""
        if all(part.step.is_stocked for part in self.parts):
            return
        for part in self.parts:
            part.step.is_stocked = True
        kinds = [*self.kinds, *((n.shape, n.dtype, n.device) for n in self.numbers)]
        spare = [run.room_for(shape, dtype, device) for shape, dtype, device in kinds]
        del spare

    def _leaf(self, part: Part, numbers: Sequence[Sequence[float]], kind: int, i: int) -> Any:
        if kind == NUMBERS:
            return run.place_floats(numbers[i], self.numbers[i].dtype, part.device)
        if i in self.kept:
            return self.kept[i]
        value = run.place(self.data[i], part.device)
        if self.is_verified:
            self.kept[i] = value
        return value


def _unwatched(owner: Any) -> dict[str, Any]:
    """The state that an owner of numbers moves on by itself."""
    return {name: vars(owner)[name] for name in type(owner).unwatched}


def pattern(nodes: list[Node]) -> list[int]:
    """Which of the nodes are one node, and which have one value: equal lists, equal graphs."""
    seen: dict[int, int] = {}
    found = [seen.setdefault(id(node), i) for i, node in enumerate(nodes)]
    return found + [seen.setdefault(id(node.value), -i) for i, node in enumerate(nodes)]
