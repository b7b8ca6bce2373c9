"""The workloads in JAX, each step one ``jax.jit``; parameters have PyTorch's names and layouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jairika_nb.bench.networks import network
from jairika_nb.bench.with_jax_operations import function
from jairika_nb.bench.workloads import GPT, LSTM, MANY, MLP, Arrays, Workload, weights

Parameters = dict[str, Any]


def ready(workload: Workload) -> Training | Op | Optimiser:
    """The workload, to be compiled at its first step."""
    if workload.kind == "training":
        return Training(workload)
    return Optimiser(workload) if workload.name == "adam" else Op(workload)


class Training:
    """A step of training that reads its loss."""

    def __init__(self, workload: Workload) -> None:
        from jairika_nb import nn

        shapes = {k: p.shape for k, p in network(workload.name, nn).named_parameters()}
        self.parameters = {key: jnp.asarray(weights(key, s)) for key, s in shapes.items()}
        self.state = adam_state(self.parameters)
        self.inputs = [jnp.asarray(each) for each in workload.inputs().values()]
        self.forward = NETWORKS[workload.name]

        def step(parameters: Parameters, state: Any, x: Any, y: Any) -> Any:
            loss, grads = jax.value_and_grad(self.loss)(parameters, x, y)
            return loss, *adam(parameters, grads, state)

        self.compiled = jax.jit(step, donate_argnums=(0, 1))

    def loss(self, parameters: Parameters, x: Any, y: Any) -> Any:
        """The mean cross-entropy."""
        scores = jax.nn.log_softmax(self.forward(parameters, x))
        return -jnp.take_along_axis(scores, y.reshape(-1, 1), axis=-1).mean()

    def step(self) -> float:
        """One step."""
        given = self.parameters, self.state, *self.inputs
        loss, self.parameters, self.state = self.compiled(*given)
        return float(loss)

    def results(self) -> Arrays:
        """Gradients at the first weights."""
        first = {key: jnp.asarray(weights(key, p.shape)) for key, p in self.parameters.items()}
        return jax.device_get(jax.jit(jax.grad(self.loss))(first, *self.inputs))

    def memory(self) -> dict[str, int]:
        """What the compiler plans."""
        return planned(self.compiled.lower(self.parameters, self.state, *self.inputs))


class Op:
    """One operation."""

    def __init__(self, workload: Workload) -> None:
        self.inputs = {key: jnp.asarray(each) for key, each in workload.inputs().items()}
        self.compiled = jax.jit(function(workload))

    def step(self) -> Any:
        """The result, finished."""
        return jax.block_until_ready(self.compiled(**self.inputs))

    def results(self) -> Arrays:
        """The result, or the gradients."""
        found = jax.device_get(self.step())
        return found if isinstance(found, dict) else {"y": found}

    def memory(self) -> dict[str, int]:
        """What the compiler plans."""
        return planned(self.compiled.lower(**self.inputs))


class Optimiser:
    """A step of Adam with gradients that are given."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.begin()
        self.compiled = jax.jit(adam, donate_argnums=(0, 2))

    def begin(self) -> None:
        """Take the parameters as they are drawn, and no steps."""
        # Copies: what is donated must not be the drawn memory.
        drawn = {key: jnp.array(each) for key, each in self.workload.inputs().items()}
        self.parameters = {f"p{i}": drawn[f"p{i}"] for i in range(MANY)}
        self.grads = {f"p{i}": drawn[f"g{i}"] for i in range(MANY)}
        self.state = adam_state(self.parameters)

    def step(self) -> Any:
        """One step, finished."""
        found = self.compiled(self.parameters, self.grads, self.state)
        self.parameters, self.state = jax.block_until_ready(found)

    def results(self) -> Arrays:
        """The parameters after the first step."""
        self.begin()
        self.step()
        return jax.device_get(self.parameters)

    def memory(self) -> dict[str, int]:
        """What the compiler plans."""
        return planned(self.compiled.lower(self.parameters, self.grads, self.state))


def planned(lowered: Any) -> dict[str, int]:
    """Bytes of arguments, results and what lies between them; donated arguments count once."""
    found = lowered.compile().memory_analysis()
    taken = found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes
    return {"bytes": int(taken - found.alias_size_in_bytes)}


def adam_state(parameters: Parameters) -> Any:
    """No steps, and moments of zero."""
    zeros = {key: jnp.zeros_like(p) for key, p in parameters.items()}
    return jnp.zeros((), jnp.int32), zeros, jax.tree.map(jnp.copy, zeros)


def adam(parameters: Parameters, grads: Parameters, state: Any) -> Any:
    """D. P. Kingma, J. Ba 2015."""
    steps, first, second = state
    steps = steps + 1
    first = jax.tree.map(lambda m, g: m + 0.1 * (g - m), first, grads)
    second = jax.tree.map(lambda v, g: v + 0.001 * (g * g - v), second, grads)
    rate, scale = 1e-3 / (1 - 0.9**steps), 1 / (1 - 0.999**steps)

    def moved(p: Any, m: Any, v: Any) -> Any:
        return p - rate * m / (jnp.sqrt(v * scale) + 1e-8)

    return jax.tree.map(moved, parameters, first, second), (steps, first, second)


