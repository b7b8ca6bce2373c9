"""The state of a run as arrays by name, which a model file keeps, and back.

Numbers, text, and their lists and dicts become JSON; what holds many numbers becomes an array of
its own, which JSON then names. Lists, dicts and arrays are tagged, so that no data of a user's is
taken for something else. Nothing in a file is executed.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from jairika_nb.errors import TrainingError
from jairika_nb.tensors.tensor import Tensor

# The entry that holds the JSON.
MAIN = "state"
PLAIN = (str, int, float, bool, type(None))


def packed(state: Any) -> dict[str, np.ndarray]:
    """A nested state as arrays by name.

    >>> kept = packed({"epoch": 3, "means": [np.ones(2), 0.5]})
    >>> unpacked(kept)["means"][0].tolist()
    [1.0, 1.0]
    """
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_described(state, arrays, "state"))
    return {MAIN: np.frombuffer(text.encode(), np.uint8), **arrays}


def unpacked(arrays: Any) -> Any:
    """The state that ``packed`` made; raises TrainingError for anything else."""
    try:
        return _made(json.loads(bytes(arrays[MAIN]).decode()), arrays)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise TrainingError(
            f"the state of a run cannot be read ({type(error).__name__}: {error}); was it kept by "
            "another version, or not by fit?"
        ) from error


def _described(value: Any, arrays: dict[str, np.ndarray], name: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, Tensor | np.ndarray):
        key = f"array {len(arrays)}"
        arrays[key] = np.asarray(value)
        return ["array", key]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        rows = {k: _described(v, arrays, f"{name}[{k!r}]") for k, v in value.items()}
        return ["dict", rows]
    if isinstance(value, list | tuple):
        return ["list", [_described(v, arrays, f"{name}[{i}]") for i, v in enumerate(value)]]
    raise TrainingError(
        f"{name} is a {type(value).__name__}, which a checkpoint cannot keep: give numbers, text, "
        "tensors, arrays, and lists and dicts (by text) of them"
    )


def _made(data: Any, arrays: Any) -> Any:
    if not isinstance(data, list):
        return data
    kind, content = data
    if kind == "array":
        return np.asarray(arrays[content])
    if kind == "dict":
        return {key: _made(value, arrays) for key, value in content.items()}
    if kind == "list":
        return [_made(value, arrays) for value in content]
    raise ValueError(f"unknown kind {kind!r}")
