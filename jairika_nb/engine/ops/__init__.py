"""The operations: one row of one table each, by family, with the functions that build them."""

from jairika_nb.engine.ops import (
    cells,
    contract,
    conv,
    elementwise,
    gather,
    host,
    recurrent,
    reduce,
    region,
    scan,
    scatter,
    sort,
    sources,
    views,
)

__all__ = [
    "cells",
    "contract",
    "conv",
    "elementwise",
    "gather",
    "host",
    "recurrent",
    "reduce",
    "region",
    "scan",
    "scatter",
    "sort",
    "sources",
    "views",
]
