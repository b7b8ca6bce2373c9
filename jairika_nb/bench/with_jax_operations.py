"""The operations of the benchmark in JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jairika_nb.bench.workloads import Workload


def convolution(x: Any, w: Any, groups: int = 1) -> Any:
    """With the padding that keeps the sides."""
    around = [(w.shape[-1] // 2,) * 2] * 2
    return jax.lax.conv_general_dilated(
        x, w, (1, 1), around, dimension_numbers=("NCHW", "OIHW", "NCHW"), feature_group_count=groups
    )


def attention(q: Any, k: Any, v: Any) -> Any:
    """Causal; ``jax.nn.dot_product_attention`` with heads where it wants them."""
    turned = (jnp.swapaxes(each, 1, 2) for each in (q, k, v))
    return jnp.swapaxes(jax.nn.dot_product_attention(*turned, is_causal=True), 1, 2)


def layernorm(x: Any, weight: Any, bias: Any) -> Any:
    """Along the rows."""
    middle, spread = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - middle) * jax.lax.rsqrt(spread + 1e-5) * weight + bias


def cross_entropy(x: Any, y: Any) -> Any:
    """The mean over the rows."""
    return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=-1).mean()


OPERATIONS: dict[str, Callable[..., Any]] = {
    "chain": lambda x: jnp.exp(jax.nn.sigmoid(2 * x + 1) * x - 3).sum(),
    "matmul": lambda a, b: a @ b,
    "matmul_tn": lambda a, b: a.T @ b,
    "matmul_nt": lambda a, b: a @ b.T,
    "dense_gelu": lambda a, b, bias: jax.nn.gelu(a @ b + bias),
    "convolution": convolution,
    "depthwise": lambda x, w: convolution(x, w, x.shape[1]),
    "attention": attention,
    "softmax": lambda x: jax.nn.softmax(x, -1),
    "layernorm": layernorm,
    "cross_entropy": cross_entropy,
    "sum": lambda x: x.sum(),
    "sum_rows": lambda x: x.sum(1),
    "sum_columns": lambda x: x.sum(0),
    "scale": lambda x: 2 * x,
    "add": lambda x, y: x + y,
    "triad": lambda x, y: x + 3 * y,
    "transpose": lambda x: x.T,
    "exp": lambda x: jnp.exp(x),
    "tanh": lambda x: jnp.tanh(x),
    "erf": lambda x: jax.scipy.special.erf(x),
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "sigmoid": lambda x: jax.nn.sigmoid(x),
    "embedding": lambda x, weight: weight[x],
    "sort": lambda x: jnp.sort(x, axis=-1),
    "cumsum": lambda x: jnp.cumsum(x, axis=1),
}


def function(workload: Workload) -> Callable[..., Any]:
    """The operation, or its gradients by the names of the inputs."""
    forward = OPERATIONS[workload.operation]
    if not workload.wanted:
        return forward

    def gradients(dy: Any = None, **inputs: Any) -> dict[str, Any]:
        sources = {name: inputs.pop(name) for name in workload.wanted}
        y, back = jax.vjp(lambda given: forward(**inputs, **given), sources)
        (found,) = back(jnp.ones_like(y) if dy is None else dy)
        return {f"d{name}": each for name, each in found.items()}

    return gradients
