"""Static HTML for results: themed by Jupyter's variables, readable without them, no scripts.

Text is ``currentColor`` where Jupyter's variables are absent, so a page shows in any theme;
the sheet travels with each result, so that a saved notebook needs nothing else.
"""

from __future__ import annotations

import re
from html import escape

from jairika_nb.store import tables

SHEET = """
.jrk-result { color: var(--jp-ui-font-color1, currentColor); font-size: 13px; line-height: 1.5; }
.jrk-result p { margin: 2px 0; }
.jrk-result code { font-family: var(--jp-code-font-family, monospace); font-size: 0.95em;
  color: inherit; background: var(--jp-layout-color2, rgba(128, 128, 128, 0.16));
  padding: 1px 4px; border-radius: 3px; }
.jrk-result pre { font-family: var(--jp-code-font-family, monospace); margin: 2px 0;
  color: inherit; }
.jrk-result .jrk-ok { color: var(--jp-success-color1, #2f9e44); }
.jrk-result .jrk-note { color: var(--jp-warn-color1, #c77700); }
.jrk-result .jrk-problem { color: var(--jp-error-color1, #e03131); }
""".strip()


class Markup(str):
    """Text that is HTML already; anything else is escaped on its way in."""


def safe(text: str) -> Markup:
    """Escape what is not markup yet.

    >>> safe("a < b")
    'a &lt; b'
    >>> safe(Markup("<b>a</b>"))
    '<b>a</b>'
    """
    return text if isinstance(text, Markup) else Markup(escape(str(text)))


def block(*parts: Markup) -> str:
    """The whole answer: its style sheet and its parts."""
    style = f"<style>{tables.STYLE}\n{SHEET}</style>"
    return f'<div class="jrk-result jrk-table">{style}{"".join(parts)}</div>'


def paragraph(*texts: str) -> Markup:
    """A line of text."""
    return Markup(f"<p>{''.join(map(safe, texts))}</p>")


def prose(text: str) -> Markup:
    """Text in which backticks mark what can be typed.

    >>> prose("run `jrk doctor` & read")
    'run <code>jrk doctor</code> &amp; read'
    """
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", safe(text)))


def code(text: str) -> Markup:
    """Something to type."""
    return Markup(f"<code>{safe(text)}</code>")


def marked(kind: str, text: str) -> Markup:
    """A sign of ``kind`` ``"ok"``, ``"note"`` or ``"problem"``: coloured, and read out as such."""
    return Markup(f'<span class="jrk-{kind}" role="img" aria-label="{kind}">{safe(text)}</span>')


def table(title: str, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> Markup:
    """A table with its title; columns that hold nothing are left out."""
    return Markup(tables.markup(title, columns, rows))
