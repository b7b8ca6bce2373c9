"""The child of the crash test: makes a model if there is none, then commits for ever.

Arguments: the model file, a file descriptor. Writes one line to the descriptor after each call
that returned: ``init``, or the id of the iteration that was committed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from jairika_nb import store

LAYERS = 6


def state(step: int) -> dict[str, np.ndarray]:
    """The state of a step: one layer changes at each, as with frozen layers."""
    changed = [step - (step - layer) % LAYERS for layer in range(LAYERS)]
    return {
        f"{layer}.weight": np.random.default_rng([layer, max(at, 0)]).random(600 + 300 * layer)
        for layer, at in enumerate(changed)
    }


def main(path: Path, acknowledged: int) -> None:
    if not path.exists():
        store.init(path).close()
        os.write(acknowledged, b"init\n")
    with store.open(path, "a") as model:
        while True:
            step = sum(len(model[variant]) for variant in model.variants)
            if step % 10 == 9:
                model.derive(f"branch-{step}", switch=True)
                made = model[model.current].head
            else:
                made = model.commit(state(step), metrics={"step": step})
            os.write(acknowledged, f"{made.id}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
