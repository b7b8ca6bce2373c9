"""What a run of a network would make and cost, layer by layer, without computing anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jairika_nb.errors import ArgumentError
from jairika_nb.nn.module import Module
from jairika_nb.tensors import random
from jairika_nb.tensors.tensor import Tensor


@dataclass(frozen=True)
class Call:
    """One run of a module: its output's shape as text, and its multiply-adds if they are known."""

    output: str
    macs: int | None


def _by_output(layer: Any, args: tuple, output: Any) -> int:
    """Each output is a sum over one row of the weights."""
    return output.size * (layer.weight.size // layer.weight.shape[0])


def _by_input(layer: Any, args: tuple, output: Any) -> int:
    """Each input is spread over one row of the weights."""
    return args[0].size * (layer.weight.size // layer.weight.shape[0])


def _recurrent(layer: Any, args: tuple, output: Any) -> int:
    """Each step of each sequence uses all weights once."""
    weights = [w for name, w in layer._parameters.items() if name.startswith("weight")]
    return args[0].size // args[0].shape[-1] * sum(w.size for w in weights)


def _attention(layer: Any, args: tuple, output: Any) -> int | None:
    """Four projections, and for each query and key a product of each kind."""
    if len(args) < 3:
        return None
    query, key, value = args[:3]
    batch = 1 if query.ndim == 2 else query.shape[0 if layer.batch_first else 1]
    keys = key.size // key.shape[-1] // batch
    projected = 2 * query.size + key.size + value.size
    return projected * layer.embed_dim + 2 * query.size * keys


# Layers that are nearly all there is to compute; activations and norms count as nothing.
MACS: dict[str, Callable[[Any, tuple, Any], int | None]] = {
    "Linear": _by_output,
    "Bilinear": _by_output,
    "MultiheadAttention": _attention,
    **dict.fromkeys(("RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"), _recurrent),
    **{f"Conv{n}d": _by_output for n in (1, 2, 3)},
    **{f"ConvTranspose{n}d": _by_input for n in (1, 2, 3)},
}


def outputs_of(module: Module, inputs: tuple[Any, ...]) -> dict[int, list[Call]]:
    """The runs of each module inside, by its id, for example inputs.

    Shapes are known while tensors are lazy. What runs draw from ``jrk.random`` is given back, and
    buffers such as running means stay as they are.
    """
    _check_examples(inputs)
    calls: dict[int, list[Call]] = {}

    def note(part: Any, args: tuple, output: Any) -> None:
        calls.setdefault(id(part), []).append(Call(shown(output), _macs(part, args, output)))

    handles = [part.register_forward_hook(note) for part in module.modules()]
    drawn, buffers = random.state(), module._tensors()
    try:
        module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        # Looking must not change what a seeded run draws next.
        random.restore(drawn)
        _put_back(module, buffers)
    return calls


def _check_examples(inputs: tuple[Any, ...]) -> None:
    for given in inputs:
        if isinstance(given, tuple) and given and all(isinstance(n, int) for n in given):
            raise ArgumentError(
                f"{given} is a shape; give an example input, such as jrk.zeros({given})"
            )


def _put_back(module: Module, before: dict[str, Tensor]) -> None:
    now = module._tensors()
    changed = {name: old for name, old in before.items() if now[name] is not old}
    if changed:
        module.replace(changed)


def _macs(part: Any, args: tuple, output: Any) -> int | None:
    rule = next((MACS[k.__name__] for k in type(part).__mro__ if k.__name__ in MACS), None)
    if rule is None or not args or not isinstance(args[0], Tensor):
        return None
    return rule(part, args, output)


def shown(output: Any) -> str:
    """The shapes of what a module returned.

    >>> import jairika_nb as jrk
    >>> shown((jrk.zeros((2, 3)), {"a": jrk.zeros(4)}))
    '(2, 3), a: (4,)'
    """
    if isinstance(output, Tensor):
        return str(output.shape)
    if isinstance(output, dict):
        return ", ".join(f"{name}: {shown(part)}" for name, part in output.items())
    if isinstance(output, list | tuple):
        return ", ".join(shown(part) for part in output)
    return type(output).__name__
