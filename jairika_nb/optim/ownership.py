"""Whose moments an optimiser holds: they follow layers, and never go to another network."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

from jairika_nb.errors import TrainingError

MOST_SHOWN = 4


class Owner(NamedTuple):
    """The layer that a parameter is in, its name there, and the network that was updated."""

    layer: weakref.ref[Any]
    name: str
    network: weakref.ref[Any]


class Owners(dict[str, Owner]):
    """Owners by the names that parameters had in the last update.

    A deep copy has none, as that of a network is another network: its state goes to the next
    network that is updated, as a state does that was loaded.
    """

    def __copy__(self) -> Owners:
        return Owners(self)

    def __deepcopy__(self, memo: Any) -> Owners:
        return Owners()

    def hand_over(self, old: Any, new: Any) -> None:
        """Give what belongs to a network, or parts of it, to a copy of it."""
        copies = dict(new._walk(""))
        twins = {
            id(part): weakref.ref(copies[path]) for path, part in old._walk("") if path in copies
        }
        for name, owner in self.items():
            layer, network = (id(ref()) for ref in (owner.layer, owner.network))
            if layer in twins:
                self[name] = Owner(twins[layer], owner.name, twins.get(network, owner.network))


def owners_in(model: Any) -> dict[str, Owner]:
    """The owners of a network's parameters."""
    layers = {path: weakref.ref(layer) for path, layer in model.named_modules()}
    network = weakref.ref(model)
    found = {}
    for full, _ in model.named_parameters():
        path, _, name = full.rpartition(".")
        found[full] = Owner(layers[path], name, network)
    return found


def check_belongs(optimizer: Any, model: Any, own: Mapping[str, Owner]) -> None:
    """TrainingError where an optimiser holds moments of another network under the same names."""
    places = _places(optimizer)
    # A network that was made of layers of the other one goes on with what these bring along; what
    # it has in the place of layers that are gone counts as exchanged in the same network.
    here = {_place(owner) for owner in own.values()}
    is_related = not here.isdisjoint(places)
    foreign = []
    for name in own:
        held = optimizer.owners.get(name)
        if held is None or not optimizer.state.get(name) or held.network() is model:
            continue
        is_gone = held.layer() is None
        if _place(held) not in here and not (is_related and is_gone):
            foreign.append(name)
    if foreign:
        raise TrainingError(_told(optimizer, model, foreign))


def follow(optimizer: Any, own: Mapping[str, Owner]) -> None:
    """Let the moments of layers that have another name by now come along."""
    _restart(optimizer, own)
    places = _places(optimizer)
    moves = {name: places.get(_place(owner), name) for name, owner in own.items()}
    gone = {old for name, old in moves.items() if old != name}
    if not gone:
        return
    # A new layer that took the place of one that moved on starts anew.
    kept = {name: old for name, old in moves.items() if old != name or name not in gone}
    for held in (optimizer.state, optimizer.steps, optimizer.owners):
        found = {name: held[old] for name, old in kept.items() if old in held}
        for name in {*moves, *gone}:
            held.pop(name, None)
        held.update(found)


def _restart(optimizer: Any, own: Mapping[str, Owner]) -> None:
    """Forget the steps of other networks under the same names, where these had no moments."""
    here = {_place(owner) for owner in own.values()}
    for name, owner in own.items():
        held = optimizer.owners.get(name)
        is_other = held is not None and held.network() is not owner.network()
        if is_other and _place(held) not in here and not optimizer.state.get(name):
            optimizer.steps.pop(name, None)


def _place(owner: Owner) -> tuple[int, str]:
    return id(owner.layer()), owner.name


def _places(optimizer: Any) -> dict[tuple[int, str], str]:
    """The names of the last update by layer and name in it."""
    rows = optimizer.owners.items()
    return {_place(owner): name for name, owner in rows if owner.layer() is not None}


def _told(optimizer: Any, model: Any, foreign: list[str]) -> str:
    kind, shown = type(optimizer).__name__, ", ".join(foreign[:MOST_SHOWN])
    more = f" and {len(foreign) - MOST_SHOWN} more" if len(foreign) > MOST_SHOWN else ""
    return (
        f"this {kind} holds moments of another network for {shown}{more}, and was given a "
        f"{type(model).__name__} that it has not updated before; moments belong to the network "
        f"they were made for: make a new optim.{kind}(...), or forget them with "
        "optimizer.reset(). Where this network is to go on with them, as a copy does: "
        "optimizer.load_state_dict(optimizer.state_dict())"
    )
