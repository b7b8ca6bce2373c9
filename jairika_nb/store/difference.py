"""What differs between two iterations: layers, their arguments and values, measures, settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jairika_nb.store import difference_view
from jairika_nb.store.arrays import scalar
from jairika_nb.store.iteration import Iteration
from jairika_nb.store.manifest import Tensor
from jairika_nb.store.names import layer_of
from jairika_nb.store.norms import Change, change

Pair = tuple[Any, Any]  # left and right; None where a side has none


@dataclass(frozen=True)
class LayerChange:
    """One layer on both sides: ``kind`` is added, removed, resized, changed or same.

    ``norms`` sums over its parameters and buffers of equal shape; ``notes`` say in words which
    shapes and which arguments differ.
    """

    layer: str
    kind: str
    norms: Change
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        norms = ("l2", "relative", "largest", "cosine")
        numbers = {name: scalar(getattr(self.norms, name)) for name in norms}
        shown = numbers if self.kind in ("changed", "resized") else {}
        return {"layer": self.layer, "kind": self.kind, "notes": list(self.notes), **shown}


@dataclass(frozen=True, repr=False)
class Difference:
    """From ``left`` to ``right``: layers in order, metrics and settings that are not equal."""

    left: str
    right: str
    layers: tuple[LayerChange, ...]
    metrics: Mapping[str, Pair]
    settings: Mapping[str, Pair]

    @property
    def changed(self) -> tuple[LayerChange, ...]:
        """The layers that are not the same."""
        return tuple(each for each in self.layers if each.kind != "same" or each.notes)

    @property
    def ok(self) -> bool:
        return True

    def __bool__(self) -> bool:
        return bool(self.changed or self.metrics or self.settings)

    def __str__(self) -> str:
        return difference_view.text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return difference_view.html(self)

    def to_json(self) -> dict[str, Any]:
        return {
            "left": self.left,
            "right": self.right,
            "layers": [each.to_json() for each in self.layers],
            "metrics": {k: [scalar(v) for v in pair] for k, pair in self.metrics.items()},
            "settings": {k: [scalar(v) for v in pair] for k, pair in self.settings.items()},
        }


def difference(left: Iteration, right: Iteration) -> Difference:
    """Compare two iterations; values are read only where hashes differ, one tensor at a time."""
    return Difference(
        f"{left.variant}/{left.name}",
        f"{right.variant}/{right.name}",
        tuple(_layers(left, right)),
        _unequal(left.metrics, right.metrics),
        _unequal(left.settings, right.settings),
    )


def _layers(left: Iteration, right: Iteration) -> Iterator[LayerChange]:
    before, after = _by_layer(left.tensors), _by_layer(right.tensors)
    arguments = _unequal(_arguments(left.architecture), _arguments(right.architecture))
    old, new = left.arrays(lazy=True), right.arrays(lazy=True)
    for layer in dict.fromkeys((*before, *after, *arguments)):
        notes = list(_argument_notes(arguments.get(layer)))
        if layer not in before and layer not in after:
            yield LayerChange(layer, _standing(arguments[layer]), Change(), tuple(notes))
            continue
        one, other = before.get(layer, {}), after.get(layer, {})
        kind = _kind(one, other)
        notes += _shape_notes(one, other)
        norms = Change()
        # An equal tensor beside a changed one counts for the norm that the change is relative to.
        for name in one if kind in ("changed", "resized") else ():
            if name in other and one[name].shape == other[name].shape:
                norms += change(old[name], new[name])
        yield LayerChange(layer, kind, norms, tuple(notes))


def _standing(arguments: Pair) -> str:
    """What happened to a layer without parameters."""
    left, right = arguments
    return "added" if left is None else "removed" if right is None else "same"


def _kind(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> str:
    if not one or not other:
        return "removed" if one else "added"
    if {k: t.shape for k, t in one.items()} != {k: t.shape for k, t in other.items()}:
        return "resized"
    same = all(one[name].digest == other[name].digest for name in one)
    return "same" if same else "changed"


def _by_layer(tensors: tuple[Tensor, ...]) -> dict[str, dict[str, Tensor]]:
    found: dict[str, dict[str, Tensor]] = {}
    for each in tensors:
        found.setdefault(layer_of(each.name), {})[each.name] = each
    return found


def _shape_notes(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> Iterator[str]:
    for name in dict.fromkeys((*one, *other)):
        last = name.rpartition(".")[2]
        if name not in other or name not in one:
            side, word = (one, "gone") if name in one else (other, "new")
            yield f"{last} {list(side[name].shape)} {word}"
        elif one[name].shape != other[name].shape:
            yield f"{last} {list(one[name].shape)} -> {list(other[name].shape)}"
        elif one[name].dtype != other[name].dtype:
            yield f"{last} {one[name].dtype} -> {other[name].dtype}"


def _arguments(architecture: Any, path: str = "") -> dict[str, tuple[str, Any]]:
    """Type and arguments of each layer, by dotted name; data of another form gives none."""
    if not isinstance(architecture, dict):
        return {}
    children = architecture.get("children")
    found = {path: (str(architecture.get("type")), architecture.get("args"))}
    for child in children if isinstance(children, list) else ():
        if isinstance(child, list) and len(child) == 2:
            found |= _arguments(child[1], f"{path}.{child[0]}" if path else str(child[0]))
    return found


def _argument_notes(pair: Pair | None) -> Iterator[str]:
    if pair is None:
        return
    (kind, old), (other, new) = (side or ("", None) for side in pair)
    if kind != other:
        yield " -> ".join(filter(None, (kind, other))) if kind and other else kind or other
    elif isinstance(old, dict) and isinstance(new, dict):
        for name, (before, after) in _unequal(old, new).items():
            yield f"{name}: {before!r} -> {after!r}"


def _unequal(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Pair]:
    names = dict.fromkeys((*left, *right))
    pairs = {name: (left.get(name), right.get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if not _equal(*pair)}


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right or (left != left and right != right))
