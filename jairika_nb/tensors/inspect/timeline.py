"""Launches over time as a picture: a lane for each device, a colour for each kernel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from jairika_nb.tensors.inspect import picture
from jairika_nb.tensors.inspect.units import duration, shortened

if TYPE_CHECKING:
    from jairika_nb.tensors.inspect.profile import KernelRun

WIDTH, LABEL, LANE, BAR, TOP = 820, 84, 30, 20, 8
OTHER = "#6e7781"  # kernels beyond the colours there are
NEAR = 0.6  # launches narrower than so many pixels are drawn together


def timeline(runs: list[KernelRun], names: list[str]) -> str:
    """The picture; ``names`` are the kernels' names, most time first, which get the colours."""
    begin = min(r.start for r in runs)
    span = max(r.start + r.seconds for r in runs) - begin or 1e-9
    lanes = list(dict.fromkeys(r.device for r in runs))
    colours = {
        name: picture.colour(i) if i < len(picture.HUES) else OTHER
        for i, name in enumerate(dict.fromkeys(names))
    }
    scale = (WIDTH - LABEL - 8) / span
    bottom = TOP + LANE * len(lanes)
    parts = _axis(span, scale, bottom)
    for at, device in enumerate(lanes):
        y = TOP + LANE * at
        parts.append(picture.text(0, y + 14, device, 11, picture.MUTED))
        mine = [r for r in runs if r.device == device]
        for left, right, fill, opacity in _bars(mine, begin, scale, colours):
            more = f'opacity="{opacity:.2f}"' if opacity < 1 else ""
            parts.append(picture.rectangle(LABEL + left, y, right - left, BAR, fill, more))
    legend, height = _legend(colours, bottom + 24)
    words = f"{len(runs)} launches over {duration(span)} on {', '.join(lanes)}"
    return picture.image(WIDTH, height, parts + legend, words)


def _bars(
    runs: list[KernelRun], begin: float, scale: float, colours: dict[str, str]
) -> list[tuple[float, float, str, float]]:
    """Left and right edge, colour and opacity of each bar.

    Launches too short to be seen share their column of pixels: it has the colour of what took
    most of it, and is paler the more of it was idle.
    """
    bars = []
    columns: dict[int, dict[str, float]] = {}
    for run in runs:
        left, width = (run.start - begin) * scale, run.seconds * scale
        if width >= NEAR:
            bars.append((left, left + width, colours[run.name], 1.0))
        else:
            column = columns.setdefault(int(left), {})
            column[colours[run.name]] = column.get(colours[run.name], 0.0) + width
    for left, parts in columns.items():
        most = max(parts, key=parts.__getitem__)
        bars.append((left, left + 1.4, most, min(1.0, 0.75 + 0.25 * sum(parts.values()))))
    return bars


def _axis(span: float, scale: float, bottom: float) -> list[str]:
    step = 10 ** math.floor(math.log10(span))
    step = next(step * f for f in (0.2, 0.5, 1, 2) if span / (step * f) <= 8)
    parts = []
    for tick in range(int(span / step) + 1):
        x = LABEL + tick * step * scale
        line = f'<path d="M{x:.1f} {TOP - 4} V{bottom}" stroke="{picture.LINE}" opacity="0.45"/>'
        words = duration(tick * step) if tick else "0"
        if x + picture.width_of(words, 10) < WIDTH:
            line += picture.text(x + 2, bottom + 11, words, 10, picture.MUTED)
        parts.append(line)
    return parts


def _legend(colours: dict[str, str], top: float) -> tuple[list[str], float]:
    parts, x, y = [], float(LABEL), top
    rows = [(n, c) for n, c in colours.items() if c != OTHER]
    if len(rows) < len(colours):
        rows.append((f"{len(colours) - len(rows)} other kernels", OTHER))
    for name, fill in rows:
        name = shortened(name)
        width = picture.width_of(name, 11) + 30
        if x + width > WIDTH and x > LABEL:
            x, y = LABEL, y + 18
        parts.append(picture.rectangle(x, y, 11, 11, fill, 'rx="2"'))
        parts.append(picture.text(x + 16, y + 9.5, name, 11, picture.MUTED))
        x += width
    return parts, y + 18
