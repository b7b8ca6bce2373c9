"""What the machine can do at most: bytes from and to memory, and float32 products."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jairika_nb.bench.operations import BANDWIDTH, PEAK
from jairika_nb.bench.rounds import Outcome, measure_together


@dataclass(frozen=True)
class Roofline:
    """``bandwidth`` in bytes a second, ``peak`` in float32 operations a second; both measured.

    S. Williams, A. Waterman, D. Patterson: Roofline, CACM 2009. ``by`` names the libraries that
    reached the bandwidth and the peak.
    """

    bandwidth: float
    peak: float
    by: tuple[str, str] = ("", "")


def measured(
    libraries: Sequence[str] | None = None,
    *,
    rounds: int = 5,
    device: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Roofline:
    """The most that any library reaches here: a large product, and what streams from memory.

    Each in its own process, because the waiting threads of one take cores from another's. Bytes
    are those read and written (J. McCalpin: STREAM), of arrays that no cache holds and whose
    pages have been touched.
    """
    rates: dict[str, tuple[float, str]] = {}
    names = [*BANDWIDTH, *PEAK]
    options: Any = {"rounds": rounds, "device": device, "say": say, "errors": False}
    for outcomes in measure_together(names, libraries, **options):
        best = fastest(outcomes)
        row = best.workload
        count = row.flops if row.name in PEAK else row.bytes
        rates[row.name] = count / best.least, best.library
    (bandwidth, streamer), (peak, multiplier) = (
        max(rates[name] for name in limit) for limit in (BANDWIDTH, PEAK)
    )
    return Roofline(bandwidth, peak, (streamer, multiplier))


def fastest(outcomes: list[Outcome]) -> Outcome:
    """The one with the least time of a step."""
    return min((o for o in outcomes if not math.isnan(o.least)), key=lambda each: each.least)
