"""A model's tree as text and as static HTML, from the JSON data of ``reader.read_tree``."""

from __future__ import annotations

from html import escape
from typing import Any

STYLE = """
.jrk-tree { font-family: var(--jp-code-font-family, monospace);
  font-size: var(--jp-code-font-size, 13px); line-height: 1.5;
  color: var(--jp-content-font-color1, currentColor); overflow-x: auto; }
.jrk-tree.jrk-tree ul, .jrk-tree.jrk-tree ul ul { list-style: none; margin: 0; padding-left: 1.4em;
  border-left: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.4)); }
.jrk-tree.jrk-tree li { list-style: none; }
.jrk-tree .jrk-address { overflow-wrap: anywhere; }
.jrk-tree .jrk-when, .jrk-tree .jrk-note { color: var(--jp-content-font-color2, inherit); }
.jrk-tree .jrk-current { color: var(--jp-success-color1, #2f9e44); }
""".strip()


def tree_text(tree: dict[str, Any]) -> str:
    """The tree as ``jrk info`` prints it, lines joined by newlines, none at the end."""
    lines = [f'address: "{tree["address"]}"']
    for variant, fork, bar in _branches(tree["variants"]):
        lines.append(f'{fork} variant: "{variant["name"]}" - created at {variant["created"]}')
        lines += [
            f'{bar}{twig} iteration: "{each["name"]}" - last trained at {each["time"]}'
            + _signed(each)
            for each, twig, _ in _branches(variant["iterations"])
        ]
    return "\n".join(lines)


def tree_html(tree: dict[str, Any]) -> str:
    """The tree as static HTML: no scripts, Jupyter's colours where they are, readable without."""
    variants = "".join(_variant(each, tree["current"]) for each in tree["variants"])
    address = f'<div class="jrk-address">address: "{escape(tree["address"])}"</div>'
    return (
        f'<div class="jrk-tree"><style>{STYLE}</style>{address}'
        f'<ul aria-label="variants">{variants}</ul></div>'
    )


def _branches(items: list[Any]) -> list[tuple[Any, str, str]]:
    last = len(items) - 1
    return [
        (item, "└──" if i == last else "├──", "    " if i == last else "│   ")
        for i, item in enumerate(items)
    ]


def _variant(variant: dict[str, Any], current: str) -> str:
    in_use = ' <span class="jrk-current">in use</span>' if variant["name"] == current else ""
    rows = "".join(map(_iteration, variant["iterations"]))
    return (
        f'<li>variant: <b>"{escape(variant["name"])}"</b>'
        f' <span class="jrk-when">- created at {escape(variant["created"])}</span>{in_use}'
        f'<ul aria-label="iterations">{rows}</ul></li>'
    )


def _iteration(iteration: dict[str, Any]) -> str:
    notes = [f"{name} {measure(value)}" for name, value in iteration["metrics"].items()]
    notes += [iteration["message"]] if iteration["message"] else []
    notes += [iteration["signature"]["text"]] if "signature" in iteration else []
    note = f' <span class="jrk-note">· {escape(" · ".join(notes))}</span>' if notes else ""
    return (
        f'<li title="{escape(iteration["id"])}">iteration: <b>"{escape(iteration["name"])}"</b>'
        f' <span class="jrk-when">- last trained at {escape(iteration["time"])}</span>{note}</li>'
    )


def _signed(iteration: dict[str, Any]) -> str:
    """What is said of its signatures; nothing in a model without any."""
    return f" - {iteration['signature']['text']}" if "signature" in iteration else ""


def measure(value: Any) -> str:
    """A metric as shown: four digits of a float, anything else as it is.

    >>> measure(0.123456), measure(60_000), measure("nan")
    ('0.1235', '60000', 'nan')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def counted(number: int, what: str) -> str:
    """A number of things.

    >>> counted(1, "layer"), counted(2000, "layer")
    ('1 layer', '2,000 layers')
    """
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def aligned(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> list[str]:
    """Lines of text with the columns under each other, empty columns left out.

    >>> aligned(("name", "time"), (("prime", "10:00"), ("PT", "10:05")))
    ['name   time', 'prime  10:00', 'PT     10:05']
    """
    used = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    lines = [tuple(columns[i] for i in used), *(tuple(row[i] for i in used) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(used))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
