"""Compiles kernels: those that a plan lacks together in one program, each kernel once a process.

Drivers compile twenty kernels in one program several times faster than in twenty programs; they
compile one program at a time, so that threads would gain nothing.
PyOpenCL keeps the binaries of programs on disk, by device, driver and source.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from operator import attrgetter
from typing import Any, NamedTuple

from jairika_nb.engine import pocl
from jairika_nb.engine.device import Device
from jairika_nb.engine.drivers import program_cache
from jairika_nb.engine.source import Source
from jairika_nb.engine.spelling import PREAMBLES
from jairika_nb.errors import KernelError

# Without warnings: PoCL's compiler counts them on standard error, in a notebook's cells too.
OPTIONS = ["-cl-std=CL1.2", "-w"]
# Of programs whose work-items hand each other values, which older language has no functions for.
NEWER = ["-cl-std=CL3.0", "-w"]
# GPUs divide and take roots less exactly unless asked, where they can.
EXACT = "-cl-fp32-correctly-rounded-divide-sqrt"
# So many kernels of a device stay in memory, those used last; a driver takes up to a MiB for each.
KEPT = 1024


class Built(NamedTuple):
    """A kernel, its program and its name there."""

    kernel: Any
    program: Any
    name: str


_built: dict[Device, OrderedDict[str, Built]] = {}


def build(device: Device, sources: list[Source]) -> tuple[list[Any], int]:
    """The kernels of ``sources``, and how many of them had to be compiled."""
    known = _built.setdefault(device, OrderedDict())
    wanted = {s.text: s for s in sources if s.host is None}
    missing = [s for text, s in wanted.items() if text not in known]
    if missing:
        _build_together(device, missing)
    for text in wanted:
        known.move_to_end(text)
    found = [None if s.host else known[s.text].kernel for s in sources]
    while len(known) > max(KEPT, len(wanted)):
        known.popitem(last=False)
    return found, len(missing)


def instance(device: Device, source: Source) -> Any:
    """A kernel of its own for a source that was just built: its arguments are nobody else's."""
    import pyopencl as cl

    built = _built[device][source.text]
    return cl.Kernel(built.program, built.name)


def _build_together(device: Device, sources: list[Source]) -> None:
    import pyopencl as cl

    is_pocl = device.handle.platform.name == pocl.PLATFORM
    text = joined(sources, pocl.apart if is_pocl else attrgetter("body"))
    options = NEWER if "sub_group_" in text else OPTIONS
    if device.kind == "gpu":
        text = with_definitions(text)
        exact = cl.device_fp_config.CORRECTLY_ROUNDED_DIVIDE_SQRT
        options = [*options, EXACT] if device.handle.single_fp_config & exact else options
    try:
        program = cl.Program(device.context, text).build(options, cache_dir=program_cache())
    except cl.Error as error:
        if len(sources) > 1:
            # One by one, so that the error names the kernel it is about.
            for source in sources:
                _build_together(device, [source])
            return
        raise KernelError(
            f"{device.name} did not compile kernel {sources[0].name}: {_complaint(error)}",
            sources[0],
        ) from None
    for number, source in enumerate(sources):
        name = _numbered(source.name, number)
        _built[device][source.text] = Built(cl.Kernel(program, name), program, name)


def joined(sources: list[Source], written: Callable[[Source], str] = attrgetter("body")) -> str:
    """One program of several kernels: shared functions once, every other name made unique."""
    needed = sorted(set().union(*(s.preambles for s in sources)))
    bodies = [written(s) for s in sources]
    parts = [_extensions(sources), pocl.functions(bodies), *(PREAMBLES[p] for p in needed)]
    for number, body in enumerate(bodies):
        for name in set(re.findall(r"\b(?:void|inline \w+) (\w+)\(", body)):
            body = re.sub(rf"\b{name}\(", f"{_numbered(name, number)}(", body)
        macros = dict.fromkeys(re.findall(r"#define (\w+)", body))
        parts += [body, *(f"#undef {m}\n" for m in macros)]
    return "".join(parts)


def with_definitions(text: str) -> str:
    """A program whose functions exist also where a compiler does not inline their calls.

    ``inline`` alone is C99's: it leaves such a call to a definition elsewhere. CPU drivers inline
    everything.
    """
    return re.sub(r"^(\s*)inline ", r"\1static inline ", text, flags=re.MULTILINE)


def _numbered(name: str, number: int) -> str:
    # Kernels that were joined before have names that end in numbers: these end otherwise.
    return f"{name}_k{number}"


def _extensions(sources: list[Source]) -> str:
    rows = (("double", "cl_khr_fp64"),)
    return "".join(
        f"#pragma OPENCL EXTENSION {name} : enable\n"
        for word, name in rows
        if any(word in s.text for s in sources)
    )


def _complaint(error: Exception) -> str:
    lines = str(error).splitlines()
    return next((line for line in lines if "error" in line.lower()), lines[0]).strip()
