"""One library in a process of its own: ``python -m jairika_nb.bench.contender LIBRARY``.

It answers lines of JSON on its standard input: ``{"load": name}`` with the seconds of the first
step of that workload, or ``refused`` where the library has no such thing; ``{"steps": n}`` with
the seconds of each step; ``{"memory": true}`` with the bytes a step needs; ``{"results": path}``
with arrays at that path. What fails is answered with ``failed``, and the process goes on.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from jairika_nb.bench.operations import workload
from jairika_nb.bench.workloads import Arrays, Workload


class Ready(Protocol):
    """A workload that is set up in a library."""

    def step(self) -> Any:
        """Do it once and wait until the result is there."""

    def results(self) -> Arrays:
        """What it computes from the first state, whatever was stepped before.

        Gradients at the first weights, the parameters after Adam's first step, or the output.
        """

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


class Contender:
    """A library, and the workload that it holds."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.made: Any = None

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Do what a line of the parent asks for."""
        if "load" in asked:
            return self.load(asked["load"])
        if "steps" in asked:
            return {"seconds": timed(self.made.step, asked["steps"])}
        if "memory" in asked:
            return self.made.memory()
        found: dict[str, Any] = self.made.results()
        np.savez(asked["results"], **found)
        return {}

    def load(self, name: str) -> dict[str, Any]:
        """Let go of the workload before, set this one up and take its first step."""
        self.made = None
        gc.collect()
        began = time.perf_counter()
        self.made = made_by(self.library, workload(name))
        if self.made is None:
            return {"refused": True}
        before = time.perf_counter()
        self.made.step()
        return {"first": time.perf_counter() - before, "set_up": before - began}


def main() -> None:
    """Answer until the input ends."""
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    contender = Contender(sys.argv[1])
    for line in sys.stdin:
        try:
            found = contender.answer(json.loads(line))
        except Exception as problem:
            found = {"failed": told(problem)}
        print(json.dumps(found), file=answers, flush=True)


def told(problem: Exception) -> str:
    """The kind of an error and the last line of what it says.

    >>> told(ValueError("first\\nlast"))
    'ValueError: last'
    """
    lines = str(problem).strip().splitlines()
    return ": ".join([type(problem).__name__, *lines[-1:]])


def made_by(library: str, workload: Workload) -> Ready | None:
    """The workload in that library, or None where the library has no such thing."""
    module, options = MAKERS[library]
    return importlib.import_module(f"jairika_nb.bench.{module}").ready(workload, **options)


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