def dense(p: Parameters, name: str, x: Any) -> Any:
    """x W^T + b."""
    y = x @ p[f"{name}.weight"].T
    return y + p[f"{name}.bias"] if f"{name}.bias" in p else y


def convolved(p: Parameters, name: str, x: Any, stride: int = 1, padding: int = 0) -> Any:
    """A convolution of images (N, C, H, W)."""
    around = [(padding, padding)] * 2
    layout = ("NCHW", "OIHW", "NCHW")
    kernel = p[f"{name}.weight"]
    y = jax.lax.conv_general_dilated(x, kernel, (stride,) * 2, around, dimension_numbers=layout)
    return y + p[f"{name}.bias"].reshape(-1, 1, 1) if f"{name}.bias" in p else y


def normed(p: Parameters, name: str, x: Any, axes: tuple[int, ...]) -> Any:
    """Normalisation over ``axes``: of batches for images, else of layers."""
    middle, spread = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    shape = (-1, 1, 1) if x.ndim == 4 else (-1,)
    scale, shift = (p[f"{name}.{key}"].reshape(shape) for key in ("weight", "bias"))
    return (x - middle) * jax.lax.rsqrt(spread + 1e-5) * scale + shift


def mlp(p: Parameters, x: Any) -> Any:
    """Dense layers with ReLU between."""
    for name in range(0, 2 * len(MLP) - 4, 2):
        x = jax.nn.relu(dense(p, str(name), x))
    return dense(p, str(2 * len(MLP) - 4), x)


def cnn(p: Parameters, x: Any) -> Any:
    """Two convolutions, a pooling, two dense layers."""
    y = jax.nn.relu(convolved(p, "2", jax.nn.relu(convolved(p, "0", x))))
    window = (1, 1, 2, 2)
    y = jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, window, window, "VALID")
    return dense(p, "8", jax.nn.relu(dense(p, "6", y.reshape(y.shape[0], -1))))


def resnet18(p: Parameters, x: Any) -> Any:
    """Eight residual blocks."""

    def batch(name: str, x: Any) -> Any:
        return normed(p, name, x, (0, 2, 3))

    x = jax.nn.relu(batch("1", convolved(p, "0", x, 1, 1)))
    for i in range(3, 11):
        stride = 2 if i > 3 and i % 2 else 1
        y = jax.nn.relu(batch(f"{i}.bn1", convolved(p, f"{i}.conv1", x, stride, 1)))
        y = batch(f"{i}.bn2", convolved(p, f"{i}.conv2", y, 1, 1))
        if f"{i}.downsample.0.weight" in p:
            short = convolved(p, f"{i}.downsample.0", x, stride)
            x = batch(f"{i}.downsample.1", short)
        x = jax.nn.relu(x + y)
    return dense(p, "13", x.mean((2, 3)))


def gpt(p: Parameters, x: Any) -> Any:
    """A decoder as in ``networks.gpt``."""
    layers, width, heads, length, vocabulary = GPT
    y = p["tokens.weight"][x] + p["places.weight"]
    seen = jnp.tril(jnp.ones((length, length), bool))
    for i in range(layers):
        name = f"blocks.{i}"
        parts = dense(p, f"{name}.qkv", normed(p, f"{name}.norm1", y, (-1,)))
        q, k, v = jnp.moveaxis(parts.reshape(*x.shape, 3, heads, -1), 2, 0)
        scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) / jnp.sqrt(width / heads)
        chance = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
        mixed = jnp.einsum("nhqk,nkhd->nqhd", chance, v).reshape(y.shape)
        y = y + dense(p, f"{name}.out", mixed)
        up = jax.nn.gelu(dense(p, f"{name}.up", normed(p, f"{name}.norm2", y, (-1,))))
        y = y + dense(p, f"{name}.down", up)
    return dense(p, "head", normed(p, "norm", y, (-1,))).reshape(-1, vocabulary)


def lstm(p: Parameters, x: Any) -> Any:
    """A scan whose last state is classified; the input's product is taken out of it."""
    bias = p["cells.bias_ih_l0"] + p["cells.bias_hh_l0"]
    given = jnp.swapaxes(x, 0, 1) @ p["cells.weight_ih_l0"].T + bias
    turned = p["cells.weight_hh_l0"].T

    def step(state: Any, now: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(now + h @ turned, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[0], LSTM[1]))
    return dense(p, "head", jax.lax.scan(step, (zeros, zeros), given)[0][0])


NETWORKS: dict[str, Callable[[Parameters, Any], Any]] = {
    "mlp": mlp,
    "cnn": cnn,
    "resnet18": resnet18,
    "gpt": gpt,
    "lstm": lstm,
}
