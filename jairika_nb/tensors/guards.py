"""The places that a compiled function can see, as a flat list that is gone through before a replay.

Parents come before what is reached from them. Each row says how a place is reached from its
parent, and what must hold there for a recorded run to be right again.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Container
from functools import cached_property
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

from jairika_nb.engine.picking import picker
from jairika_nb.errors import ReplayError
from jairika_nb.tensors.checks import (
    ATTRIBUTE,
    CELL,
    EQUAL,
    ITEM,
    ITEMS,
    KEYS,
    TENSOR,
    VALUES,
    fits,
)  # fmt: skip
from jairika_nb.tensors.reading import generator_state
from jairika_nb.tensors.tensor import Tensor

MOST_PLACES = 100_000
# The first places: positional arguments, named ones, the function; they have no row.
ROOTS = 3
Row = tuple[int, int, Any, int, Any]
NODE = attrgetter("node")
SHAPE, DTYPE, DEVICE = attrgetter("shape"), attrgetter("dtype"), attrgetter("device")


class Places:
    """All places that a function can see, with the objects that were there.

    ``tensors`` are the numbers of the places with tensors, ``names`` what to call each place in
    messages, ``contents`` how each place can change and what it held, by its number.
    """

    def __init__(self, function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> None:
        self.rows: list[Row] = []
        self.values: list[Any] = [args, kwargs, function]
        self.names = ["", "", getattr(function, "__name__", "the function")]
        self.count, self.keys = len(args), list(kwargs)
        self.tensors: list[int] = []
        self.apart: list[int] = []  # places whose objects must differ
        self.contents: dict[int, tuple[int, dict[Any, Any]]] = {}
        self.skipped: dict[int, tuple[str, ...]] = {}
        self.frozen: list[int] = []
        self.suspects: list[tuple[types.CodeType, ReplayError]] = []
        self.generators: list[tuple[Any, str, str]] = []

    def forget(self) -> None:
        """Let go of the objects: the places are enough to find those of a later call."""
        function = self.values[2]
        self.values, self.contents = [None, None, function], {}
        self.suspects, self.generators = [], []

    def holds(self, args: tuple, kwargs: dict[str, Any]) -> list[Any] | None:
        """The objects now at the places, or None where something is not as it was."""
        if len(args) != self.count or list(kwargs) != self.keys:
            return None
        values = [args, kwargs, self.values[2]]
        try:
            for how, parent, key, check, expected in self.strides:
                if how == ITEM:
                    value = values[parent][key]
                elif how == VALUES:
                    values += chain.from_iterable(map(dict.values, key(values)))
                    continue
                elif how == ITEMS:
                    found = key(values[parent])
                    if check == KEYS and not _have_keys(found, *expected):
                        return None
                    values += found
                    continue
                elif how == ATTRIBUTE:
                    value = getattr(values[parent], key)
                elif how == CELL:
                    value = values[parent].__closure__[key].cell_contents
                else:
                    if key in values[parent]:
                        return None
                    value = None
                # Most places hold dicts or the very object that they held; tensors come after all.
                if check == KEYS:
                    if type(value) is not expected[0] or list(value) != expected[1]:
                        return None
                elif (check > EQUAL or value is not expected) and not (
                    check == TENSOR or fits(check, value, expected, values)
                ):
                    return None
                values.append(value)
        except (LookupError, AttributeError, TypeError, ValueError):
            return None
        if not self._are_alike(self.pick(values)):
            return None
        if len({*map(id, self.pick_apart(values))}) != len(self.apart):
            return None
        return values

    @cached_property
    def strides(self) -> list[Row]:
        """The rows, with tensors, and dicts, that follow each other in one container in one step,
        and all the tensors of dicts that follow each other.
        """
        found: list[Row] = []
        whole: list[int] = []  # dicts of tensors alone that are waiting for their step
        for (check, parent), group in groupby(self.rows, _container):
            rows = [*group]
            keys = [row[2] for row in rows]
            if check == TENSOR and self._are_all(parent, keys):
                whole.append(parent)
                continue
            found += _at_once(whole)
            whole = []
            if check is not None and len(rows) > 1:
                expected = [row[4] for row in rows]
                made = [*map(list, zip(*expected, strict=True))] if check == KEYS else None
                rows = [(ITEMS, parent, picker(keys), check, made)]
            found += rows
        return found + _at_once(whole)

    def _are_all(self, place: int, keys: list[Any]) -> bool:
        """Whether a dict is at a place that has these keys alone, in their order."""
        if place < ROOTS:
            return False
        check, expected = self.rows[place - ROOTS][3:]
        return check == KEYS and expected[0] is dict and expected[1] == keys

    @cached_property
    def pick(self) -> Callable[[Any], tuple[Any, ...]]:
        """What gives the tensors among the objects at the places."""
        return picker(self.tensors)

    @cached_property
    def pick_apart(self) -> Callable[[Any], tuple[Any, ...]]:
        """What gives the objects that must differ."""
        return picker(self.apart)

    @cached_property
    def kinds(self) -> list[tuple]:
        """The shapes of all tensors, their dtypes, their devices."""
        expected = [self.rows[at - ROOTS][4] for at in self.tensors]
        return [tuple(kind[i] for kind in expected) for i in range(3)]

    def _are_alike(self, found: tuple[Any, ...]) -> bool:
        """Whether the objects at the places of tensors are such as were there."""
        if not {*map(type, found)} <= {Tensor}:
            return False
        nodes = [*map(NODE, found)]
        shapes, dtypes, devices = self.kinds
        return (
            (*map(SHAPE, nodes),) == shapes
            and (*map(DTYPE, nodes),) == dtypes
            and (*map(DEVICE, nodes),) == devices
        )

    def add(self, how: int, parent: int, key: Any, value: Any, check: tuple, name: str) -> int:
        """The number of a new place, with ``check`` as the kind of check and what it expects."""
        if len(self.values) >= MOST_PLACES:
            raise ReplayError(
                f"{self.names[2]} can see more than {MOST_PLACES:,} values, the last in {name}: "
                "pass what it needs as arguments, or leave it uncompiled"
            )
        self.rows.append((how, parent, key, *check))
        self.values.append(value)
        self.names.append(name)
        return len(self.values) - 1

    def spoiled(self) -> str:
        """The name of an array or set that changed since it was visited; empty if none did."""
        for at in self.frozen:
            check, expected = self.rows[at - ROOTS][3:]
            if not fits(check, self.values[at], expected, self.values):
                return self.names[at]
        return ""

    def refuse(self, ran: Container[types.CodeType]) -> None:
        """Raise ReplayError where a run used what a replay could not use again."""
        for code, error in self.suspects:
            if code in ran:
                raise error
        for generator, state, name in self.generators:
            if generator_state(generator) != state:
                raise ReplayError(
                    f"{self.names[2]} draws from {name}, a generator of the host's random numbers; "
                    "a replay would repeat the first ones: use jrk.random inside"
                )


def _container(row: Row) -> tuple[int | None, int]:
    """The check of a tensor or dict in a container, None for all else, and its parent."""
    how, parent, _, check, _ = row
    return check if how == ITEM and check in (TENSOR, KEYS) else None, parent


def _at_once(dicts: list[int]) -> list[Row]:
    """The step that gives the values of all dicts at these places."""
    return [(VALUES, 0, picker(dicts), TENSOR, None)] if dicts else []


def _have_keys(found: tuple[Any, ...], kinds: list[type], keys: list[list[Any]]) -> bool:
    return [*map(type, found)] == kinds and [*map(list, found)] == keys
