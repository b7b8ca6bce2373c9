"""The history of all variants as a graph: a column for each line of descent, newest on top."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from jairika_nb.store import times
from jairika_nb.store.rows import Row
from jairika_nb.store.show import measure

STEP, GAP, DOT = 22, 16, 4  # pixels: between rows, between columns, radius
COLOURS = ("#3b7dd8", "#d9663b", "#3a9d5d", "#9b59b6", "#c2a030", "#2aa5a0")
STYLE = """
.jrk-graph { color: var(--jp-ui-font-color1, currentColor); font-size: 12px;
  font-family: var(--jp-code-font-family, monospace); overflow-x: auto; }
.jrk-graph text { fill: currentColor; }
.jrk-graph .jrk-quiet { opacity: 0.7; }
""".strip()


@dataclass(frozen=True)
class Node:
    """An iteration in the graph: its row, its column, the columns that stand above and below."""

    row: Row
    lane: int
    above: tuple[str | None, ...]  # the id that each column leads to, before this row
    below: tuple[str | None, ...]  # and after it
    labels: tuple[str, ...] = ()


def ordered(rows: Iterable[Row]) -> list[Row]:
    """The rows, children before parents, else the newest first, else the last listed first."""
    listed = list({row.id: row for row in rows}.values())
    place = {row.id: i for i, row in enumerate(listed)}
    children = dict.fromkeys(place, 0)
    for row in listed:
        for parent in set(row.parents) & place.keys():
            children[parent] += 1
    heap = [(-row.time, -place[row.id]) for row in listed if not children[row.id]]
    heapq.heapify(heap)
    found = []
    while heap:
        row = listed[-heapq.heappop(heap)[1]]
        found.append(row)
        for parent in set(row.parents) & place.keys():
            children[parent] -= 1
            if not children[parent]:
                heapq.heappush(heap, (-listed[place[parent]].time, -place[parent]))
    # A catalogue may claim a circle, though ids are hashes of what names the parents.
    ids = {row.id for row in found}
    return found + [row for row in listed if row.id not in ids]


def laid_out(rows: Iterable[Row], labels: dict[str, list[str]]) -> list[Node]:
    """Each row with its column; ``labels`` are variants and tags by id."""
    order = ordered(rows)
    known = {row.id for row in order}
    lanes: list[str | None] = []
    nodes = []
    for row in order:
        lane = _lane(lanes, row.id)
        above = tuple(lanes)
        lanes = [None if wanted == row.id else wanted for wanted in lanes]
        parents = [parent for parent in dict.fromkeys(row.parents) if parent in known]
        for number, parent in enumerate(parents):
            if number == 0 and parent not in lanes:
                lanes[lane] = parent
            elif parent not in lanes:
                lanes[_free(lanes)] = parent
            elif number == 0:
                lanes[lane] = parent  # two columns lead to it; they meet at its row
        while lanes and lanes[-1] is None:
            lanes.pop()
        nodes.append(Node(row, lane, above, tuple(lanes), tuple(labels.get(row.id, ()))))
    return nodes


def text(nodes: Sequence[Node]) -> str:
    """The graph as lines of text, each iteration with its name, measures and labels."""
    lines = []
    for node in nodes:
        joining = [i for i, wanted in enumerate(node.above) if wanted == node.row.id]
        if others := [i for i in joining if i != node.lane]:
            lines.append(_bar(len(node.above), node.above, node.lane, others, "╯"))
        columns = max(len(node.above), len(node.below), node.lane + 1)
        marks = [
            "●" if i == node.lane else "│" if _passes(node, i) else " " for i in range(columns)
        ]
        lines.append(f"{' '.join(marks).rstrip()}  {caption(node)}".rstrip())
        if opened := _opened(node):
            lines.append(_bar(len(node.below), node.below, node.lane, opened, "╮"))
    return "\n".join(lines)


def html(nodes: Sequence[Node]) -> str:
    """The graph as one SVG in static HTML."""
    place = {node.row.id: (i, node.lane) for i, node in enumerate(nodes)}
    width = GAP * (1 + max((node.lane for node in nodes), default=0)) + GAP
    lines, dots = [], []
    for node in nodes:
        x, y = _point(place[node.row.id])
        for parent in dict.fromkeys(node.row.parents):
            if parent in place:
                lines.append(_line((x, y), _point(place[parent]), place[parent][1], node.lane))
        colour = COLOURS[node.lane % len(COLOURS)]
        dots.append(
            f'<circle cx="{x}" cy="{y}" r="{DOT}" fill="{colour}"/>'
            f'<text x="{width}" y="{y + 4}">{escape(caption(node))}'
            f"<title>{escape(node.row.id)}</title></text>"
        )
    longest = max((len(caption(node)) for node in nodes), default=0)
    size = f'width="{width + 8 * longest}" height="{STEP * (len(nodes) + 1)}"'
    return (
        f'<div class="jrk-graph"><style>{STYLE}</style><svg {size} role="img" '
        f'aria-label="history of {len(nodes)} iterations">{"".join(lines + dots)}</svg></div>'
    )


def caption(node: Node) -> str:
    """What stands beside an iteration."""
    row = node.row
    labels = f" [{', '.join(node.labels)}]" if node.labels else ""
    metrics = ", ".join(f"{name}={measure(value)}" for name, value in row.metrics.items())
    first = next((line.strip() for line in row.message.splitlines() if line.strip()), "")
    parts = (f"{row.variant}/{row.name}{labels}", row.id[:10], times.printed(row.time), metrics)
    return "  ".join(part for part in (*parts, first) if part)


def to_json(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """The nodes as JSON data: id, names, parents, column, labels."""
    return [
        {
            "id": node.row.id,
            "variant": node.row.variant,
            "iteration": node.row.name,
            "time": times.printed(node.row.time),
            "parents": list(node.row.parents),
            "column": node.lane,
            "labels": list(node.labels),
        }
        for node in nodes
    ]


def _lane(lanes: list[str | None], id: str) -> int:
    if id not in lanes:
        lanes[_free(lanes)] = id
    return lanes.index(id)


def _free(lanes: list[str | None]) -> int:
    if None not in lanes:
        lanes.append(None)
    return lanes.index(None)


def _passes(node: Node, lane: int) -> bool:
    """Whether a line goes through this row in another column than its own."""
    above = node.above[lane] if lane < len(node.above) else None
    return above is not None and above != node.row.id


def _opened(node: Node) -> list[int]:
    """Columns to which a line of this row leads, besides its own."""
    wanted = set(node.row.parents)
    own = node.below[node.lane] if node.lane < len(node.below) else None
    return [
        i for i, each in enumerate(node.below) if i != node.lane and each in wanted and each != own
    ]


def _bar(count: int, lanes: Sequence[str | None], lane: int, ends: list[int], corner: str) -> str:
    """A line that leads from ``lane`` sideways to each of ``ends``."""
    low, high = min(lane, *ends), max(lane, *ends)
    marks = []
    for i in range(count):
        if i == lane:
            mark = "├" if lane == low else "┤" if lane == high else "┼"
        elif i in ends:
            mark = corner if i == high else {"╯": "╰", "╮": "╭"}[corner] if i == low else "┴"
        elif low < i < high:
            mark = "┼" if lanes[i] else "─"
        else:
            mark = "│" if lanes[i] else " "
        marks.append(mark + ("─" if low <= i < high else " "))
    return "".join(marks).rstrip()


def _point(place: tuple[int, int]) -> tuple[int, int]:
    row, lane = place
    return GAP * (lane + 1) - GAP // 2, STEP * (row + 1)


def _line(start: tuple[int, int], end: tuple[int, int], parent: int, child: int) -> str:
    (x, y), (u, v) = start, end
    colour = COLOURS[max(parent, child) % len(COLOURS)]
    bend = y + STEP
    curve = f"C{x} {bend - STEP // 2} {u} {bend - STEP // 2} {u} {bend} V{v}"
    path = f"M{x} {y} " + (curve if x != u else f"V{v}")
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
