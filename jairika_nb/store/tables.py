"""Tables as static HTML: no scripts, Jupyter's colours where they are, readable without."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

# Classes are written twice where JupyterLab's own rules for tables are to be outweighed.
STYLE = """
.jrk-table { color: var(--jp-ui-font-color1, currentColor); font-size: 13px; line-height: 1.5;
  overflow-x: auto; }
.jrk-table.jrk-table p { margin: 2px 0; }
.jrk-table.jrk-table .jrk-caption { font-weight: 600; overflow-wrap: anywhere; }
.jrk-table.jrk-table table { border-collapse: collapse; margin: 4px 0; font-size: inherit; }
.jrk-table.jrk-table table th, .jrk-table.jrk-table table td { text-align: left;
  vertical-align: top; padding: 3px 14px 3px 6px; max-width: 60em;
  border-bottom: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.4)); }
.jrk-table.jrk-table table th { font-weight: 600; }
.jrk-table.jrk-table table .jrk-number { text-align: right; font-variant-numeric: tabular-nums; }
.jrk-table.jrk-table table .jrk-short { white-space: nowrap; }
""".strip()
NUMBER = re.compile(r"[-+]?(\d[\d,]*)?\.?\d+(e[-+]?\d+)?( ?(%|x|[munµ]?s|[KMGT]?i?B|bytes))?")
SHORT = 40  # characters of a word that is not broken, at a hyphen for instance


def table_html(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *notes: str
) -> str:
    """Rows of text as a table under a title, and lines of text below it."""
    lines = "".join(f"<p>{escape(note)}</p>" for note in notes)
    inside = f"<style>{STYLE}</style>{markup(title, columns, rows)}{lines}"
    return f'<div class="jrk-table">{inside}</div>'


def markup(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The title and the table alone; columns that hold nothing are left out.

    A ``caption`` would be no wider than the table. Columns of numbers but the first, and hashes,
    stand under each other by their last digit.
    """
    named = f' aria-label="{escape(title)}"' if title else ""
    above = f'<p class="jrk-caption">{escape(title)}</p>' if title else ""
    used = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    if not used:
        return above
    kinds = {i: " jrk-number" if _counts(i, columns[i], rows) else "" for i in used}
    head = "".join(
        f'<th scope="col" class="jrk-short{kinds[i]}">{escape(columns[i])}</th>' for i in used
    )
    body = "".join(f"<tr>{''.join(_cell(row[i], kinds[i]) for i in used)}</tr>" for row in rows)
    return f"{above}<table{named}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str, kind: str) -> str:
    whole = len(text) <= (SHORT // 2 if " " in text else SHORT)
    return f'<td class="{"jrk-short" if whole else ""}{kind}">{escape(text)}</td>'


def _counts(place: int, name: str, rows: Sequence[Sequence[str]]) -> bool:
    cells = [row[place] for row in rows if row[place]]
    return place > 0 and name != "id" and all(NUMBER.fullmatch(cell) for cell in cells)
