"""Layer-sequential unit-variance initialisation: weights that suit a batch of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from jairika_nb.engine import device as devices
from jairika_nb.errors import ArchitectureError, DataError, OutOfRange
from jairika_nb.nn.init.structured import orthogonal as orthonormal
from jairika_nb.nn.modes import mode
from jairika_nb.tensors.autograd import eval as compute
from jairika_nb.tensors.creation import full_like
from jairika_nb.tensors.tensor import Tensor

LAYERS = {"Linear", *(f"Conv{kind}{n}d" for kind in ("", "Transpose") for n in (1, 2, 3))}


def lsuv(
    net: Any,
    batch: Any,
    mean: float = 0.02,
    variance: float = 0.9,
    *,
    tolerance: float = 1e-5,
    orthogonal: bool = True,
    rounds: int = 10,
) -> dict[str, tuple[float, float]]:
    """Scale each linear and convolution layer so that its outputs for a batch have given moments.

    Layer by layer in the order of the forward pass, the weights are drawn orthonormal (unless
    ``orthogonal=False``: then those that are there are scaled), multiplied until the variance of
    all outputs is ``variance``, and the bias is set to the one value that makes their mean
    ``mean``; a layer without a bias keeps its mean. It goes on for up to ``rounds`` rounds, until
    both are met within ``tolerance``, which half precision may never reach. ``nn.Normalization``
    layers are adapted to what reaches them. The pass runs in evaluation mode; a layer that runs
    more than once, or whose weight is tied, is scaled the first time.

    ``batch`` is the network's input: a tensor or an array, a tuple of several, or a dict by name.
    Returns mean and variance reached by name of layer. Raises DataError for outputs that do not
    vary, or are not finite, on this batch; the network then is as it was. After Mishkin and Matas
    (2015), whose variance is 1 and whose means are left alone.

    >>> import jairika_nb as jrk
    >>> net = jrk.nn.Sequential(jrk.nn.Linear(8, 16))
    >>> [round(number, 4) for number in lsuv(net, jrk.random.normal((32, 8)))["0"]]
    [0.02, 0.9]
    """
    if not variance > 0 or not tolerance > 0:
        raise OutOfRange(f"lsuv: variance={variance} and tolerance={tolerance} must be above 0")
    names = {id(m): n for n, m in net.named_modules() if _is_scaled(m)}
    if not names:
        raise ArchitectureError(f"lsuv: {type(net).__name__} has no linear or convolution layer")
    scaling = _Scaling(net, names, mean, variance, tolerance, orthogonal, rounds)
    before, handles = net._tensors(), scaling.hooks()
    try:
        with mode(net, False):
            _run(net, batch)
    except BaseException:
        net.replace(before)
        raise
    finally:
        for handle in handles:
            handle.remove()
    compute(*net.state_dict().values())
    return scaling.reached


def _is_scaled(module: Any) -> bool:
    kinds = {kind.__name__ for kind in type(module).__mro__}
    return bool(kinds & LAYERS) and isinstance(module._parameters.get("weight"), Tensor)


def _run(net: Any, batch: Any) -> None:
    if isinstance(batch, Mapping):
        net(**batch)
    else:
        net(*(batch if isinstance(batch, tuple | list) else (batch,)))


class _Scaling:
    def __init__(
        self, net: Any, names: dict[int, str], mean: float, variance: float, tolerance: float,
        orthogonal: bool, rounds: int,
    ) -> None:  # fmt: skip
        self.net, self.names = net, names
        self.mean, self.variance, self.tolerance = mean, variance, tolerance
        self.orthogonal, self.rounds = orthogonal, rounds
        self.reached: dict[str, tuple[float, float]] = {}
        self.done: list[Tensor] = []

    def hooks(self) -> list[Any]:
        from jairika_nb.nn.standardizing import Normalization

        handles = []
        for module in self.net.modules():
            if id(module) in self.names:
                handles.append(module.register_forward_hook(self.scale))
            elif isinstance(module, Normalization):
                handles.append(module.register_forward_pre_hook(lambda m, args: _adapt(m, args[0])))
        return handles

    def scale(self, layer: Any, args: tuple, output: Any) -> Tensor | None:
        """Set a layer's parameters; the pass goes on with what it gives then."""
        name = self.names[id(layer)]
        if name in self.reached or any(layer.weight is weight for weight in self.done):
            return None
        if self.orthogonal:
            with devices.using(layer.weight.device):
                drawn = orthonormal(layer.weight.shape, dtype=layer.weight.dtype)
            self._put(layer, "weight", drawn)
        bias = 0.0
        self._set_bias(layer, bias)
        for _ in range(self.rounds):
            output = layer.forward(*args)
            mean, variance = self._moments(name, output)
            if self._is_close(layer, mean, variance):
                break
            factor = math.sqrt(self.variance / variance)
            self._put(layer, "weight", layer.weight * factor)
            bias = self.mean - factor * (mean - bias)
            self._set_bias(layer, bias)
        output = layer.forward(*args)
        self.reached[name] = self._moments(name, output)
        self.done.append(layer.weight)
        return output

    def _set_bias(self, layer: Any, value: float) -> None:
        if layer.bias is not None:
            self._put(layer, "bias", full_like(layer.bias, value))

    def _put(self, layer: Any, name: str, value: Tensor) -> None:
        # Through the network, as other layers may share it; computed, as every round reads it.
        compute(value)
        prefix = self.names[id(layer)]
        self.net.replace({f"{prefix}.{name}" if prefix else name: value})

    def _is_close(self, layer: Any, mean: float, variance: float) -> bool:
        is_centred = layer.bias is None or abs(mean - self.mean) <= self.tolerance
        return is_centred and abs(variance - self.variance) <= self.tolerance

    def _moments(self, name: str, output: Tensor) -> tuple[float, float]:
        values = output.numpy().astype(np.float64)
        mean, variance = float(values.mean()), float(values.var())
        if not math.isfinite(variance) or variance <= 1e-12 * max(1.0, mean * mean):
            raise DataError(
                f"lsuv: the outputs of layer {name!r} {values.shape} have variance {variance:g} on "
                "this batch; give a batch that varies and is finite"
            )
        return mean, variance


def _adapt(layer: Any, x: Any) -> None:
    layer.adapt(x)
