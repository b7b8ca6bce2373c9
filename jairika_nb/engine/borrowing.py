"""Values that stay in memory somebody else looks after, such as pages of a file."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, leaf
from jairika_nb.engine.waiting import keep

ALIGNED = 64  # bytes: what vector loads of kernels rely on, and what drivers want of host memory


class Borrowed:
    """A device buffer on host memory, which it keeps alive and never writes."""

    __slots__ = ("__weakref__", "bounds", "cl", "host", "nbytes", "queue")

    def __init__(self, device: Device, host: np.ndarray) -> None:
        import pyopencl as cl

        flags = cl.mem_flags.READ_ONLY | cl.mem_flags.USE_HOST_PTR
        self.host, self.nbytes, self.queue = host, host.nbytes, device.queue
        self.bounds: tuple[int, int] | None = None
        self.cl: Any = cl.Buffer(device.context, flags, hostbuf=host)

    def __del__(self) -> None:
        # Kernels may still be reading the host memory.
        if hasattr(self, "queue") and not sys.is_finalizing():
            import pyopencl as cl

            keep(cl.enqueue_marker(self.queue), self.host)


def borrow(array: np.ndarray, dtype: DType, device: Device) -> Node | None:
    """A node whose values are those of ``array`` itself; None where only a copy can do.

    The reference and CPU drivers read host memory in place. The array must not change and is
    never written: the values of a node never change.
    """
    fits = array.dtype == dtype.numpy and array.flags.c_contiguous and array.size
    if not fits or array.dtype.kind != "f":
        return None
    if device.is_reference:
        return leaf(array, array.shape, dtype, device)
    if device.kind != "cpu" or array.ctypes.data % ALIGNED:
        return None
    return leaf(Borrowed(device, array), array.shape, dtype, device)
