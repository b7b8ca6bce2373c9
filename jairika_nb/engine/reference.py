"""The reference backend: NumPy executes the same graph, one node at a time.

It is the oracle of the tests and a device of its own; nothing here is fused or clever.
"""

from __future__ import annotations

import numpy as np

from jairika_nb.engine.dtypes import DType, convert, widened
from jairika_nb.engine.graph import TABLE, Node, topological
from jairika_nb.engine.ops.sources import random_reference
from jairika_nb.engine.program import held


def evaluate(roots: list[Node]) -> None:
    """Compute ``roots``; each one's ``value`` becomes a NumPy array."""
    values: dict[int, np.ndarray] = {}
    with np.errstate(all="ignore"):
        roots = [*roots, *held(topological(roots), roots)]
        for node in topological(roots):
            values[id(node)] = _value(node, values)
    for root in roots:
        root.value = np.ascontiguousarray(values[id(root)]).reshape(root.shape)


def _value(node: Node, values: dict[int, np.ndarray]) -> np.ndarray:
    if node.value is not None:
        return node.value
    if node.op in _SOURCES:
        return _SOURCES[node.op](node)
    return compute(node.op, node.attrs, [values[id(i)] for i in node.inputs], node.dtype)


def compute(op: str, attrs: tuple, arrays: list[np.ndarray], dtype: DType) -> np.ndarray:
    """One operation on arrays, by its row's reference; 2-byte floats are computed in float32."""
    row = TABLE[op]
    arrays = arrays if row.kind == "view" else [widened(a) for a in arrays]
    return convert(np.asarray(row.reference(attrs, *arrays)), dtype)


_SOURCES = {
    "const": lambda node: convert(np.asarray(node.attrs[0]), node.dtype),
    "iota": lambda node: np.arange(node.shape[0], dtype=np.int32),
    "random": lambda node: random_reference(node.shape, node.attrs),
}
