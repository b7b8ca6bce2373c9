"""How far a library's results are from float64."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.bench.workloads import Arrays, Workload


def judge(workload: Workload, running: list[tuple[Any, Any]]) -> None:
    """Fill in the errors of outcomes, where something that computes in float64 is at hand.

    ``running`` are pairs of the process that holds the workload and its outcome.
    """
    expected = expected_of(workload)
    if expected is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "results.npz")
        for process, outcome in running:
            if outcome.failed:
                continue
            outcome.failed = process.ask({"results": str(path)}).get("failed", "")
            if not outcome.failed:
                with np.load(path) as found:
                    outcome.error = distance({key: found[key] for key in found}, expected)
                path.unlink()


def expected_of(workload: Workload) -> Arrays | None:
    """NumPy's result in float64, or PyTorch's where NumPy has no such thing, or None."""
    from jairika_nb.bench import with_numpy

    made = with_numpy.ready(workload, np.float64)
    if made is not None:
        return made.results()
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
