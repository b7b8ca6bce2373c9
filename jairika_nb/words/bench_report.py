"""What ``bench`` measured, as text, as a page, as JSON and as a picture."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from jairika_nb.store.show import aligned
from jairika_nb.words import page

if TYPE_CHECKING:
    from jairika_nb.bench.roofline import Roofline
    from jairika_nb.bench.rounds import Outcome

OURS = "jairika_nb"
RATIO = "ratio: the fastest other library's median by ours; above 1 is faster than all of them"
SHARE = "roofline: the least time that memory and arithmetic need here, by ours"
# An error from which on something else was computed than what was asked for; rounding alone moves
# gradients of resnet18, in PyTorch too, by 0.05.
WRONG = 0.3
ERROR = "error: the largest distance from float64, by the largest number of its array"


@dataclass(frozen=True)
class Overhead:
    """Seconds of what comes on top of the work, and how many are aimed at."""

    name: str
    unit: str
    seconds: list[float]
    target: float

    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        scale = {"ms": 1e3, "us": 1e6}[self.unit]
        numbers = statistics.median(self.seconds), min(self.seconds)
        middle, least = (f"{x * scale:.3g} {self.unit}" for x in numbers)
        return self.name, middle, least, f"at most {self.target * scale:g} {self.unit}"

    def to_json(self) -> dict[str, Any]:
        """The row in seconds."""
        return {
            "name": self.name,
            "median_seconds": statistics.median(self.seconds),
            "least_seconds": min(self.seconds),
            "target_seconds": self.target,
        }


@dataclass(frozen=True, repr=False)
class Report:
    """The outcomes of each workload, ours first, and the limits of the machine."""

    device: str
    name: str
    limits: Roofline
    overheads: list[Overhead]
    outcomes: list[list[Outcome]]
    stopped: str = ""  # what Ctrl-C left undone

    @property
    def ok(self) -> bool:
        """Whether all that was asked for was measured."""
        return not self.stopped

    @property
    def mean(self) -> float:
        """The geometric mean of the ratios."""
        found = [ratio for rows in self.outcomes if (ratio := ratio_of(rows)) is not None]
        return statistics.geometric_mean(found) if found else math.nan

    def tables(self) -> list[tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]]]:
        """Title, columns and rows of each table."""
        found = [(f"speed on {self.name}", *self._speeds())]
        found.append(("what a step needs, and how near it is to float64", *self._costs()))
        if self.overheads:
            columns = ("on top", "median", "least", "target")
            found.append(("overhead", columns, tuple(row.cells() for row in self.overheads)))
        return found

    def notes(self) -> list[str]:
        """What the columns mean, and what failed."""
        found = [RATIO, f"{SHARE}; measured: {self._measured()}", ERROR]
        if not math.isnan(self.mean):
            found.insert(0, f"geometric mean of the ratios: {self.mean:.2f}")
        found += epilogue(self.outcomes)
        for outcome in (each for rows in self.outcomes for each in rows):
            name = f"{outcome.workload.name}: {outcome.library}"
            if outcome.failed:
                found.append(f"{name} failed: {outcome.failed}")
            elif is_wrong(outcome):
                found.append(f"{name} gives other numbers, so its time does not count")
        return [*found, self.stopped] if self.stopped else found

    def _measured(self) -> str:
        limits = self.limits
        rates = [f"{r / 1e9:.0f} GB/s {written(share)}" for share, r in limits.bandwidths.items()]
        rates.append(f"{limits.peak / 1e9:.0f} GFLOP/s")
        each = itertools.zip_longest(rates, limits.by)
        return ", ".join(f"{rate} ({by})" if by else rate for rate, by in each)

    def _speeds(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        others = self._others()
        rows = []
        for outcomes in self.outcomes:
            by = {each.library: each for each in outcomes}
            mine, ratio = by[OURS], ratio_of(outcomes)
            share = self.limits.floor(mine.workload) / mine.median
            rows.append((
                mine.workload.name, duration(mine.median), duration(mine.least),
                *(duration(by[each].median) if each in by else "" for each in others),
                "" if ratio is None else f"{ratio:.2f}",
                "" if math.isnan(share) else f"{share:.0%}", rate(mine, self.limits),
            ))  # fmt: skip
        columns = ("workload", "median", "least", *others, "ratio", "roofline", "rate")
        return columns, tuple(rows)

    def _costs(self) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
        others = self._others()
        rows = []
        for outcomes in self.outcomes:
            by = {each.library: each for each in outcomes}
            mine, names = by[OURS], [each for each in others if each in by]
            rows.append((
                mine.workload.name, str(mine.facts.get("launches", "")),
                duration(mine.cold), duration(mine.warm),
                needed(mine), _each(by, names, needed), error(mine), _each(by, names, error),
            ))  # fmt: skip
        return (
            "workload", "launches", "first step, cold", "warm",
            "bytes", "others' bytes", "error", "others' errors",
        ), tuple(rows)  # fmt: skip

    def _others(self) -> list[str]:
        from jairika_nb.bench import LIBRARIES

        seen = {each.library for rows in self.outcomes for each in rows}
        return [name for name in LIBRARIES if name in seen and name != OURS]

    def __str__(self) -> str:
        lines: list[str] = []
        for title, columns, rows in self.tables():
            lines += [title, *(f"  {line}" for line in aligned(columns, rows)), ""]
        return "\n".join([*lines, *self.notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        tables = [page.table(*each) for each in self.tables()]
        return page.block(*tables, *(page.paragraph(note) for note in self.notes()))

    def to_json(self) -> dict[str, Any]:
        """All of it in seconds, bytes and operations a second."""
        return {
            "device": self.device,
            "name": self.name,
            "bandwidths": [
                {"written": share, "rate": rate} for share, rate in self.limits.bandwidths.items()
            ],
            "peak": self.limits.peak,
            "stopped": self.stopped or None,
            "geometric_mean": None if math.isnan(self.mean) else self.mean,
            "overhead": [each.to_json() for each in self.overheads],
            "workloads": [
                {
                    "name": rows[0].workload.name,
                    "title": rows[0].workload.title,
                    "floor_seconds": self.limits.floor(rows[0].workload),
                    "ratio": ratio_of(rows),
                    "libraries": [each.to_json() for each in rows],
                }
                for rows in self.outcomes
            ],
        }

    def plot(self, ax: Any = None) -> Any:
        """How many times as long as ours each library takes, a group of bars for each workload.

        Draws on ``ax``, or on Axes of its own, and returns them.
        """
        from jairika_nb.metrics.plots import COLOURS, NEUTRAL, axes, dressed

        others = self._others()
        ax, new = axes(ax, 7.0, 0.6 + 0.16 * len(self.outcomes) * (len(others) + 1))
        high, bars = 1 / (len(others) + 1), []
        for i, library in enumerate(others):
            places, times = [], []
            for row, outcomes in enumerate(self.outcomes):
                by = {each.library: each.median for each in outcomes}
                if not math.isnan(by.get(library, math.nan)):
                    places.append(row + i * high)
                    times.append(by[library] / by[OURS])
            colour = COLOURS[i % len(COLOURS)]
            bars.append(ax.barh(places, times, high, align="edge", color=colour, label=library))
        ax.axvline(1, color=NEUTRAL, linewidth=1)
        ax.set_xscale("log")
        ticks = [0.2, 0.5, 1, 2, 5, 10, 20]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        ax.minorticks_off()
        names = [rows[0].workload.name for rows in self.outcomes]
        ax.set_yticks([row + (1 - high) / 2 for row in range(len(names))], names)
        ax.invert_yaxis()
        ax.set_xlabel(f"time, by that of {OURS}; right of 1 is slower than it")
        return dressed(ax, new, bars)


def ratio_of(outcomes: list[Outcome]) -> float | None:
    """The fastest other library's median by ours; None where one of both is missing.

    A library that computes something else does not count.
    """
    mine = next((each.median for each in outcomes if each.library == OURS), math.nan)
    able = [each for each in outcomes if each.seconds and not is_wrong(each)]
    others = [each.median for each in able if each.library != OURS]
    return min(others) / mine if others and not math.isnan(mine) else None


def is_wrong(outcome: Outcome) -> bool:
    """Whether its numbers are others than those asked for."""
    return outcome.error is not None and not outcome.error < WRONG


def _each(by: dict[str, Outcome], names: Iterable[str], tell: Callable[[Outcome], str]) -> str:
    return ", ".join(f"{name} {text}" for name in names if (text := tell(by[name])))


def duration(seconds: float) -> str:
    """Seconds with three digits.

    >>> duration(0.00123)
    '1.23 ms'
    """
    if math.isnan(seconds):
        return ""
    for scale, unit in ((1, "s"), (1e3, "ms")):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def written(share: float) -> str:
    """What of its bytes a stream writes.

    >>> written(0), written(1 / 3)
    ('reading', 'writing 1/3')
    """
    return f"writing {Fraction(share).limit_denominator(9)}" if share else "reading"


def rate(outcome: Outcome, limits: Roofline) -> str:
    """What the median comes to of that which limits it most: operations or bytes a second."""
    row, seconds = outcome.workload, outcome.median
    if math.isnan(seconds):
        return ""
    arithmetic, memory = limits.seconds(row)
    if arithmetic > memory:
        return f"{row.flops / seconds / 1e9:.0f} GFLOP/s"
    return f"{row.bytes / seconds / 1e9:.1f} GB/s"


def epilogue(outcomes: list[list[Outcome]]) -> list[str]:
    """What bias and GELU cost on top of the bare product, of ours, where both were measured."""
    found = {rows[0].workload.name: rows[0].least for rows in outcomes}
    bare, dressed = (found.get(name, math.nan) for name in ("matmul-1024", "dense-gelu-1024"))
    share = dressed / bare - 1
    return [] if math.isnan(share) else [f"bias and GELU cost {share:.1%} of the bare product"]


def needed(outcome: Outcome) -> str:
    """The bytes of a step, with their unit."""
    count = outcome.facts.get("bytes")
    return "" if count is None else f"{count / (1 << 20):.1f} MiB"


def error(outcome: Outcome) -> str:
    """The distance from float64."""
    return "" if outcome.error is None else f"{outcome.error:.1e}"
