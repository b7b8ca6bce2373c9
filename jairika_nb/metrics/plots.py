"""Measures as pictures, by matplotlib: for pages of either theme, or inside the user's figure.

Axes made here have no background, and lines and letters of a lightness between black and white.
Axes that are given keep their own style.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from jairika_nb.errors import MissingPackage
from jairika_nb.metrics.curves import PrecisionRecallPoints, RocPoints
from jairika_nb.metrics.metric import shown

NEUTRAL = "#7d7d7d"  # 4 to 1 against white and against JupyterLab's dark pages
COLOURS = (
    *("#2a7de1", "#e08a00", "#7a5cc9", "#1f9e77", "#d6456b"),
    *("#8f9400", "#0f9fb5", "#b5651d", "#c45ac4", "#6f8a91"),
)
PALE, DEEP = "#eef3fb", "#1c56a8"
MOST_NUMBERS = 25  # classes, above which a matrix is too small for numbers
MOST_NAMED = 10  # curves in a legend


def pyplot() -> ModuleType:
    """matplotlib.pyplot; raises MissingPackage."""
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise MissingPackage("plots need matplotlib; `pip install matplotlib` adds it") from error
    return matplotlib.pyplot


def axes(ax: Any, width: float = 5.0, height: float = 4.0) -> tuple[Any, bool]:
    """The Axes to draw on, and whether they are new."""
    if ax is not None:
        return ax, False
    figure, ax = pyplot().subplots(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0.0)
    ax.patch.set_alpha(0.0)
    return ax, True


def dressed(ax: Any, new: bool, handles: Iterable[Any] = ()) -> Any:
    """The Axes with a legend and, where they are new, letters for any background."""
    named = [h for h in handles if not h.get_label().startswith("_")]
    legend = ax.legend(handles=named, frameon=False, fontsize="small") if named else None
    if not new:
        return ax
    ax.tick_params(colors=NEUTRAL)
    for spine in ax.spines.values():
        spine.set_color(NEUTRAL)
    texts = [*(legend.get_texts() if legend else ()), ax.xaxis.label, ax.yaxis.label, ax.title]
    for text in texts:
        text.set_color(NEUTRAL)
    return ax


def plot_matrix(values: np.ndarray, names: list[str], ax: Any = None) -> Any:
    """A confusion matrix as tinted squares with their numbers."""
    from matplotlib.colors import LinearSegmentedColormap

    size = max(3.2, min(10.0, 1.5 + 0.38 * len(names)))
    ax, new = axes(ax, size, size)
    tints = LinearSegmentedColormap.from_list("tints", [PALE, DEEP])
    most = values.max(initial=0) or 1
    ax.imshow(values, cmap=tints, vmin=0, vmax=most)
    places = range(len(names))
    crowded = max(map(len, names), default=0) * len(names) > 60
    ax.set_xticks(places, names, rotation=90 if crowded else 0)
    ax.set_yticks(places, names)
    ax.set(xlabel="predicted class", ylabel="true class")
    if len(names) <= MOST_NUMBERS:
        for (row, column), value in np.ndenumerate(values):
            _number(ax, row, column, value, dark=value > 0.55 * most)
    return dressed(ax, new)


def _number(ax: Any, row: int, column: int, value: Any, dark: bool) -> None:
    text = f"{value:.2f}".removeprefix("0") if isinstance(value, np.floating) else f"{value}"
    colour = "white" if dark else "#8a94a3" if not value else "#16202e"
    ax.text(column, row, text, ha="center", va="center", color=colour, fontsize="small")


def _curve(ax: Any, place: int, x: Any, y: Any, label: str | None, **style: Any) -> Any:
    kept = label if place < MOST_NAMED else None
    colour = COLOURS[place % len(COLOURS)]
    return ax.plot(x, y, color=colour, label=kept, linewidth=1.6, **style)[0]


def plot_roc(curves: Mapping[str | None, RocPoints], ax: Any = None) -> Any:
    """ROC curves by class over the diagonal of chance, with their areas in the legend."""
    ax, new = axes(ax)
    ax.plot([0, 1], [0, 1], color=NEUTRAL, linewidth=0.8, linestyle=":", label="_chance")
    lines = [
        _curve(ax, i, c.fpr, c.tpr, _label(name, "area", c.area()))
        for i, (name, c) in enumerate(curves.items())
    ]
    ax.set(xlabel="false positive rate", ylabel="true positive rate")
    return dressed(ax, new, lines)


def plot_precision_recall(
    curves: Mapping[str | None, PrecisionRecallPoints], ax: Any = None
) -> Any:
    """Precision-recall curves by class, with their average precisions in the legend."""
    ax, new = axes(ax)
    lines = [
        _curve(ax, i, c.recall, c.precision, _label(name, "AP", c.area()), drawstyle="steps-post")
        for i, (name, c) in enumerate(curves.items())
    ]
    ax.set(xlabel="recall", ylabel="precision", ylim=(-0.03, 1.05))
    return dressed(ax, new, lines)


def _label(name: str | None, what: str, area: float) -> str:
    return f"{what} {shown(area)}" if name is None else f"{name}: {what} {shown(area)}"
