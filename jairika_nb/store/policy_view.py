"""Access rules as text, as static HTML and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from jairika_nb.store.policy import Policy
from jairika_nb.store.show import aligned

COLUMNS = ("principal", "effect", "verbs", "path")
OFF = "no access rules: whoever may use the server that serves this model may do everything"
ON = "owners may do everything, others what is allowed and not denied"
STYLE = """
.jrk-rules { color: var(--jp-ui-font-color1, currentColor); font-size: 13px; }
.jrk-rules caption { text-align: left; font-weight: 600; }
.jrk-rules.jrk-rules th, .jrk-rules.jrk-rules td { text-align: left; padding: 2px 12px 2px 0; }
""".strip()


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
        head = "".join(f'<th scope="col">{name}</th>' for name in COLUMNS)
        body = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        note = f"<p>{ON}</p>" if self else ""
        return (
            f'<div class="jrk-rules"><style>{STYLE}</style><p>{escape(self.title)}</p>'
            f"{table if self.rows else ''}{note}</div>"
        )

    def to_json(self) -> dict[str, Any]:
        return self.policy.to_json()
