"""Keras's weights under PyTorch's names and in its layouts.

Files of Keras 2 name each array (``dense/dense/kernel:0``) and the order of layers; those of
Keras 3 number them (``layers/dense/vars/0``). Kernels (..., in, out) become (out, in, ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jairika_nb.errors import DataError
from jairika_nb.store import names
from jairika_nb.store.ordering import RANKS, natural

Arrays = Mapping[str, np.ndarray]
# Keras's names of parameters -> PyTorch's.
KERAS = {
    "kernel": "weight",
    "gamma": "weight",
    "embeddings": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def renamed(path: Path, found: Arrays, order: list[str]) -> dict[str, np.ndarray]:
    """Weights as PyTorch has them; layers in the order the file tells, or by name."""
    named: dict[str, np.ndarray] = {}
    groups: dict[str, list[tuple[str, np.ndarray]]] = {}
    for full in (*(o for o in order if o in found), *(f for f in _paths(found) if f not in order)):
        parts = [p.partition(":")[0] for p in full.strip("/").split("/")]
        if "optimizer" in parts[0]:
            continue
        parts = [p for p in parts if p not in ("model_weights", "layers", "vars")]
        layer = ".".join(dict.fromkeys(parts[:-1]))  # Keras repeats the name of a layer
        groups.setdefault(layer, []).append((parts[-1], found[full]))
    for layer, members in groups.items():
        for last, values in _renamed(path, layer, members):
            named[names.parameter(f"{layer}.{last}" if layer else last)] = values
    return named


def _paths(found: Mapping[str, np.ndarray]) -> list[str]:
    return sorted(found, key=natural)


def _renamed(
    path: Path, layer: str, members: list[tuple[str, np.ndarray]]
) -> list[tuple[str, np.ndarray]]:
    if all(last.isdecimal() for last, _ in members):  # Keras 3 numbers them
        listed = _kinds(layer, [values.ndim for _, values in members])
        members = [(kind, values) for kind, (_, values) in zip(listed, members, strict=True)]
    if not all(last in KERAS for last, _ in members):
        raise DataError(
            f"cannot import {path}: layer {layer!r} has {', '.join(last for last, _ in members)}; "
            "only dense, convolution, embedding and normalisation layers are known; import it with "
            "the plain layout"
        )
    made = []
    for last, values in members:
        turned = _turned(values) if last == "kernel" else values
        made.append((KERAS.get(last, last), turned))
    return sorted(made, key=lambda each: RANKS.get(each[0], 9))


def _kinds(layer: str, axes: list[int]) -> list[str]:
    """What numbered arrays are; their numbers again where that is not known."""
    if "embedding" in layer and len(axes) == 1:
        return ["embeddings"]
    if axes[0] == 1 and len(axes) <= 4:
        return ["gamma", "beta", "moving_mean", "moving_variance"][: len(axes)]
    if axes[0] > 1 and axes[1:] in ([], [1]):
        return ["kernel", "bias"][: len(axes)]
    return [str(n) for n in range(len(axes))]


def _turned(kernel: np.ndarray) -> np.ndarray:
    """A kernel (..., in, out) as (out, in, ...)."""
    axes = (kernel.ndim - 1, kernel.ndim - 2, *range(kernel.ndim - 2))
    return np.ascontiguousarray(kernel.transpose(axes)) if kernel.ndim > 1 else kernel
