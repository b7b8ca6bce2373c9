"""The order of names: numbers count as numbers, a layer's weight comes before its bias."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

RANKS = {"weight": 0, "bias": 1, "running_mean": 2, "running_var": 3}


def sorted_names(named: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by name, in order."""

    def key(name: str) -> list[Any]:
        layer, _, last = name.rpartition(".")
        return [*natural(layer), (2, RANKS.get(last, 9), last)]

    return {name: named[name] for name in sorted(named, key=key)}


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key by which ``layer_2`` comes before ``layer_10``."""
    parts = re.split(r"(\d+)", text)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]
