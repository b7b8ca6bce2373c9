"""Device memory: a pool of buffers, their accounting and limit, copies between host and device."""

from __future__ import annotations

import gc
import os
import re
import threading
import weakref
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from jairika_nb.engine import device as devices
from jairika_nb.engine import paging
from jairika_nb.engine.boundary import let_go_all
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.slabs import LEAST, MOST, Cut, Slabs
from jairika_nb.engine.waiting import keep, wait
from jairika_nb.errors import ArgumentError, OutOfMemory

# The share of the host's memory that tensors may take, unless a limit is set: there the system
# would end the process instead of refusing.
SHARE_OF_HOST = 0.85
Host = np.ndarray | array
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


class Usage:
    """Bytes in live buffers, and the most there ever were since :meth:`reset`."""

    def __init__(self) -> None:
        self.at_most = self.peak = 0  # the live bytes, before those in _freed are taken off
        self._freed: deque[int] = deque()
        self._lock = threading.Lock()

    def add(self, nbytes: int) -> None:
        """Count bytes that came into use."""
        with self._lock:
            if self._freed:
                self._settle()
            self.at_most += nbytes
            if self.at_most > self.peak:
                self.peak = self.at_most

    def drop(self, nbytes: int) -> None:
        """Count bytes that went out of use; called by destructors, so it takes no lock."""
        self._freed.append(nbytes)

    @property
    def live(self) -> int:
        """Bytes in use now."""
        with self._lock:
            self._settle()
            return self.at_most

    def reset(self) -> None:
        """Let the peak start again from what is live now."""
        self.peak = self.live

    def _settle(self) -> None:
        while self._freed:
            self.at_most -= self._freed.popleft()


usage = Usage()


