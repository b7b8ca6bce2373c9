"""Small SVG pictures that survive wherever a notebook is shown.

Notebooks that are not trusted lose inline SVG, scripts and style sheets, but keep images. A picture
is therefore an ``<img>`` with a ``data:`` address. Inside it the theme's colours are not known, so
every colour here can be read on a light and on a dark page: boxes bring their own background, and
bare text and lines are of middle lightness.
"""

from __future__ import annotations

import base64
from html import escape

FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
# White text on the first of each pair has a contrast of at least 4.5 to 1.
HUES = ("#2563b0", "#a8480f", "#2f7d32", "#8e3a9d", "#a5273d", "#007a78", "#6b5d00", "#5a53b8")
INK, PAPER, LINE, MUTED = "#1f2328", "#eef1f5", "#8b949e", "#7d8590"
CHARACTER = 0.605  # the width of a character as a part of the size of the font


def colour(number: int) -> str:
    """The colour of the kernel with this number."""
    return HUES[number % len(HUES)]


def rectangle(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    """A rectangle; ``more`` are further attributes."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{fill}" {more}/>'
    )


def text(x: float, y: float, words: str, size: float, fill: str, more: str = "") -> str:
    """A line of text with its base line at ``y``."""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}"'
    return f"<text {place} {more}>{escape(words)}</text>"


def width_of(words: str, size: float) -> float:
    """How wide a line of text is."""
    return len(words) * size * CHARACTER


def image(width: float, height: float, parts: list[str], alternative: str) -> str:
    """An ``<img>`` of these parts; ``alternative`` says in words what it shows."""
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="{FONT}">{"".join(parts)}</svg>'
    )
    data = base64.b64encode(svg.encode()).decode()
    return (
        f'<img alt="{escape(alternative)}" width="{width:.0f}" height="{height:.0f}" '
        f'style="max-width:none" src="data:image/svg+xml;base64,{data}">'
    )
