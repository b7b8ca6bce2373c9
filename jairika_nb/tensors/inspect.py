"""Views that open the lid: the graph of a tensor, its kernels, and a profile of what ran."""

from __future__ import annotations

import html
from dataclasses import dataclass

from jairika_nb.engine import execute, memory
from jairika_nb.engine.code import Source
from jairika_nb.engine.graph import Node, topological
from jairika_nb.engine.program import capture
from jairika_nb.errors import DeviceError
from jairika_nb.tensors.tensor import Tensor

_STYLE = (
    "font-family:var(--jp-code-font-family,monospace);font-size:12px;"
    "color:var(--jp-ui-font-color1,currentColor)"
)


def _count(n: float, unit: str) -> str:
    for prefix in ("", "k", "M", "G"):
        if abs(n) < 1000 or prefix == "G":
            return f"{n:.4g} {prefix}{unit}"
        n /= 1000
    raise AssertionError


class Graph:
    """The lazy graph behind a tensor: one line an operation, inputs before users."""

    def __init__(self, tensor: Tensor) -> None:
        self.nodes = topological([tensor.node])

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Name, operation, inputs, and shape with dtype of every node."""
        names = {id(n): f"%{i}" for i, n in enumerate(self.nodes)}
        return [
            (names[id(n)], _operation(n), ", ".join(names[id(i)] for i in _inputs(n)), _type(n))
            for n in self.nodes
        ]

    def __str__(self) -> str:
        rows = [(f"{name} = {op}({inputs})", kind) for name, op, inputs, kind in self.rows()]
        width = max(len(left) for left, _ in rows)
        return "\n".join(f"{left:<{width}}  {kind}" for left, kind in rows)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _drawing(self.nodes)


def _inputs(node: Node) -> tuple[Node, ...]:
    return () if node.value is not None else node.inputs


def _operation(node: Node) -> str:
    if node.value is not None:
        return "data"
    if node.op == "const":
        return f"const {node.attrs[0]!r}"
    return node.op


def _type(node: Node) -> str:
    return f"{node.dtype.name}{list(node.shape)}"


BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y = 128, 38, 14, 26


def _drawing(nodes: list[Node]) -> str:
    """The graph as SVG: sources at the top, the result at the bottom."""
    place = _layout(nodes)
    lines = [_edge(place[id(i)], place[id(n)]) for n in nodes for i in _inputs(n)]
    boxes = [_box(n, *place[id(n)]) for n in nodes]
    width = max(x for x, _ in place.values()) + BOX_WIDTH + 10
    height = max(y for _, y in place.values()) + BOX_HEIGHT + 10
    return (
        f'<div style="{_STYLE};max-height:520px;overflow:auto"><svg width="{width}" '
        f'height="{height}" xmlns="http://www.w3.org/2000/svg">{"".join(lines)}{"".join(boxes)}'
        "</svg></div>"
    )


def _layout(nodes: list[Node]) -> dict[int, tuple[int, int]]:
    """A place for each node: below its inputs, in the column of its deepest one if that is free."""
    row: dict[int, int] = {}
    column: dict[int, int] = {}
    taken: set[tuple[int, int]] = set()
    for node in nodes:
        inputs = _inputs(node)
        deepest = max(inputs, key=lambda i: row[id(i)], default=None)
        r = row[id(node)] = row[id(deepest)] + 1 if deepest else 0
        c = column[id(deepest)] if deepest else 0
        while (r, c) in taken:
            c += 1
        column[id(node)] = c
        taken.add((r, c))
    return {
        k: (10 + column[k] * (BOX_WIDTH + GAP_X), 10 + r * (BOX_HEIGHT + GAP_Y))
        for k, r in row.items()
    }


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    a, b = start[0] + BOX_WIDTH / 2, start[1] + BOX_HEIGHT
    x, y = end[0] + BOX_WIDTH / 2, end[1]
    bend = max((y - b) / 2, GAP_Y / 2)
    if a == x and y - b > GAP_Y:
        # Past the boxes between them, not behind.
        side = a + BOX_WIDTH / 2 + GAP_X
        path = f"M{a} {b} C{a} {b + GAP_Y},{side} {b},{side} {b + GAP_Y} L{side} {y - GAP_Y} "
        path += f"C{side} {y},{x} {y - GAP_Y},{x} {y}"
    else:
        path = f"M{a} {b} C{a} {b + bend},{x} {y - bend},{x} {y}"
    return f'<path d="{path}" fill="none" stroke="var(--jp-border-color1,#999)"/>'


def _box(node: Node, x: int, y: int) -> str:
    accent = "--jp-border-color1,#999" if _inputs(node) else "--jp-brand-color1,#1976d2"
    middle = x + BOX_WIDTH / 2
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" '
        f'fill="var(--jp-layout-color1,#fff)" stroke="var({accent})"/>'
        f'<text x="{middle}" y="{y + 16}" text-anchor="middle" font-size="12" '
        f'fill="currentColor">{html.escape(_operation(node))}</text>'
        f'<text x="{middle}" y="{y + 30}" text-anchor="middle" font-size="10" '
        f'fill="currentColor" opacity="0.7">{html.escape(_type(node))}</text>'
    )


class Kernels:
    """The fused kernels that computing a tensor would launch now, with their OpenCL C."""

    def __init__(self, tensor: Tensor) -> None:
        if tensor.device.is_reference:
            raise DeviceError("kernels: the NumPy reference runs no kernels; use an OpenCL device")
        done = tensor.node.value is not None
        program = capture([tensor.node])
        self.sources: list[Source] = [] if done else execute.planned(program, tensor.device).sources

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, i: int) -> Source:
        return self.sources[i]

    def __str__(self) -> str:
        if not self.sources:
            return "nothing to run: the values are there already"
        return "\n".join(f"// {_summary(s)}\n{s.text}" for s in self.sources)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.sources:
            return f"<div style='{_STYLE}'>{self}</div>"
        opened = " open" if len(self.sources) == 1 else ""
        return "".join(
            f"<details{opened} style='{_STYLE}'><summary>{html.escape(_summary(s))}</summary>"
            f"<pre style='margin:4px 0 8px 16px;line-height:1.35'>{html.escape(s.text)}</pre>"
            "</details>"
            for s in self.sources
        )


def _summary(source: Source) -> str:
    return (
        f"{source.name}: moves {_count(source.bytes, 'B')}, {_count(source.flops, 'flop')}, "
        f"{source.global_size} work-items"
    )


@dataclass(frozen=True)
class KernelRun:
    """One launch: name, seconds on the device, bytes moved, operations, OpenCL C, start."""

    name: str
    seconds: float
    bytes: int
    flops: int
    source: str
    start: float


class profile:
    """Record what runs inside a ``with`` block.

    >>> import jairika_nb as jrk
    >>> x = jrk.ones((4, 4)).realize()
    >>> with jrk.profile() as p:
    ...     _ = ((x + 1).exp() - x).realize()
    >>> p.launches
    1

    ``launches`` and ``compiles`` count; ``kernels`` lists every launch with its time, bytes,
    operations and source; ``peak_bytes`` is the most device memory in use. Shown in a notebook it
    is a table and a timeline.
    """

    def __init__(self) -> None:
        self._recorder = execute.Recorder()
        self.peak_bytes = 0

    def __enter__(self) -> profile:
        memory.usage.reset()
        execute.recorders.append(self._recorder)
        return self

    def __exit__(self, *_: object) -> None:
        execute.recorders.remove(self._recorder)
        self.peak_bytes = memory.usage.peak

    @property
    def launches(self) -> int:
        """How many kernels were launched."""
        return len(self._recorder.launches)

    @property
    def compiles(self) -> int:
        """How many kernels had to be compiled."""
        return self._recorder.compiles

    @property
    def kernels(self) -> list[KernelRun]:
        """Every launch in order; waits for those still running."""
        runs: list[KernelRun] = []
        for launch in self._recorder.launches:
            launch.event.wait()
            begin, end = launch.event.profile.start, launch.event.profile.end
            first = self._recorder.launches[0].event.profile.start
            s = launch.source
            runs.append(
                KernelRun(
                    s.name, (end - begin) * 1e-9, s.bytes, s.flops, s.text, (begin - first) * 1e-9
                )
            )
        return runs

    def __str__(self) -> str:
        head = (
            f"{self.launches} launches, {self.compiles} compiled, "
            f"peak {_count(self.peak_bytes, 'B')}"
        )
        rows = [
            f"{k.seconds * 1e6:10.1f} us {_count(k.bytes, 'B'):>11} "
            f"{_rate(k.bytes, k.seconds, 'B/s'):>13} {_rate(k.flops, k.seconds, 'flop/s'):>14}  "
            f"{k.name}"
            for k in self.kernels
        ]
        return "\n".join([head, *rows])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return _profile_html(self)


def _side(column: int) -> str:
    return "right" if column else "left"


def _rate(amount: float, seconds: float, unit: str) -> str:
    return _count(amount / seconds, unit) if seconds > 0 else "-"


def _profile_html(p: profile) -> str:
    runs = p.kernels
    span = max((k.start + k.seconds for k in runs), default=1e-9) or 1e-9
    bars, rows = [], []
    for i, k in enumerate(runs):
        x, w = 600 * k.start / span, max(600 * k.seconds / span, 1.0)
        hue = sum(map(ord, k.name)) * 47 % 360
        title = html.escape(f"{k.name}: {k.seconds * 1e6:.1f} us")
        bars.append(
            f'<rect x="{x:.1f}" y="4" width="{w:.1f}" height="20" fill="hsl({hue} 55% 50%)">'
            f"<title>{title}</title></rect>"
        )
        cells = (
            k.name, f"{k.seconds * 1e6:.1f} us", _count(k.bytes, "B"),
            _rate(k.bytes, k.seconds, "B/s"), _rate(k.flops, k.seconds, "flop/s"),
        )  # fmt: skip
        tds = "".join(
            f"<td style='white-space:nowrap;text-align:{_side(j)}'>{html.escape(c)}</td>"
            for j, c in enumerate((f"{i + 1}. {cells[0]}", *cells[1:]))
        )
        rows.append(f"<tr>{tds}</tr>")
    head = "".join(
        f"<th style='text-align:{_side(i)}'>{t}</th>"
        for i, t in enumerate(("kernel", "time", "moved", "bandwidth", "arithmetic"))
    )
    return (
        f"<div style='{_STYLE}'><div>{p.launches} launches, {p.compiles} compiled, peak "
        f"{_count(p.peak_bytes, 'B')}, {span * 1e6:.0f} us from first to last</div>"
        f"<svg width='600' height='28' style='background:var(--jp-layout-color2,transparent)'>"
        f"{''.join(bars)}</svg>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
