"""A small line chart as inline SVG: no script, so it stays in the saved notebook."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 260, 80, 4
# Colours that hold on light and dark backgrounds; the theme's own where there is one.
COLOURS = ("var(--jp-brand-color1, #2a7de1)", "var(--jp-warn-color1, #e08a00)", "#7a5cc9")
MOST_POINTS = 200


def curve(lines: Mapping[str, Sequence[float]]) -> str:
    """Each named line over equal steps, on one scale; empty for fewer than two points.

    >>> curve({"loss": [1.0, 0.5, 0.25]}).startswith("<svg")
    True
    """
    drawn = {name: finite(values) for name, values in lines.items()}
    drawn = {name: values for name, values in drawn.items() if len(values) > 1}
    if not drawn:
        return ""
    low = min(min(values) for values in drawn.values())
    high = max(max(values) for values in drawn.values())
    paths = "".join(
        f"<polyline points='{points(values, low, high)}' fill='none' stroke='{colour}' "
        f"stroke-width='1.5'><title>{escape(name)}</title></polyline>"
        for (name, values), colour in zip(drawn.items(), COLOURS * len(drawn), strict=False)
    )
    label = escape(", ".join(f"{n} {v[0]:.4g} to {v[-1]:.4g}" for n, v in drawn.items()))
    legend = " ".join(
        f"<tspan fill='{colour}'>{escape(name)}</tspan>"
        for name, colour in zip(drawn, COLOURS * len(drawn), strict=False)
    )
    return (
        f"<svg role='img' aria-label='{label}' width='{WIDTH}' height='{HEIGHT + 14}' "
        f"viewBox='0 0 {WIDTH} {HEIGHT + 14}'>{paths}"
        f"<text x='{MARGIN}' y='{HEIGHT + 10}' font-size='10'>{legend}</text></svg>"
    )


def finite(values: Sequence[float]) -> list[float]:
    """The finite values, thinned to what a small chart can show, the newest always kept."""
    kept = [v for v in values if math.isfinite(v)]
    stride = max(1, -(-len(kept) // MOST_POINTS))
    return kept[::-1][::stride][::-1]


def points(values: Sequence[float], low: float, high: float) -> str:
    """The values as SVG coordinates, left to right, the largest at the top."""
    span = (high - low) or 1.0
    across = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    up = HEIGHT - 2 * MARGIN
    return " ".join(
        f"{MARGIN + i * across:.1f},{MARGIN + (high - v) / span * up:.1f}"
        for i, v in enumerate(values)
    )
