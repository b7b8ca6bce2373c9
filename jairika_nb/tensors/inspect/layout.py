"""Where the boxes of a graph go: in ranks from top to bottom, with few crossings.

The method of K. Sugiyama, S. Tagawa and M. Toda (1981): ranks by the longest path, place holders
where an edge passes a rank, and an order within each rank by the mean place of the neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

Size = tuple[float, float]
Edge = tuple[int, int]
SWEEPS = 6


@dataclass
class Layout:
    """The upper left corner of each box, the bends of each edge, and the size of the whole."""

    places: list[tuple[float, float]]
    bends: dict[Edge, list[tuple[float, float]]]
    width: float
    height: float


def layered(
    sizes: list[Size], edges: list[Edge], gap: Size = (16, 28),
    top: frozenset[int] = frozenset(), bottom: frozenset[int] = frozenset(),
) -> Layout:  # fmt: skip
    """Lay out boxes of the given sizes; edges go from lower to higher numbers.

    Boxes of ``top`` and ``bottom`` stand on the first and last rank, whatever else they could.
    """
    edges = sorted(set(edges))
    rank = _ranks(len(sizes), edges, top, bottom)
    sizes, links, chains = _with_place_holders(sizes, edges, rank)
    rows = _ordered(rank, links)
    x = _columns(sizes, links, rows, gap[0])
    y, height = _lines(sizes, rows, gap[1])
    centre = [(x[i] + sizes[i][0] / 2, y[i]) for i in range(len(sizes))]
    bends = {
        edge: [p for i in chain for p in (centre[i], (centre[i][0], y[i] + sizes[i][1]))]
        for edge, chain in chains.items()
    }
    count = len(sizes) - sum(map(len, chains.values()))
    width = max((x[i] + sizes[i][0] for i in range(len(sizes))), default=0)
    return Layout([(x[i], y[i]) for i in range(count)], bends, width, height)


def _ranks(count: int, edges: list[Edge], top: frozenset[int], bottom: frozenset[int]) -> list[int]:
    rank = [int(bool(top) and i not in top) for i in range(count)]
    for a, b in sorted(edges, key=lambda e: e[1]):
        rank[b] = max(rank[b], rank[a] + 1)
    # What nothing feeds stands right above its first user.
    fed = {b for _, b in edges}
    users: dict[int, list[int]] = {}
    for a, b in edges:
        users.setdefault(a, []).append(rank[b])
    for a, ranks in users.items():
        if a not in fed and a not in top:
            rank[a] = min(ranks) - 1
    last = max(rank, default=0)
    return [last if i in bottom else r for i, r in enumerate(rank)]


def _with_place_holders(
    sizes: list[Size], edges: list[Edge], rank: list[int]
) -> tuple[list[Size], list[Edge], dict[Edge, list[int]]]:
    """One narrow box on every rank that an edge passes; ``rank`` grows with them."""
    sizes, links, chains = [*sizes], [], {}
    heights: dict[int, float] = {}
    for i, r in enumerate(rank):
        heights[r] = max(heights.get(r, 0), sizes[i][1])
    for a, b in edges:
        before, chain = a, []
        for r in range(rank[a] + 1, rank[b]):
            sizes.append((6, heights.get(r, 0)))
            rank.append(r)
            links.append((before, len(sizes) - 1))
            before = len(sizes) - 1
            chain.append(before)
        links.append((before, b))
        chains[a, b] = chain
    return sizes, links, chains


def _neighbours(count: int, links: list[Edge]) -> tuple[list[list[int]], list[list[int]]]:
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        above[b].append(a)
        below[a].append(b)
    return above, below


def _ordered(rank: list[int], links: list[Edge]) -> list[list[int]]:
    rows: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for i, r in enumerate(rank):
        rows[r].append(i)
    above, below = _neighbours(len(rank), links)
    place = {i: k for row in rows for k, i in enumerate(row)}
    for sweep in range(SWEEPS):
        near = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            row.sort(key=lambda i: _mean([place[j] for j in near[i]], place[i]))
            place.update((i, k) for k, i in enumerate(row))
    return rows


def _mean(values: list[float] | list[int], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _columns(
    sizes: list[Size], links: list[Edge], rows: list[list[int]], gap: float
) -> list[float]:
    above, below = _neighbours(len(sizes), links)
    centre = [0.0] * len(sizes)
    for row in rows:
        _spread(row, sizes, centre, gap, [0.0] * len(row))
    for sweep in range(SWEEPS):
        near = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [_mean([centre[j] for j in near[i]], centre[i]) for i in row]
            _spread(row, sizes, centre, gap, wanted)
    left = min((centre[i] - sizes[i][0] / 2 for i in range(len(sizes))), default=0)
    return [c - s[0] / 2 - left for c, s in zip(centre, sizes, strict=True)]


def _spread(
    row: list[int], sizes: list[Size], centre: list[float], gap: float, wanted: list[float]
) -> None:
    """Put a row's boxes near where they are wanted, in order and without overlaps.

    Boxes that would overlap move together, as one block around the mean of what they want.
    """
    blocks: list[list[float]] = []  # start, width, sum of wished starts, members
    for i, want in zip(row, wanted, strict=True):
        width = sizes[i][0] + gap
        blocks.append([want - width / 2, width, want - width / 2, 1])
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][1] > blocks[-1][0]:
            _, width, wish, count = blocks.pop()
            last = blocks[-1]
            # A member's wish counts as a wish for where the block begins.
            last[2] += wish - last[1] * count
            last[3] += count
            last[1] += width
            last[0] = last[2] / last[3]
    members = iter(row)
    for start, _, _, count in blocks:
        for _ in range(int(count)):
            i = next(members)
            centre[i] = start + (sizes[i][0] + gap) / 2
            start += sizes[i][0] + gap


def _lines(sizes: list[Size], rows: list[list[int]], gap: float) -> tuple[list[float], float]:
    y, top = [0.0] * len(sizes), 0.0
    for row in rows:
        height = max(sizes[i][1] for i in row) if row else 0
        for i in row:
            y[i] = top
        top += height + gap
    return y, max(top - gap, 0)
