"""Access rules as text, as static HTML and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jairika_nb.store.policy import Policy
from jairika_nb.store.show import aligned
from jairika_nb.store.tables import table_html

COLUMNS = ("principal", "effect", "verbs", "path")
OFF = "no access rules: whoever may use the server that serves this model may do everything"
ON = "owners may do everything, others what is allowed and not denied"


@dataclass(frozen=True, repr=False)
class Rules:
    """The owners and rules of a model, for people to look at; ``policy`` is what they mean."""

    policy: Policy

    def __bool__(self) -> bool:
        return self.policy.active

    @property
    def owners(self) -> tuple[str, ...]:
        return self.policy.owners

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Principal, effect, verbs and path of each rule."""
        return tuple(
            (each.principal, "allow" if each.allow else "deny", ", ".join(each.verbs), each.path)
            for each in self.policy.rules
        )

    @property
    def title(self) -> str:
        return f"owners: {', '.join(self.owners)}" if self else OFF

    def __str__(self) -> str:
        lines = [f"  {line}" for line in aligned(COLUMNS, self.rows)] if self.rows else []
        return "\n".join([self.title, *lines, *([ON] if self else [])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table_html(self.title, COLUMNS, self.rows, *([ON] if self else []))

    def to_json(self) -> dict[str, Any]:
        return self.policy.to_json()
