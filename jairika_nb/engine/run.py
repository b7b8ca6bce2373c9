"""Evaluation: sends each graph to the device it lives on and moves data in and out."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from jairika_nb.engine import reference, tracing
from jairika_nb.engine.boundary import let_go, remember
from jairika_nb.engine.device import Device, check_process
from jairika_nb.engine.dtypes import DType, convert, float32, float64
from jairika_nb.engine.graph import Node, Shape, leaf
from jairika_nb.engine.reading import stored_piece

# A tensor that waits for more operations, or keeps more MiB waiting, is computed when it is made.
MOST_STRAIN = 4096
# The most operations in a row that a derivative can pass; what is longer is let go.
LONGEST_HISTORY = 32768
# How Python's own arrays name types, and how many numbers they put into a buffer.
CODES, FEW = {float32: "f", float64: "d"}, 32


def evaluate(nodes: Iterable[Node]) -> None:
    """Compute every node that has no value yet, all those of one device together."""
    tracing.refuse("computing a tensor now")
    by_device: dict[Device, dict[int, Node]] = {}
    for node in nodes:
        if node.value is None:
            by_device.setdefault(node.device, {})[id(node)] = node
    for device, rows in by_device.items():
        check_process(device)
        # Another thread may be giving values to shared nodes, or tracing a function.
        with device.lock:
            waiting = [node for node in rows.values() if node.value is None]
            if waiting:
                _backend(device).evaluate(waiting)
    for rows in by_device.values():
        for node in rows.values():
            _forget_history(node)
            if node.age > LONGEST_HISTORY:
                let_go(node)
            remember(node)


def relieve(nodes: Iterable[Node]) -> None:
    """Compute nodes whose histories wait for too much: a graph that only grows never overflows."""
    if tracing.active.get() is None and any(n.strain > MOST_STRAIN for n in nodes):
        evaluate(nodes)


def _backend(device: Device) -> Any:
    if device.is_reference:
        return reference
    from jairika_nb.engine import execute

    return execute


def _forget_history(node: Node) -> None:
    # No derivative passes a detach, so what made its value can be freed.
    if node.op == "detach":
        node.op, node.inputs, node.attrs, node.age = "leaf", (), (), 0


def to_numpy(node: Node) -> np.ndarray:
    """The node's values on the host, computed if they were not yet; a fresh array."""
    tracing.refuse("reading a tensor's values (.numpy(), .item(), print, bool)")
    if node.value is None:
        piece = None if node.device.is_reference else stored_piece(node)
        if piece is not None and not isinstance(piece[0], tracing.HostData):
            return _download(node, *piece)
        evaluate([node])
    if isinstance(node.value, tracing.HostData):
        with node.device.lock:
            pass  # another thread traces the function that made it, and places it at the end
    if node.device.is_reference:
        return node.value.copy()
    return _download(node, node.value)


def _download(node: Node, value: Any, start: int = 0) -> np.ndarray:
    from jairika_nb.engine import memory

    return memory.download(node.device, value, node.shape, node.dtype, start)


def from_numpy(array: np.ndarray, dtype: DType, device: Device) -> Node:
    """A node holding a copy of ``array`` on ``device``."""
    device.check_dtype(dtype)
    host = np.array(convert(np.asarray(array), dtype), order="C")
    trace = tracing.active.get()
    if trace is None:
        return leaf(place(host, device), host.shape, dtype, device)
    trace.data.append(leaf(tracing.HostData(host), host.shape, dtype, device))
    return trace.data[-1]


def place(host: np.ndarray, device: Device) -> Any:
    """A contiguous array as the value of a node on ``device``."""
    if device.is_reference:
        return host
    from jairika_nb.engine import memory

    return memory.upload(device, host)


def place_floats(numbers: Sequence[float], dtype: DType, device: Device) -> Any:
    """Some numbers as the value of a node on ``device``.

    A few of them without NumPy: after a step that moved much memory its code is in no cache.
    """
    if device.is_reference or dtype not in CODES or not 0 < len(numbers) <= FEW:
        return place(convert(np.asarray(numbers, np.float64), dtype), device)
    from jairika_nb.engine import memory

    return memory.upload_few(device, array(CODES[dtype], numbers))


def room_for(shape: Shape, dtype: DType, device: Device) -> Any:
    """Memory for a value of this kind."""
    if device.is_reference:
        return None
    from jairika_nb.engine import memory

    return memory.Buffer(device, math.prod(shape) * dtype.itemsize)


def per_call(
    owner: Any,
    advance: Callable[[], Sequence[float]],
    holds: Callable[[], bool],
    dtype: DType,
    device: Device,
) -> Node:
    """A node with the numbers that ``advance`` gives, which moves ``owner`` on by one call.

    A function that is compiled calls ``advance`` again at each replay, as long as ``holds``.
    """
    node = from_numpy(np.array(advance(), np.float64), dtype, device)
    trace = tracing.active.get()
    if trace is not None:
        trace.numbers.append(tracing.PerCall(owner, advance, holds, node))
    return node


def request(nodes: Iterable[Node]) -> None:
    """As :func:`evaluate`; while a function is traced nothing, as all is computed at its end."""
    if tracing.active.get() is None:
        evaluate(nodes)
