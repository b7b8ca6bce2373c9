"""What the machine can do at most: bytes from and to memory, and float32 products."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jairika_nb.bench import streams
from jairika_nb.bench.operations import BANDWIDTH, PEAK
from jairika_nb.bench.rounds import Outcome, measure_together
from jairika_nb.bench.workloads import Workload
from jairika_nb.engine import device as devices


@dataclass(frozen=True)
class Roofline:
    """``bandwidths`` in bytes a second by the share of them that is written, ``peak`` in flop/s.

    S. Williams, A. Waterman, D. Patterson: Roofline, CACM 2009. ``by`` names who reached each of
    the bandwidths and the peak.
    """

    bandwidths: Mapping[float, float]
    peak: float
    by: tuple[str, ...] = ()

    def bandwidth(self, row: Workload) -> float:
        """Bytes a second of what reads and writes about as the workload does."""
        return self.bandwidths[min(self.bandwidths, key=lambda share: abs(share - row.written))]

    def seconds(self, row: Workload) -> tuple[float, float]:
        """The least that its arithmetic takes, and its memory."""
        return row.flops / self.peak, row.bytes / self.bandwidth(row)

    def floor(self, row: Workload) -> float:
        """Seconds below which the machine cannot be.

        >>> Roofline({0: 2e9}, 1e9).floor(Workload("x", "", "op", dict, flops=10**9, bytes=10**9))
        1.0
        """
        return max(self.seconds(row))


def measured(
    libraries: Sequence[str] | None = None,
    *,
    rounds: int = 5,
    device: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Roofline:
    """The most that is reached here: by loops that only stream, or by any library.

    Each library in its own process, because the waiting threads of one take cores from another's.
    Bytes are those read and written (J. McCalpin: STREAM), of arrays that no cache holds and whose
    pages have been touched.
    """
    best: dict[float, tuple[float, str]] = {}
    peak = 0.0, ""
    ours = devices.find(device) if device else devices.default()
    if not ours.is_reference:
        say("loops that only stream")
        best |= {share: (rate, "loops") for share, rate in streams.rates(ours).items()}
    names = [*BANDWIDTH, *PEAK]
    options: Any = {"rounds": rounds, "device": device, "say": say, "errors": False}
    for outcomes in measure_together(names, libraries, **options):
        found = fastest(outcomes)
        row, per_second = found.workload, 1 / found.least
        if row.name in PEAK:
            peak = row.flops * per_second, found.library
        else:
            reached = row.bytes * per_second, found.library
            best[row.written] = max(best.get(row.written, reached), reached)
    best = dict(sorted(best.items()))
    by = *(who for _, who in best.values()), peak[1]
    return Roofline({share: rate for share, (rate, _) in best.items()}, peak[0], by)


def fastest(outcomes: list[Outcome]) -> Outcome:
    """The one with the least time of a step."""
    return min((o for o in outcomes if not math.isnan(o.least)), key=lambda each: each.least)
