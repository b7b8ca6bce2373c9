"""How good a model is on data it need not have seen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jairika_nb.metrics import Accuracy
from jairika_nb.nn.losses import CrossEntropyLoss
from jairika_nb.nn.module import Module
from jairika_nb.tensors.autograd import eval as compute
from jairika_nb.train.arguments import check_loss, check_model
from jairika_nb.train.batches import Batches, as_input, float_dtype, measured_loss


@contextlib.contextmanager
def mode(model: Module, training: bool) -> Iterator[None]:
    """Put a model into a mode and every part of it back into its own afterwards."""
    before = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, was in before:
            module.training = was


def evaluate(
    model: Module,
    data: Any,
    *,
    loss: Any = None,
    metrics: Sequence[Any] | None = None,
    batch_size: int = 256,
) -> dict[str, float]:
    """The mean loss and the measures of a model over data, in evaluation mode.

    ``data`` is what ``fit`` takes. ``loss`` defaults to cross-entropy. ``metrics`` are streaming
    measures of ``jrk.metrics``; by default accuracy where the loss is cross-entropy.
    Raises DataError for empty data or labels out of range, TrainingError for a model or a loss
    that is none.

    >>> from jairika_nb import nn
    >>> x = np.ones((4, 2), np.float32)
    >>> evaluate(nn.Identity(), (x, x + 2), loss=nn.MSELoss())
    {'loss': 4.0}
    """
    check_model("evaluate", model)
    check_loss(loss)
    loss = CrossEntropyLoss() if loss is None else loss
    if metrics is None:
        metrics = [Accuracy()] if isinstance(loss, CrossEntropyLoss) else []
    total = count = 0.0
    with mode(model, training=False):
        dtype = float_dtype(model)
        for inputs, target in Batches(data, batch_size):
            prediction = model(*(as_input(x, dtype) for x in inputs))
            value = measured_loss(loss, prediction, target)
            compute(value, prediction)
            size = len(target) if np.ndim(target) else 1
            total, count = total + value.item() * size, count + size
            if metrics:
                _measure(metrics, prediction.numpy(), np.asarray(target))
    return {"loss": total / count} | {metric.name: metric.value() for metric in metrics}


def _measure(metrics: Sequence[Any], prediction: np.ndarray, target: np.ndarray) -> None:
    if prediction.ndim == target.ndim + 1 and prediction.ndim > 2:
        # Networks keep classes on axis 1, measures on the last.
        prediction = np.moveaxis(prediction, 1, -1)
    for metric in metrics:
        metric.update(prediction, target)
