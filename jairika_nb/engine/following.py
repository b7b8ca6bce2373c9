"""What follows products: the values that their kernels store in the place of the bare product.

A sum of a product and what went past it is needed by all later blocks of a network. Stored by the
product's own kernel it costs no launch and no further read.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from jairika_nb.engine import product
from jairika_nb.engine.fused import Kernel, Misfit
from jairika_nb.engine.graph import TABLE
from jairika_nb.engine.program import Entry

if TYPE_CHECKING:
    from jairika_nb.engine.planner import Planner


def ends(entries: list[Entry], stored: set[int], results: list[int]) -> dict[int, int]:
    """The last value that alone is made of each product, with the product."""
    users: dict[int, set[int]] = defaultdict(set)
    for position, entry in enumerate(entries):
        for i in entry.inputs:
            users[i].add(position)
    found = {}
    for gemm, entry in enumerate(entries):
        if entry.op != "gemm" or gemm in results:
            continue
        end = gemm
        while len(users[end]) == 1 and (end == gemm or end not in stored):
            (user,) = users[end]
            if not _is_element_for_element(entries[user], entry.size):
                break
            end = user
            if TABLE[entries[end].op].kind == "elementwise":
                found[gemm] = end
    return {end: gemm for gemm, end in found.items()}


def _is_element_for_element(entry: Entry, size: int) -> bool:
    plain = entry.op in ("reshape", "detach") or TABLE[entry.op].kind == "elementwise"
    return plain and entry.size == size


def followed(planner: Planner, gemm: int, roots: list[int], known: set[int]) -> Kernel | None:
    """The kernel of a product that stores ``roots``, or None; it reads nothing but ``known``."""
    entry = planner.entries[gemm]
    if any(planner.entries[r].size != entry.size for r in roots):
        return None
    try:
        fused = planner.product(roots, gemm)
    except (Misfit, ValueError):
        return None
    if gemm in fused.loads or set(fused.reads) - known:
        return None
    return fused if product.can_follow(fused, entry.shape, wide=bool(entry.attrs[2])) else None
