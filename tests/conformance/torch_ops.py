"""PyTorch's own operator samples (its ``op_db``), translated into calls of ours.

``torch_ops.txt`` says which operation goes by which name here; what needs more than another name
is in :mod:`torch_ops_adapted`. A sample becomes two calls on equal data, whose results and
derivatives are compared.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch_ops_differences import NotComparable

import jairika_nb as jrk
from jairika_nb.tensors.tensor import Tensor

HERE = Path(__file__).parent
# PyTorch's names of arguments and ours.
RENAMED = {
    "dim": "axis", "keepdim": "keepdims", "dims": "axis", "start_dim": "start_axis",
    "end_dim": "end_axis", "unbiased": "unbiased",
}  # fmt: skip
# Arguments about where and how PyTorch keeps a tensor; they say nothing about its values.
IGNORED = ("device", "layout", "requires_grad", "pin_memory", "memory_format", "non_blocking")
DTYPES = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


@dataclass(frozen=True)
class Row:
    """One operation that both have: how it is called here, and what is not compared of it."""

    name: str  # PyTorch's, with "@variant" where the table has several of one name
    ours: str
    positional: tuple[str, ...]  # names for the arguments after the first; "*" keeps a place
    without: tuple[str, ...]  # arguments that ours does not have


@functools.cache
def rows() -> dict[str, Row]:
    """The table of what is compared."""
    found = {}
    for line in (HERE / "torch_ops.txt").read_text().splitlines():
        text = line.split("#")[0].strip()
        if text:
            name, ours, positional, without = ([p.strip() for p in text.split("|")] + [""] * 3)[:4]
            found[name] = Row(
                name, ours or name.split("@")[0], tuple(positional.split()), tuple(without.split())
            )
    return found


@functools.cache
def left_out() -> dict[str, str]:
    """PyTorch's operations that are not compared, with the reason."""
    found, reason = {}, ""
    for line in (HERE / "torch_ops_left_out.txt").read_text().splitlines():
        if line.startswith("#"):
            reason = line.lstrip("# ").strip()
        found.update(dict.fromkeys(line.split() if not line.startswith("#") else [], reason))
    return found


@functools.cache
def operators() -> dict[str, Any]:
    """PyTorch's own descriptions of its operators by name, with "@variant" where there is one."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
    named: dict[str, Any] = {}
    for op in op_db:
        variant = f"@{op.variant_test_name}" if op.variant_test_name else ""
        named[op.name + variant] = op
    return named


def named_function(row: Row) -> Callable[..., Any]:
    """Our function for a row."""
    from torch_ops_adapted import OURS

    if row.name in OURS:
        return OURS[row.name]
    found: Any = jrk
    for part in row.ours.split("."):
        found = getattr(found, part)
    return found


def offered(name: str) -> bool:
    """Whether a function of PyTorch's name exists here."""
    found: Any = jrk
    for part in name.split("@")[0].split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def torch_function(name: str, op: Any) -> Callable[..., Any]:
    """PyTorch's function, or what makes of its results what does not depend on arbitrary signs."""
    from torch_ops_adapted import THEIRS

    return THEIRS[name](op) if name in THEIRS else op


