"""Reads the nodes of a graph from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jairika_nb.errors import ArchitectureError, JairikaError
from jairika_nb.nn.architecture import TYPES
from jairika_nb.nn.building import build
from jairika_nb.nn.functions import Function
from jairika_nb.nn.module import Module
from jairika_nb.nn.wiring import Node, listed

KINDS = ("layer", "function", "shared")
FORM = (
    'a node is {"name": ..., "inputs": [...]} with one of "layer", "function" (both with "args" if '
    'it takes some) and "shared"'
)


def read(rows: Any) -> tuple[list[Node], dict[str, Module]]:
    """The nodes and their layers by name; ArchitectureError lists the rows that do not read."""
    if not isinstance(rows, list | tuple):
        raise ArchitectureError(f"Graph: nodes are a list, not a {type(rows).__name__}; {FORM}")
    nodes: list[Node] = []
    layers: dict[str, Module] = {}
    found: list[str] = []
    for number, row in enumerate(rows):
        try:
            node, layer = _row(row)
        except JairikaError as error:
            name = row.get("name", number) if isinstance(row, Mapping) else number
            found.append(f"node {str(name)[:60]!r}: {error}")
            continue
        nodes.append(node)
        if layer is not None:
            layers[node.name] = layer
    if found:
        raise ArchitectureError(f"Graph: {listed(found)}")
    return nodes, layers


def _row(row: Any) -> tuple[Node, Module | None]:
    kinds = [kind for kind in KINDS if isinstance(row, Mapping) and kind in row]
    if len(kinds) != 1 or not row.keys() <= {"name", "inputs", "args", *kinds}:
        raise ArchitectureError(FORM)
    name, what, args = row.get("name"), row[kinds[0]], row.get("args", {})
    inputs = row.get("inputs", ())
    inputs = (inputs,) if isinstance(inputs, str | int | float) else inputs
    if not isinstance(name, str) or not isinstance(inputs, list | tuple):
        raise ArchitectureError(FORM)
    if not isinstance(args, Mapping):
        raise ArchitectureError("args are named values")
    if kinds == ["shared"]:
        if not isinstance(what, str) or args:
            raise ArchitectureError("shared is the name of a node, without args")
        return Node(name, what, tuple(inputs)), None
    layer = _function(what, args) if kinds == ["function"] else _layer(what, args)
    return Node(name, name, tuple(inputs)), layer


def _function(name: Any, args: Mapping[str, Any]) -> Module:
    return build({"type": Function.type_name, "args": {"function": name, **args}})


def _layer(what: Any, args: Mapping[str, Any]) -> Module:
    if isinstance(what, Module) and not args:
        return what
    if isinstance(what, str):
        if what not in TYPES:
            raise ArchitectureError(f"unknown layer type {what!r}")
        return build({"type": what, "args": dict(args)})
    if isinstance(what, Mapping) and not args:
        return build(what)
    raise ArchitectureError("layer is a module, a description, or the name of a type with args")
