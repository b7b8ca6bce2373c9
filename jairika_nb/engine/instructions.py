"""Instructions beyond OpenCL C, which are tried out before they are used.

What a driver lists and what it compiles are two things, so a small kernel has to give the right
numbers first, as with devices themselves.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from jairika_nb.engine.build import with_definitions
from jairika_nb.engine.device import Device
from jairika_nb.engine.drivers import program_cache


@lru_cache(64)
def work(device: Device, text: str, items: int, wanted: tuple[float, ...], option: str) -> bool:
    """Whether kernel ``probe`` of a text, run by a work-group, writes the wanted numbers."""
    import pyopencl as cl

    try:
        program = cl.Program(device.context, with_definitions(text))
        program = program.build([option], cache_dir=program_cache())
        host = np.full(len(wanted), np.nan, np.float32)
        out = cl.Buffer(device.context, cl.mem_flags.READ_WRITE, host.nbytes)
        program.probe(device.queue, (items,), (items,), out)
        cl.enqueue_copy(device.queue, host, out)
    except cl.Error:
        return False
    return host.tolist() == list(wanted)
