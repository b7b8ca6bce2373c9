"""Draws boxes with arrows between them, some of them together in coloured panels."""

from __future__ import annotations

from dataclasses import dataclass, field

from jairika_nb.tensors.inspect import picture
from jairika_nb.tensors.inspect.layout import Layout, layered

TITLE, DETAIL, PADDING, MARGIN = 12, 10.5, 9, 6
HEADER = 22  # the strip of a panel that holds its name
Point = tuple[float, float]


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
    def __init__(
        self, boxes: list[Box], panels: list[Panel], edges: list[tuple[int, int]]
    ) -> None:
        self.boxes, self.panels, self.edges = boxes, panels, sorted(set(edges))
        inside = {b for p in panels for b in p.boxes}
        # Boxes of their own are panels without a frame; ordered so that edges go forward.
        lone = [Panel("", "", [b]) for b in range(len(boxes)) if b not in inside]
        self.blocks = self._sorted([*panels, *lone])
        self.block_of = {b: k for k, p in enumerate(self.blocks) for b in p.boxes}
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
        place = {b: i for i, b in enumerate(sorted(panel.boxes))}
        edges = [(place[a], place[b]) for a, b in self.edges if a in place and b in place]
        return layered([self.boxes[b].size for b in sorted(panel.boxes)], edges, (14, 22))

    def _size(self, block: int) -> tuple[float, float]:
        panel, inner = self.blocks[block], self.inner[block]
        if not panel.title:
            return inner.width, inner.height
        width = max(inner.width, picture.width_of(panel.title, TITLE))
        return width + 2 * PADDING, inner.height + HEADER + 2 * PADDING

    def _outer_edges(self) -> list[tuple[int, int]]:
        pairs = {(self.block_of[a], self.block_of[b]) for a, b in self.edges}
        return [(a, b) for a, b in pairs if a < b]

    def _corners(self) -> dict[int, Point]:
        corner: dict[int, Point] = {}
        for k, panel in enumerate(self.blocks):
            x, y = self.outer.places[k]
            left, top = MARGIN, MARGIN
            if panel.title:
                left += (self._size(k)[0] - self.inner[k].width) / 2
                top += HEADER + PADDING
            for i, box in enumerate(sorted(panel.boxes)):
                dx, dy = self.inner[k].places[i]
                corner[box] = x + left + dx, y + top + dy
        return corner

    def image(self, words: str) -> str:
        parts = [self._frame(k) for k, p in enumerate(self.blocks) if p.title]
        parts += [self._edge(a, b) for a, b in self.edges]
        parts += [self._box(i) for i in range(len(self.boxes))]
        width, height = self.outer.width + 2 * MARGIN, self.outer.height + 2 * MARGIN
        return picture.image(width, height, parts, words)

    def _frame(self, block: int) -> str:
        panel = self.blocks[block]
        x, y = (v + MARGIN for v in self.outer.places[block])
        width, height = self._size(block)
        stroke = f'fill-opacity="0.13" stroke="{panel.fill}" rx="8"'
        header = f'<path d="M{x} {y + HEADER} v-{HEADER - 8} a8 8 0 0 1 8 -8 h{width - 16:.1f} '
        header += f'a8 8 0 0 1 8 8 v{HEADER - 8} z" fill="{panel.fill}"/>'
        title = picture.text(x + PADDING, y + 15.5, panel.title, TITLE, "#fff", 'font-weight="600"')
        return picture.rectangle(x, y, width, height, panel.fill, stroke) + header + title

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
        (x, y), path = points[0], ""
        path = f"M{x:.1f} {y:.1f}"
        for at, (to_x, to_y) in enumerate(points[1:]):
            straight = at % 2 == 1
            bend = max((to_y - y) / 2, 10)
            path += f" L{to_x:.1f} {to_y:.1f}" if straight else (
                f" C{x:.1f} {y + bend:.1f},{to_x:.1f} {to_y - bend:.1f},{to_x:.1f} {to_y:.1f}"
            )
            x, y = to_x, to_y
        tip = f"M{x - 3.5:.1f} {y - 6:.1f} L{x:.1f} {y:.1f} L{x + 3.5:.1f} {y - 6:.1f}"
        style = f'fill="none" stroke="{picture.LINE}" stroke-width="1.3"'
        return f'<path d="{path}" {style}/><path d="{tip}" {style}/>'

    def _port(self, box: int, down: float) -> Point:
        x, y = self.corner[box]
        return x + self.boxes[box].size[0] / 2, y + down

    def _bends(self, a: int, b: int) -> list[Point]:
        first, second = self.block_of[a], self.block_of[b]
        if first != second:
            rows = self.outer.bends.get((first, second), [])
            return [(x + MARGIN, y + MARGIN) for x, y in rows]
        ordered = sorted(self.blocks[first].boxes)
        rows = self.inner[first].bends.get((ordered.index(a), ordered.index(b)), [])
        x0, y0 = self.corner[ordered[0]]
        dx, dy = self.inner[first].places[0]
        return [(x + x0 - dx, y + y0 - dy) for x, y in rows]
