"""The word ``doctor``: look at everything the package stands on, and name the cures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jairika_nb.words import page
from jairika_nb.words.checks import CHECKS, Check
from jairika_nb.words.results import aligned
from jairika_nb.words.session import Session

MARKS = {"ok": "✓", "note": "–", "problem": "✗"}


@dataclass(frozen=True, repr=False)
class Checkup:
    """What the doctor found; ``ok`` unless something needed does not work."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.state != "problem" for check in self.checks)

    @property
    def verdict(self) -> str:
        problems = sum(check.state == "problem" for check in self.checks)
        if not problems:
            return "all that is needed works"
        return f"{problems} problem{'s' if problems > 1 else ''}: see the cures above"

    def __str__(self) -> str:
        rows = tuple((MARKS[check.state], check.part, check.found) for check in self.checks)
        lines = []
        for check, line in zip(self.checks, aligned(("", "", ""), rows)[1:], strict=True):
            lines.append(line)
            if check.cure:
                lines.append(f"   cure: {check.cure}")
        return "\n".join([*lines, "", self.verdict])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = tuple(
            (
                page.marked(check.state, MARKS[check.state]),
                check.part,
                check.found,
                page.prose(check.cure),
            )
            for check in self.checks
        )
        title = "jairika_nb doctor"
        table = page.table(title, ("", "part", "found", "cure"), rows)
        return page.block(table, page.paragraph(self.verdict))

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok, "checks": [check.to_json() for check in self.checks]}


def doctor(session: Session) -> Checkup:
    """Check drivers, sidebar, server part and folders, and say what cures each problem."""
    return Checkup(tuple(check for look in CHECKS for check in look()))
