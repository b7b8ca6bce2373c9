"""Networks on pages of the model file: layers come in when they run, and go when room is short.

Parameters are read-only maps of the file. Letting one go (``madvise``) only gives its pages back
to the system: whoever reads it again gets the same bytes from the file, so nothing can be stale
and a cap bounds memory without ever being able to change a result. What is decoded or decrypted
has no pages of the file: under a cap it is memory that is let go, and decoded again by whatever
looks at its values next.
"""

from __future__ import annotations

import mmap
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from jairika_nb.engine import run, tracing
from jairika_nb.engine.borrowing import ALIGNED, borrow
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node
from jairika_nb.engine.memory import parse_size
from jairika_nb.engine.waiting import synchronize
from jairika_nb.errors import ArchitectureError
from jairika_nb.nn.state import like, mismatches
from jairika_nb.store.manifest import Tensor as Record
from jairika_nb.tensors.tensor import Tensor

MAPPED_FROM = 1 << 14  # bytes: smaller tensors are copied


def cap_of(cap: int | str | None) -> int | None:
    """Bytes that mapped parameters may keep resident: ``cap``, or ``JRK_STORE_CAP``, or no cap."""
    named = os.environ.get("JRK_STORE_CAP") if cap is None else cap
    return parse_size(named) if named else None


class Pager:
    """Which parameters are resident, the least recently used first; ``room`` lets some go."""

    def __init__(self, cap: int | None) -> None:
        self.cap, self.resident = cap, 0
        self.used: OrderedDict[int, Unread] = OrderedDict()

    def room(self, pages: list[Unread]) -> None:
        """Count ``pages`` as resident and let others go until all fit under the cap."""
        for each in pages:
            if self.used.pop(id(each), None) is None:
                self.resident += len(each)
            self.used[id(each)] = each
        wanted = {id(each) for each in pages}
        while self.cap is not None and self.resident > self.cap:
            oldest = next((key for key in self.used if key not in wanted), None)
            if oldest is None:
                return  # a layer larger than the cap runs all the same
            self.release(self.used[oldest])

    def release(self, pages: Unread) -> None:
        """Give the memory of one parameter back to the system."""
        if self.used.pop(id(pages), None) is not None:
            self.resident -= len(pages)
        if pages.map is None:
            pages.held = None
        elif hasattr(pages.map, "madvise"):  # Windows decides by itself
            pages.map.madvise(mmap.MADV_DONTNEED)


class Unread:
    """Values that ``fetch`` reads and checks when they are looked at first.

    It gives what a leaf of the graph holds, and the map of the file that this lies in; where there
    is none, because they had to be decoded, the pager lets them go whole, and they are read again.
    """

    def __init__(self, fetch: Callable[[], tuple[Any, Any]], size: int, pager: Pager) -> None:
        self.fetch, self.size, self.pager = fetch, size, pager
        self.held: Any = None
        self.map: Any = None

    def __len__(self) -> int:
        return self.size

    def now(self) -> Any:
        """The values as a leaf of the graph holds them."""
        if self.held is None:
            self.pager.room([self])
            self.held, self.map = self.fetch()
        return self.held


class Waiting(Node):
    """A leaf of the graph whose values are ``Unread``: the same node whenever they come."""

    __slots__ = ("pages",)

    def __init__(self, pages: Unread, shape: tuple[int, ...], dtype: DType, device: Device) -> None:
        self.pages = pages
        super().__init__("leaf", (), (), shape, dtype, device, pages.held)

    @property
    def value(self) -> Any:
        return self.pages.now()

    @value.setter
    def value(self, held: Any) -> None:
        self.pages.held = held


def fill(
    net: Any,
    records: Mapping[str, Record],
    mapped: Callable[[str], np.ndarray],
    read: Callable[[str], np.ndarray],
    cap: int | None,
) -> Pager:
    """Put maps of the file in the place of the parameters of ``net``.

    Each is read and checked when it is looked at first. Small ones, integers, and all of them on
    devices with memory of their own are copied now. With a cap that is less than all of them, the
    network computes layer by layer outside of ``jrk.compile``.
    """
    pager = Pager(cap)
    own = net.state_dict()
    shapes = {name: np.broadcast_to(np.float32(0), each.shape) for name, each in records.items()}
    if problems := mismatches(own, shapes, strict=True):
        raise ArchitectureError(f"the stored state does not fit: {'; '.join(problems)}")
    values, pages = {}, {}
    for name, record in records.items():
        values[name], found = _parameter(own[name], record, name, mapped, read, pager)
        if found is not None:
            pages[id(values[name])] = found
    net.replace(values)
    if cap is not None and sum(map(len, pages.values())) > cap:
        for module in net.modules():
            _watch(module, pages, pager)
    return pager


def _parameter(
    old: Tensor,
    record: Record,
    name: str,
    mapped: Callable[[str], np.ndarray],
    read: Callable[[str], np.ndarray],
    pager: Pager,
) -> tuple[Tensor, Unread | None]:
    dtype, device = old.dtype, old.device
    fits = np.dtype(record.dtype) == dtype.numpy and np.dtype(record.dtype).kind == "f"
    if record.bytes < MAPPED_FROM or not fits or device.kind not in ("cpu", "reference"):
        return like(old, read(name)), None

    def fetch() -> tuple[Any, Any]:
        values = _aligned(mapped(name))
        node = borrow(values, dtype, device)
        assert node is not None  # of that form, and aligned
        return node.value, _pages(values)

    pages = Unread(fetch, record.bytes, pager)
    return Tensor(Waiting(pages, record.shape, dtype, device)), pages


def _aligned(values: np.ndarray) -> np.ndarray:
    """The values where a device can read them in place; maps of a file are so already."""
    if not values.ctypes.data % ALIGNED:
        return values
    room = np.empty(values.nbytes + ALIGNED, np.uint8)
    start = -room.ctypes.data % ALIGNED
    made = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    made[...] = values
    made.flags.writeable = False
    return made


def _pages(values: np.ndarray) -> Any:
    """The map under an array; None where it is no part of a file, as what was decoded."""
    base: Any = values
    while base is not None and not isinstance(base, mmap.mmap):
        base = base.obj if isinstance(base, memoryview) else getattr(base, "base", None)
    return base


def _watch(module: Any, pages: Mapping[int, Unread], pager: Pager) -> None:
    """Make room before a module with mapped parameters runs, and compute it at once."""
    held = (*module._parameters.values(), *module._buffers.values())
    own = [pages[id(each)] for each in held if id(each) in pages]
    if not own:
        return

    def before(module: Any, args: Any) -> None:
        pager.room(own)

    def after(module: Any, args: Any, output: Any) -> None:
        if tracing.active.get() is None:
            found = list(_tensors(output))
            run.evaluate(each.node for each in found)
            for device in {each.device for each in found}:
                synchronize(device)  # kernels that run later would bring back what was let go

    module.register_forward_pre_hook(before)
    module.register_forward_hook(after)


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, list | tuple | dict):
        for each in output.values() if isinstance(output, dict) else output:
            yield from _tensors(each)
