"""Tensors that stay themselves in a replay, because their new values were written over the old.

Such a tensor's node and values are nobody else's, and so is the tensor, but for its containers: so
nobody could tell a new one from it. Making none, and putting none into its place, saves a step of
an optimiser half of its time on the host.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jairika_nb.tensors.checks import ITEM, KEYS, TENSOR
from jairika_nb.tensors.effects import ENTRIES, NEW, SET_ITEM, SET_NODE, Effects, Replaced, Template
from jairika_nb.tensors.guards import ROOTS, Places


def same_kind(watch: Places, place: int, kind: tuple) -> bool:
    """Whether a result has the shape, dtype and device of the tensor at a place."""
    check, expected = watch.rows[place - ROOTS][3:]
    return check == TENSOR and expected == kind


def lasting(effects: Effects, watch: Places, replaced: Iterable[Replaced]) -> list[tuple]:
    """The assignments that change something even where all of ``replaced`` stay."""
    places = {old.handle: old.place for old in replaced}
    reached = {(row[1], row[2]): i + ROOTS for i, row in _items(watch)}

    def changes(kind: int, place: int, key: Any, template: Template) -> bool:
        if kind == SET_NODE:
            return places.get(template[1]) != place
        return kind != SET_ITEM or _differs(template, reached.get((place, key)))

    def _differs(template: Template, at: int | None) -> bool:
        if at is None:
            return True
        if template[0] == NEW:
            return places.get(template[1]) != at
        if template[0] != ENTRIES:
            return True
        _, what, rows = template
        check, expected = watch.rows[at - ROOTS][3:]
        if check != KEYS or expected[0] is not what or expected[1] != [key for key, _ in rows]:
            return True
        return any(t[0] != NEW or _differs(t, reached.get((at, key))) for key, t in rows)

    return [row for row in effects.assignments if changes(*row)]


def _items(watch: Places) -> list[tuple[int, tuple]]:
    """The places that are items of containers, with their numbers among the rows."""
    return [(i, row) for i, row in enumerate(watch.rows) if row[0] == ITEM and _hashable(row[2])]


def _hashable(key: Any) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True
