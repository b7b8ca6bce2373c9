"""Large pages for large buffers of a CPU: fewer of them to look up, and to fill when first used.

Linux gives them to memory that asks for them, in parts of 2 MiB, where its owner allows that
("madvise" in /sys/kernel/mm/transparent_hugepage/enabled). Where it does not, nothing changes.
"""

from __future__ import annotations

import ctypes
import mmap
from functools import cache
from typing import Any

import numpy as np

from jairika_nb.engine.device import Device

# The size of a large page, and of the least buffer that is worth asking for.
LARGE, LEAST = 1 << 21, 1 << 22


def is_worth(device: Device) -> bool:
    """Whether memory of a device can ask for large pages."""
    return device.kind == "cpu" and hasattr(mmap, "MADV_HUGEPAGE")


def ask(device: Device, buffer: Any, nbytes: int) -> None:
    """Ask for large pages for new memory of a device, which nothing has touched yet."""
    if nbytes < LEAST or not is_worth(device):
        return
    address = _address(device, buffer)
    first = -(-address // LARGE) * LARGE
    length = (address + nbytes) // LARGE * LARGE - first
    if length > 0:
        # Refused where a system knows no large pages: then it is as before.
        _madvise()(first, length, mmap.MADV_HUGEPAGE)


def _address(device: Device, buffer: Any) -> int:
    """Where a buffer is in this process: CPU drivers map memory in place."""
    import pyopencl as cl

    queue = _queue(device)
    flags = cl.map_flags.WRITE_INVALIDATE_REGION
    mapped: Any = cl.enqueue_map_buffer(queue, buffer, flags, 0, (1,), np.uint8, is_blocking=True)
    array = mapped[0]
    address = array.ctypes.data
    array.base.release(queue)
    return int(address)


@cache
def _queue(device: Device) -> Any:
    """A queue of its own, as nobody waits here for kernels."""
    import pyopencl as cl

    return cl.CommandQueue(device.context)


@cache
def _madvise() -> Any:
    function = ctypes.CDLL(None).madvise
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return function
