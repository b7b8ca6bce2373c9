"""A graph of layers as a picture: boxes by name, arrows by wiring, colours by layer."""

from __future__ import annotations

from html import escape
from typing import Any

from jairika_nb.nn.functions import Function
from jairika_nb.nn.shapes import outputs_of, shown
from jairika_nb.tensors.inspect import page, picture
from jairika_nb.tensors.inspect.diagram import Box, draw

MOST_BOXES = 150


class Picture:
    """What ``net.picture()`` shows of a :class:`jairika_nb.nn.Graph`.

    Layers of one colour are the same layer, used again; white boxes have no parameters. A graph of
    more than 150 boxes is shown as text alone.
    """

    def __init__(self, net: Any, inputs: tuple[Any, ...] = ()) -> None:
        self.text = repr(net)
        self.words = f"Graph of {len(net.wiring)} nodes from {', '.join(net.input_names)}"
        self.boxes, self.edges = _boxes(net, inputs)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if len(self.boxes) > MOST_BOXES:
            return page.block(f"<pre>{escape(self.text)}</pre>")
        drawing = draw(self.boxes, [], self.edges, self.words)
        return page.block(f'<div style="overflow:auto;max-height:640px">{drawing}</div>')


def _boxes(net: Any, inputs: tuple[Any, ...]) -> tuple[list[Box], list[tuple[int, int]]]:
    shapes = _shapes(net, inputs)
    boxes = [Box(name, ("input", *shapes.get(name, ()))) for name in net.input_names]
    at = {name: i for i, name in enumerate(net.input_names)}
    colours = {
        layer: picture.colour(i)
        for i, layer in enumerate(
            n for n, m in net.named_children() if any(True for _ in m.parameters())
        )
    }
    edges = []
    for name, layer, reads in net.wiring:
        details = (_kind(net._modules[layer], reads), *shapes.get(name, ()))
        plain = layer not in colours
        fill, ink = (picture.PAPER, picture.INK) if plain else (colours[layer], "#fff")
        edges += [(at[read], len(boxes)) for read in reads if isinstance(read, str)]
        at[name] = len(boxes)
        boxes.append(Box(name, details, fill, ink))
    for key, node in zip(net.output_keys, net.output_nodes, strict=True):
        edges.append((at[node], len(boxes)))
        boxes.append(Box(key, ("output",)))
    return boxes, edges


def _kind(layer: Any, reads: tuple[Any, ...]) -> str:
    if not isinstance(layer, Function):
        count = sum(p.size for p in layer.parameters())
        return f"{type(layer).__name__}, {count:,} parameters" if count else type(layer).__name__
    numbers = [str(part) for part in reads if not isinstance(part, str)]
    return " ".join([layer.function, *numbers])


def _shapes(net: Any, inputs: tuple[Any, ...]) -> dict[str, tuple[str]]:
    if not inputs:
        return {}
    given = net._bound(inputs, {})
    outputs = outputs_of(net, inputs)
    calls: dict[str, int] = {}
    found = {name: (shown(value),) for name, value in given.items()}
    for name, layer, _ in net.wiring:
        calls[layer] = calls.get(layer, 0) + 1
        seen = outputs.get(id(net._modules[layer]), [])
        if len(seen) >= calls[layer]:
            found[name] = (seen[calls[layer] - 1].output,)
    return found
