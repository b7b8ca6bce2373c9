"""Weights that suit the data, before the first step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jairika_nb.errors import TrainingError
from jairika_nb.nn import init
from jairika_nb.nn.module import Module
from jairika_nb.nn.placing import on_device_of
from jairika_nb.train.batches import Batches, as_input, float_dtype

KINDS: dict[str, Callable[[Module, Any], Any]] = {"lsuv": init.lsuv}


def initialised(model: Module, batches: Batches, initialise: Any) -> None:
    """Fit a model to the inputs of the first batch; the data then starts from the beginning.

    ``initialise`` is a name of KINDS, or a function of the model and its input: a tensor, a tuple
    of several, or a dict by name. Raises TrainingError for anything else.
    """
    function = KINDS.get(initialise) if isinstance(initialise, str) else initialise
    if not callable(function):
        raise TrainingError(
            f"initialise={initialise!r} is unknown; use {', '.join(map(repr, KINDS))}, or a "
            "function of the model and a batch of inputs"
        )
    place = batches.position(False)
    batch = next(iter(batches))
    batches.go_to(place)
    dtype = float_dtype(model)
    with on_device_of(model):
        inputs = as_input(batch.named or batch.inputs, dtype)
        function(model, inputs[0] if isinstance(inputs, tuple) and len(inputs) == 1 else inputs)
