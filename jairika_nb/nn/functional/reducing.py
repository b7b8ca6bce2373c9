"""What losses share: the three ways to reduce, and operands of one shape."""

from __future__ import annotations

from jairika_nb.errors import OutOfRange, ShapeError
from jairika_nb.tensors.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str, also: tuple[str, ...] = ()) -> None:
    """Raise OutOfRange for a reduction that does not exist."""
    known = (*REDUCTIONS, *also)
    if reduction not in known:
        raise OutOfRange(f"reduction={reduction!r} is unknown; use one of {', '.join(known)}")


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The mean, the sum, or every value."""
    check_reduction(reduction)
    return {"mean": loss.mean, "sum": loss.sum, "none": lambda: loss}[reduction]()


def weighted(asked: str, loss: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """As :func:`reduced`, each value times its weight; the mean is over the weights."""
    if weight is None:
        return reduced(loss, reduction)
    if weight.shape != loss.shape:
        raise ShapeError(f"{asked}: weight {weight.shape} must have the shape {loss.shape}")
    check_reduction(reduction)
    total = loss * weight
    return total.sum() / weight.sum() if reduction == "mean" else reduced(total, reduction)


def difference_of(asked: str, prediction: Tensor, target: Tensor) -> Tensor:
    """``prediction - target``; ShapeError unless both have one shape."""
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{asked}: predictions {prediction.shape} and targets {target.shape} must have one "
            "shape; reshape one, as broadcasting would compare each with all"
        )
    return prediction - target
