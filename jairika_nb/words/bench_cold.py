"""How much room cold history takes, and how long it takes to make it and to read it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEPS, STEPPED = 16, 1 << 20  # iterations of one tensor, and its float32 values: 64 MiB in all
WEIGHT, STEP = 0.05, 1e-3  # standard deviations of a weight and of its change: a step by 2 %


def cold_history(folder: Path) -> tuple[list[tuple[str, float, float]], float]:
    """Names, seconds cold and plain; and the bytes of cold tensors by those of plain ones.

    The oldest iteration is read through all differences. Raises ``MissingPackage``.
    """
    import numpy as np

    from jairika_nb import store

    chosen = np.random.default_rng(0)
    state = chosen.normal(0, WEIGHT, STEPPED).astype(np.float32)
    with store.init(folder / "cold.jrk.h5") as model:
        for step in range(STEPS):
            model.commit({"0.weight": state}, name=f"step-{step}")
            state = state + chosen.normal(0, STEP, STEPPED).astype(np.float32)

        def both(cold: bool) -> list[float]:
            made = _timed(lambda: model.gc(cold=cold))
            return [made, _timed(model["main"]["step-0"].arrays)]

        plain, cold = both(False), both(True)
        kept = model.space().tensors
    size = 4 * STEPPED * STEPS
    names = f"gc of {size >> 20} MiB of steps, cold", "load the oldest of them"
    return list(zip(names, cold, plain, strict=True)), kept / size


def _timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
