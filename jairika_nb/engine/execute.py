"""Runs plans on an OpenCL device: binds arguments, launches."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jairika_nb.engine import faults, memory
from jairika_nb.engine.build import build
from jairika_nb.engine.code import Source
from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import TABLE, Node
from jairika_nb.engine.plan import Plan, plan
from jairika_nb.engine.program import Entry, Program, capture
from jairika_nb.errors import KernelError

PLANS_KEPT = 512


@dataclass
class Launch:
    """One launch as the profiler sees it."""

    source: Source
    event: Any
    device: Device


@dataclass
class Recorder:
    """What a profile collects while it is active."""

    launches: list[Launch] = field(default_factory=list)
    compiles: int = 0


recorders: list[Recorder] = []
_plans: OrderedDict[tuple, Plan] = OrderedDict()
_lock = threading.RLock()


def planned(program: Program, device: Device) -> Plan:
    """The plan of a program, from the cache where one of its structure ran before."""
    key = (device, program.key)
    with _lock:
        found = _plans.get(key)
        if found is None:
            found = _plans[key] = plan(program, device)
            if len(_plans) > PLANS_KEPT:
                _plans.popitem(last=False)
        else:
            _plans.move_to_end(key)
    return found


def evaluate(roots: list[Node]) -> None:
    """Compute ``roots`` on their device; each one's ``value`` becomes a device buffer."""
    device = roots[0].device
    # Another thread may be giving values to shared nodes, so the graph is read under the lock too.
    with device.lock:
        program = capture(roots)
        steps = planned(program, device)
        kernels, compiled = build(device, steps.sources)
        for recorder in recorders:
            recorder.compiles += compiled
        buffers: dict[int, memory.Buffer] = {
            i: program.leaves[e.attrs[0]] for i, e in enumerate(steps.entries) if e.op == "leaf"
        }
        for source, kernel, free in zip(steps.sources, kernels, steps.frees, strict=True):
            if source.host is not None:
                buffers[source.outputs[0]] = _on_host(device, source, steps.entries, buffers)
            else:
                for entry in source.outputs:
                    row = steps.entries[entry]
                    buffers[entry] = memory.Buffer(device, row.size * row.dtype.itemsize)
                _launch(device, source, kernel, program, buffers)
            for entry in free:
                del buffers[entry]
        for root, entry in zip(roots, steps.results, strict=True):
            root.value = buffers[entry]
        if any(a.kind == "fault" for s in steps.sources for a in s.arguments):
            faults.suspect(device, roots)


def _on_host(
    device: Device, source: Source, entries: list[Entry], buffers: dict[int, memory.Buffer]
) -> memory.Buffer:
    """What NumPy computes: inputs come to the host, the result goes back."""
    assert source.host is not None
    faults.check(device)
    dtypes = [entries[a.value].dtype for a in source.arguments]
    rows = zip(source.arguments, source.shapes, dtypes, strict=True)
    arrays = [memory.download(device, buffers[a.value], s, d) for a, s, d in rows]
    with np.errstate(all="ignore"):
        result = TABLE[source.host.op].reference(source.host.attrs, *arrays)
    host = np.ascontiguousarray(np.asarray(result, dtype=source.host.dtype.numpy))
    return memory.upload(device, host)


def _launch(
    device: Device, source: Source, kernel: Any, program: Program, buffers: dict[int, Any]
) -> None:
    import pyopencl as cl

    if 0 in source.global_size:
        return
    try:
        kernel.set_args(*[_argument(device, a, program, buffers) for a in source.arguments])
        event = cl.enqueue_nd_range_kernel(
            device.queue, kernel, source.global_size, source.local_size
        )
    except cl.Error as error:
        reason = " ".join(str(error).split())
        raise KernelError(
            f"{device.name} did not run kernel {source.name}: {reason}; see `jrk doctor`"
        ) from None
    for recorder in recorders:
        recorder.launches.append(Launch(source, event, device))


def _argument(device: Device, argument: Any, program: Program, buffers: dict[int, Any]) -> Any:
    if argument.kind == "buffer":
        return buffers[argument.value].cl
    if argument.kind == "fault":
        return faults.buffer(device)
    if argument.kind == "scratch":
        # The queue is in order, so the pool may give the memory to the next kernel at once.
        return memory.Buffer(device, argument.value).cl
    if argument.kind in ("int", "long"):
        return {"int": np.int32, "long": np.int64}[argument.kind](argument.value)
    if argument.kind == "stream":
        slot, word = argument.value
        return np.uint32(program.streams[slot][word])
    kind = np.int32 if argument.dtype.kind == "bool" else argument.dtype.numpy.type
    return kind(program.scalars[argument.value])
