"""One library at one workload, in a process of its own: ``python -m jairika_nb.bench.contender``.

It answers lines of JSON on its standard input: ``{"steps": n}`` with the seconds of each step,
``{"memory": true}`` with the bytes a step needs, ``{"results": path}`` with arrays at that path.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from jairika_nb.bench.workloads import WORKLOADS, Arrays, Workload


class Ready(Protocol):
    """A workload that is set up in a library."""

    def step(self) -> Any:
        """Do it once and wait until the result is there."""

    def results(self) -> Arrays:
        """What it computes: gradients at the first weights, or the output."""

    def memory(self) -> dict[str, int]:
        """``bytes``: the most that a step keeps, with parameters and inputs; and other facts."""


# Where each library's `ready(workload, **options)` is, and its options.
MAKERS: dict[str, tuple[str, dict[str, Any]]] = {
    "jairika_nb": ("ours", {}),
    "pytorch": ("with_torch", {}),
    "torch.compile": ("with_torch", {"compiled": True}),
    "jax": ("with_jax", {}),
    "numpy": ("with_numpy", {}),
    "tinygrad": ("with_tinygrad", {}),
}


def main() -> None:
    """Set up what the arguments name, take the first step, then do what the lines say."""
    library, name = sys.argv[1:]
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    began = time.perf_counter()
    made = made_by(library, WORKLOADS[name])
    if made is None:
        print(json.dumps({"refused": True}), file=answers, flush=True)
        return
    before = time.perf_counter()
    made.step()
    first = time.perf_counter() - before
    print(json.dumps({"first": first, "set_up": before - began}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answered(made, json.loads(line))), file=answers, flush=True)


def made_by(library: str, workload: Workload) -> Ready | None:
    """The workload in that library, or None where the library has no such thing."""
    module, options = MAKERS[library]
    return importlib.import_module(f"jairika_nb.bench.{module}").ready(workload, **options)


def answered(made: Ready, asked: dict[str, Any]) -> dict[str, Any]:
    """What a line of the parent asks for."""
    if "steps" in asked:
        return {"seconds": timed(made.step, asked["steps"])}
    if "memory" in asked:
        return made.memory()
    found: dict[str, Any] = made.results()
    np.savez(asked["results"], **found)
    return {}


def timed(step: Callable[[], Any], count: int) -> list[float]:
    """Seconds of each of ``count`` steps."""
    seconds = []
    for _ in range(count):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
