"""Merging: what two iterations make of a common one, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from jairika_nb.errors import ArchitectureError, HeadMoved, MergeConflict
from jairika_nb.store import ancestry, arrays, history, names, refs, rules, sealing, tensors
from jairika_nb.store.arrays import Content
from jairika_nb.store.catalogue import Catalogue
from jairika_nb.store.layout import Layout
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.names import layer_of
from jairika_nb.store.note import Note
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Place, Row

STRATEGIES = ("ours", "theirs", "mean")
Layers = Mapping[str, Mapping[str, Tensor]]
# One strategy for all layers that both sides changed, or one for each by its name.
Strategy = str | Mapping[str, str] | None


@dataclass(frozen=True)
class Side:
    """One iteration of a merge: its row, parameters by layer, places by hash, architecture."""

    row: Row
    layers: Layers
    places: Mapping[str, Place]
    form: Any
    parameters: tuple[Tensor, ...]
    optimizer: tuple[Tensor, ...]


@dataclass
class Merge:
    """What came of a merge: ``kind`` is merged, fast-forward or nothing.

    ``choices`` tells for each layer that differed what was taken: ours, theirs or mean.
    """

    kind: str
    row: Row
    choices: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def merge(
    variant: str,
    source: str,
    strategy: Strategy,
    weight: float,
    name: str | None,
    note: Note,
) -> Callable[[Reader, Layout], tuple[Catalogue, Merge]]:
    """Bring what ``source`` names into ``variant``, as a new iteration of two parents."""

    def change(reader: Reader, layout: Layout) -> tuple[Catalogue, Merge]:
        branch, listed = rules.branch_of(reader, variant), reader.iterations(variant)
        ours, theirs = listed[-1], refs.row_at(reader, source)
        _check_layers(reader, strategy, ours, theirs)
        rows = ancestry.by_id(reader)
        if theirs.id in ancestry.ancestors([ours.id], rows):
            return reader.catalogue, Merge("nothing", ours)
        if branch.blank is not None:
            raise HeadMoved(f"nothing was committed to variant {variant!r} yet; derive one instead")
        place = (variant, rules.free_name(reader, branch, listed, name))
        said = note if note.message else replace(note, message=_message(theirs, variant))
        parents = (ours.id, theirs.id)
        if ours.id in ancestry.ancestors([theirs.id], rows):
            row = history.shared(reader, layout, theirs, place, said, parents)
            done = Merge("fast-forward", row)
        else:
            base = ancestry.common(ours.id, theirs.id, rows)
            sides = [None if each is None else _side(reader, each) for each in (base, ours, theirs)]
            done = _merged(reader, layout, sides, (strategy, weight), place, said)
        catalogue = replace(reader.catalogue, tail=(*reader.catalogue.tail, done.row))
        return catalogue.with_events(history.event("merge", note, listed[-1:], done.row)), done

    return change


def _check_layers(reader: Reader, strategy: Strategy, *sides: Row) -> None:
    """Raise ``NotFound`` where a strategy is for a layer that neither side has."""
    tensors = (each for row in sides for each in reader.manifest(row).parameters)
    known = list(dict.fromkeys(layer_of(each.name) for each in tensors))
    for layer in strategy if isinstance(strategy, Mapping) else ():
        if layer not in known:
            raise names.unknown("layer", layer, known, "the two iterations to merge")


def _message(theirs: Row, variant: str) -> str:
    return f'merge "{theirs.variant}/{theirs.name}" into "{variant}"'


def _side(reader: Reader, row: Row) -> Side:
    manifest = reader.manifest(row)
    located = zip(manifest.tensors, reader.locations(row, manifest), strict=True)
    layers: dict[str, dict[str, Tensor]] = {}
    for each in manifest.parameters:
        layers.setdefault(layer_of(each.name), {})[each.name] = each
    shapes = {each.name: (each.shape, each.dtype) for each in manifest.parameters}
    return Side(
        row=row,
        layers=layers,
        places={tensor.digest: place for tensor, place in located},
        form=(rules.melted(reader.architecture(row)), shapes),
        parameters=manifest.parameters,
        optimizer=tuple(each for each in manifest.tensors if each.owner != "net"),
    )


def _merged(
    reader: Reader,
    layout: Layout,
    sides: Any,
    how: tuple[Strategy, float],
    place: tuple[str, str],
    note: Note,
) -> Merge:
    base, ours, theirs = sides
    frame = _frame(base, ours, theirs, how[0])
    choices = dict(_choices(base, ours, theirs, frame, how[0]))
    if open_ := [layer for layer, choice in choices.items() if choice == "conflict"]:
        raise MergeConflict(
            f"both sides changed {', '.join(map(repr, open_))} since "
            f"{_said(base)}; merge with strategy 'ours', 'theirs' or 'mean'",
            tuple(open_),
        )
    taken = [
        _taken(
            reader,
            layout,
            each,
            choices.get(layer_of(each.name)),
            (ours, theirs, frame),
            how[1],
            place,
        )
        for each in frame.parameters
    ]
    kept, notes = _optimizer(ours, theirs, [each for each, _ in taken])
    taken += [(each, kept.places[each.digest]) for each in kept.optimizer] if kept else []
    content = Content(
        architecture=rules.architecture_bytes(reader, frame.row),
        scalars=_settings(reader, kept.row) if kept else {},
    )
    listed, places = tuple(t for t, _ in taken), [p for _, p in taken]
    parents = (ours.row.id, theirs.row.id)
    row = history.recorded(layout, place, listed, places, content, note, parents)
    return Merge("merged", row, choices, notes)


def _frame(base: Side | None, ours: Side, theirs: Side, strategy: Strategy) -> Side:
    """The side whose architecture the result has: the one that changed it, or the chosen one."""
    if ours.form == theirs.form or (base and theirs.form == base.form):
        return ours
    if base and ours.form == base.form:
        return theirs
    if strategy in ("ours", "theirs"):
        return ours if strategy == "ours" else theirs
    raise ArchitectureError(
        f"cannot merge {theirs.row.variant!r} into {ours.row.variant!r}: both have another "
        f"architecture than {_said(base)}; merge with strategy 'ours' or 'theirs', or keep both"
    )


def _said(base: Side | None) -> str:
    return f'"{base.row.variant}/{base.row.name}"' if base else "a common start, which is missing"


def _choices(
    base: Side | None, ours: Side, theirs: Side, frame: Side, strategy: Strategy
) -> Iterator[tuple[str, str]]:
    """For each layer of the result that differs between the sides: whose values it has."""
    own = "ours" if frame is ours else "theirs"

    def chosen(layer: str) -> str | None:
        return strategy.get(layer) if isinstance(strategy, Mapping) else strategy

    for layer in frame.layers:
        left, right = _values(ours, layer), _values(theirs, layer)
        start = _values(base, layer) if base else None
        if left == right:
            continue
        if not left or not right:
            yield layer, own
        elif _shapes(ours, layer) != _shapes(theirs, layer):
            other = right if frame is ours else left
            lost = other != start and chosen(layer) is None
            yield layer, "conflict" if lost else own
        elif right == start:
            yield layer, "ours"
        elif left == start:
            yield layer, "theirs"
        else:
            yield layer, chosen(layer) or "conflict"


def _values(side: Side, layer: str) -> dict[str, str]:
    return {name: each.digest for name, each in side.layers.get(layer, {}).items()}


def _shapes(side: Side, layer: str) -> dict[str, Any]:
    return {name: (t.shape, t.dtype) for name, t in side.layers.get(layer, {}).items()}


def _taken(
    reader: Reader,
    layout: Layout,
    tensor: Tensor,
    choice: str | None,
    sides: tuple[Side, Side, Side],
    weight: float,
    place: tuple[str, str],
) -> tuple[Tensor, Place]:
    ours, theirs, frame = sides
    layer = layer_of(tensor.name)
    side = {"ours": ours, "theirs": theirs, "mean": ours}.get(choice or "", frame)
    one = side.layers[layer][tensor.name]
    if choice != "mean" or not one.dtype.startswith("<f"):
        return one, side.places[one.digest]
    other = theirs.layers[layer][one.name]
    left = tensors.read(reader.ranges, (one, ours.places[one.digest]))
    right = tensors.read(reader.ranges, (other, theirs.places[other.digest]))
    made = arrays.tensor(one.name, one.role, mean(left, right, weight))
    return next(sealing.kept(layout, place, [made]))


def mean(left: np.ndarray, right: np.ndarray, weight: float) -> np.ndarray:
    """``(1 - weight) * left + weight * right``, computed in float64.

    >>> mean(np.float32([1, 3]), np.float32([3, 5]), 0.25).tolist()
    [1.5, 3.5]
    """
    total = (1 - weight) * left.astype(np.float64) + weight * right.astype(np.float64)
    return np.asarray(total).astype(left.dtype)


def _optimizer(ours: Side, theirs: Side, taken: list[Tensor]) -> tuple[Side | None, list[str]]:
    """The side whose optimiser state still fits: the one all values come from."""
    for side in (ours, theirs):
        if tuple(taken) == side.parameters:
            return side, []
    if not (ours.optimizer or theirs.optimizer):
        return None, []
    return None, ["the optimiser's state was left out: the merged values are neither side's"]


def _settings(reader: Reader, row: Row) -> dict[str, Any]:
    return reader.meta(row, reader.manifest(row)).get("optimizer", {})
