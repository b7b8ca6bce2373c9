"""What training makes smaller: one loss, or a weighted sum of losses by output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jairika_nb.errors import TrainingError
from jairika_nb.nn.functional.losses import check_labels, trusting_labels
from jairika_nb.nn.module import Module
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.batches import as_input


class Objective:
    """A loss of prediction and target, or losses by output with weights.

    ``loss`` is a callable that is given the prediction and the target as they are; a list or
    tuple of callables for a model that returns a tuple; or a dict of them for one that returns a
    dict. The total is then the sum of the losses times their ``weights``, default 1.
    """

    def __init__(self, loss: Any, weights: Any = None) -> None:
        self.keys = _keys(loss)
        self.losses = [loss] if self.keys is None else [loss[key] for key in self.keys]
        self.weights = _weights(self.keys, weights)

    @property
    def count(self) -> int:
        """How many losses ``total`` gives, the total among them."""
        return 1 + len(self.names)

    @property
    def is_sum(self) -> bool:
        """Whether the losses are sums over the samples of a batch, as far as they tell."""
        return all(getattr(loss, "reduction", "mean") == "sum" for loss in self.losses)

    @property
    def names(self) -> tuple[str, ...]:
        """What the losses of the outputs are called in a history; none for a single loss."""
        return tuple(f"loss_{key}" for key in self.keys or ())

    def total(
        self, prediction: Any, target: Any, clean: Sequence[bool]
    ) -> tuple[Tensor, list[Tensor]]:
        """The total loss and those of the outputs, for targets on the device.

        ``clean`` tells for each loss that its labels were looked at and that all count.
        """
        predictions, targets = self._outputs(prediction), self._parts(target, "the target")
        parts = []
        for i, loss in enumerate(self.losses):
            with trusting_labels(clean[i]):
                parts.append(_checked(loss(predictions[i], targets[i]), self._place(i)))
        if self.keys is None:
            return parts[0], []
        weighted = [part * w for part, w in zip(parts, self.weights, strict=True) if w]
        if not weighted:
            raise TrainingError("loss_weights are all 0: nothing would be learned")
        total = weighted[0]
        for part in weighted[1:]:
            total = total + part
        return total, parts

    def named(self, losses: Any) -> dict[str, float]:
        """The total and the losses of the outputs, as ``total`` gives them, by name."""
        return dict(zip(("loss", *self.names), np.ravel(losses).tolist(), strict=True))

    def on_device(self, target: Any, dtype: Any) -> tuple[Any, tuple[bool, ...]]:
        """The target as tensors, and for each loss whether none of its labels is left out."""
        if self.keys is None:
            found, clean = _as_target(self.losses[0], target, dtype)
            return found, (clean,)
        rows = [
            _as_target(loss, part, dtype)
            for loss, part in zip(self.losses, self._parts(target, "the target"), strict=True)
        ]
        values = [value for value, _ in rows]
        form = dict(zip(self.keys, values, strict=True)) if self._is_named else tuple(values)
        return form, tuple(clean for _, clean in rows)

    def check(self, shapes: Sequence[Any], target: Any) -> None:
        """Raise DataError for labels that are no class of outputs of these ``shapes``."""
        parts = self._parts(target, "the target")
        for loss, shape, part in zip(self.losses, shapes, parts, strict=True):
            if _takes_labels(loss, part) and shape and len(shape) - 1 == np.ndim(part):
                classes = shape[0 if len(shape) == 1 else 1]
                check_labels(np.asarray(part), classes, loss.ignore_index)

    def shapes(self, prediction: Any) -> list[tuple[int, ...] | None]:
        """The shape of what each loss is given; None for what is no tensor."""
        return [p.shape if isinstance(p, Tensor) else None for p in self._outputs(prediction)]

    def _outputs(self, prediction: Any) -> list[Any]:
        return self._parts(prediction, "the model's output")

    def _parts(self, value: Any, what: str) -> list[Any]:
        """The part of a prediction or a target for each loss."""
        keys = self.keys
        if keys is None:
            return [value]
        kind: Any = Mapping if self._is_named else tuple | list
        if not isinstance(value, kind) or (self._is_named and not value.keys() >= set(keys)):
            raise TrainingError(
                f"loss names {', '.join(map(str, keys))}, but {what} is {_shown(value)}; "
                f"give it as a {'dict with these entries' if self._is_named else 'tuple'}"
            )
        if not self._is_named and len(value) != len(self.losses):
            raise TrainingError(f"{len(keys)} losses, but {what} has {len(value)} parts")
        return [value[key] for key in keys]

    @property
    def _is_named(self) -> bool:
        return self.keys is not None and isinstance(next(iter(self.keys), None), str)

    def _place(self, i: int) -> str:
        keys = self.keys
        return "the loss" if keys is None else f"the loss of output {keys[i]}"


def _keys(loss: Any) -> list[Any] | None:
    if isinstance(loss, Mapping):
        return list(loss)
    return list(range(len(loss))) if isinstance(loss, list | tuple) else None


def _weights(keys: list[Any] | None, weights: Any) -> list[float]:
    if weights is None:
        return [1.0] * len(keys or [0])
    if keys is None:
        raise TrainingError("loss_weights needs a dict or list of losses, by output")
    if isinstance(weights, Mapping):
        unknown = [str(key) for key in weights if key not in keys]
        if unknown:
            raise TrainingError(
                f"loss_weights names {', '.join(unknown)}, but the losses are of "
                f"{', '.join(map(str, keys))}"
            )
        weights = [weights.get(key, 1.0) for key in keys]
    if len(weights) != len(keys):
        raise TrainingError(f"{len(weights)} loss_weights for {len(keys)} losses")
    return [float(w) for w in weights]


def _checked(loss: Any, what: str) -> Tensor:
    if not isinstance(loss, Tensor) or loss.size != 1:
        found = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise TrainingError(f"{what} must be a tensor with one element, not {found}")
    return loss


def _takes_labels(loss: Any, target: Any) -> bool:
    """Whether a target holds class indices that the host can still look at."""
    return (
        isinstance(loss, Module)
        and hasattr(loss, "ignore_index")
        and not isinstance(target, Tensor)
        and np.asarray(target).dtype.kind in "iu"
    )


def _as_target(loss: Any, target: Any, dtype: Any) -> tuple[Any, bool]:
    if isinstance(target, Tensor):
        return target, False
    if _takes_labels(loss, target):
        labels = np.asarray(target)
        clean = not (labels == loss.ignore_index).any()
        # Classes fit 32 bits; what does not is told by the check, which sees the labels as given.
        return as_input(labels.astype(np.int32), dtype), clean
    look = getattr(loss, "check_target", None)
    if look is not None:
        # What a loss would look at itself, had it not been given tensors.
        look(target)
    if getattr(loss, "takes_arrays", False) and np.asarray(target).dtype.kind == "b":
        target = np.asarray(target).astype(np.float32)
    return as_input(target, dtype), False


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"a dict of {', '.join(map(str, value))}"
    return f"of shape {value.shape}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
