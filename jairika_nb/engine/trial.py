"""Compiles what a user wrote once, to see whether it compiles and what the compiler says of it."""

from __future__ import annotations

import re
from functools import lru_cache

from jairika_nb.engine import csource
from jairika_nb.engine.build import OPTIONS
from jairika_nb.engine.device import Device
from jairika_nb.engine.drivers import program_cache
from jairika_nb.engine.spelling import WIDTH

# FILE:3:14: error: what is wrong (clang), and error: FILE:3:14: what is wrong (PoCL).
_LOCATED = (
    re.compile(r":(?P<line>\d+):\d+:\s*(?:fatal )?error:\s*(?P<words>.*)"),
    re.compile(r"error:\s*\S*?:(?P<line>\d+):\d+:\s*(?P<words>.*)"),
)


@lru_cache(maxsize=64)
def compile_error(device: Device, text: str) -> tuple[int, str] | None:
    """The line of ``text`` (from 1) and the compiler's words where it does not compile."""
    import pyopencl as cl

    head = "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n" if "double" in text else ""
    try:
        program = cl.Program(device.context, f"{head}{text}\n")
        program.build(OPTIONS, cache_dir=program_cache())
    except cl.Error as error:
        return _complaint(str(error), head.count("\n"))
    return None


def _complaint(log: str, before: int) -> tuple[int, str]:
    found = next((f for form in _LOCATED if (f := form.search(log))), None)
    if found is None:
        lines = [line for line in log.splitlines() if "error" in line.lower()] or [log]
        return 0, " ".join(lines[0].split())
    return int(found["line"]) - before, " ".join(found["words"].split())


def vector_compiles(device: Device, text: str) -> bool:
    """Whether an element function means the same with vectors of floats in place of floats.

    OpenCL C converts between vectors only where asked to, and a comparison of vectors is no number
    there, so a text whose meaning would change does not compile.
    """
    if re.search(r"\b(?:if|while|switch)\b", csource.without_comments(text)):
        return False  # lanes cannot go different ways; some drivers print each failed attempt
    return compile_error(device, re.sub(r"\bfloat\b", f"float{WIDTH}", text)) is None
