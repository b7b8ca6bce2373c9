"""Mixed precision: a forward in 16 bits over master weights in 32 (Micikevicius et al. 2018)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from jairika_nb.engine import dtypes
from jairika_nb.errors import TrainingError
from jairika_nb.nn.module import Module
from jairika_nb.tensors.tensor import Tensor

PRECISIONS = {"float16": dtypes.float16, "bfloat16": dtypes.bfloat16}
LOWEST_SCALE = 2.0**-14


def check_precision(precision: Any, model: Module) -> Any:
    """The dtype of the forward; None for the model's own. Raises TrainingError."""
    named = getattr(precision, "name", getattr(precision, "__name__", precision))
    if named is None or named == "float32":
        return None
    if named not in PRECISIONS:
        raise TrainingError(
            f"precision={precision!r} is unknown; use 'float16', 'bfloat16', or None for float32"
        )
    wrong = [n for n, p in model.named_parameters() if dtypes.is_float(p.dtype) and
             p.dtype is not dtypes.float32]  # fmt: skip
    if wrong:
        raise TrainingError(
            f"precision={named!r} keeps master weights in float32, but {wrong[0]} is not; make the "
            "model in float32, or leave precision out"
        )
    return PRECISIONS[named]


@contextlib.contextmanager
def lowered(model: Module, dtype: Any) -> Iterator[None]:
    """Inside the block the model has its float parameters in ``dtype``, computed from its own."""
    masters = dict(model.named_parameters())
    low = {name: p.astype(dtype) for name, p in masters.items() if dtypes.is_float(p.dtype)}
    model.replace(low)
    try:
        yield
    finally:
        model.replace({name: masters[name] for name in low})


def converted(value: Any, dtype: Any) -> Any:
    """The float tensors of lists, tuples and dicts in another dtype."""
    if isinstance(value, Tensor):
        return value.astype(dtype) if dtypes.is_float(value.dtype) else value
    if isinstance(value, dict):
        return {name: converted(part, dtype) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(converted(part, dtype) for part in value)
    return value


class LossScale:
    """What the loss is multiplied by, so that small gradients do not vanish in float16.

    It doubles after 2,000 steps without an overflow, and halves at one, whose step is skipped:
    the rule and the numbers of ``torch.amp.GradScaler``.
    """

    growth, backoff, patience = 2.0, 0.5, 2000

    def __init__(self, value: float = 2.0**16) -> None:
        self.value, self.good = value, 0

    def update(self, finite: bool) -> None:
        """Take in whether a step's gradients were finite."""
        if not finite:
            self.value, self.good = self.value * self.backoff, 0
        else:
            self.good += 1
            if self.good == self.patience:
                self.value, self.good = self.value * self.growth, 0
        if self.value < LOWEST_SCALE:
            raise TrainingError(
                "the gradients overflow float16 however small the loss is scaled; use "
                "precision='bfloat16' or None, or lower the learning rate"
            )
