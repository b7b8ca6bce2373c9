"""Evaluation: sends each graph to the device it lives on and moves data in and out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from jairika_nb.engine import reference
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, leaf


def evaluate(nodes: Iterable[Node]) -> None:
    """Compute every node that has no value yet, all those of one device together."""
    by_device: dict[Device, list[Node]] = {}
    for node in nodes:
        rows = by_device.setdefault(node.device, [])
        if node.value is None and all(node is not known for known in rows):
            rows.append(node)
    for device, rows in by_device.items():
        if rows:
            _backend(device).evaluate(rows)
    for rows in by_device.values():
        for node in rows:
            _forget_history(node)


def _backend(device: Device) -> Any:
    if device.is_reference:
        return reference
    from jairika_nb.engine import execute

    return execute


def _forget_history(node: Node) -> None:
    # No derivative passes a detach, so what made its value can be freed.
    if node.op == "detach":
        node.op, node.inputs, node.attrs = "leaf", (), ()


def to_numpy(node: Node) -> np.ndarray:
    """The node's values on the host, computed if they were not yet; a fresh array."""
    evaluate([node])
    if node.device.is_reference:
        return node.value.copy()
    from jairika_nb.engine import faults, memory

    faults.check(node.device)
    return memory.download(node.device, node.value, node.shape, node.dtype)


def from_numpy(array: np.ndarray, dtype: DType, device: Device) -> Node:
    """A node holding a copy of ``array`` on ``device``."""
    device.check_dtype(dtype)
    host = np.array(array, dtype=dtype.numpy, order="C")
    if device.is_reference:
        return leaf(host, host.shape, dtype, device)
    from jairika_nb.engine import memory

    return leaf(memory.upload(device, host), host.shape, dtype, device)
