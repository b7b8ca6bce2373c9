"""Device memory: a pool of buffers, their accounting, and copies between host and device."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.errors import OutOfMemory

_pools: dict[Device, Any] = {}
_lock = threading.Lock()


class Usage:
    """Bytes in live buffers, and the most there ever were since :meth:`reset`."""

    def __init__(self) -> None:
        self.live = self.peak = 0

    def add(self, nbytes: int) -> None:
        """Count a change of the live bytes."""
        self.live += nbytes
        self.peak = max(self.peak, self.live)

    def reset(self) -> None:
        """Let the peak start again from what is live now."""
        self.peak = self.live


usage = Usage()


class Buffer:
    """Device memory from the pool; goes back to it when the last reference is gone.

    The queue is in order, so a later kernel may take the memory at once.
    """

    __slots__ = ("__weakref__", "cl", "nbytes", "upload")

    def __init__(self, device: Device, nbytes: int) -> None:
        self.nbytes = 0
        self.cl = _allocate(device, max(nbytes, 16))
        self.nbytes = nbytes
        self.upload: Any = None
        usage.add(nbytes)

    def __del__(self) -> None:
        usage.add(-self.nbytes)


def _pool(device: Device) -> Any:
    with _lock:
        if device not in _pools:
            from pyopencl.tools import ImmediateAllocator, MemoryPool

            _pools[device] = MemoryPool(ImmediateAllocator(device.queue))
        return _pools[device]


def _allocate(device: Device, nbytes: int) -> Any:
    import pyopencl as cl

    limit = device.handle.max_mem_alloc_size
    if nbytes > limit:
        raise OutOfMemory(
            f"a tensor of {nbytes:,} bytes is more than {device.name} allows at once "
            f"({limit:,} bytes); compute in smaller pieces"
        )
    try:
        return _pool(device).allocate(nbytes)
    except (cl.MemoryError, MemoryError):
        # Memory kept for reuse may be in bins of other sizes: give it back and try once more.
        _pool(device).free_held()
    try:
        return _pool(device).allocate(nbytes)
    except (cl.MemoryError, MemoryError):
        raise OutOfMemory(
            f"{device.name} has no room for {nbytes:,} bytes beside {usage.live:,} in use; "
            "free tensors or use smaller batches"
        ) from None


def upload(device: Device, host: np.ndarray) -> Buffer:
    """A buffer holding a copy of ``host``, which is contiguous."""
    import pyopencl as cl

    buffer = Buffer(device, host.nbytes)
    if host.nbytes:
        # The event keeps the host's copy alive until the device has it; nothing waits for that.
        buffer.upload = cl.enqueue_copy(device.queue, buffer.cl, host, is_blocking=False)
    return buffer


def download(device: Device, buffer: Buffer, shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    """The contents of a buffer as a fresh NumPy array; waits for the kernels before it."""
    import pyopencl as cl

    host = np.empty(shape, dtype.numpy)
    if host.nbytes:
        cl.enqueue_copy(device.queue, host, buffer.cl, is_blocking=True)
    return host
