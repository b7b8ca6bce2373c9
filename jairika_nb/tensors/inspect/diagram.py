"""Draws boxes with arrows between them, some of them together in coloured panels."""

from __future__ import annotations

from dataclasses import dataclass, field

from jairika_nb.tensors.inspect import picture
from jairika_nb.tensors.inspect.layout import Layout, layered

TITLE, DETAIL, PADDING, MARGIN = 12, 10.5, 9, 6
HEADER = 22  # the strip of a panel that holds its name
PORT = (6.0, 0.0)
Point = tuple[float, float]
Key = tuple[str | None, int]  # "in" or "out" for a port, None for the box itself


@dataclass
class Box:
    """A node, or what stands for several: a title and lines of detail below it."""

    title: str
    details: tuple[str, ...] = ()
    fill: str = picture.PAPER
    ink: str = picture.INK

    @property
    def size(self) -> tuple[float, float]:
        """Width and height around the text."""
        widths = [picture.width_of(self.title, TITLE)]
        widths += [picture.width_of(d, DETAIL) for d in self.details]
        return max(widths) + 2 * PADDING, 24 + 14 * len(self.details)


@dataclass
class Panel:
    """A kernel: its name, its colour, and the numbers of its boxes."""

    title: str
    fill: str
    boxes: list[int] = field(default_factory=list)


def draw(boxes: list[Box], panels: list[Panel], edges: list[tuple[int, int]], words: str) -> str:
    """The picture; ``words`` describe it to those who cannot see it."""
    return _Drawing(boxes, panels, edges).image(words)


