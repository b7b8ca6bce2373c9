"""Rounds of steps, from one library's process to the next one's."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.bench.workloads import WORKLOADS, Arrays, Workload
from jairika_nb.errors import WordError

# Library -> the package that has to be installed.
LIBRARIES = {
    "jairika_nb": "jairika_nb",
    "pytorch": "torch",
    "torch.compile": "torch",
    "jax": "jax",
    "numpy": "numpy",
    "tinygrad": "tinygrad",
}
# Those that keep what they compiled on disk, so that a second start is another one.
KEEPING = {"jairika_nb", "torch.compile"}
# Seconds that the threads of the library before get to go to sleep.
REST = 0.05


@dataclass
class Outcome:
    """What one library made of a workload.

    ``seconds`` of each step; ``cold`` those of the first step of all with whatever it compiles,
    ``warm`` of the first step of a later process; ``error``: the largest distance from float64 by
    the largest number of the array; ``facts``: what the library tells, ``bytes`` that a step needs
    at most and ours ``launches``; ``failed``: the last line of its error.
    """

    library: str
    workload: Workload
    seconds: list[float] = field(default_factory=list)
    cold: float = math.nan
    warm: float = math.nan
    error: float | None = None
    facts: dict[str, int] = field(default_factory=dict)
    failed: str = ""

    @property
    def median(self) -> float:
        """Seconds of a step."""
        return statistics.median(self.seconds) if self.seconds else math.nan

    @property
    def least(self) -> float:
        """Seconds of the fastest step."""
        return min(self.seconds, default=math.nan)

    def to_json(self) -> dict[str, Any]:
        """The outcome in seconds and bytes."""
        numbers = {
            "median_seconds": self.median, "least_seconds": self.least,
            "cold_first_step_seconds": self.cold, "warm_first_step_seconds": self.warm,
        }  # fmt: skip
        kept = {key: value for key, value in numbers.items() if not math.isnan(value)}
        more = {"error": self.error, "failed": self.failed or None}
        return {"library": self.library, **kept, **more, **self.facts}


def installed() -> list[str]:
    """The libraries that are here, ours first."""
    return [name for name, needs in LIBRARIES.items() if importlib.util.find_spec(needs)]


def measure(
    name: str,
    libraries: Sequence[str] | None = None,
    *,
    rounds: int = 7,
    device: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> list[Outcome]:
    """Run the workload ``name`` in each of ``libraries`` (default: all that are installed).

    Each of ``rounds`` rounds gives every library a few steps, in turn; the first one does not
    count. ``device`` is where ours runs. A library that cannot do it is left out, one that fails
    says so in its outcome. Raises WordError for names that are unknown.
    """
    names = installed() if libraries is None else list(libraries)
    check([name], names)
    workload = WORKLOADS[name]
    outcomes: list[Outcome] = []
    with ExitStack() as stack:
        running = []
        for library in names:
            say(f"{name}: {library}")
            process, outcome = stack.enter_context(_warmed(library, workload, device))
            if process is None:
                continue  # it has no such thing
            outcomes.append(outcome)
            if not outcome.failed:
                running.append((process, outcome))
        for turn in range(rounds + 1):
            for process, outcome in running:
                found = _asked(process, outcome, {"steps": workload.steps}).get("seconds", [])
                outcome.seconds += found if turn else []
                time.sleep(REST)
        for process, outcome in running:
            outcome.facts = _asked(process, outcome, {"memory": True})
        _judge(workload, running)
    return outcomes


def check(names: Sequence[str], libraries: Sequence[str]) -> None:
    """Raise WordError for a workload that is unknown, or a library that is unknown or not here."""
    for name in names:
        if name not in WORKLOADS:
            raise WordError(f"bench: {name!r} is no workload; there are {', '.join(WORKLOADS)}")
    here = installed()
    for library in libraries:
        if library not in LIBRARIES:
            raise WordError(f"bench: {library!r} is no library; there are {', '.join(LIBRARIES)}")
        if library not in here:
            raise WordError(
                f"bench: {library} is not installed; `pip install {LIBRARIES[library]}`"
            )


@contextmanager
def _warmed(library: str, workload: Workload, device: str | None) -> Iterator[tuple[Any, Outcome]]:
    """A process past its first step, in a cache of its own that an earlier one has filled."""
    outcome = Outcome(library, workload)
    with tempfile.TemporaryDirectory(prefix="jrk-bench-") as cache:
        if library in KEEPING:
            with _started(library, workload.name, device, cache) as process:
                outcome.cold = _answer(process, outcome).get("first", math.nan)
        with _started(library, workload.name, device, cache) as process:
            ready = _answer(process, outcome)
            outcome.warm = ready.get("first", math.nan)
            yield (None if ready.get("refused") else process), outcome


@contextmanager
def _started(library: str, name: str, device: str | None, cache: str) -> Iterator[Any]:
    command = [sys.executable, "-m", "jairika_nb.bench.contender", library, name]
    chosen = {"JRK_DEVICE": device} if device else {}
    caches = {"XDG_CACHE_HOME": cache, "TORCHINDUCTOR_CACHE_DIR": f"{cache}/inductor"}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
            env={**os.environ, **caches, **chosen},
        )  # fmt: skip
        try:
            yield process, errors
        finally:
            process.kill()
            process.communicate()


def _asked(process: Any, outcome: Outcome, question: dict[str, Any]) -> dict[str, Any]:
    if outcome.failed:
        return {}
    try:
        process[0].stdin.write(json.dumps(question) + "\n")
        process[0].stdin.flush()
    except BrokenPipeError:
        pass  # the answer that does not come tells
    return _answer(process, outcome)


def _answer(process: Any, outcome: Outcome) -> dict[str, Any]:
    line = process[0].stdout.readline()
    if line:
        return json.loads(line)
    process[0].wait()
    process[1].seek(0)
    lines = process[1].read().strip().splitlines()
    outcome.failed = lines[-1] if lines else f"it ended with {process[0].returncode}"
    return {}


# How far from float64


def _judge(workload: Workload, running: list[tuple[Any, Outcome]]) -> None:
    """Fill in the errors, where something that computes in float64 is at hand."""
    expected = _expected(workload)
    if expected is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        for process, outcome in running:
            path = Path(folder, "results.npz")
            _asked(process, outcome, {"results": str(path)})
            if not outcome.failed:
                with np.load(path) as found:
                    outcome.error = distance({key: found[key] for key in found}, expected)
                path.unlink()


def _expected(workload: Workload) -> Arrays | None:
    """NumPy's result in float64, for training PyTorch's, or None."""
    if workload.kind == "op":
        from jairika_nb.bench import with_numpy

        made = with_numpy.ready(workload, np.float64)
        return None if made is None else made.results()
    if not importlib.util.find_spec("torch"):
        return None
    import torch

    from jairika_nb.bench import with_torch

    return with_torch.ready(workload, dtype=torch.float64).results()


def distance(found: Arrays, expected: Arrays) -> float:
    """The largest difference of an array's elements by its largest element, over all arrays.

    >>> distance({"a": np.array([1.0, 2.0])}, {"a": np.array([1.0, 2.5])})
    0.2
    """
    if found.keys() != expected.keys():
        missing = sorted(expected.keys() ^ found.keys())
        raise ValueError(f"other arrays than expected: {missing}")
    return max(
        float(np.abs(found[key] - expected[key]).max() / np.abs(expected[key]).max())
        for key in expected
    )
