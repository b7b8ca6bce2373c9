"""The operations: one row of one table each, by family, with the functions that build them."""

from jairika_nb.engine.ops import (
    contract,
    elementwise,
    gather,
    reduce,
    scan,
    scatter,
    sort,
    sources,
    views,
)

__all__ = [
    "contract",
    "elementwise",
    "gather",
    "reduce",
    "scan",
    "scatter",
    "sort",
    "sources",
    "views",
]
