"""The curves of a training run, by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jairika_nb.metrics.plots import COLOURS, axes, dressed


def plot_measures(measures: Mapping[str, Sequence[float]], ax: Any = None) -> Any:
    """Measures over epochs on the Axes ``ax``, or new ones; those of validation are dashed."""
    ax, new = axes(ax, 5.5, 3.2)
    kinds = list(dict.fromkeys(name.removeprefix("val_") for name in measures))
    lines = []
    for name, values in measures.items():
        colour = COLOURS[kinds.index(name.removeprefix("val_")) % len(COLOURS)]
        style = "--" if name.startswith("val_") else "-"
        marker = "o" if len(values) == 1 else None
        epochs = range(1, len(values) + 1)
        lines += ax.plot(epochs, values, style, color=colour, marker=marker, label=name)
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.25)
    return dressed(ax, new, lines)