def spread(samples: Iterator[Any], count: int | None) -> list[Any]:
    """At most ``count`` of the samples, evenly spread over the first 200; one is the first."""
    made = {None: None, 1: 1}.get(count, 200)  # PyTorch takes long to make many
    found = list(itertools.islice(samples, made))
    if count is None or len(found) <= count:
        return found
    return [found[i * (len(found) - 1) // max(1, count - 1)] for i in range(count)]


def wrong_call(row: Row, wrong: Any) -> Translation:
    """The arguments of one of PyTorch's wrong calls, if it could be wrong here too."""
    sample = wrong.sample_input
    if "out" in sample.kwargs:
        raise NotComparable("no out=")
    if not wrong.error_regex and any(
        isinstance(a, (bool, int, float)) for a in (sample.input, *sample.args)
    ):
        raise NotComparable("numbers stand for tensors")
    return Translation(row, sample)


class Values:
    """PyTorch's values as ours; the same tensor of PyTorch's is the same tensor here.

    ``sources`` are those with derivatives, theirs and ours.
    """

    def __init__(self) -> None:
        self.known: dict[int, Tensor] = {}
        self.sources: list[tuple[Any, Tensor]] = []

    def value(self, x: Any) -> Any:
        """``x`` with PyTorch's tensors and dtypes replaced by ours, in lists and dicts too."""
        import torch

        if isinstance(x, torch.Tensor):
            return self._tensor(x)
        if isinstance(x, torch.dtype):
            return getattr(jrk, _dtype_name(x))
        if isinstance(x, (list, tuple)):
            return [self.value(v) for v in x] if isinstance(x, list) else tuple(map(self.value, x))
        if isinstance(x, dict):
            return {k: self.value(v) for k, v in x.items()}
        if isinstance(x, complex):
            raise NotComparable("complex numbers")
        return x

    def _tensor(self, x: Any) -> Tensor:
        if id(x) not in self.known:
            name = _dtype_name(x.dtype)
            if str(x.layout) != "torch.strided":
                raise NotComparable("sparse tensors")
            if x.ndim > 32:
                raise NotComparable("more axes than NumPy holds")
            ours = jrk.tensor(x.detach().numpy(), dtype=name)
            self.known[id(x)] = ours
            if x.requires_grad:
                self.sources.append((x, ours))
        return self.known[id(x)]


class Translation(Values):
    """One sample's arguments as ours."""

    def __init__(self, row: Row, sample: Any) -> None:
        super().__init__()
        self.input = self.value(sample.input)
        args = [self.value(a) for a in sample.args]
        kept = row.positional[: len(args)]
        names = itertools.chain(kept, itertools.repeat("*", len(args) - len(kept)))
        self.args, self.kwargs = [], {}
        for name, arg in zip(names, args, strict=True):
            if name == "*":
                self.args.append(arg)
            else:
                self.kwargs[name] = arg
        for key, value in sample.kwargs.items():
            if key in IGNORED:
                continue
            self.kwargs[RENAMED.get(key, key)] = self.value(value)
        for name in row.without:
            given = self.kwargs.pop(name, None)
            if not (given is None or given is False or (type(given) is float and given == 0)):
                raise NotComparable(f"ours has no {name}=")


def _dtype_name(dtype: Any) -> str:
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise NotComparable(f"dtype {name}")
    return name


def flat(results: Any) -> list[Any]:
    """The tensors and scalars of a result, in order."""
    if isinstance(results, (list, tuple)):
        return [leaf for r in results for leaf in flat(r)]
    return [results]


def as_array(x: Any) -> np.ndarray:
    """A result of either library as a NumPy array."""
    if isinstance(x, Tensor):
        return x.numpy()
    return np.asarray(x.numpy(force=True) if hasattr(x, "detach") else x)


def weights(shape: tuple[int, ...], phase: float) -> np.ndarray:
    """Fixed numbers of mixed sign and size, to make one number of a result."""
    count = int(np.prod(shape, dtype=int))
    return (np.cos(np.arange(count) * 1.7 + phase) + 0.2).reshape(shape)


@dataclass
class Derivatives:
    """First derivatives by source, and second ones of their weighted sum; None if unconnected."""

    first: list[np.ndarray | None]
    second: list[np.ndarray | None] | None


def torch_derivatives(call: Callable[[], Any], sources: list[Any], twice: bool) -> Derivatives:
    """PyTorch's derivatives of the weighted sum of all results that have any."""
    import torch

    def total(values: list[Any], phase: float) -> Any:
        return sum((v * torch.tensor(weights(tuple(v.shape), phase))).sum() for v in values)

    if not sources:
        raise NotComparable("nothing that has a derivative")
    outputs = [y for y in flat(call()) if isinstance(y, torch.Tensor) and y.requires_grad]
    if not outputs:
        raise NotComparable("no result that depends on a source")
    try:
        first = torch.autograd.grad(
            total(outputs, 0.3), sources, create_graph=twice, allow_unused=True
        )
        second = _again(first, sources, total) if twice else None
    except RuntimeError as error:
        raise NotComparable(f"PyTorch: {str(error)[:80]}") from None
    return Derivatives(_arrays(first), None if second is None else _arrays(second))


def _again(first: Any, sources: list[Any], total: Callable[..., Any]) -> Any:
    import torch

    known = [g for g in first if g is not None and g.requires_grad]
    if not known:
        return [None] * len(sources)
    return torch.autograd.grad(total(known, 0.9), sources, allow_unused=True)


def _arrays(found: Any) -> list[np.ndarray | None]:
    return [None if g is None else as_array(g) for g in found]


def our_derivatives(
    call: Callable[[], Any], sources: list[Tensor], like: Derivatives
) -> Derivatives:
    """Ours of the same sums."""

    def total(values: list[Tensor], phase: float) -> Tensor:
        out = jrk.zeros((), dtype="float64", device=values[0].device)
        for v in values:
            out = out + (v * jrk.tensor(weights(v.shape, phase), dtype=v.dtype)).sum()
        return out

    outputs = [y for y in flat(call()) if isinstance(y, Tensor) and y.dtype.kind == "float"]
    first = jrk.grad(total(outputs, 0.3), sources)
    second = None
    if like.second is not None:
        again = [g for g, known in zip(first, like.first, strict=True) if known is not None]
        second = jrk.grad(total(again, 0.9), sources) if again else [0 * s for s in sources]
    jrk.eval(*first, *(second or []))
    return Derivatives([g.numpy() for g in first], second and [g.numpy() for g in second])
