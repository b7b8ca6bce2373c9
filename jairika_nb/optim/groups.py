"""Groups of parameters, told by their names, that have options of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from jairika_nb.errors import ArchitectureError, TrainingError
from jairika_nb.optim.options import Several, checked


class Group:
    """The parameters whose names match a pattern, with the options that are theirs alone.

    What it does not set is as in the optimiser. ``group["lr"]`` reads and
    ``group["lr"] = 0.01`` changes an option.
    """

    # Only numbers of each step come from these: they may change while a step is replayed.
    unwatched = ("live",)

    def __init__(self, kind: type, match: str, options: Mapping[str, Any]) -> None:
        self.kind, self.match = kind, match
        self.live: dict[str, Any] = {}
        self.fixed: dict[str, Any] = {}
        for name, value in options.items():
            self[name] = value

    @classmethod
    def of(cls, kind: Any, given: Any) -> Group:
        """From ``{"match": "*.bias", "lr": 0.01}``; TrainingError where it reads otherwise."""
        form = '{"match": "*.bias", "weight_decay": 0}'
        if not isinstance(given, Mapping) or not isinstance(given.get("match"), str):
            raise TrainingError(f"{kind.__name__}: a group is written {form}, not {given!r}")
        own = {name: value for name, value in given.items() if name != "match"}
        split: dict[str, Any] = {}
        for name, value in own.items():
            held = getattr(kind, name, None) if isinstance(name, str) else None
            parts = held.parts(kind.__name__, value) if isinstance(held, Several) else {name: value}
            split |= parts
        unknown = [str(name) for name in split if name not in kind.options]
        if unknown:
            raise TrainingError(
                f"{kind.__name__}: the group of {given['match']!r} sets {', '.join(unknown)}; "
                f"its options are {', '.join(kind.options)}"
            )
        return cls(kind, given["match"], split)

    @property
    def options(self) -> dict[str, Any]:
        """All that it sets."""
        return {**self.fixed, **self.live}

    def __getitem__(self, name: str) -> Any:
        return self.options[name]

    def __setitem__(self, name: str, value: Any) -> None:
        held = self.live if name in getattr(self.kind, "live", ()) else self.fixed
        held[name] = checked(self.kind, name, value)

    def __contains__(self, name: object) -> bool:
        return name in self.fixed or name in self.live

    def __iter__(self) -> Iterator[str]:
        return iter(self.options)

    def takes(self, name: str) -> bool:
        """Whether a parameter's name matches."""
        return fnmatchcase(name, self.match)

    def __repr__(self) -> str:
        return repr({"match": self.match, **self.options})


def check_matches(groups: Iterable[Group], names: Iterable[str]) -> None:
    """ArchitectureError for a pattern that no parameter of the model has."""
    known = list(names)
    for group in groups:
        if not any(map(group.takes, known)):
            raise ArchitectureError(
                f"no parameter is named {group.match!r}, the pattern of a group; the model has "
                f"{', '.join(known) or 'no parameters'}"
            )


def first_match(groups: Iterable[Group], name: str) -> int:
    """The number of the first group that takes a parameter; -1 for none."""
    return next((i for i, group in enumerate(groups) if group.takes(name)), -1)
