"""Outputs of a network's parts by name, from one run: ``net.capture(x)``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn.lookup import matching, unknown


def capture(
    module: Any, inputs: tuple[Any, ...], names: str | Sequence[str] | None, more: dict[str, Any]
) -> dict[str, Any]:
    """The outputs of the chosen modules; see ``Module.capture``."""
    wanted = _wanted(module, names)
    found: dict[str, Any] = {}
    counts: dict[str, int] = {}

    def keep(part: Any, args: tuple, output: Any) -> None:
        name = wanted[id(part)]
        counts[name] = counts.get(name, 0) + 1
        found[name if counts[name] == 1 else f"{name}:{counts[name]}"] = output

    chosen = [part for part in module.modules() if id(part) in wanted]
    handles = [part.register_forward_hook(keep) for part in chosen]
    try:
        module(*inputs, **more)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _wanted(module: Any, names: str | Sequence[str] | None) -> dict[int, str]:
    parts = {name: id(part) for name, part in module.named_modules()}
    if names is None:
        return {number: name for name, number in parts.items()}
    # A shared module may be asked for by any of its names.
    every = {name: id(part) for name, part in module._walk("")}
    chosen: dict[int, str] = {}
    for pattern in [names] if isinstance(names, str) else names:
        if not isinstance(pattern, str):
            raise ArchitectureError(f"capture: {pattern!r} is no name of a module; use text")
        fits = [pattern] if pattern in every else matching(pattern, [*every])
        if not fits:
            raise unknown(module, "module", pattern, every)
        for name in fits:
            chosen.setdefault(every[name], name)
    return chosen