class _Drawing:
    def __init__(self, boxes: list[Box], panels: list[Panel], edges: list[tuple[int, int]]) -> None:
        self.boxes, self.panels, self.edges = boxes, panels, sorted(set(edges))
        inside = {b for p in panels for b in p.boxes}
        # Boxes of their own are panels without a frame; ordered so that edges go forward.
        lone = [Panel("", "", [b]) for b in range(len(boxes)) if b not in inside]
        self.blocks = self._sorted([*panels, *lone])
        self.block_of = {b: k for k, p in enumerate(self.blocks) for b in p.boxes}
        self.ports: list[dict[Key, int]] = []
        self.inner = [self._inner(p) for p in self.blocks]
        self.outer = layered([self._size(k) for k in range(len(self.blocks))], self._outer_edges())
        self.corner = self._corners()

    def _sorted(self, blocks: list[Panel]) -> list[Panel]:
        owner = {b: k for k, p in enumerate(blocks) for b in p.boxes}
        needs: list[set[int]] = [set() for _ in blocks]
        for a, b in self.edges:
            if owner[a] != owner[b]:
                needs[owner[b]].add(owner[a])
        order: list[int] = []
        while len(order) < len(blocks):
            ready = [k for k in range(len(blocks)) if k not in order and needs[k] <= set(order)]
            order += ready or [k for k in range(len(blocks)) if k not in order][:1]
        return [blocks[k] for k in order]

    def _inner(self, panel: Panel) -> Layout:
        """The boxes of a panel, with ports on its border for what comes in and goes out."""
        entries = sorted({a for a, b in self.edges if b in panel.boxes and a not in panel.boxes})
        exits = sorted({a for a, b in self.edges if a in panel.boxes and b not in panel.boxes})
        if not panel.title:
            entries, exits = [], []
        boxes = [*(("in", a) for a in entries), *((None, b) for b in sorted(panel.boxes)),
                 *(("out", a) for a in exits)]  # fmt: skip
        place = {box: i for i, box in enumerate(boxes)}
        self.ports.append(place)
        edges = [(place["in", a], place[None, b]) for a, b in self.edges
                 if ("in", a) in place and (None, b) in place]  # fmt: skip
        edges += [(place[None, a], place["out", a]) for a in exits]
        edges += [(place[None, a], place[None, b]) for a, b in self.edges
                  if (None, a) in place and (None, b) in place]  # fmt: skip
        sizes = [self.boxes[b].size if side is None else PORT for side, b in boxes]
        top = frozenset(place["in", a] for a in entries)
        bottom = frozenset(place["out", a] for a in exits)
        return layered(sizes, edges, (14, 20), top, bottom)

    def _size(self, block: int) -> tuple[float, float]:
        panel, inner = self.blocks[block], self.inner[block]
        if not panel.title:
            return inner.width, inner.height
        width = max(inner.width, picture.width_of(panel.title, TITLE))
        return width + 2 * PADDING, inner.height + HEADER + PADDING

    def _outer_edges(self) -> list[tuple[int, int]]:
        pairs = {(self.block_of[a], self.block_of[b]) for a, b in self.edges}
        return [(a, b) for a, b in pairs if a < b]

    def _corners(self) -> dict[int, Point]:
        corner: dict[int, Point] = {}
        for k, panel in enumerate(self.blocks):
            for box in panel.boxes:
                x, y = self.inner[k].places[self.ports[k][None, box]]
                corner[box] = self._moved(k, x, y)
        return corner

    def _moved(self, block: int, x: float, y: float) -> Point:
        """A point of a panel's inside, on the page."""
        left, top = self.outer.places[block]
        if self.blocks[block].title:
            left += (self._size(block)[0] - self.inner[block].width) / 2
            top += HEADER + PADDING / 2
        return x + left + MARGIN, y + top + MARGIN

    def image(self, words: str) -> str:
        framed = [k for k, p in enumerate(self.blocks) if p.title]
        parts = [self._frame(k) for k in framed]
        parts += [self._edge(a, b) for a, b in self.edges]
        parts += [self._header(k) for k in framed]
        parts += [self._box(i) for i in range(len(self.boxes))]
        width, height = self.outer.width + 2 * MARGIN, self.outer.height + 2 * MARGIN
        return picture.image(width, height, parts, words)

    def _frame(self, block: int) -> str:
        x, y = (v + MARGIN for v in self.outer.places[block])
        fill = self.blocks[block].fill
        stroke = f'fill-opacity="0.13" stroke="{fill}" rx="8"'
        return picture.rectangle(x, y, *self._size(block), fill, stroke)

    def _header(self, block: int) -> str:
        panel, (width, _) = self.blocks[block], self._size(block)
        x, y = (v + MARGIN for v in self.outer.places[block])
        strip = f'<path d="M{x} {y + HEADER} v-{HEADER - 8} a8 8 0 0 1 8 -8 h{width - 16:.1f} '
        strip += f'a8 8 0 0 1 8 8 v{HEADER - 8} z" fill="{panel.fill}"/>'
        bold = 'font-weight="600"'
        return strip + picture.text(x + PADDING, y + 15.5, panel.title, TITLE, "#fff", bold)

    def _box(self, number: int) -> str:
        box, (x, y) = self.boxes[number], self.corner[number]
        width, height = box.size
        middle = x + width / 2
        parts = [picture.rectangle(x, y, width, height, box.fill,
                                   f'stroke="{picture.LINE}" rx="5"')]  # fmt: skip
        anchor = 'text-anchor="middle"'
        parts.append(picture.text(middle, y + 16, box.title, TITLE, box.ink,
                                  anchor + ' font-weight="600"'))  # fmt: skip
        parts += [
            picture.text(middle, y + 30 + 14 * i, line, DETAIL, box.ink, anchor)
            for i, line in enumerate(box.details)
        ]
        return "".join(parts)

    def _edge(self, a: int, b: int) -> str:
        points = [self._port(a, self.boxes[a].size[1]), *self._bends(a, b), self._port(b, 0)]
        x, y = points[0]
        path = f"M{x:.1f} {y:.1f}"
        for to_x, to_y in points[1:]:
            bend = (to_y - y) / 2
            path += (
                f" L{to_x:.1f} {to_y:.1f}"
                if abs(to_x - x) < 1
                else (
                    f" C{x:.1f} {y + bend:.1f},{to_x:.1f} {to_y - bend:.1f},{to_x:.1f} {to_y:.1f}"
                )
            )
            x, y = to_x, to_y
        tip = f"M{x - 3.5:.1f} {y - 6:.1f} L{x:.1f} {y:.1f} L{x + 3.5:.1f} {y - 6:.1f}"
        style = f'fill="none" stroke="{picture.LINE}" stroke-width="1.3"'
        return f'<path d="{path}" {style}/><path d="{tip}" {style}/>'

    def _port(self, box: int, down: float) -> Point:
        x, y = self.corner[box]
        return x + self.boxes[box].size[0] / 2, y + down

    def _bends(self, a: int, b: int) -> list[Point]:
        """The points that an edge passes between its boxes."""
        first, second = self.block_of[a], self.block_of[b]
        if first == second:
            return self._inside(first, (None, a), (None, b))
        outer = self.outer.bends.get((first, second), [])
        return [
            *self._inside(first, (None, a), ("out", a)),
            *((x + MARGIN, y + MARGIN) for x, y in outer),
            *self._inside(second, ("in", a), (None, b)),
        ]

    def _inside(self, block: int, start: Key, end: Key) -> list[Point]:
        """The bends of an edge within a panel, and the port where it meets the border."""
        ports, inner = self.ports[block], self.inner[block]
        if start not in ports or end not in ports:
            return []
        points = [*inner.bends.get((ports[start], ports[end]), [])]
        for key in (start, end):
            if key[0] is not None:
                x, y = inner.places[ports[key]]
                points.insert(0 if key[0] == "in" else len(points), (x + PORT[0] / 2, y))
        return [self._moved(block, x, y) for x, y in points]
