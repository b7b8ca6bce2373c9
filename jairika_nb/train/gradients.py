"""What is done with gradients before a step: gathered over batches, scaled, clipped."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import TrainingError
from jairika_nb.optim import clip_grad_norm, clip_grad_value
from jairika_nb.tensors.elementwise import isfinite
from jairika_nb.tensors.joining import stack
from jairika_nb.tensors.plain import number
from jairika_nb.tensors.reductions import all as all_of
from jairika_nb.tensors.tensor import Tensor

Gradients = dict[str, Tensor]


def gathered(held: Gradients, new: Gradients, share: Tensor | None) -> Gradients:
    """Gradients of batches so far, each times its share, the number of its samples."""
    if share is not None:
        new = {name: g * share.astype(g.dtype) for name, g in new.items()}
    return {name: held[name] + g if name in held else g for name, g in new.items()}


def clipped(gradients: Gradients, clip_norm: float | None, clip_value: float | None) -> Gradients:
    """Elements within ``clip_value`` of 0; then all together scaled to at most ``clip_norm``."""
    if clip_value is not None:
        gradients = clip_grad_value(gradients, clip_value)
    if clip_norm is not None:
        gradients, _ = clip_grad_norm(gradients, clip_norm)
    return gradients


def are_finite(gradients: Gradients) -> Tensor:
    """1.0 where no gradient holds NaN or an infinity, else 0.0."""
    return all_of(stack([all_of(isfinite(g)) for g in gradients.values()])).astype("float32")


def limit(name: str, given: Any) -> float | None:
    """A limit of gradients, None for none; TrainingError for what is no positive number."""
    found = number(given)
    if given is not None and (found is None or not found > 0):
        raise TrainingError(f"{name}={given!r} must be a number above 0, or None")
    return found
