"""Indices out of range that only a kernel can find: reported on the device, raised when read.

A kernel that meets such an index reads element 0 instead and notes the index in a small buffer.
Whoever reads values from the device looks there first; what was computed since the last look is
then forgotten, so that reading it again raises again.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from jairika_nb.engine import blame
from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import Node
from jairika_nb.engine.waiting import wait
from jairika_nb.errors import OutOfRange

# So many values are computed between two looks at most; then the next evaluation looks too.
MOST_SUSPECTS = 256
_buffers: dict[Device, Any] = {}
_counters: dict[Device, Any] = {}
_suspects: dict[Device, list[weakref.ref[Node]]] = {}


def buffer(device: Device) -> Any:
    """The device's buffer of four ints: found, index, size, axis."""
    if device not in _buffers:
        import pyopencl as cl

        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
        _buffers[device] = cl.Buffer(device.context, flags, hostbuf=np.zeros(4, np.int32))
    return _buffers[device]


def counter(device: Device) -> Any:
    """The device's buffer of one int that kernels count on, and leave at zero."""
    if device not in _counters:
        import pyopencl as cl

        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
        _counters[device] = cl.Buffer(device.context, flags, hostbuf=np.zeros(4, np.int32))
    return _counters[device]


def suspect(device: Device, nodes: list[Node]) -> None:
    """Remember values whose kernels may have met a wrong index."""
    rows = _suspects.setdefault(device, [])
    rows += [weakref.ref(n) for n in nodes]
    if len(rows) > MOST_SUSPECTS:
        check(device)


def check(device: Device) -> None:
    """Raise OutOfRange where a kernel since the last look met an index outside its axis."""
    rows = _suspects.get(device)
    if not rows:
        return
    import pyopencl as cl

    found = np.empty(4, np.int32)
    with device.lock:
        wait(device, cl.enqueue_copy(device.queue, found, buffer(device), is_blocking=False), found)
        suspects, rows[:] = [ref() for ref in rows], []
        if not found[0]:
            return
        cl.enqueue_copy(device.queue, buffer(device), np.zeros(4, np.int32))
    _, index, size, axis = found.tolist()
    message = (
        f"index {index} is outside axis {axis}, which has size {size}; indices run from "
        f"{-size} to {size - 1}"
    ) + blame.index(suspects, axis, size)
    for node in suspects:
        if node is not None and node.inputs:
            node.value = None
        elif node is not None and node.op == "replayed":
            # Nothing is left to compute it from again.
            node.value, node.op, node.attrs = None, "lost", (message,)
    raise OutOfRange(message)
