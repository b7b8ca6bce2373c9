"""How a product is cut for the cores of a CPU: tiles in registers, panels in caches, pieces.

The parameters stand together in :data:`SIZES`; they decide speed and, through the order in which
sums are added up, the last bits of results. `jrk tune` may put others of :data:`CHOICES` in force
on a device (`tuned.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The parameters; a piece of work is some rows by some columns, done by one core."""

    rows: int = 8  # of a tile in registers
    columns: int = 32  # of such a tile, in vectors of 16
    sums: int = 512  # steps along k that are added up before they join a total
    depth: int = 1024  # steps that a panel has at most where the left operand is read in place
    short: int = 512  # and where it is copied first
    piece: tuple[int, int] = (1024, 64)  # where the left operand is read in place
    copied: tuple[int, int] = (256, 512)  # where it is copied first
    shares: int = 4  # pieces a core should have, so that a slow one does not hold up the others
    fewest: int = 64  # rows that one filling of a panel should serve at least


SIZES = Sizes()
# What each parameter may be; rows are copied by fours, and vectors have 16 columns.
CHOICES: dict[str, tuple] = {
    "rows": (4, 8, 12),
    "columns": (16, 32, 48, 64),
    "sums": (128, 256, 512, 1024),
    "depth": (512, 1024, 2048),
    "short": (256, 512, 1024),
    "piece": ((512, 64), (1024, 64), (2048, 64), (1024, 128), (256, 256)),
    "copied": ((128, 512), (256, 512), (512, 512), (256, 256), (256, 1024)),
    "shares": (2, 4, 8, 16),
    "fewest": (32, 64, 128),
}


@dataclass(frozen=True)
class Cut:
    """A product cut into pieces; ``sizes`` are the kernel's arguments of these names."""

    sizes: dict[str, int]
    scratch: int  # bytes
    items: int  # work-items to start


def tile(m: int, n: int, by: Sizes) -> tuple[int, int]:
    """Rows and columns of the tile in registers."""
    return (by.rows if m > 4 else 4, by.columns if n > 16 else 16)


def cut(
    batch: int, sizes: tuple[int, int, int], tile: tuple[int, int], copies: bool, units: int,
    by: Sizes,
) -> Cut:  # fmt: skip
    """Pieces of a product of m x n sums over k for ``units`` cores, by some parameters."""
    (m, n, k), (mr, nr) = sizes, tile
    sums = evenly(k, by.sums, 16)[0] if k > by.sums else k
    depth = min(k, sums * max(1, (by.short if copies else by.depth) // sums))
    most = by.copied if copies else by.piece
    rows, columns = evenly(m, most[0], mr), evenly(n, most[1], nr)
    while not _enough(batch * rows[1] * columns[1], units, by, copies and depth < k):
        if columns[0] > nr:
            columns = evenly(n, columns[0] // 2, nr)
        elif rows[0] >= 2 * by.fewest or (batch * rows[1] < units and rows[0] > mr):
            # Better a panel filled twice than a core with nothing to do.
            rows = evenly(m, rows[0] // 2, mr)
        else:
            break
    few = batch * rows[1] * columns[1] < 2 * units * by.shares
    if few and batch * rows[1] * columns[1] % units and rows[0] >= 2 * by.fewest:
        rows = evenly(m, rows[0] // 2, mr)  # else a core would end a piece before the others
    pieces = batch * rows[1] * columns[1]
    workers = min(units, pieces)
    space = depth * nr + (rows[0] * (depth + 16) if copies else 0)
    space += rows[0] * columns[0] if depth < k else mr * nr
    arguments = {
        "DEPTH": depth, "SUMS": sums, "ROWS": rows[0], "COLUMNS": columns[0], "row_blocks": rows[1],
        "column_blocks": columns[1], "pieces": pieces, "workers": workers, "SPACE": space,
        "COPY": int(copies),
    }  # fmt: skip
    return Cut(arguments, workers * space * 4, min(pieces, units * by.shares))


def _enough(pieces: int, units: int, by: Sizes, dear: bool) -> bool:
    """Whether cores can share so many pieces; dear ones copy all their operands anew."""
    return pieces >= units * by.shares or (dear and pieces >= 2 * units and pieces % units == 0)


def evenly(size: int, most: int, by: int) -> tuple[int, int]:
    """Blocks of nearly equal size, at most ``most``, multiples of ``by``: how large, how many."""
    most = max(by, most // by * by)
    block = math.ceil(size / math.ceil(size / most) / by) * by
    return block, math.ceil(size / block)
