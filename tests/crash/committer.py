"""The child of the crash tests: makes a model if there is none, then commits for ever.

Writes one line after each call that returned: ``init``, or the id of the iteration that was
committed.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb import store
from jairika_nb.store import view

LAYERS = 6


@lru_cache(4096)
def layer_at(layer: int, at: int) -> np.ndarray:
    return np.random.default_rng([layer, at]).random(600 + 300 * layer)


def state(step: int) -> dict[str, np.ndarray]:
    """The state of a step: one layer changes at each, as with frozen layers."""
    changed = [step - (step - layer) % LAYERS for layer in range(LAYERS)]
    return {f"{layer}.weight": layer_at(layer, max(at, 0)) for layer, at in enumerate(changed)}


def commits(path: Path, acknowledged: Any) -> None:
    """Commit to ``path`` until killed, telling the connection ``acknowledged``."""
    tell = acknowledged.fileno()
    if not path.exists():
        store.init(path).close()
        os.write(tell, b"init\n")
    with store.open(path, "a") as model:
        while True:
            step = sum(len(model[variant]) for variant in model.variants)
            if step % 10 == 9:
                model.derive(f"branch-{step}", switch=True)
                made = model[model.current].head
            else:
                made = model.commit(state(step), metrics={"step": step})
            os.write(tell, f"{made.id}\n".encode())


def looks(wanted: dict[str, Any], answer: Any) -> None:
    """Tell what HDF5 sees otherwise than ``wanted`` says, as ``store.view`` does."""
    answer.send(list(view.differences(wanted)))
