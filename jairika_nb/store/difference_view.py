"""A difference of two iterations as text and as static HTML."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from jairika_nb.store.show import aligned, measure

if TYPE_CHECKING:
    from jairika_nb.store.difference import Difference, LayerChange

COLUMNS = ("layer", "change", "L2", "relative", "max", "cosine", "what")
STYLE = """
.jrk-diff { color: var(--jp-ui-font-color1, currentColor); font-size: 13px; }
.jrk-diff.jrk-diff table { border-collapse: collapse; margin: 4px 0 10px; }
.jrk-diff caption { white-space: nowrap; text-align: left; font-weight: 600; }
.jrk-diff.jrk-diff th, .jrk-diff.jrk-diff td { padding: 3px 14px 3px 6px; text-align: right;
  font-variant-numeric: tabular-nums; }
.jrk-diff.jrk-diff .jrk-word { text-align: left; }
.jrk-diff .jrk-bar { display: inline-block; height: 0.7em; min-width: 1px;
  background: var(--jp-brand-color1, #4c7dd0); }
.jrk-diff .jrk-added { color: var(--jp-success-color1, #2f9e44); }
.jrk-diff .jrk-removed { color: var(--jp-error-color1, #e03131); }
.jrk-diff .jrk-resized { color: var(--jp-warn-color1, #c77700); }
""".strip()
BAR = 120  # pixels of the longest bar


def text(difference: Difference) -> str:
    """The difference as lines: layers that changed, then metrics and settings."""
    lines = [f'from "{difference.left}" to "{difference.right}"']
    if not difference:
        return "\n".join([*lines, "  no difference"])
    changed = difference.changed
    if changed:
        lines += [f"  {line}" for line in aligned(COLUMNS, tuple(map(cells, changed)))]
    same = len(difference.layers) - len(changed)
    if same:
        lines.append(f"  {same} layer{'s' * (same != 1)} unchanged")
    for title, pairs in (("metrics", difference.metrics), ("settings", difference.settings)):
        if pairs:
            rows = tuple(_pair(name, *pair) for name, pair in pairs.items())
            lines += [f"  {line}" for line in aligned((title, "left", "right", "change"), rows)]
    return "\n".join(lines)


def html(difference: Difference) -> str:
    """The same as tables, with a bar for each layer's relative change."""
    title = f'from "{difference.left}" to "{difference.right}"'
    longest = max((_finite(each) for each in difference.changed), default=0.0)
    rows = "".join(_row(each, longest) for each in difference.changed)
    tables = (
        _table(title, (*COLUMNS, "relative"), rows, (0, 1, 6, 7))
        if rows
        else f"<p>{escape(title)}</p>"
    )
    for name, pairs in (("metrics", difference.metrics), ("settings", difference.settings)):
        if pairs:
            listed = (_pair(key, *pair) for key, pair in pairs.items())
            body = "".join(
                f"<tr>{_word(key)}{''.join(map(_cell, row))}</tr>" for key, *row in listed
            )
            tables += _table("", (name, "left", "right", "change"), body)
    same = len(difference.layers) - len(difference.changed)
    note = "no difference" if not difference else f"layers unchanged: {same}"
    return f'<div class="jrk-diff"><style>{STYLE}</style>{tables}<p>{note}</p></div>'


def cells(each: LayerChange) -> tuple[str, ...]:
    """One layer as the cells of a table."""
    notes = "; ".join(each.notes)
    if each.kind not in ("changed", "resized"):
        return each.layer, each.kind, "", "", "", "", notes
    if each.kind == "resized" and not each.norms.l2 and math.isnan(each.norms.cosine):
        return each.layer, each.kind, "", "", "", "", notes  # no two tensors can be compared
    norms = (each.norms.l2, each.norms.relative, each.norms.largest, each.norms.cosine)
    return each.layer, each.kind, *map(measure, norms), notes


def _row(each: LayerChange, longest: float) -> str:
    name, kind, *numbers, notes = cells(each)
    width = round(BAR * _finite(each) / longest) if longest else 0
    drawn = f'<span class="jrk-bar" style="width: {width}px"></span>' if each.norms.l2 else ""
    bar = f'<td class="jrk-word">{drawn}</td>'
    sign = f'<td class="jrk-word jrk-{kind}">{escape(kind)}</td>'
    return f"<tr>{_word(name)}{sign}{''.join(map(_cell, numbers))}{_word(notes)}{bar}</tr>"


def _finite(each: LayerChange) -> float:
    relative = each.norms.relative
    return relative if math.isfinite(relative) else 0.0


def _table(title: str, columns: tuple[str, ...], body: str, words: tuple[int, ...] = (0,)) -> str:
    """A table; ``words`` are its columns that hold no numbers."""
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    head = "".join(
        f'<th scope="col" class="{"jrk-word" if i in words else ""}">{escape(each)}</th>'
        for i, each in enumerate(columns)
    )
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _word(text: str) -> str:
    return f'<td class="jrk-word">{escape(text)}</td>'


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _pair(name: str, left: Any, right: Any) -> tuple[str, ...]:
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (left, right))
    delta = f"{right - left:+.4g}" if numbers else ""
    return name, *("" if x is None else measure(x) for x in (left, right)), delta
