"""Rounds of steps, from one library's process to the next one's."""

from __future__ import annotations

import importlib.util
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from jairika_nb.bench.asking import Process
from jairika_nb.bench.judging import judge
from jairika_nb.bench.operations import OPERATIONS, workload
from jairika_nb.bench.workloads import WORKLOADS, Workload
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
# Beside single operations, which share a process: quick to start and to compile.
BESIDE_OPERATIONS = ("jairika_nb", "pytorch", "jax", "numpy")
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


Say = Callable[[str], None]


def measure(
    name: str,
    libraries: Sequence[str] | None = None,
    *,
    rounds: int = 7,
    device: str | None = None,
    say: Say = lambda text: None,
) -> list[Outcome]:
    """Run the workload ``name`` in each of ``libraries`` (default: all that are installed).

    Each of ``rounds`` rounds gives every library a few steps, in turn; the first one does not
    count. ``device`` is where ours runs. A library that cannot do it is left out, one that fails
    says so in its outcome. Raises WordError for names that are unknown.
    """
    names = installed() if libraries is None else list(libraries)
    check([name], names)
    with ExitStack() as stack:
        running = []
        for library in names:
            say(f"{name}: {library}")
            cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="jrk-bench-"))
            process = stack.enter_context(Process(library, device, cache))
            running.append((process, _warmed(process, workload(name))))
        return _measured(workload(name), running, rounds)


def measure_together(
    names: Sequence[str],
    libraries: Sequence[str] | None = None,
    *,
    rounds: int = 7,
    device: str | None = None,
    say: Say = lambda text: None,
    errors: bool = True,
) -> Iterator[list[Outcome]]:
    """The outcomes of one workload after the other, each library in one process for all of them.

    As ``measure``, but quicker for many small ones: libraries start once, and first steps are
    those of a process that has done others. By default beside PyTorch, JAX and NumPy. Without
    ``errors`` only times are measured.
    """
    here = [name for name in BESIDE_OPERATIONS if name in installed()]
    chosen = here if libraries is None else list(libraries)
    check(names, chosen)
    with ExitStack() as stack:
        cache = stack.enter_context(tempfile.TemporaryDirectory(prefix="jrk-bench-"))
        processes = [stack.enter_context(Process(each, device, cache)) for each in chosen]
        for i, name in enumerate(names, 1):
            say(f"{name} ({i} of {len(names)})")
            row = workload(name)
            running = [(each, _loaded(each, row)) for each in processes]
            yield _measured(row, running, rounds, errors)


def _loaded(process: Process, row: Workload) -> Outcome | None:
    """The outcome of the first step, or None where the library has no such thing."""
    answer = process.ask({"load": row.name})
    if answer.get("refused"):
        return None
    first = answer.get("first", math.nan)
    return Outcome(process.library, row, cold=first, failed=answer.get("failed", ""))


def _warmed(process: Process, row: Workload) -> Outcome | None:
    """The same with a second process in the cache that an earlier one has filled."""
    outcome = _loaded(process, row)
    if outcome is None or outcome.failed:
        return outcome
    outcome.warm = outcome.cold
    if process.library not in KEEPING:
        outcome.cold = math.nan
        return outcome
    process.end()
    answer = process.ask({"load": row.name})
    outcome.warm, outcome.failed = answer.get("first", math.nan), answer.get("failed", "")
    return outcome


def _measured(
    row: Workload, running: list[tuple[Process, Outcome | None]], rounds: int, errors: bool = True
) -> list[Outcome]:
    able = [(process, outcome) for process, outcome in running if outcome is not None]
    for turn in range(rounds + 1):
        for process, outcome in able:
            seconds = _asked(process, outcome, {"steps": row.steps}).get("seconds", [])
            outcome.seconds += seconds if turn else []
            time.sleep(REST)
    if errors:
        for process, outcome in able:
            outcome.facts = _asked(process, outcome, {"memory": True})
        judge(row, able)
    return [outcome for _, outcome in able]


def _asked(process: Process, outcome: Outcome, question: dict[str, Any]) -> dict[str, Any]:
    if outcome.failed:
        return {}
    answer = process.ask(question)
    outcome.failed = answer.get("failed", "")
    return {} if outcome.failed else answer


def check(names: Sequence[str], libraries: Sequence[str]) -> None:
    """Raise WordError for a workload that is unknown, or a library that is unknown or not here."""
    for name in names:
        if name not in WORKLOADS and name not in OPERATIONS:
            known = ", ".join({**WORKLOADS, **OPERATIONS})
            raise WordError(f"bench: {name!r} is no workload; there are {known}")
    here = installed()
    for library in libraries:
        if library not in LIBRARIES:
            raise WordError(f"bench: {library!r} is no library; there are {', '.join(LIBRARIES)}")
        if library not in here:
            raise WordError(
                f"bench: {library} is not installed; `pip install {LIBRARIES[library]}`"
            )
