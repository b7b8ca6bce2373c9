"""How the pieces of a routine's work are spread over work-items."""

from __future__ import annotations

import math
from collections.abc import Mapping

from jairika_nb.engine.code import GRAIN
from jairika_nb.engine.device import Device
from jairika_nb.engine.routines import template
from jairika_nb.engine.source import Argument, Source

# Work-items of a GPU's work-group that needs nothing of each other.
LOCAL = 64


def share(device: Device, pieces: int, elements: int) -> tuple[int, int]:
    """How many pieces a work-item takes one after the other, and how many work-items there are."""
    if device.kind == "gpu":
        return 1, pieces
    wanted = max(1, min(pieces, elements // GRAIN, device.compute_units * 8))
    each = max(1, math.ceil(pieces / wanted))
    return each, math.ceil(pieces / each)


def source(
    file: str,
    name: str,
    macros: Mapping[str, object],
    arguments: list[Argument],
    launch: tuple[Device, int, int],
    moved: int,
) -> Source:
    """The kernel of a template; ``launch`` is a device, work-items and those of a work-group."""
    device, items, group = launch
    group = group or (LOCAL if device.kind == "gpu" else 1)
    defined = "".join(f"#define {key} {value}\n" for key, value in macros.items())
    body = defined + template(file).replace("KERNEL_NAME", name)
    preambles = frozenset({"pick"} if any(a.kind == "fault" for a in arguments) else ())
    size = math.ceil(items / group) * group
    return Source(name, body, preambles, arguments, (size,), (group,), [], moved, 0)


def ints(*values: int) -> list[Argument]:
    """Arguments that are sizes."""
    return [Argument("int", v) for v in values]
