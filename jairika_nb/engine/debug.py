"""``JRK_DEBUG=graph,plan,code,launch,memory``: what the engine does, as text on standard error.

graph: every graph that is evaluated; plan: its kernels and what they cost; code: the OpenCL C of
kernels, each once; launch: every launch with its time, which waits for it; memory: the bytes in
use after each evaluation.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import Node
from jairika_nb.engine.source import Source

VIEWS = ("graph", "plan", "code", "launch", "memory")
FIRST, LAST = 60, 60  # lines of a long graph
_shown: set[str] = set()


def _wanted(text: str) -> frozenset[str]:
    """The views that a setting names; what it cannot name is told.

    >>> sorted(_wanted("plan, code"))
    ['code', 'plan']
    """
    words = {w.strip() for w in text.split(",") if w.strip()}
    for word in sorted(words - {*VIEWS}):
        print(f"JRK_DEBUG: no view {word!r}; there are {', '.join(VIEWS)}", file=sys.stderr)
    return frozenset(words & {*VIEWS})


views: frozenset[str] = _wanted(os.environ.get("JRK_DEBUG", ""))


def evaluation(device: Device, roots: list[Node]) -> None:
    """Show what evaluating ``roots`` is about to do."""
    from jairika_nb.engine.outline import columns, outline

    if not views & {"graph", "plan", "code"}:
        return
    found = outline(roots)
    _say("graph", f"{len(found.nodes)} nodes on {device.id}", found.lines(FIRST, LAST))
    rows = [_plan_row(i, source) for i, source in enumerate(found.sources)]
    _say("plan", f"{len(rows)} kernel{'s' * (len(rows) != 1)} on {device.id}", columns(rows))
    for source in found.sources:
        if source.text not in _shown and source.text:
            _shown.add(source.text)
            _say("code", source.name, source.text.rstrip().split("\n"))


def _plan_row(i: int, source: Source) -> tuple[str, ...]:
    size = " x ".join(map(str, source.global_size)) or "on the host"
    return f"{i + 1}", source.name, f"{size} items", f"{source.bytes} B", f"{source.flops} flop"


def launch(source: Source, event: Any, device: Device) -> None:
    """Show a launch when it is done."""
    if "launch" in views:
        event.wait()
        seconds = (event.profile.end - event.profile.start) * 1e-9
        _say("launch", f"{source.name} on {device.id}: {seconds * 1e6:.1f} us", [])


def memory(device: Device, live: int, peak: int) -> None:
    """Show the bytes in use."""
    _say("memory", f"{device.id}: {live} B in use, {peak} B at most", [])


def _say(view: str, title: str, lines: list[str]) -> None:
    if view in views:
        text = "".join(f"\n  {line}" for line in lines)
        print(f"jrk {view}: {title}{text}", file=sys.stderr)
