"""What comes on top of the work: the import of the package, and the host's share of a launch."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import jairika_nb as jrk

LAUNCHES = 1000
IMPORT = """
import time
start = time.perf_counter()
import jairika_nb
print(time.perf_counter() - start)
"""


def imported(rounds: int = 5) -> list[float]:
    """Seconds of ``import jairika_nb``, each in a process of its own."""
    command = [sys.executable, "-c", IMPORT]
    return [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(rounds)
    ]


def launched(launches: int = LAUNCHES) -> list[float]:
    """The host's seconds for each launch of a compiled function, with all it does for a call."""
    x = jrk.tensor([[3.0, 1.0], [2.0, 4.0]])
    links = jrk.compile(_links)
    for _ in range(3):
        links(x).numpy()
    with jrk.profile() as p:
        links(x).numpy()
    seconds = []
    for _ in range(max(20, 2 * launches // p.launches)):
        start = time.perf_counter()
        result = links(x)
        seconds.append((time.perf_counter() - start) / p.launches)
        # The queue is emptied between calls: a full one would make the host wait.
        result.numpy()
    return seconds


def _links(x: Any) -> Any:
    # Sorts cannot join other kernels, so that each is a launch.
    for _ in range(100):
        x = jrk.sort(x, axis=0) * 0.5
    return x
