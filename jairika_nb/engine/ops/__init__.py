"""The operations: one row of one table each, by family, with the functions that build them."""

from jairika_nb.engine.ops import (
    attention,
    cells,
    contract,
    conv,
    elementwise,
    gather,
    gelu,
    host,
    recurrent,
    reduce,
    scan,
    scatter,
    sort,
    sources,
    views,
)

__all__ = [
    "attention",
    "cells",
    "contract",
    "conv",
    "elementwise",
    "gather",
    "gelu",
    "host",
    "recurrent",
    "reduce",
    "scan",
    "scatter",
    "sort",
    "sources",
    "views",
]
