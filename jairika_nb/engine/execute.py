"""Runs plans on an OpenCL device: binds arguments, launches."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jairika_nb.engine import blame, debug, faults, matrix_units, memory, reference
from jairika_nb.engine import device as devices
from jairika_nb.engine.build import build
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import argument as argument_of
from jairika_nb.engine.graph import Node
from jairika_nb.engine.plan import Plan, plan
from jairika_nb.engine.program import Entry, Program, capture
from jairika_nb.engine.source import Source
from jairika_nb.errors import KernelError, OutOfMemory

PLANS_KEPT = 512


@dataclass
class Launch:
    """One launch as the profiler sees it."""

    source: Source
    event: Any
    device: Device
    at: float = field(default_factory=time.perf_counter)  # host time of the enqueue


@dataclass
class HostStep:
    """One step that NumPy computed, with its copies: host time of its begin, and seconds."""

    source: Source
    device: Device
    at: float
    seconds: float


@dataclass
class Recorder:
    """What a profile collects while it is active."""

    launches: list[Launch] = field(default_factory=list)
    host: list[HostStep] = field(default_factory=list)
    compiles: int = 0
    compile_seconds: float = 0.0


recorders: list[Recorder] = []
_plans: OrderedDict[tuple, Plan] = OrderedDict()
_lock = threading.RLock()


def key_of(program: Program, device: Device) -> tuple:
    """Equal where one plan does: the device, the structure, and how exact products must be."""
    return device, program.key, matrix_units.get_float32_matmul_precision()


def planned(program: Program, device: Device) -> Plan:
    """The plan of a program, from the cache where one of its structure ran before."""
    key = key_of(program, device)
    with _lock:
        found = _plans.get(key)
        if found is None:
            found = plan(program, device)
            _check_sizes(found, device)
            _plans[key] = found
            if len(_plans) > PLANS_KEPT:
                _plans.popitem(last=False)
        else:
            _plans.move_to_end(key)
    return found


def forget_plans(device: Device) -> None:
    """Plan what comes on a device anew: what plans depend on beside the program has changed."""
    with _lock:
        for key in [key for key in _plans if key[0] is device]:
            del _plans[key]


def _check_sizes(steps: Plan, device: Device) -> None:
    """Raise OutOfMemory, before anything runs, where a result is larger than the device allows."""
    for entry in (e for source in steps.sources for e in source.outputs):
        row = steps.entries[entry]
        memory.room(device).check(row.size * row.dtype.itemsize)


def built(device: Device, steps: Plan) -> list[Any]:
    """The kernels of a plan, compiled where they are new."""
    start = time.perf_counter()
    kernels, compiled = build(device, steps.sources)
    if compiled:
        for recorder in recorders:
            recorder.compiles += compiled
            recorder.compile_seconds += time.perf_counter() - start
    return kernels


def evaluate(roots: list[Node]) -> None:
    """Compute ``roots`` on their device; each one's ``value`` becomes a device buffer."""
    device = roots[0].device
    devices.check_process(device)
    # Another thread may be giving values to shared nodes, so the graph is read under the lock too.
    with device.lock:
        roots = [root for root in roots if root.value is None]
        if not roots:
            return
        program = capture(roots, with_held=True)
        roots += program.held
        steps = planned(program, device)
        if debug.views:
            debug.evaluation(device, roots)
        buffers: dict[int, memory.Buffer] = {
            i: program.leaves[e.attrs[0]] for i, e in enumerate(steps.entries) if e.op == "leaf"
        }
        try:
            kernels = built(device, steps)
            try:
                _run(device, steps, kernels, program, buffers)
            except BaseException:
                faults.forget(device)
                raise
            if faults.possible(steps.checks, buffers):
                faults.confirm(device, roots)
            for root, entry in zip(roots, steps.results, strict=True):
                root.value = buffers[entry]
        except KernelError as error:
            blame.kernel(error, roots, program, steps)
            raise
        finally:
            # A traceback would keep the memory of what failed.
            buffers.clear()
        if debug.views:
            debug.memory(device, memory.usage.live, memory.usage.peak)


