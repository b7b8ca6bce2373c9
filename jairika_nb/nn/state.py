"""How a saved state is held against a module's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor


class Unused(NamedTuple):
    """What loading left out: names that only the module has, and names that it has not."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def unused(own: Mapping[str, Any], state: Mapping[str, Any]) -> Unused:
    """The names that are only in one of two states."""
    missing = [name for name in own if name not in state]
    return Unused(missing, [str(name) for name in state if name not in own])


def mismatches(own: Mapping[str, Any], state: Mapping[str, Any], strict: bool) -> list[str]:
    """What is wrong with a state, one entry for each kind of mistake."""
    missing, unexpected = unused(own, state)
    shapes = {name: tuple(np.shape(state[name])) for name in own if name in state}
    wrong = [
        f"{name} is {shapes[name]} instead of {tuple(own[name].shape)}"
        for name in shapes
        if shapes[name] != tuple(own[name].shape)
    ]
    found = {"missing": strict and missing, "unexpected": strict and unexpected, "shapes": wrong}
    return [f"{kind}: {', '.join(names)}" for kind, names in found.items() if names]


def like(old: Tensor, value: Any) -> Tensor:
    """``value`` as a tensor in the dtype and on the device of ``old``."""
    if isinstance(value, Tensor):
        value = value.detach().to(old.device)
        return value if value.dtype == old.dtype else value.astype(old.dtype)
    return tensor(_on_host(value), dtype=old.dtype, device=old.device)


def _on_host(value: Any) -> np.ndarray:
    """A value as an array; PyTorch's tensors come without derivatives, in a dtype of NumPy's."""
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
    return np.asarray(value)
