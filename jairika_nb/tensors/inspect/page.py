"""The HTML around views: themed by Jupyter's variables, readable without them, no scripts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# Styles are written on the elements: a notebook that is not trusted drops style sheets.
FONT = "font-size:13px;line-height:1.45;color:var(--jp-ui-font-color1,inherit)"
CODE = "font-family:var(--jp-code-font-family,monospace);font-size:12px"
CELL = "padding:2px 12px 2px 0;white-space:nowrap;vertical-align:top"


def block(*parts: str) -> str:
    """The whole view."""
    return f'<div class="jrk-view" style="{FONT}">{"".join(parts)}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numeric: set[int]) -> str:
    """A table of text; ``numeric`` columns stand at the right. Cells are escaped here."""

    def cell(tag: str, column: int, words: str) -> str:
        side = "right" if column in numeric else "left"
        return f'<{tag} style="{CELL};text-align:{side}">{words}</{tag}>'

    top = "".join(cell("th", i, escape(h)) for i, h in enumerate(head))
    body = "".join(
        "<tr>" + "".join(cell("td", i, escape(c)) for i, c in enumerate(row)) + "</tr>"
        for row in rows
    )
    return (
        f'<table style="border-collapse:collapse;{CODE}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
