"""How long a block may take and how much memory it may come to hold."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def bounded(seconds: float = 5, kilobytes: int = 50_000) -> Iterator[None]:
    """Fail where the block takes longer, or the process grows by more meanwhile."""
    started, before = time.monotonic(), 0
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here: proc(5)
        before = _status("VmRSS")
    yield
    assert time.monotonic() - started < seconds
    if sys.platform == "linux":
        assert _status("VmHWM") - before < kilobytes


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))
