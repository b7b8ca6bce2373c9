"""Indices out of range that only a kernel can find: reported on the device, raised at once.

A kernel that meets such an index reads element 0 instead and notes the index in a small buffer.
Whoever launched it looks there before the results are anybody's values. Where all indices are
numbers that came from the host, their bounds are known, and nothing waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from jairika_nb.engine import blame
from jairika_nb.engine.device import Device
from jairika_nb.engine.fused import Check
from jairika_nb.engine.graph import Node
from jairika_nb.engine.waiting import wait
from jairika_nb.errors import OutOfRange

_buffers: dict[Device, Any] = {}
_counters: dict[Device, Any] = {}


def buffer(device: Device) -> Any:
    """The device's buffer of four ints: found, index, size, axis."""
    return _zeroed(_buffers, device)


def counter(device: Device) -> Any:
    """The device's buffer of four ints that kernels count on, and leave at zero."""
    return _zeroed(_counters, device)


def _zeroed(known: dict[Device, Any], device: Device) -> Any:
    if device not in known:
        import pyopencl as cl

        flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
        known[device] = cl.Buffer(device.context, flags, hostbuf=np.zeros(4, np.int32))
    return known[device]


def possible(checks: Iterable[Check], buffers: dict[int, Any]) -> bool:
    """Whether an index may be out of range, as far as the host knows."""
    return any(leaf is None or not _within(buffers[leaf], size) for leaf, size in checks)


def _within(buffer: Any, size: int) -> bool:
    bounds = getattr(buffer, "bounds", None)
    return bounds is not None and -size <= bounds[0] and bounds[1] < size


def forget(device: Device) -> None:
    """Clear what kernels may have noted or counted, after a run that broke off."""
    import pyopencl as cl

    for noted in (buffer(device), counter(device)):
        cl.enqueue_fill_buffer(device.queue, noted, np.zeros(1, np.int32), 0, 16)


def confirm(device: Device, roots: list[Node]) -> None:
    """Wait, and raise OutOfRange where a kernel met an index outside its axis.

    The caller holds the device's lock, and looked so after all kernels that it launched before.
    """
    import pyopencl as cl

    found = np.empty(4, np.int32)
    try:
        wait(device, cl.enqueue_copy(device.queue, found, buffer(device), is_blocking=False), found)
    except BaseException:
        forget(device)  # what is found here is not of the next run
        raise
    if not found[0]:
        return
    cl.enqueue_copy(device.queue, buffer(device), np.zeros(4, np.int32))
    _, index, size, axis = found.tolist()
    raise OutOfRange(
        f"index {index} is outside axis {axis}, which has size {size}; indices run from "
        f"{-size} to {size - 1}" + blame.index(roots, axis, size)
    )
