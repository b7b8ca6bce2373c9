"""The operations of the benchmark in this package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jairika_nb as jrk
from jairika_nb.bench.workloads import Workload
from jairika_nb.nn import functional

OPERATIONS: dict[str, Callable[..., Any]] = {
    "chain": lambda x: ((2 * x + 1).sigmoid() * x - 3).exp().sum(),
    "matmul": lambda a, b: a @ b,
    "matmul_tn": lambda a, b: a.mT @ b,
    "matmul_nt": lambda a, b: a @ b.mT,
    "dense_gelu": lambda a, b, bias: functional.gelu(a @ b + bias, approximate="tanh"),
    "convolution": lambda x, w: functional.conv2d(x, w, padding=w.shape[-1] // 2),
    "depthwise": lambda x, w: functional.conv2d(x, w, padding=1, groups=x.shape[1]),
    "attention": lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, is_causal=True),
    "softmax": lambda x: jrk.softmax(x, axis=-1),
    "layernorm": lambda x, weight, bias: functional.layer_norm(x, x.shape[1:], weight, bias),
    "cross_entropy": lambda x, y: functional.cross_entropy(x, y),
    "sum": lambda x: x.sum(),
    "sum_rows": lambda x: x.sum(axis=1),
    "sum_columns": lambda x: x.sum(axis=0),
    "scale": lambda x: 2 * x,
    "add": lambda x, y: x + y,
    "triad": lambda x, y: x + 3 * y,
    "transpose": lambda x: x.mT,
    "exp": lambda x: x.exp(),
    "tanh": lambda x: x.tanh(),
    "erf": lambda x: jrk.erf(x),
    "gelu": lambda x: functional.gelu(x),
    "sigmoid": lambda x: x.sigmoid(),
    "embedding": lambda x, weight: functional.embedding(x, weight),
    "sort": lambda x: x.sort(),
    "cumsum": lambda x: x.cumsum(axis=1),
}


def function(workload: Workload) -> Callable[..., Any]:
    """The operation, or its gradients by the names of the inputs."""
    forward = OPERATIONS[workload.operation]
    if not workload.wanted:
        return forward

    def gradients(dy: Any = None, **inputs: Any) -> dict[str, Any]:
        sources = [inputs[name] for name in workload.wanted]
        found = jrk.grad(forward(**inputs), sources, upstream=dy)
        return {f"d{name}": each for name, each in zip(workload.wanted, found, strict=True)}

    return gradients
