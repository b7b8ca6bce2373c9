"""Devices: discovery, probing by a real kernel, choice of the default, and what each can do."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jairika_nb.engine import caches, drivers
from jairika_nb.engine.dtypes import DType, float64
from jairika_nb.errors import DeviceError

PROBE_SOURCE = """
kernel void probe(global float *out, const float a) {
    int i = get_global_id(0);
    out[i] = exp(a) * i;
}
"""
# What a driver must report for data types that OpenCL leaves optional.
EXTENSIONS = {float64: "cl_khr_fp64"}
NO_DEVICE = (
    "no usable OpenCL device: {reason}; {cure}; see `jrk doctor`, or compute with NumPy by "
    "JRK_DEVICE=reference in a terminal, jrk.device('reference') in Python"
)
NO_DRIVER = (
    "install the CPU runtime with `pip install intel-opencl-rt intel-cmplr-lib-rt` on x86-64 "
    "Linux, Debian's `pocl-opencl-icd`, or your GPU vendor's driver"
)


@dataclass(eq=False)
class Device:
    """Something that computes: an OpenCL device, or NumPy as the reference."""

    id: str
    name: str
    driver: str
    kind: str  # "cpu", "gpu" or "reference"
    handle: Any = field(default=None, repr=False)
    probe: str | None = None  # None: not probed yet; "": works; else the reason it does not
    probe_seconds: float = 0.0
    lock: Any = field(default_factory=threading.RLock, repr=False)
    pending: float = field(default=0.0, repr=False)  # seconds of work given since the last wait
    begun: Any = field(default=None, repr=False)  # of a head start, while nothing ran after it

    def __repr__(self) -> str:
        return f"<Device {self.id}: {self.name} ({self.driver})>"

    def __deepcopy__(self, memo: dict) -> Device:
        return self  # a copy computes on the same device

    @property
    def is_reference(self) -> bool:
        """Whether NumPy does the computing."""
        return self.kind == "reference"

    @cached_property
    def context(self) -> Any:
        """The OpenCL context, made on first use."""
        import pyopencl as cl

        return cl.Context([self.handle])

    @cached_property
    def queue(self) -> Any:
        """The in-order command queue; its order is what keeps reuse of freed memory safe."""
        import pyopencl as cl

        profiling = cl.command_queue_properties.PROFILING_ENABLE
        return cl.CommandQueue(self.context, properties=profiling)

    @cached_property
    def compute_units(self) -> int:
        """How many cores or multiprocessors run at once."""
        return 1 if self.is_reference else int(self.handle.max_compute_units)

    @cached_property
    def last_cache(self) -> int:
        """Bytes of the largest cache before memory; some drivers report the one before it."""
        if self.is_reference:
            return 0
        own = int(self.handle.global_mem_cache_size)
        return max(own, caches.last_cache()) if self.kind == "cpu" else own

    @cached_property
    def extensions(self) -> frozenset[str]:
        """The OpenCL extensions that the driver reports."""
        return frozenset() if self.is_reference else frozenset(self.handle.extensions.split())

    def check_dtype(self, dtype: DType) -> None:
        """Raise DeviceError where this device cannot compute with ``dtype``."""
        needs = EXTENSIONS.get(dtype)
        if needs and not self.is_reference and needs not in self.extensions:
            raise DeviceError(
                f"{self.name} ({self.driver}) has no {dtype.name}: the driver lacks {needs}; "
                "use float32 or another device from jrk.devices()"
            )

    def works(self) -> bool:
        """Whether a kernel builds, runs and gives the right numbers; probed once."""
        if self.probe is None:
            # One thread makes the context and the queue, the others wait for them.
            with self.lock:
                if self.probe is None:
                    self.probe = "" if self.is_reference else _probe(self)
        return self.probe == ""


REFERENCE = Device("reference", "NumPy", "numpy", "reference", probe="")
_current: ContextVar[Device | None] = ContextVar("jairika_device", default=None)
_found: list[Device] | None = None
_reason = "no driver was found"
_discovery = threading.Lock()
_forked = False


def _note_fork() -> None:
    global _forked
    _forked = bool(_found)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def check_process(device: Device) -> None:
    """Raise DeviceError in a process forked from one that used OpenCL: drivers live by threads."""
    if _forked and not device.is_reference:
        raise DeviceError(
            f"{device.id} cannot compute here: this process was forked from one that had used "
            "OpenCL, whose drivers do not survive a fork; start it with multiprocessing's 'spawn' "
            "method, or compute with jrk.device('reference') in it"
        )


def _probe(device: Device) -> str:
    import numpy as np
    import pyopencl as cl

    start = time.perf_counter()
    try:
        source = cl.Program(device.context, PROBE_SOURCE)
        program = source.build(cache_dir=drivers.program_cache())
        out = cl.Buffer(device.context, cl.mem_flags.READ_WRITE, 16)
        program.probe(device.queue, (4,), None, out, np.float32(1.0))
        host = np.empty(4, np.float32)
        cl.enqueue_copy(device.queue, host, out)
        device.queue.finish()
    except Exception as error:  # a driver may fail with any of its own errors; all mean "unusable"
        return " ".join(str(error).split())[:300] or type(error).__name__
    finally:
        device.probe_seconds = time.perf_counter() - start
    good = np.allclose(host, np.exp(1.0) * np.arange(4), rtol=1e-5)
    return "" if good else f"wrong numbers from a test kernel: {host.tolist()}"


def _discover() -> list[Device]:
    global _reason
    drivers.register()
    import pyopencl as cl

    # CPU drivers print notes on every build; a failing build raises with the compiler's words.
    warnings.filterwarnings("ignore", category=cl.CompilerWarning, module="pyopencl")
    try:
        platforms = cl.get_platforms()
    except cl.Error as error:
        _reason = "no driver was found" if "PLATFORM_NOT_FOUND" in str(error) else str(error)
        return []
    rows = []
    for platform in platforms:
        try:
            handles = platform.get_devices()
        except cl.Error:
            continue  # a platform without devices, such as a GPU driver on a machine without one
        for handle in handles:
            kind = "gpu" if handle.type & cl.device_type.GPU else "cpu"
            rows.append((kind, platform, handle))
    # GPUs first; among CPU drivers the one whose kernels measured faster.
    rows.sort(key=lambda row: (row[0] != "gpu", "portable" in row[1].name.lower()))
    return [
        Device(f"opencl:{i}", handle.name.strip(), platform.name.strip(), kind, handle)
        for i, (kind, platform, handle) in enumerate(rows)
    ]


def found() -> list[Device]:
    """Every device the drivers list, GPUs first, working or not."""
    global _found
    with _discovery:
        if _found is None:
            _found = _discover()
        return _found


def devices() -> list[Device]:
    """The devices that work, GPUs first, the NumPy reference last.

    Each was probed by building and running a kernel; one that fails is left out, and
    ``jrk doctor`` tells why.
    """
    return [*(d for d in found() if d.works()), REFERENCE]


def find(name: str | Device) -> Device:
    """The device called ``opencl:N``, ``cpu``, ``gpu`` or ``reference``.

    A part of a driver's name, such as ``"portable"`` or ``"intel"``, finds its first device.
    """
    if isinstance(name, Device):
        return name
    if name == "reference":
        return REFERENCE
    wanted = name.lower()
    for device in found():
        labels = (device.id, device.kind)
        if wanted in labels or (len(wanted) > 3 and wanted in device.driver.lower()):
            if device.works():
                return device
            if wanted == device.id:
                raise DeviceError(f"{device.id} ({device.driver}) does not work: {device.probe}")
    known = ", ".join(f"{d.id} ({d.driver}, {d.kind})" for d in (*found(), REFERENCE))
    raise DeviceError(f"no working device {name!r}; found: {known}; see `jrk doctor`")


def default() -> Device:
    """The device of new tensors: the innermost ``with jrk.device(...)``, ``JRK_DEVICE``, the best.

    Raises DeviceError, with the way out, where no driver works: nothing falls back silently.
    """
    current = _current.get()
    return current if current is not None else _best()


def cure() -> str:
    """What to do where no driver works."""
    named = drivers._named_by_user
    if named is not None and drivers.entries():
        return f"OCL_ICD_VENDORS={named} hides the installed drivers; unset it"
    return NO_DRIVER


_best_device: Device | None = None


def _best() -> Device:
    global _best_device
    if _best_device is None:
        named = os.environ.get("JRK_DEVICE")
        _best_device = find(named) if named else next((d for d in found() if d.works()), None)
    if _best_device is None:
        broken = [f"{d.driver}: {d.probe}" for d in found()]
        raise DeviceError(NO_DEVICE.format(reason="; ".join(broken) or _reason, cure=cure()))
    return _best_device


@contextlib.contextmanager
def using(name: str | Device) -> Iterator[Device]:
    """Make a device the default inside the block."""
    device = find(name)
    token = _current.set(device)
    try:
        yield device
    finally:
        _current.reset(token)
