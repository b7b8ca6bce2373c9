"""The operations: one row of one table each, by family, with the functions that build them."""

from jairika_nb.engine.ops import (
    contract,
    conv,
    elementwise,
    gather,
    host,
    reduce,
    region,
    scan,
    scatter,
    sort,
    sources,
    views,
)

__all__ = [
    "contract",
    "conv",
    "elementwise",
    "gather",
    "host",
    "reduce",
    "region",
    "scan",
    "scatter",
    "sort",
    "sources",
    "views",
]
