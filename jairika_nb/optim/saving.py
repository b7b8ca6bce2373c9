"""The state of an optimiser as flat data, and back: all of it fits, or nothing changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from jairika_nb.errors import ArchitectureError
from jairika_nb.optim.groups import Group
from jairika_nb.optim.options import Number, checked
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor

GROUP = re.compile(r"groups\[(\d{1,4})\]:(\w+)")
STEP = Number(whole=True)


def flat(optimizer: Any) -> dict[str, Any]:
    """Type, options and groups by name, and ``PARAMETER.step``, ``PARAMETER.SLOT``."""
    found: dict[str, Any] = {"type": type(optimizer).__name__}
    found |= {option: getattr(optimizer, option) for option in optimizer.options}
    for i, group in enumerate(optimizer.groups):
        found[f"groups[{i}]:match"] = group.match
        found |= {f"groups[{i}]:{option}": group[option] for option in group}
    for name, step in optimizer.steps.items():
        found[f"{name}.step"] = step
        found |= {f"{name}.{slot}": value for slot, value in optimizer.state[name].items()}
    return found


def load(optimizer: Any, state: Mapping[str, Any]) -> None:
    """Make an optimiser go on from saved data; raises where it does not fit."""
    kind = type(optimizer)
    own = state.get("type") if isinstance(state, Mapping) else None
    if own is None:
        raise ArchitectureError(
            f"a {type(state).__name__} without a type is no state of an optimiser here; give what "
            f"{kind.__name__}(...).state_dict() gave"
        )
    if str(own) != kind.__name__:
        raise ArchitectureError(
            f"a state of {own} does not fit {kind.__name__}; go on with optim.{own}(...), or begin "
            "anew without the state"
        )
    entries = [key for key in state if "." in key]
    grouped = [key for key in state if key not in entries and GROUP.fullmatch(key)]
    _check_entries(optimizer, state, entries, grouped)
    values = {o: checked(kind, o, _plain(state[o])) for o in optimizer.options}
    groups = _groups(kind, state, grouped)
    slots, steps = _tensors(kind, state, entries)
    for option, value in values.items():
        setattr(optimizer, option, value)
    optimizer.reset()
    optimizer.groups, optimizer.state, optimizer.steps = groups, slots, steps


def _check_entries(
    optimizer: Any, state: Mapping[str, Any], entries: list[str], grouped: list[str]
) -> None:
    known = {*entries, *grouped, *optimizer.options, "type"}
    unknown = [key for key in entries if key.rpartition(".")[2] not in (*optimizer.slots, "step")]
    unknown += [key for key in state if key not in known]
    missing = [option for option in optimizer.options if option not in state]
    names = dict.fromkeys(key.rpartition(".")[0] for key in entries)
    missing += [f"{name}.step" for name in names if f"{name}.step" not in state]
    if unknown or missing:
        parts = {"missing": missing, "unexpected": unknown}
        shown = "; ".join(f"{k}: {', '.join(v)}" for k, v in parts.items() if v)
        raise ArchitectureError(f"the state does not fit {type(optimizer).__name__}: {shown}")


def _plain(value: Any) -> Any:
    """What was a Python number or text before it was saved."""
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else value


def _groups(kind: type, state: Mapping[str, Any], keys: list[str]) -> list[Group]:
    found: dict[int, dict[str, Any]] = {}
    for key in keys:
        number, option = GROUP.fullmatch(key).groups()  # type: ignore[union-attr]
        found.setdefault(int(number), {})[option] = _plain(state[key])
    return [Group.of(kind, found[number]) for number in sorted(found)]


def _tensors(
    kind: type, state: Mapping[str, Any], entries: list[str]
) -> tuple[dict[str, dict[str, Tensor]], dict[str, int]]:
    slots: dict[str, dict[str, Tensor]] = {}
    steps: dict[str, int] = {}
    for key in entries:
        name, _, slot = key.rpartition(".")
        held = slots.setdefault(name, {})
        if slot == "step":
            steps[name] = STEP(kind.__name__, key, _plain(state[key]))
        else:
            value = state[key]
            held[slot] = value.detach() if isinstance(value, Tensor) else tensor(value)
    return slots, steps
