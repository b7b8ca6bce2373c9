"""Values in host memory without a copy, where the device computes in host memory itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.engine import run
from jairika_nb.engine.graph import Node


class Shared(np.ndarray):
    """An array on a tensor's own memory, which it keeps from being used again."""

    owner: Any


def host_view(node: Node) -> np.ndarray | None:
    """The node's values as an array on its own memory; None where only a copy can do.

    CPU drivers map buffers in place. Kernels may go on reading meanwhile, and none writes,
    because the values of a node never change: neither may the taker.
    """
    run.evaluate([node])
    if node.device.is_reference:
        return node.value.view()
    if node.device.kind != "cpu":
        return None
    return _mapped(node) if node.size else np.empty(node.shape, node.dtype.numpy)


def _mapped(node: Node) -> np.ndarray:
    import pyopencl as cl

    array, _ = cl.enqueue_map_buffer(
        node.device.queue, node.value.cl, cl.map_flags.READ, 0, node.shape, node.dtype.numpy,
        is_blocking=True,
    )  # fmt: skip
    shared = array.view(Shared)
    shared.owner = node.value
    return shared
