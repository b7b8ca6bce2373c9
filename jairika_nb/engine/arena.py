"""One piece of device memory for all that a plan needs only while it runs.

Values whose lives do not overlap share bytes. Placement is greedy, largest first at the lowest
free offset, which stays close to the least possible (Pisarchyk and Lee, "Efficient memory
management for deep neural net inference", 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jairika_nb.engine import memory
from jairika_nb.engine.device import Device


@dataclass
class Life:
    """A value of ``nbytes`` needed from step ``first`` to step ``last``, both included."""

    nbytes: int
    first: int
    last: int


def place(lives: list[Life], alignment: int, largest: int) -> tuple[list[tuple[int, int]], list]:
    """For each life the arena it is in and its offset there, and the sizes of the arenas.

    >>> place([Life(100, 0, 1), Life(100, 2, 3), Life(10, 1, 2)], 128, 1000)
    ([(0, 0), (0, 0), (0, 128)], [138])
    """
    spots: list[tuple[int, int]] = [(0, 0)] * len(lives)
    placed: list[list[int]] = []
    sizes: list[int] = []
    for i in sorted(range(len(lives)), key=lambda i: -lives[i].nbytes):
        for arena in range(len(placed) + 1):
            if arena == len(placed):
                placed.append([])
                sizes.append(0)
            offset = _lowest(lives, spots, placed[arena], i, alignment)
            if offset + lives[i].nbytes <= largest or not placed[arena]:
                break
        spots[i] = arena, offset
        placed[arena].append(i)
        sizes[arena] = max(sizes[arena], offset + lives[i].nbytes)
    return spots, sizes


def _lowest(
    lives: list[Life], spots: list[tuple[int, int]], placed: list[int], i: int, alignment: int
) -> int:
    """The lowest offset at which life ``i`` meets no other one that lives at the same time."""
    own = lives[i]
    taken = sorted(
        (spots[j][1], spots[j][1] + lives[j].nbytes)
        for j in placed
        if lives[j].first <= own.last and own.first <= lives[j].last
    )
    offset = 0
    for start, end in taken:
        if offset + own.nbytes <= start:
            break
        offset = max(offset, -(-end // alignment) * alignment)
    return offset


class Piece:
    """A part of an arena; stands where a Buffer would."""

    __slots__ = ("cl",)

    def __init__(self, cl: Any) -> None:
        self.cl = cl


class Arena:
    """The device memory of some lives: a sub-buffer for each."""

    def __init__(self, device: Device, lives: list[Life]) -> None:
        alignment = max(128, int(device.handle.mem_base_addr_align) // 8)
        spots, sizes = place(lives, alignment, memory.room(device).largest)
        self.blocks: list[memory.Block] = []
        for size in sizes:
            self.blocks.append(memory.room(device).block(size, self.blocks))
        self.pieces = [
            Piece(self.blocks[a].cl.get_sub_region(offset, life.nbytes))
            for (a, offset), life in zip(spots, lives, strict=True)
        ]

    @property
    def nbytes(self) -> int:
        """How much memory the arena takes."""
        return sum(block.nbytes for block in self.blocks)
