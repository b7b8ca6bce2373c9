"""Networks with several inputs and outputs, whose wiring is data (Keras calls them functional)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn.architecture import register
from jairika_nb.nn.module import Module
from jairika_nb.nn.noderows import read
from jairika_nb.nn.symbol import Symbol
from jairika_nb.nn.wiring import Node, listed, ordered, problems, traced

ONE, TUPLE, DICT = "one", "tuple", "dict"


@register
class Graph(Module):
    """Layers wired by name: any number of inputs and outputs, branches, joins, shared layers.

    Written in Python by calling layers with ``nn.Input`` symbols, or given as data: ``nodes`` are
    rows ``{"name", "inputs", ...}`` with one of ``"layer"`` (a module, a description as of
    ``nn.build``, or the name of a layer type with ``"args"``), ``"function"`` (a name in
    ``nn.functions.FUNCTIONS`` with ``"args"``) or ``"shared"`` (the node whose layer to use
    again). Inputs of nodes are names of inputs, names of nodes, or numbers; rows may come in any
    order. Parameters are named by node: ``net.state_dict()["head.weight"]``.

    Called with the inputs in order, by name, or in one dict or tuple. ``outputs`` say what comes
    back: one name a tensor, a list a tuple, a dict a dict. Raises ArchitectureError that lists
    unknown and duplicate names, circles, inputs that nobody reads and nodes that lead nowhere.

    >>> import jairika_nb as jrk
    >>> from jairika_nb import nn
    >>> image, age = nn.Input("image"), nn.Input("age")
    >>> x = nn.Linear(8, 4)(image).relu().concat(age, axis=1)
    >>> net = nn.Graph([image, age], {"digit": nn.Linear(5, 10)(x), "size": nn.Linear(5, 1)(x)})
    >>> {name: y.shape for name, y in net(jrk.zeros((2, 8)), jrk.zeros((2, 1))).items()}
    {'digit': (2, 10), 'size': (2, 1)}
    >>> data = [{"name": "twice", "function": "add", "inputs": ["x", "x"]}]
    >>> nn.Graph("x", "twice", data)(jrk.tensor([1.5])).tolist()
    [3.0]
    """

    wiring: tuple[tuple[str, str, tuple[Any, ...]], ...]

    def __init__(self, inputs: Any, outputs: Any, nodes: Sequence[Any] | None = None) -> None:
        self._form = DICT if isinstance(outputs, Mapping) else TUPLE
        if isinstance(outputs, str | Symbol):
            self._form = ONE
        into, out = _parts(inputs), _parts(outputs)
        if isinstance(outputs, Mapping) and not all(map(_is_key, outputs)):
            raise ArchitectureError(f"Graph: outputs {[*outputs]} must be called by text")
        if nodes is None:
            rows, layers = _symbols(into, out)
            into, out = [s.name for s in into], [s.name for s in out]
        else:
            rows, layers = read(nodes)
        self._wire(into, rows, out, layers)
        self.output_keys = tuple(outputs) if self._form == DICT else self.output_nodes
        used = {node.layer for node in rows}
        for name, layer in layers.items():
            if name in used:
                self.add_module(name, layer)

    def _wire(self, inputs: Sequence[Any], rows: Any, outputs: Any, layers: Any) -> None:
        """Take a wiring, if nothing is wrong with it."""
        found = problems(inputs, rows, outputs, layers)
        if found:
            raise ArchitectureError(f"Graph: {listed(found)}")
        self.input_names = tuple(inputs)
        self.output_nodes = tuple(outputs)
        # Plain tuples: a compiled function guards them by a single comparison.
        self.wiring = tuple(tuple(node) for node in ordered(inputs, rows)[0])  # type: ignore[misc]

    @property
    def _arguments(self) -> Any:  # type: ignore[override]
        # Told from the present state, as layers may have been exchanged since.
        nodes, seen = [], set()
        for name, layer, inputs in self.wiring:
            what = ("layer", self._layer(layer)) if layer not in seen else ("shared", layer)
            seen.add(layer)
            nodes.append({"name": name, what[0]: what[1], "inputs": list(inputs)})
        out: Any = list(self.output_nodes)
        if self._form != TUPLE:
            out = dict(zip(self.output_keys, out, strict=True)) if self._form == DICT else out[0]
        return (), {"inputs": list(self.input_names), "outputs": out, "nodes": nodes}

    def _layer(self, name: str) -> Module:
        layer = self._modules.get(name)
        if layer is None:
            raise ArchitectureError(
                f"Graph: the layer of node {name!r} was deleted; assign one, or use remove"
            )
        return layer

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        values = self._bound(args, kwargs)
        for name, layer, inputs in self.wiring:
            given = [values[i] if isinstance(i, str) else i for i in inputs]
            values[name] = self._layer(layer)(*given)
        found = [values[name] for name in self.output_nodes]
        if self._form == ONE:
            return found[0]
        return (
            dict(zip(self.output_keys, found, strict=True)) if self._form == DICT else tuple(found)
        )

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        names = self.input_names
        whole = args[0] if len(args) == 1 and not kwargs else None
        if isinstance(whole, dict):
            args, kwargs = (), whole
        elif isinstance(whole, tuple | list) and len(names) > 1:
            args = tuple(whole)
        values = dict(zip(names, args, strict=False)) | kwargs
        twice = [name for name in names[: len(args)] if name in kwargs]
        if len(args) > len(names) or values.keys() != set(names) or twice:
            given = [f"{len(args)} by position", *kwargs] if args or kwargs else ["none"]
            raise ArchitectureError(
                f"Graph: inputs {', '.join(given)} given; it takes {', '.join(names)}"
            )
        return values

    def insert(self, name: str, layer: Module, after: str) -> Graph:
        """Put a layer behind a node or an input: all that read that, outputs too, read the layer.

        Returns the graph; raises ArchitectureError for names that are taken or unknown.
        """
        known = {n for n, _, _ in self.wiring} | {*self.input_names}
        if after not in known or name in known:
            raise ArchitectureError(
                f"Graph: cannot insert {name!r} after {after!r}; the nodes are {', '.join(known)}"
            )
        rows = [Node(n, w, _swapped(i, after, name)) for n, w, i in self.wiring]
        rows.append(Node(name, name, (after,)))
        outputs = _swapped(self.output_nodes, after, name)
        self._wire(self.input_names, rows, outputs, {**self._modules, name: layer})
        self.add_module(name, layer)
        return self

    def remove(self, name: str) -> Graph:
        """Take a node out: all that read it read its input instead.

        Returns the graph; raises ArchitectureError for a node that is not there or has several
        inputs, and where a layer is left that nothing reads.
        """
        rows = {n: Node(n, w, i) for n, w, i in self.wiring}
        if name not in rows or len(rows[name].inputs) != 1:
            raise ArchitectureError(
                f"Graph: cannot remove {name!r}; nodes with one input are "
                f"{', '.join(n for n, r in rows.items() if len(r.inputs) == 1)}"
            )
        gone = rows.pop(name)
        before = gone.inputs[0]
        kept = [Node(n, w, _swapped(i, name, before)) for n, w, i in rows.values()]
        outputs = _swapped(self.output_nodes, name, before)
        self._wire(self.input_names, kept, outputs, dict(self._modules))
        if all(layer != gone.layer for _, layer, _ in self.wiring):
            delattr(self, gone.layer)
        return self

    def picture(self, *inputs: Any) -> Any:
        """The graph as a picture in notebooks and as text; with example inputs also shapes."""
        from jairika_nb.nn.picture import Picture

        return Picture(self, inputs)

    def __repr__(self) -> str:
        rows = []
        for name, layer, inputs in self.wiring:
            shown = f"({name}): {self._modules.get(layer)!r}".replace("\n", "\n  ")
            shown = shown if name == layer else f"({name}): layer of {layer}"
            rows.append(f"  {shown} of {', '.join(map(str, inputs))}")
        pairs = zip(self.output_keys, self.output_nodes, strict=True)
        out = ", ".join(key if key == node else f"{key} = {node}" for key, node in pairs)
        body = "\n".join(rows)
        return f"Graph(\n  inputs: {', '.join(self.input_names)}\n{body}\n  outputs: {out}\n)"

    def _repr_html_(self) -> str:
        return self.picture()._repr_html_() + self.summary()._repr_html_()


def _parts(given: Any) -> list[Any]:
    """What stands for inputs or outputs as a list: one, a list, or the values of a dict."""
    parts = list(given.values()) if isinstance(given, Mapping) else given
    parts = [given] if isinstance(given, str | Symbol) else parts
    if not isinstance(parts, list | tuple):
        raise ArchitectureError(
            "Graph: inputs and outputs are names or symbols, lists or dicts of them, not a "
            f"{type(given).__name__}"
        )
    return list(parts)


def _is_key(name: Any) -> bool:
    # What begins like this has a meaning of its own in architectures.
    return isinstance(name, str) and not name.startswith("$")


def _symbols(inputs: list[Any], outputs: list[Any]) -> tuple[list[Node], dict[str, Any]]:
    odd = [p for p in [*inputs, *outputs] if not isinstance(p, Symbol)]
    odd += [s for s in inputs if isinstance(s, Symbol) and s.layer is not None]
    if odd:
        raise ArchitectureError(
            f"Graph: {odd[0]!r} is no symbol to wire with; inputs are nn.Input(name), outputs what "
            "layers make of them; with names alone also give nodes"
        )
    return traced(inputs, outputs)


def _swapped(names: Sequence[Any], old: str, new: Any) -> tuple[Any, ...]:
    return tuple(new if name == old else name for name in names)
