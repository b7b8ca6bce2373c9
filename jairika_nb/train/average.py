"""A moving average of the weights, which often does better than the weights themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jairika_nb.engine import dtypes
from jairika_nb.errors import TrainingError
from jairika_nb.nn.module import Module
from jairika_nb.tensors.compiling import compile as compiled
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor
from jairika_nb.train.callbacks import Callback

if TYPE_CHECKING:
    from jairika_nb.train.loop import Training


class EMA(Callback):
    """Keeps ``average = average * decay + weights * (1 - decay)`` after each optimiser step.

    The first step takes the weights as they are; buffers are not averaged (as PyTorch's
    ``AveragedModel`` with ``get_ema_multi_avg_fn``). ``with ema.averaged(model):`` has the
    averages in a model for the block; ``replace=True`` leaves them in it where the run ends as
    planned. ``shadow`` holds them by name. Source: Polyak and Juditsky 1992.

    >>> EMA(0.99).decay
    0.99
    """

    def __init__(self, decay: float = 0.999, *, replace: bool = False) -> None:
        if isinstance(decay, bool) or not isinstance(decay, int | float) or not 0 <= decay <= 1:
            raise TrainingError(f"EMA: decay={decay!r} must be a number from 0 to 1")
        self.decay, self.replace = decay, replace
        self.shadow: dict[str, Tensor] = {}

    def on_start(self, training: Training) -> None:
        """Record the update for replay."""
        decay = self.decay

        def step(shadow: dict[str, Tensor], weights: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: s + (weights[name] - s) * (1 - decay) for name, s in shadow.items()}

        self.update = compiled(step)

    def on_step(self, training: Training) -> None:
        """Move the averages."""
        weights = dict(training.model.named_parameters())
        weights = {name: w for name, w in weights.items() if dtypes.is_float(w.dtype)}
        fits = {name: w.shape for name, w in weights.items()}
        if {name: s.shape for name, s in self.shadow.items()} != fits:
            # The first step, or the network was changed: averages of another one say nothing.
            self.shadow = weights
        else:
            self.shadow = self.update(self.shadow, weights)

    def on_end(self, training: Training) -> None:
        """Leave the averages in the model, where that is asked for."""
        if self.replace and self.shadow and not training.history.interrupted:
            training.model.replace(self.shadow)

    @contextlib.contextmanager
    def averaged(self, model: Module) -> Iterator[Module]:
        """Inside the block ``model`` has the averages for its parameters."""
        own = dict(model.named_parameters())
        model.replace({name: value for name, value in self.shadow.items() if name in own})
        try:
            yield model
        finally:
            model.replace({name: own[name] for name in self.shadow if name in own})

    def state_dict(self) -> dict[str, Any]:
        """The averages by name."""
        return dict(self.shadow)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what ``state_dict`` gave."""
        self.shadow = {name: tensor(value) for name, value in state.items()}
