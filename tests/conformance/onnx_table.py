"""The table of ONNX operators, and running a model's graph through it.

An adapter takes an operator's inputs as tensors (None where one is left out) and its attributes
as keywords, and computes the outputs with this package's functions alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import AttributeProto, TensorProto, helper, numpy_helper

import jairika_nb as jrk
from jairika_nb.engine import dtypes
from jairika_nb.tensors.tensor import Tensor

OPERATORS: dict[str, Callable] = {}
NAMES = {d.name for d in dtypes.ALL} - {d.name for d in dtypes.UNSUPPORTED}


class NotOffered(Exception):
    """An operator, type or option that is outside what the package offers."""


def operator(*names: str) -> Callable[[Callable], Callable]:
    """Enter an adapter in the table."""

    def enter(adapter: Callable) -> Callable:
        OPERATORS.update(dict.fromkeys(names, adapter))
        return adapter

    return enter


def whole(values: Any) -> list[int]:
    """Integers from a tensor on the device, a list, or None for none."""
    if values is None:
        return []
    given = values.tolist() if isinstance(values, Tensor) else values
    return [int(v) for v in (given if isinstance(given, list) else [given])]


def dtype_of(code: int) -> Any:
    """The data type that ONNX numbers so."""
    name = helper.tensor_dtype_to_np_dtype(code).name
    if name not in NAMES:
        raise NotOffered(f"tensors of {name}")
    return name


def tensor_of(given: Any) -> Tensor:
    """A tensor from a test's data."""
    if isinstance(given, TensorProto):
        dtype_of(given.data_type)
        return jrk.tensor(numpy_helper.to_array(given))
    if isinstance(given, (list, tuple)) or given is None:
        raise NotOffered("sequences and optional values")
    array = np.asarray(given)
    if array.dtype.name not in NAMES:
        raise NotOffered(f"tensors of {array.dtype}")
    return jrk.tensor(array)


def run(model: Any, inputs: list[np.ndarray]) -> list[Tensor]:
    """The outputs of a model's graph for given inputs, not computed yet."""
    graph = model.graph
    given = {i.name: tensor_of(numpy_helper.to_array(i)) for i in graph.initializer}
    rows = zip([i for i in graph.input if i.name not in given], inputs, strict=False)
    given |= {i.name: tensor_of(array) for i, array in rows}
    return _evaluated(graph, given)


def _evaluated(graph: Any, given: dict[str, Any]) -> list[Any]:
    known = {"": None, **given}
    for node in graph.node:
        known.update(_outputs(node, known))
    return [known[o.name] for o in graph.output]


def _outputs(node: Any, known: dict[str, Any]) -> dict[str, Any]:
    if node.op_type not in OPERATORS:
        raise NotOffered(f"operator {node.op_type}")
    adapter = OPERATORS[node.op_type]
    options = {a.name: _attribute(a, known) for a in node.attribute}
    if "outputs" in inspect.signature(adapter).parameters:
        options["outputs"] = len(node.output)
    found = adapter(*(known[name] for name in node.input), **options)
    values = found if isinstance(found, (tuple, list)) else (found,)
    return {name: value for name, value in zip(node.output, values, strict=False) if name}


def _attribute(attribute: Any, known: dict[str, Any]) -> Any:
    value = helper.get_attribute_value(attribute)
    if attribute.type == AttributeProto.STRING:
        return value.decode()
    if attribute.type == AttributeProto.GRAPH:
        return _function(value, known)
    if isinstance(value, TensorProto):
        return tensor_of(numpy_helper.to_array(value))
    return list(value) if attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS) else value


def _function(graph: Any, outer: dict[str, Any]) -> Callable:
    """A graph inside an operator as a function; it sees the values of the graph around it."""

    def function(*inputs: Any) -> list[Any]:
        own = {i.name: tensor_of(numpy_helper.to_array(i)) for i in graph.initializer}
        names = (i.name for i in graph.input)
        return _evaluated(graph, {**outer, **own, **dict(zip(names, inputs, strict=False))})

    return function
