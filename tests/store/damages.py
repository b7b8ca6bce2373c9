"""What a disk may do to bytes between two offsets: each takes a generator, the file, the range."""

from __future__ import annotations

import random


def flip_bits(chosen: random.Random, data: bytearray, start: int, stop: int) -> None:
    for _ in range(chosen.choice((1, 1, 3))):
        data[chosen.randrange(start, stop)] ^= 1 << chosen.randrange(8)


def zero_a_sector(chosen: random.Random, data: bytearray, start: int, stop: int) -> None:
    at = chosen.randrange(start, stop) // 512 * 512
    data[at : at + 512] = bytes(len(data[at : at + 512]))


def random_words(chosen: random.Random, data: bytearray, start: int, stop: int) -> None:
    at = chosen.randrange(start, stop)
    data[at : at + 8] = chosen.randbytes(len(data[at : at + 8]))


def swap_sectors(chosen: random.Random, data: bytearray, start: int, stop: int) -> None:
    one, two = (chosen.randrange(start, stop) // 512 * 512 for _ in range(2))
    data[one : one + 512], data[two : two + 512] = data[two : two + 512], data[one : one + 512]


DAMAGES = (flip_bits, zero_a_sector, random_words, swap_sectors)
