"""Initialise parameters of a network that exists already, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jairika_nb.engine import device as devices
from jairika_nb.errors import ArchitectureError, JairikaError, ShapeError
from jairika_nb.nn.init import draws, structured
from jairika_nb.nn.lookup import matching, unknown
from jairika_nb.tensors.tensor import Tensor

METHODS: dict[str, Callable[..., Tensor]] = {
    **{
        name: getattr(draws, name)
        for name in (
            "uniform", "normal", "trunc_normal", "kaiming_uniform", "kaiming_normal",
            "xavier_uniform", "xavier_normal", "sparse",
        )
    },
    **{
        name: getattr(structured, name)
        for name in ("constant", "zeros", "ones", "eye", "dirac", "orthogonal")
    },
}  # fmt: skip


def apply(
    net: Any,
    method: str | Callable[..., Tensor],
    match: str | Sequence[str] | None = None,
    **settings: Any,
) -> list[str]:
    """Draw parameters of a network anew and return their names.

    ``method`` is the name of a function here, or a function of a shape; ``settings`` are handed on
    to it. ``match`` are names or patterns as for ``net.freeze``; by default all parameters of two
    axes or more are drawn. Dtypes, devices and ties stay. All or nothing: raises
    ArchitectureError for a name that matches nothing or an unknown method, and the method's error,
    naming the parameter, where a shape does not suit it.

    >>> from jairika_nb import nn
    >>> net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    >>> nn.init.apply(net, "orthogonal", match="0.*t")
    ['0.weight']
    >>> nn.init.apply(net, "constant", match="*.bias", val=0.5)
    ['0.bias', '2.bias']
    """
    draw = METHODS.get(method) if isinstance(method, str) else method
    if draw is None or not callable(draw):
        raise ArchitectureError(f"init.apply: {method!r} is none of {', '.join(METHODS)}")
    named = dict(net.named_parameters())
    chosen = [name for name, value in named.items() if value.ndim > 1]
    if match is not None:
        chosen = matching(match, [*named])
    if not chosen:
        raise unknown(net, "parameter that matches", match or "two axes or more", named)
    net.replace({name: _drawn(name, draw, named[name], settings) for name in chosen})
    return chosen


def _drawn(name: str, draw: Callable[..., Any], old: Tensor, settings: dict[str, Any]) -> Tensor:
    try:
        with devices.using(old.device):
            new = draw(old.shape, **settings)
    except JairikaError as error:
        raise type(error)(f"init.apply to {name}: {error}") from error
    if not isinstance(new, Tensor) or new.shape != old.shape:
        shown = new.shape if isinstance(new, Tensor) else type(new).__name__
        raise ShapeError(f"init.apply to {name}: the method gave {shown} for {old.shape}")
    return new if new.dtype is old.dtype else new.astype(old.dtype)
