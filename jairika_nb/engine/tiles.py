"""Which tiles a GPU computes a matrix product in, by the limits that the device reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from jairika_nb.engine.limits import Limits
from jairika_nb.engine.matrix_units import Unit


class Tile(NamedTuple):
    """What a work-group computes: rows x columns, in steps of ``depth`` along the inner axis.

    Each work-item has ``high`` x ``wide`` of the values, by fours.
    """

    rows: int
    columns: int
    depth: int
    high: int
    wide: int

    @property
    def items(self) -> int:
        """Work-items of a group."""
        return self.rows // self.high * (self.columns // self.wide)

    def bytes(self, itemsize: int) -> int:
        """Local memory of a group; each line has four more values, for the sake of banks."""
        return self.depth * (self.rows + self.columns + 8) * itemsize

    @property
    def efficiency(self) -> float:
        """The share of a work-item's steps that multiply, beside reads of local memory."""
        sums = self.high * self.wide
        return sums / (sums + 2 * (self.high + self.wide))


class MatrixTile(NamedTuple):
    """A tile of which the work-items of an instruction compute ``high`` x ``wide`` values."""

    rows: int
    columns: int
    depth: int
    high: int
    wide: int
    unit: Unit

    @property
    def items(self) -> int:
        """Work-items of a group."""
        return self.rows // self.high * (self.columns // self.wide) * self.unit.lanes

    def bytes(self, itemsize: int) -> int:
        """Local memory of a group: tiles of numbers of ``itemsize`` bytes, later sums to store."""
        tiles = (self.rows + self.columns) * (self.depth * itemsize + 16)
        return max(tiles, self.items // self.unit.lanes * self.unit.rows * (self.wide + 4) * 4)

    @property
    def efficiency(self) -> float:
        """As a tile's: instructions, and the words of local memory they need."""
        high, wide = self.high // self.unit.rows, self.wide // self.unit.columns
        return high * wide / (high * wide + (self.high + self.wide) / self.unit.lanes)


class Choice(NamedTuple):
    """A tile, and into how many parts the inner axis is split."""

    tile: Tile | MatrixTile
    parts: int

    @property
    def unit(self) -> Unit | None:
        """The matrix unit that does it, if any."""
        return self.tile.unit if isinstance(self.tile, MatrixTile) else None


# Large ones do most work on what they read, small ones leave fewer compute units idle.
TILES = (
    Tile(128, 128, 16, 8, 8),
    Tile(64, 64, 16, 4, 4),
    Tile(32, 64, 32, 4, 4),
    Tile(64, 32, 32, 4, 4),
    Tile(32, 32, 32, 4, 4),
    Tile(16, 128, 32, 4, 4),
    Tile(128, 16, 32, 4, 4),
)
SMALLEST = TILES[4]  # where a device reports less than OpenCL's least
# Of matrix units, by the work-items of an instruction: rows, columns, high and wide. Sums and
# operands stay within the registers: 255 of a work-item of NVIDIA's, 128 of Intel's.
MATRIX_SIZES = {
    32: ((128, 128, 64, 32), (64, 64, 32, 32), (32, 64, 16, 32)),
    16: ((128, 128, 32, 32), (64, 64, 32, 32), (32, 64, 16, 32)),
    8: ((128, 64, 32, 16), (64, 64, 32, 16), (32, 64, 16, 16)),
}
# Bytes of a line of theirs along the inner axis.
LINE = 64
# How many times more a compute unit multiplies with them.
MATRIX_SPEED = 8
# Into how many parts the inner axis may be split, and the fewest steps that a part should have.
PARTS, FEWEST_STEPS = (1, 2, 4, 8, 16, 32), 128
# In multiplications of one compute unit: the start of a tile's loop a value, the store and load of
# a partial sum, a launch.
START, PARTIAL, LAUNCH = 32, 32, 500_000


def matrix_tiles(unit: Unit) -> list[MatrixTile]:
    """The tiles of a matrix unit."""
    depth = LINE // unit.itemsize
    return [MatrixTile(m, n, depth, high, wide, unit)
            for m, n, high, wide in MATRIX_SIZES[unit.lanes]]  # fmt: skip


def choose(
    m: int, n: int, k: int, batch: int, itemsize: int, of: Limits, unit: Unit | None = None
) -> Choice:
    """The tile and split with the least estimated time.

    >>> choose(4096, 4096, 4096, 1, 4, Limits(64, 49152, 1024)).tile.rows
    128
    >>> choose(64, 64, 65536, 1, 4, Limits(64, 49152, 1024)).parts
    16
    """
    table: Sequence[Tile | MatrixTile] = matrix_tiles(unit) if unit else TILES
    size = unit.itemsize if unit else itemsize
    tiles = [t for t in table if t.items <= of.group_items and t.bytes(size) <= of.local_bytes]
    choices = [
        Choice(t, p) for t in tiles or [SMALLEST] for p in PARTS
        if p == 1 or k >= p * FEWEST_STEPS
    ]  # fmt: skip
    return min(choices, key=lambda c: _cost(c, m, n, k, batch, of.units))


def _cost(choice: Choice, m: int, n: int, k: int, batch: int, units: int) -> float:
    """Multiplications that a compute unit has time for until the product is there."""
    tile, parts = choice
    groups = math.ceil(m / tile.rows) * math.ceil(n / tile.columns) * batch * parts
    steps = math.ceil(k / parts / tile.depth) * tile.depth + START
    cost = math.ceil(groups / units) * tile.rows * tile.columns * steps / tile.efficiency
    if parts > 1:
        added = LAUNCH + PARTIAL * m * n * batch * (parts + 1) / units
        cost += added * (MATRIX_SPEED if choice.unit else 1)
    return cost


def span(k: int, choice: Choice) -> int:
    """How much of the inner axis a part has: whole steps of the tile."""
    depth = choice.tile.depth
    return math.ceil(math.ceil(k / choice.parts) / depth) * depth
