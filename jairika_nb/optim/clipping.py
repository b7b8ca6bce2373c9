"""Gradients kept small: by the norm of all of them together, or value by value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from jairika_nb.errors import TrainingError
from jairika_nb.tensors.creation import zeros
from jairika_nb.tensors.elementwise import abs as absolute
from jairika_nb.tensors.elementwise import clip, sqrt
from jairika_nb.tensors.joining import stack
from jairika_nb.tensors.plain import number
from jairika_nb.tensors.tensor import Tensor

Gradients = Mapping[str, Tensor]


def clip_grad_norm(
    grads: Gradients,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> tuple[dict[str, Tensor], Tensor]:
    """Gradients scaled so that the norm of all together is at most ``max_norm``, and that norm.

    The norm, of shape (), is the one before scaling: that of all values as one vector, the largest
    with ``norm_type=math.inf``. Nothing is computed or read here, so it belongs inside a compiled
    step; both have derivatives. As in PyTorch, whose function changes gradients in place, the
    scale is ``max_norm / (norm + 1e-6)`` where that is below 1. ``error_if_nonfinite=True`` would
    have to read the norm and raises TrainingError.

    >>> import jairika_nb as jrk
    >>> grads, norm = clip_grad_norm({"w": jrk.tensor([3.0, 4.0])}, max_norm=1.0)
    >>> norm.item(), [round(g, 3) for g in grads["w"].tolist()]
    (5.0, [0.6, 0.8])
    """
    if error_if_nonfinite:
        raise TrainingError(
            "clip_grad_norm: error_if_nonfinite=True would wait for the norm; look at the norm "
            "that is returned, or let fit watch the loss"
        )
    _check("clip_grad_norm", "max_norm", max_norm)
    norm = total_norm(grads, norm_type)
    scale = clip(max_norm / (norm + 1e-6), max=1.0)
    return {n: g * scale.to(g.device).astype(g.dtype) for n, g in grads.items()}, norm


def clip_grad_value(grads: Gradients, clip_value: float) -> dict[str, Tensor]:
    """Gradients with every value brought into ``-clip_value`` to ``clip_value``.

    >>> import jairika_nb as jrk
    >>> clip_grad_value({"w": jrk.tensor([3.0, -0.5])}, 1.0)["w"].tolist()
    [1.0, -0.5]
    """
    _check("clip_grad_value", "clip_value", clip_value)
    check_by_name(grads)
    return {name: clip(g, -clip_value, clip_value) for name, g in grads.items()}


def check_by_name(grads: Any) -> None:
    """Raise TrainingError for gradients that are no mapping from names."""
    if not isinstance(grads, Mapping):
        raise TrainingError(
            f"gradients come by name, as loss.backward(model) gives them, not as "
            f"{type(grads).__name__}"
        )


def total_norm(grads: Gradients, norm_type: float = 2.0) -> Tensor:
    """The norm of all gradients as one vector, of shape (); 0 for none."""
    power = number(norm_type)
    if power is None or not power > 0:
        raise TrainingError(f"norm_type={norm_type!r} must be a number above 0, or math.inf")
    check_by_name(grads)
    if not grads:
        return zeros(())
    rows = [_wide(g) for g in grads.values()]
    parts = [_part(g, norm_type).to(rows[0].device) for g in rows]
    together = stack(parts)
    if norm_type == math.inf:
        return together.max()
    return sqrt(together.sum()) if norm_type == 2 else together.sum() ** (1.0 / norm_type)


def _part(g: Tensor, norm_type: float) -> Tensor:
    """What a gradient adds to the power of the norm."""
    if norm_type == math.inf:
        return absolute(g).max()
    return (g * g).sum() if norm_type == 2 else (absolute(g) ** float(norm_type)).sum()


def _wide(g: Tensor) -> Tensor:
    # Squares of half precision soon overflow.
    return g if g.dtype.itemsize >= 4 else g.astype("float32")


def _check(asked: str, name: str, value: float) -> None:
    found = number(value)
    if found is None or not found >= 0:
        raise TrainingError(f"{asked}: {name}={value!r} must be a number from 0 up")
