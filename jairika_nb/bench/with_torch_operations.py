"""The operations of the benchmark in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from jairika_nb.bench.workloads import Workload

OPERATIONS: dict[str, Callable[..., Any]] = {
    "chain": lambda x: torch.exp(torch.sigmoid(2 * x + 1) * x - 3).sum(),
    "matmul": lambda a, b: a @ b,
    "matmul_tn": lambda a, b: a.mT @ b,
    "matmul_nt": lambda a, b: a @ b.mT,
    "dense_gelu": lambda a, b, bias: functional.gelu(torch.addmm(bias, a, b), approximate="tanh"),
    "convolution": lambda x, w: functional.conv2d(x, w, padding=w.shape[-1] // 2),
    "depthwise": lambda x, w: functional.conv2d(x, w, padding=1, groups=x.shape[1]),
    "attention": lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, is_causal=True),
    "softmax": lambda x: torch.softmax(x, -1),
    "layernorm": lambda x, weight, bias: functional.layer_norm(x, x.shape[1:], weight, bias),
    "cross_entropy": lambda x, y: functional.cross_entropy(x, y),
    "sum": lambda x: x.sum(),
    "sum_rows": lambda x: x.sum(1),
    "sum_columns": lambda x: x.sum(0),
    "scale": lambda x: 2 * x,
    "add": lambda x, y: x + y,
    "triad": lambda x, y: torch.add(x, y, alpha=3),
    "transpose": lambda x: x.mT.contiguous(),
    "exp": lambda x: torch.exp(x),
    "tanh": lambda x: torch.tanh(x),
    "erf": lambda x: torch.erf(x),
    "gelu": lambda x: functional.gelu(x),
    "sigmoid": lambda x: torch.sigmoid(x),
    "embedding": lambda x, weight: functional.embedding(x, weight),
    "sort": lambda x: torch.sort(x).values,
    "cumsum": lambda x: x.cumsum(1),
}


def inputs(workload: Workload, dtype: Any) -> dict[str, Any]:
    """Tensors of the inputs; indices as PyTorch wants them."""
    found = {key: torch.from_numpy(each) for key, each in workload.inputs().items()}
    return {k: t.to(dtype) if t.is_floating_point() else t.long() for k, t in found.items()}


def function(workload: Workload, compiled: bool) -> Callable[..., Any]:
    """The operation, or its gradients by the names of the inputs."""
    forward: Any = OPERATIONS[workload.operation]
    if compiled:
        forward = torch.compile(forward)

    def plain(**given: Any) -> Any:
        with torch.no_grad():
            return forward(**given)

    def gradients(dy: Any = None, **given: Any) -> dict[str, Any]:
        sources = [given[name].requires_grad_() for name in workload.wanted]
        found = torch.autograd.grad(forward(**given), sources, dy)
        return {f"d{name}": each for name, each in zip(workload.wanted, found, strict=True)}

    return gradients if workload.wanted else plain
