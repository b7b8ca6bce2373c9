"""How kernels of attention find matrices of many batches in buffers."""

from __future__ import annotations

from typing import NamedTuple

from jairika_nb.engine.ops.attention import Form

# Axes of batches that kernels know.
BATCHES = 3


class View(NamedTuple):
    """Where a matrix of each batch lies in a buffer, in elements."""

    start: int
    batch: tuple[int, ...]
    row: int
    column: int


class Layout(NamedTuple):
    """How a kernel finds its operands and results; ``turned`` tells whose heads lie in rows."""

    form: Form
    batch: tuple[int, ...]
    sizes: tuple[int, int, int, int]  # queries, keys, their size, that of values
    views: tuple[View, ...]
    results: tuple[View, ...]
    turned: tuple[bool, ...]
    parts: int = 1
