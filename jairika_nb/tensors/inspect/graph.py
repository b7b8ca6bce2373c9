"""``x.graph()``: the lazy graph of tensors, and which kernel computes what."""

from __future__ import annotations

from html import escape
from typing import Any

from jairika_nb.engine.outline import SPREADING, Outline, operation, outline, type_of
from jairika_nb.tensors.inspect import page, picture
from jairika_nb.tensors.inspect.diagram import Box, Panel, draw
from jairika_nb.tensors.inspect.units import amount, number, shortened
from jairika_nb.tensors.tensor import Tensor

# A picture shows every node up to so many, then a box for each kernel up to so many of those.
MOST_NODES, MOST_KERNELS = 64, 40
# Lines of text shown at the beginning and at the end of a longer graph.
FIRST_LINES, LAST_LINES = 60, 60


class Graph:
    """The graph behind tensors: one line an operation, inputs before users.

    ``rows()`` has all of it; ``str`` and the picture leave out what would be too much to read,
    and say so. ``summary`` is its first line.
    """

    ok = True

    def __init__(self, *tensors: Tensor) -> None:
        self.outline: Outline = outline([t.node for t in tensors])
        self.nodes = self.outline.nodes

    @property
    def summary(self) -> str:
        """How many nodes there are, in how many kernels, and what running them costs."""
        sources = self.outline.sources
        data = sum(n.value is not None for n in self.nodes)
        words = [number(len(self.nodes) - data, "operation"), f"{data} with data"]
        if sources:
            words.append(f"fused into {number(len(sources), 'kernel')}")
            words.append(f"moves {amount(sum(s.bytes for s in sources), 'B')}")
            words.append(amount(sum(s.flops for s in sources), "flop"))
        elif len(self.nodes) == data:
            words.append("nothing to run: the values are there already")
        else:
            words.append("NumPy runs it, an operation at a time")
        return ", ".join(words)

    def rows(self) -> list[tuple[str, str, str, str, str, str]]:
        """Name, operation, inputs, type, kernel and line of the program of each node."""
        return [self.outline.row(i) for i in range(len(self.nodes))]

    def to_json(self) -> dict[str, Any]:
        """All rows, and the names of the kernels."""
        keys = ("name", "operation", "inputs", "type", "kernel", "line")
        nodes = [dict(zip(keys, row, strict=True)) for row in self.rows()]
        return {"nodes": nodes, "kernels": [s.name for s in self.outline.sources]}

    def __str__(self) -> str:
        return "\n".join([self.summary, *self.outline.lines(FIRST_LINES, LAST_LINES)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        drawing, note = drawn(self.outline, self.summary)
        parts = [f"<p>{escape(self.summary)}</p>"]
        parts += [f"<p>{escape(note)}</p>"] if note else []
        parts.append(f'<div style="overflow:auto;max-height:640px">{drawing}</div>')
        text = escape("\n".join(self.outline.lines(FIRST_LINES, LAST_LINES)))
        parts.append(f"<details><summary>as text</summary><pre>{text}</pre></details>")
        return page.block(*parts)


def drawn(found: Outline, words: str) -> tuple[str, str]:
    """The picture of a graph, and what had to be left out of it."""
    folded = _folded(found)
    shown = [i for i in range(len(found.nodes)) if i not in folded]
    if len(shown) <= MOST_NODES:
        return _all_nodes(found, shown, folded, words), _unseen(found)
    if found.sources:
        return _kernels_only(found, words)
    return _last_nodes(found, shown, folded, words)


def _unseen(found: Outline) -> str:
    rows = [f"{k + 1} {s.name}" for k, s in enumerate(found.sources) if k not in found.kernel]
    return f"Not drawn, as they only prepare what others read: {', '.join(rows)}." if rows else ""


def _folded(found: Outline) -> dict[int, str]:
    """Scalar constants, which are written into the boxes that use them."""
    folded: dict[int, str] = {}
    for i, node in enumerate(found.nodes[:-1]):
        if node.value is not None:
            continue
        if node.op == "const":
            value = node.attrs[0]
            folded[i] = f"{value:.4g}" if isinstance(value, float) else repr(value)
        elif node.op in SPREADING and found.inputs[i][0] in folded:
            folded[i] = folded[found.inputs[i][0]]
    return folded


def _node_box(found: Outline, i: int, folded: dict[int, str]) -> Box:
    node, kernel = found.nodes[i], found.kernel[i]
    title = operation(node)
    scalars = [folded.get(j, "\N{MIDDLE DOT}") for j in found.inputs[i]]
    if any(j in folded for j in found.inputs[i]):
        title = f"{title}({', '.join(scalars)})"
    if kernel is None:
        return Box(title, (type_of(node),))
    return Box(title, (type_of(node),), picture.colour(kernel), "#fff")


def _all_nodes(found: Outline, shown: list[int], folded: dict[int, str], words: str) -> str:
    at = {i: k for k, i in enumerate(shown)}
    boxes = [_node_box(found, i, folded) for i in shown]
    panels: dict[int, Panel] = {}
    for i in shown:
        kernel = found.kernel[i]
        if kernel is not None:
            title = f"{kernel + 1}  {shortened(found.sources[kernel].name)}"
            panels.setdefault(kernel, Panel(title, picture.colour(kernel))).boxes.append(at[i])
    edges = [(at[j], at[i]) for i in shown for j in found.inputs[i] if j in at]
    return draw(boxes, list(panels.values()), edges, words)


def _kernels_only(found: Outline, words: str) -> tuple[str, str]:
    """A box for each kernel, with its data in one box; kernels in the middle left out if many."""
    count = len(found.sources)
    kept = [*range(count)]
    if count > MOST_KERNELS:
        kept = [*range(MOST_KERNELS // 4), *range(count - 3 * MOST_KERNELS // 4, count)]
    boxes: list[Box] = []
    at: dict[int, int] = {}
    for kernel in kept:
        if kernel and kernel - 1 not in at:
            at.update(dict.fromkeys(range(len(at), kernel), len(boxes)))
            boxes.append(Box(f"... {kernel - kept[len(boxes) - 1] - 1:,} kernels left out"))
        at[kernel] = len(boxes)
        boxes.append(_kernel_box(found, kernel))
    data, edges = _links(found, at)
    for kernel, leaves in sorted(data.items()):
        edges.append((len(boxes), kernel))
        boxes.append(_data_box(found, leaves))
    note = "Too many nodes to draw each: a box is a kernel, white ones are the data it reads first."
    if len(kept) < count:
        note += f" {count - len(kept):,} of {count:,} kernels are left out; x.kernels() has all."
    return draw(boxes, [], edges, words), note


def _kernel_box(found: Outline, kernel: int) -> Box:
    source, members = found.sources[kernel], found.members(kernel)
    moved = amount(source.bytes, "B")
    details = ["prepares what others read", moved]
    if members:
        last = type_of(found.nodes[members[-1]])
        details = [f"{number(len(members), 'operation')}, {moved}", last]
    return Box(
        f"{kernel + 1}  {shortened(source.name)}", tuple(details), picture.colour(kernel), "#fff"
    )


def _links(
    found: Outline, at: dict[int, int]
) -> tuple[dict[int, list[int]], list[tuple[int, int]]]:
    """For boxes, the data nodes read there first; and the edges between boxes."""
    data: dict[int, list[int]] = {}
    seen: set[int] = set()
    for i, inputs in enumerate(found.inputs):
        kernel = found.kernel[i]
        if kernel is None:
            continue
        for j in inputs:
            if found.kernel[j] is None and j not in seen:
                seen.add(j)
                data.setdefault(at[kernel], []).append(j)
    edges = {(at[a], at[b]) for a, b in found.flows if at[a] != at[b]}
    return data, sorted(edges)


def _data_box(found: Outline, leaves: list[int]) -> Box:
    if len(leaves) == 1:
        return Box("data", (type_of(found.nodes[leaves[0]]),))
    nbytes = sum(found.nodes[i].size * found.nodes[i].dtype.itemsize for i in leaves)
    return Box(number(len(leaves), "tensor"), (amount(nbytes, "B"),))


def _last_nodes(
    found: Outline, shown: list[int], folded: dict[int, str], words: str
) -> tuple[str, str]:
    last = shown[-MOST_NODES:]
    note = f"{len(shown) - len(last):,} operations before these are left out; rows() has them all."
    return _all_nodes(found, last, folded, words), note
