"""How long a deep network takes to load: whole, and with its parameters left in the file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

DEEP, WIDTH = 100, 1 << 10  # layers, and the inputs and outputs of each: 400 MiB


def loads(folder: Path) -> list[tuple[str, list[float]]]:
    """Names and seconds of ``load(lazy=True)`` and of ``load()``, on the default device.

    The first of each is left out: kernels and pages of the file come into memory with it.
    """
    from jairika_nb import nn, store

    path = folder / "network.jrk.h5"
    layers = [nn.Linear(WIDTH, WIDTH) for _ in range(DEEP)]
    store.init(path, nn.Sequential(*layers)).close()
    del layers
    with store.open(path) as model:
        lazy = [_timed(model, lazy=True) for _ in range(10)]
        whole = [_timed(model, lazy=False) for _ in range(5)]
    path.unlink()
    size = f"{DEEP} layers, {4 * DEEP * WIDTH * (WIDTH + 1) >> 20} MiB"
    return [(f"load {size}, lazy", lazy[1:]), (f"load {size}, checked", whole[1:])]


def _timed(model: Any, lazy: bool) -> float:
    start = time.perf_counter()
    model["main"].head.load(lazy=lazy)
    return time.perf_counter() - start