class Room:
    """The memory of one device: its pool and its limit."""

    def __init__(self, device: Device) -> None:
        import pyopencl as cl
        from pyopencl.tools import ImmediateAllocator, MemoryPool

        self._refusal = cl.MemoryError
        self.device = device
        self.pool = MemoryPool(ImmediateAllocator(device.queue))
        self.largest = int(device.handle.max_mem_alloc_size)
        self.limit = _from_environment() or _default_limit(device)
        self.allocations = 0  # times that the driver was asked for memory
        self.blocks = Usage()  # memory beside the pool, see Block
        self.slabs = Slabs(self._slab)
        self.spare: weakref.WeakSet[Any] = weakref.WeakSet()  # what has memory it can do without
        self.shared: weakref.WeakSet[Block] = weakref.WeakSet()  # blocks of all arenas

    def take(self, nbytes: int) -> Any:
        """Memory from slabs or the pool; OutOfMemory where neither they nor the device have any."""
        if not (LEAST <= nbytes < MOST and paging.is_worth(self.device)):
            return self._pooled(nbytes)
        found = self.slabs.take(nbytes)
        if found is None:
            try:
                return self._pooled(nbytes)
            except OutOfMemory:
                # Making room may have made some in slabs.
                found = self.slabs.take_kept(nbytes)
                if found is None:
                    raise
        return found

    def _slab(self, nbytes: int) -> Any:
        """Memory for a slab, while there is much room."""
        if self.taken + nbytes > self.limit // 2 or nbytes > self.largest:
            return None
        try:
            return self.take_block(nbytes)
        except OutOfMemory:
            return None

    def _pooled(self, nbytes: int) -> Any:
        pool = self.pool
        held = pool.managed_bytes
        others = self.blocks.at_most + self.slabs.nbytes
        if nbytes > self.largest or held + nbytes > self.limit - others:
            found = self._within_limit(pool.allocate, nbytes)
        else:
            try:
                found = pool.allocate(nbytes)
            except (self._refusal, MemoryError):
                found = self._within_limit(pool.allocate, nbytes)
        if pool.managed_bytes > held:
            self.allocations += 1
            paging.ask(self.device, found, nbytes)
        return found

    def take_block(self, nbytes: int) -> Any:
        """Memory beside the pool, which can be cut into sub-buffers."""
        import pyopencl as cl

        flags = cl.mem_flags.READ_WRITE
        context = self.device.context
        found = self._within_limit(lambda n: cl.Buffer(context, flags, n), nbytes)
        self.allocations += 1
        paging.ask(self.device, found, nbytes)
        return found

    def block(self, nbytes: int, taken: list[Block]) -> Block:
        """Memory for one run at a time, none of ``taken``.

        The queue is in order, so all that run in turn may have the same. Where none is large
        enough, those that have smaller ones let them go and share the new one.
        """
        fitting = [b for b in self.shared if b.nbytes >= nbytes and b not in taken]
        if fitting:
            return min(fitting, key=lambda b: b.nbytes)
        for owner in list(self.spare):
            owner.release()
        found = Block(self.device, nbytes)
        self.shared.add(found)
        return found

    def _within_limit(self, allocate: Callable[[int], Any], nbytes: int) -> Any:
        self.check(nbytes)
        for make_room in (lambda: None, self.release, self._release_all):
            make_room()
            if self.taken + nbytes <= self.limit:
                break
        else:
            raise self._full(nbytes)
        try:
            return allocate(nbytes)
        except (self._refusal, MemoryError):
            # Memory kept for reuse may be in bins of other sizes: give it back and try once more.
            self._release_all()
        try:
            return allocate(nbytes)
        except (self._refusal, MemoryError):
            raise self._full(nbytes) from None

    @property
    def active(self) -> int:
        """Bytes in use."""
        return self.pool.active_bytes + self.blocks.live + self.slabs.used

    @property
    def taken(self) -> int:
        """Bytes taken from the driver, in use or kept for reuse."""
        return self.pool.managed_bytes + self.blocks.live + self.slabs.nbytes

    def check(self, nbytes: int) -> None:
        """Raise OutOfMemory for a single size that the device never allows."""
        if nbytes > self.largest:
            raise OutOfMemory(
                f"a tensor of {nbytes:,} bytes is more than {self.device.name} allows at once "
                f"({self.largest:,} bytes); compute in smaller pieces"
            )

    def release(self) -> None:
        """Give the memory kept for reuse back to the driver."""
        for owner in list(self.spare):
            owner.release()
        # Tracebacks and other cycles may hold the last references to buffers.
        gc.collect()
        self.pool.free_held()
        self.slabs.release()

    def _release_all(self) -> None:
        """As :meth:`release`, and the histories with what they keep too."""
        let_go_all()
        self.release()

    def _full(self, nbytes: int) -> OutOfMemory:
        return OutOfMemory(
            f"{self.device.name} has no room for {nbytes:,} bytes beside {self.active:,} in use "
            f"(limit {self.limit:,}); free tensors, use smaller batches, or raise "
            "jrk.memory_limit(...) or JRK_MEMORY_LIMIT"
        )


_rooms: dict[Device, Room] = {}
_lock = threading.Lock()


def room(device: Device) -> Room:
    """The memory of a device."""
    found = _rooms.get(device)
    if found is None:
        with _lock:
            found = _rooms.get(device) or Room(device)
            _rooms[device] = found
    return found


# Arrays of more whole numbers than this are not looked through for their bounds.
MOST_LOOKED_THROUGH = 1 << 20
# Bytes up to which a CPU's buffer is made with what it holds.
TINY = 256


class Buffer:
    """Device memory from slabs or the pool; goes back when the last reference is gone.

    The queue is in order, so a later kernel may take the memory at once.
    """

    __slots__ = ("__weakref__", "bounds", "cl", "cut", "nbytes")

    def __init__(self, device: Device, nbytes: int, holding: Host | None = None) -> None:
        self.nbytes = 0
        self.cut: Cut | None = None
        # Least and greatest of whole numbers that came from the host, which may become indices.
        self.bounds: tuple[int, int] | None = None
        devices.check_process(device)
        if holding is None:
            self.cl = room(device).take(nbytes if nbytes > 16 else 16)
            if type(self.cl) is Cut:
                self.cut, self.cl = self.cl, self.cl.cl
        else:
            self.cl = _filled(device, holding)
        self.nbytes = nbytes
        usage.add(nbytes)

    def __del__(self) -> None:
        usage.drop(self.nbytes)
        if self.cut is not None:
            self.cut.give_back()