def _run(
    device: Device, steps: Plan, kernels: list[Any], program: Program, buffers: dict[int, Any]
) -> None:
    for source, kernel, free in zip(steps.sources, kernels, steps.frees, strict=True):
        if source.host is not None:
            buffers[source.outputs[0]] = on_host(device, source, steps.entries, buffers)
        else:
            for entry in source.outputs:
                row = steps.entries[entry]
                buffers[entry] = memory.Buffer(device, row.size * row.dtype.itemsize)
            _launch(device, source, kernel, program, buffers)
        for entry in free:
            del buffers[entry]


def on_host(
    device: Device, source: Source, entries: list[Entry], buffers: dict[int, memory.Buffer]
) -> memory.Buffer:
    """What NumPy computes: inputs come to the host, the result goes back."""
    assert source.host is not None
    start = time.perf_counter()
    dtypes = [entries[a.value].dtype for a in source.arguments]
    rows = zip(source.arguments, source.shapes, dtypes, strict=True)
    arrays = [memory.download(device, buffers[a.value], s, d) for a, s, d in rows]
    with np.errstate(all="ignore"):
        result = reference.compute(source.host.op, source.host.attrs, arrays, source.host.dtype)
    buffer = memory.upload(device, np.ascontiguousarray(result))
    for recorder in recorders:
        step = HostStep(source, device, start, time.perf_counter() - start)
        recorder.host.append(step)
    return buffer


def _launch(
    device: Device, source: Source, kernel: Any, program: Program, buffers: dict[int, Any]
) -> None:
    import pyopencl as cl

    if 0 in source.global_size:
        return
    try:
        # Held until the launch is in the queue: others may take memory that is let go.
        own: list[memory.Buffer] = []
        arguments = [_argument(device, a, program, buffers, own) for a in source.arguments]
        kernel.set_args(*arguments)
        event = cl.enqueue_nd_range_kernel(
            device.queue, kernel, source.global_size, source.local_size
        )
    except cl.Error as error:
        raise failure(device, source, error) from None
    device.pending += source.most_seconds
    note(device, source, event)


def note(device: Device, source: Source, event: Any) -> None:
    """Tell profiles and the debugging views of a launch."""
    for recorder in recorders:
        recorder.launches.append(Launch(source, event, device))
    if debug.views:
        debug.launch(source, event, device)


def failure(device: Device, source: Source, error: Exception) -> KernelError | OutOfMemory:
    """What to raise where a driver refuses a kernel."""
    import pyopencl as cl

    if isinstance(error, cl.MemoryError):
        return OutOfMemory(
            f"{device.name} has no room to run kernel {source.name}; free tensors or use smaller "
            "batches"
        )
    reason = " ".join(str(error).split())
    return KernelError(
        f"{device.name} did not run kernel {source.name}: {reason}; see `jrk doctor`", source
    )


def _argument(
    device: Device,
    argument: Any,
    program: Program,
    buffers: dict[int, Any],
    own: list[memory.Buffer],
) -> Any:
    """The value of an argument; memory that only the kernel needs is kept in ``own``."""
    if argument.kind == "buffer":
        return buffers[argument.value].cl
    if argument.kind == "scratch":
        # The queue is in order, so the next kernel may be given it as soon as this one is queued.
        own.append(memory.Buffer(device, argument.value))
        return own[-1].cl
    if argument.kind == "stream":
        slot, word = argument.value
        return np.uint32(program.streams[slot][word])
    if argument.kind == "scalar":
        return argument_of(program.scalars[argument.value], argument.dtype)
    return fixed(device, argument)


def fixed(device: Device, argument: Any) -> Any:
    """The value of an argument that is the same in every run of a plan."""
    if argument.kind in ("fault", "counter"):
        return faults.buffer(device) if argument.kind == "fault" else faults.counter(device)
    if argument.kind == "number":
        return argument_of(argument.value, argument.dtype)
    return {"int": np.int32, "long": np.int64}[argument.kind](argument.value)
