"""What memory gives: loops of OpenCL C that do nothing but stream, of which the best counts.

What reads alone, what writes as much as it reads, and what reads twice as much have limits of their
own: processors read and write over separate paths, and a plain store reads its line first. Here
nothing is planned, allocated or returned between launches.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jairika_nb.bench.operations import streamed
from jairika_nb.engine import paging
from jairika_nb.engine.device import Device

# PLACES: a work-item reads on at so many places in turn; PAST: its stores go past the caches.
TEXT = """\
#ifndef __has_builtin
#define __has_builtin(name) 0
#endif
#if PAST && __has_builtin(__builtin_nontemporal_store)
#define PUT(p, v) __builtin_nontemporal_store(v, p)
#else
#define PUT(p, v) *(p) = (v)
#endif
#define ARGUMENTS global const LANES *x, global const LANES *y, global LANES *z, \\
    const ulong first, const ulong step, const ulong turns
// The vectors i and i + turns of a work-item, or 2 i and 2 i + 1, `step` apart in memory.
#define EACH(at, work) \\
  const size_t begin = get_global_id(0) * first; \\
  for (size_t i = 0; i < turns; i++) { \\
    _Pragma("unroll") \\
    for (int u = 0; u < 2; u++) { \\
      const size_t at = begin + (PLACES == 2 ? i + u * turns : 2 * i + u) * step; \\
      work; \\
    } \\
  }
kernel void only_read(ARGUMENTS) {
  LANES sum[2] = {0, 0};
  EACH(at, sum[u] += x[at])
  z[get_global_id(0)] = sum[0] + sum[1];
}
kernel void copied(ARGUMENTS) { EACH(at, PUT(z + at, 2.0f * x[at])) }
kernel void two_read(ARGUMENTS) { EACH(at, PUT(z + at, x[at] + 3.0f * y[at])) }
"""


@dataclass(frozen=True)
class Kind:
    """A kernel of TEXT, how many arrays it reads and writes, and how long they are.

    A cache may hold a good part of what is twice as large, unless something else is written.
    """

    kernel: str
    reads: int
    writes: int
    length: int = 1

    @property
    def written(self) -> float:
        """The share of its bytes that are written."""
        return self.writes / (self.reads + self.writes)


KINDS = (
    Kind("only_read", 1, 0, length=2),
    Kind("two_read", 2, 1),
    Kind("copied", 1, 1),
)
# Runs of each form, in turn; the first one does not count.
TURNS = 8


@dataclass
class Form:
    """A way to launch a kernel, the values that it goes through, and how long it took."""

    kind: Kind
    kernel: Any
    items: int
    count: int
    seconds: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Bytes a second, at best."""
        return 4 * self.count * (self.kind.reads + self.kind.writes) / min(self.seconds[1:])


def rates(device: Device) -> dict[float, float]:
    """Bytes a second that an OpenCL device streams at most, by the share of them it writes."""
    arrays = [_filled(device, length * streamed()) for length in (2, 1, 1)]
    forms = [
        _form(device, kind, program, items, arrays)
        for program in [_built(device, *each) for each in itertools.product((1, 2), (0, 1))]
        for kind, items in itertools.product(KINDS, _items(device))
    ]
    for _ in range(TURNS):
        for form in forms:
            form.seconds.append(_timed(device, form.kernel, form.items))
    return {k.written: max(f.rate for f in forms if f.kind is k) for k in KINDS}


def _form(device: Device, kind: Kind, program: Any, items: int, arrays: list[Any]) -> Form:
    import pyopencl as cl

    turns = kind.length * streamed() // _lanes(device) // items // 2
    # Vectors of a work-item lie side by side on a CPU, those of neighbours on a GPU.
    first, step = (2 * turns, 1) if device.kind == "cpu" else (1, items)
    kernel = cl.Kernel(program, kind.kernel)
    kernel.set_args(*arrays, *map(np.uint64, (first, step, turns)))
    return Form(kind, kernel, items, 2 * turns * items * _lanes(device))


def _lanes(device: Device) -> int:
    return 16 if device.kind == "cpu" else 4


def _filled(device: Device, count: int) -> Any:
    """Memory that has been written: what was never touched has no pages."""
    return memory(device, np.ones(count, np.float32))


def memory(device: Device, values: np.ndarray) -> Any:
    """New memory of a device that holds an array, in large pages where tensors would be."""
    import pyopencl as cl

    buffer = cl.Buffer(device.context, cl.mem_flags.READ_WRITE, values.nbytes)
    paging.ask(device, buffer, values.nbytes)
    cl.enqueue_copy(device.queue, buffer, values)
    return buffer


def _built(device: Device, places: int, past: int) -> Any:
    import pyopencl as cl

    options = [f"-DLANES=float{_lanes(device)}", f"-DPLACES={places}", f"-DPAST={past}"]
    return cl.Program(device.context, TEXT).build(options, [device.handle])


def _items(device: Device) -> tuple[int, ...]:
    """Numbers of work-items that are tried."""
    units = device.compute_units
    return (units, 8 * units) if device.kind == "cpu" else (1024 * units, 4096 * units)


def _timed(device: Device, kernel: Any, items: int) -> float:
    import pyopencl as cl

    local = (1,) if device.kind == "cpu" else None
    began = time.perf_counter()
    cl.enqueue_nd_range_kernel(device.queue, kernel, (items,), local)
    device.queue.finish()
    return time.perf_counter() - began