def _filled(device: Device, host: Host) -> Any:
    import pyopencl as cl

    flags = cl.mem_flags.READ_WRITE | cl.mem_flags.COPY_HOST_PTR
    return cl.Buffer(device.context, flags, hostbuf=host)


class Block:
    """Device memory beside the pool, for arenas; given back when the last reference is gone."""

    __slots__ = ("__weakref__", "cl", "nbytes", "room")

    def __init__(self, device: Device, nbytes: int) -> None:
        self.nbytes = 0
        self.room = room(device)
        self.cl = self.room.take_block(nbytes)
        self.nbytes = nbytes
        self.room.blocks.add(nbytes)
        usage.add(nbytes)

    def __del__(self) -> None:
        self.room.blocks.drop(self.nbytes)
        usage.drop(self.nbytes)


def memory_limit(limit: int | str | None = None, *, device: Any = None) -> int:
    """The most bytes that tensors on a device may take; with ``limit`` it is set first.

    A number of bytes or text such as ``"2GB"`` or ``"512MiB"``. The default is 85 % of the host's
    memory where that is used, all of a GPU's own; ``JRK_MEMORY_LIMIT`` sets another one before
    Python starts. What does not fit raises OutOfMemory, and memory kept for reuse is given back
    first.

    >>> import jairika_nb as jrk
    >>> before = jrk.memory_limit(device="cpu")
    >>> jrk.memory_limit("2GB", device="cpu")
    2000000000
    >>> jrk.memory_limit(before, device="cpu") == before
    True
    """
    found = devices.default() if device is None else devices.find(device)
    if found.is_reference:
        raise ArgumentError("memory_limit: NumPy's memory has no limit here; use an OpenCL device")
    place = room(found)
    if limit is not None:
        place.limit = parse_size(limit)
        place.release()
    return place.limit


def parse_size(text: int | str) -> int:
    """Bytes from a number or from text with a unit.

    >>> parse_size("1.5 KiB"), parse_size("2GB"), parse_size(7)
    (1536, 2000000000, 7)
    """
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?|)b?\s*", str(text).lower())
    if match is None or isinstance(text, bool) or not float(match[1]):
        raise ArgumentError(f"memory limit {text!r} is no size; use bytes or text such as '2GB'")
    return int(float(match[1]) * UNITS[match[2]])


def _from_environment() -> int:
    named = os.environ.get("JRK_MEMORY_LIMIT")
    return parse_size(named) if named else 0


def _default_limit(device: Device) -> int:
    whole = int(device.handle.global_mem_size)
    own = device.kind == "gpu" and not device.handle.host_unified_memory
    return whole if own else int(whole * SHARE_OF_HOST)


def upload(device: Device, host: np.ndarray) -> Buffer:
    """A buffer holding a copy of ``host``, which is contiguous."""
    import pyopencl as cl

    # A few numbers are in new memory before a copy would have woken the driver's threads.
    is_tiny = device.kind == "cpu" and 0 < host.nbytes <= TINY
    buffer = Buffer(device, host.nbytes, host if is_tiny else None)
    if 0 < host.size <= MOST_LOOKED_THROUGH and host.dtype.kind in "iu":
        buffer.bounds = int(host.min()), int(host.max())
    if host.nbytes and not is_tiny:
        keep(cl.enqueue_copy(device.queue, buffer.cl, host, is_blocking=False), host)
    return buffer


def upload_few(device: Device, numbers: array[float]) -> Buffer:
    """A buffer holding a copy of at most ``TINY`` bytes."""
    if device.kind == "cpu":
        return Buffer(device, len(numbers) * numbers.itemsize, numbers)
    return upload(device, np.array(numbers))


def download(
    device: Device, buffer: Buffer, shape: tuple[int, ...], dtype: DType, start: int = 0
) -> np.ndarray:
    """What a buffer holds from an element on, as a fresh array; waits for the kernels before."""
    import pyopencl as cl

    host = np.empty(shape, dtype.numpy)
    if host.nbytes:
        devices.check_process(device)
        copy = cl.enqueue_copy(
            device.queue, host, buffer.cl, src_offset=start * dtype.itemsize, is_blocking=False
        )
        wait(device, copy, host)
    return host
