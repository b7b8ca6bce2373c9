"""Charts of a run as inline SVG: no script, so they stay in the saved notebook.

One chart for each measure, training against validation over epochs. Letters and lines take the
page's colours; the two series have colours that hold on light and dark backgrounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

WIDTH, HEIGHT = 290, 160
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 22, 20
# The theme's own colours where there are any.
TRAINING = "var(--jp-brand-color1, #2a7de1)"
VALIDATION = "var(--jp-warn-color1, #e08a00)"
VALIDATED = "val_"
MOST_POINTS = 200
# A range of such a ratio is shown on a logarithmic scale.
MANY_TIMES = 50.0


@dataclass(frozen=True)
class Line:
    """Points of one series; ``faint`` lines stand behind the others."""

    name: str
    points: list[tuple[float, float]]
    colour: str
    faint: bool = False


def charts(
    rows: Sequence[Mapping[str, float]],
    *,
    losses: Sequence[float] = (),
    done: float | None = None,
    epochs: int = 0,
) -> str:
    """All measures of ``rows``, one row an epoch; empty where there is nothing to draw.

    ``losses`` are those of single steps, evenly spread over the ``done`` epochs so far, and
    ``epochs`` the number that is planned.

    >>> charts([{"loss": 1.0, "val_loss": 1.2}, {"loss": 0.5, "val_loss": 0.8}]).count("<svg")
    1
    """
    names = [n for row in rows for n in row] + (["loss"] if losses else [])
    kinds = dict.fromkeys(name.removeprefix(VALIDATED) for name in names)
    last = max(len(rows), epochs, 1)
    reached = max(len(rows), done or 0)
    if reached * 4 < last:
        # The beginning of a long run gets room.
        last = max(4, math.ceil(reached * 2))
    drawn = (chart(kind, list(_lines(kind, rows, losses, done)), last) for kind in kinds)
    found = "".join(svg for svg in drawn if svg)
    return f"<div style='display:flex;flex-wrap:wrap;gap:4px 12px'>{found}</div>" if found else ""


def _lines(
    kind: str, rows: Sequence[Mapping[str, float]], losses: Sequence[float], done: float | None
) -> Iterator[Line]:
    if kind == "loss" and len(losses) > 1:
        step = (len(rows) if done is None else done) / len(losses)
        points = thinned([((i + 0.5) * step, v) for i, v in enumerate(losses)])
        yield Line("steps", points, TRAINING, faint=True)
    for name, title, colour in (
        (kind, "training", TRAINING),
        (VALIDATED + kind, "validation", VALIDATION),
    ):
        points = [(float(i), row[name]) for i, row in enumerate(rows, 1) if name in row]
        if points:
            yield Line(title, thinned(points), colour)


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The finite points, thinned to what a small chart can show, the newest always kept."""
    kept = [(x, y) for x, y in points if math.isfinite(y)]
    stride = max(1, -(-len(kept) // MOST_POINTS))
    return kept[::-1][::stride][::-1]


def chart(title: str, lines: Sequence[Line], epochs: int) -> str:
    """One chart, or nothing where fewer than two points would be in it."""
    lines = [line for line in lines if line.points]
    if len(lines) == 1:
        lines = [replace(lines[0], faint=False)]
    values = [y for line in lines for _, y in line.points]
    if len(values) < 2:
        return ""
    is_log = min(values) > 0 and max(values) > MANY_TIMES * min(values)
    scale = Scale(min(values), max(values), epochs, is_log)
    drawn = "".join(_drawn(line, scale) for line in lines)
    shown = f"{title} (logarithmic)" if is_log else title
    return (
        f"<svg role='img' aria-label='{escape(_label(title, lines))}' width='{WIDTH}' "
        f"height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}' style='max-width:100%' "
        f"font-size='10' font-family='inherit'>{_frame(scale)}{drawn}{_legend(shown, lines)}</svg>"
    )


@dataclass(frozen=True)
class Scale:
    """From epochs and values to places on the chart."""

    low: float
    high: float
    epochs: int
    is_log: bool

    def x(self, epoch: float) -> float:
        return LEFT + epoch / self.epochs * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high, value = (math.log(v) if self.is_log else v for v in
                            (self.low, self.high, value))  # fmt: skip
        share = (value - low) / (high - low) if high > low else 0.5
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    def ticks(self) -> list[float]:
        """The lowest and the highest value, and what is half way between."""
        if self.is_log:
            return [self.low, math.sqrt(self.low * self.high), self.high]
        return [self.low, (self.low + self.high) / 2, self.high]


def _drawn(line: Line, scale: Scale) -> str:
    places = [(scale.x(x), scale.y(y)) for x, y in line.points]
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    style = "stroke-width='1' opacity='.5'" if line.faint else "stroke-width='1.75'"
    path = (
        f"<polyline points='{text}' fill='none' stroke='{line.colour}' {style} "
        f"stroke-linejoin='round'><title>{escape(line.name)}</title></polyline>"
    )
    if line.faint or len(places) > 40:
        return path
    # One epoch makes no line, but a point.
    return path + "".join(
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='2' fill='{line.colour}'/>" for x, y in places
    )


def _frame(scale: Scale) -> str:
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    across = "".join(
        f"<line x1='{LEFT}' x2='{right}' y1='{scale.y(v):.1f}' y2='{scale.y(v):.1f}' "
        "stroke='currentColor' opacity='.18'/>"
        f"<text x='{LEFT - 5}' y='{scale.y(v) + 3:.1f}' text-anchor='end' fill='currentColor' "
        f"opacity='.75'>{v:.3g}</text>"
        for v in scale.ticks()
    )
    stride = round_stride(scale.epochs)
    below = "".join(
        f"<text x='{scale.x(e):.1f}' y='{bottom + 13}' text-anchor='middle' fill='currentColor' "
        f"opacity='.75'>{e}</text>"
        for e in range(stride, scale.epochs + 1, stride)
    )
    epoch = f"<text x='{LEFT}' y='{bottom + 13}' fill='currentColor' opacity='.75'>epoch</text>"
    return across + below + (epoch if scale.x(stride) > LEFT + 44 else "")


def round_stride(epochs: int) -> int:
    """The distance of the epochs that are numbered, at most eight of them.

    >>> [round_stride(epochs) for epochs in (3, 12, 50, 5000)]
    [1, 2, 10, 1000]
    """
    tenth = 10 ** max(0, len(str(epochs)) - 2)
    return next(n * tenth for n in (1, 2, 5, 10, 20, 50) if epochs <= 8 * n * tenth)


def _legend(title: str, lines: Sequence[Line]) -> str:
    named = [line for line in lines if not line.faint] or list(lines)
    entries = "".join(
        f"<tspan dx='10' fill='{line.colour}' font-weight='600'>{escape(line.name)}</tspan>"
        for line in named
    )
    return (
        f"<text x='{LEFT}' y='12' font-size='11' fill='currentColor'>"
        f"<tspan font-weight='600'>{escape(title)}</tspan>{entries}</text>"
    )


def _label(title: str, lines: Sequence[Line]) -> str:
    rows = (f"{line.name} {line.points[0][1]:.4g} to {line.points[-1][1]:.4g}" for line in lines)
    return f"{title}: {', '.join(rows)}"
