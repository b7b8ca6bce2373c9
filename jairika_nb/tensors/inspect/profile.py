"""``jrk.profile()``: what ran, how long it took and what it moved, as a table and a timeline."""

from __future__ import annotations

import time
from dataclasses import dataclass
from html import escape
from typing import Any

from jairika_nb.engine import execute, memory
from jairika_nb.engine.outline import columns
from jairika_nb.tensors.inspect import page
from jairika_nb.tensors.inspect.timeline import timeline
from jairika_nb.tensors.inspect.units import amount, duration, giga, number, ratio, shortened

HEAD = ("kernel", "launches", "time", "share", "moved", "GB/s", "flop", "GFLOP/s", "flop/B")
NUMERIC = frozenset(range(1, len(HEAD)))
# Rows of the table; the rest is one more row.
MOST_ROWS = 40


@dataclass(frozen=True)
class KernelRun:
    """One launch: seconds on the device, bytes moved, operations, OpenCL C, where and when.

    ``start`` is in seconds after the first launch of the profile.
    """

    name: str
    seconds: float
    bytes: int
    flops: int
    source: str
    start: float
    device: str


@dataclass
class Row:
    """The launches of one kernel together."""

    name: str
    launches: int = 0
    seconds: float = 0.0
    bytes: int = 0
    flops: int = 0

    def add(self, other: KernelRun | Row) -> None:
        """Count a launch, or all of another row."""
        self.launches += other.launches if isinstance(other, Row) else 1
        self.seconds += other.seconds
        self.bytes += other.bytes
        self.flops += other.flops

    def cells(self, total: float) -> tuple[str, ...]:
        """The row as text."""
        share = f"{self.seconds / total:.1%}" if total > 0 else "-"
        return (
            shortened(self.name), f"{self.launches:,}", duration(self.seconds), share,
            amount(self.bytes, "B"), giga(self.bytes, self.seconds), amount(self.flops),
            giga(self.flops, self.seconds), ratio(self.flops, self.bytes),
        )  # fmt: skip


class profile:
    """Record what runs inside a ``with`` block.

    >>> import jairika_nb as jrk
    >>> x = jrk.ones((4, 4)).realize()
    >>> with jrk.profile() as p:
    ...     _ = ((x + 1).exp() - x).realize()
    >>> p.launches
    1

    ``launches`` and ``compiles`` count; ``kernels`` lists every launch with its time, bytes,
    operations and source; ``peak_bytes`` is the most device memory in use, ``seconds`` the time
    that passed inside the block. Shown in a notebook it is a table and a timeline. Bytes and
    operations are those of the plan: every tensor a kernel reads or writes, counted once.
    """

    ok = True

    def __init__(self) -> None:
        self._recorder = execute.Recorder()
        self._began = self._ended = 0.0
        self.peak_bytes = 0

    def __enter__(self) -> profile:
        memory.usage.reset()
        execute.recorders.append(self._recorder)
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        execute.recorders.remove(self._recorder)
        # What was launched belongs to the block, so its time includes its end.
        for launch in self._recorder.launches[-1:]:
            launch.event.wait()
        self._ended = time.perf_counter()
        self.peak_bytes = memory.usage.peak

    @property
    def seconds(self) -> float:
        """The time inside the block, from entering it to the end of its last kernel."""
        return (self._ended or time.perf_counter()) - self._began

    @property
    def launches(self) -> int:
        """How many kernels were launched."""
        return len(self._recorder.launches)

    @property
    def compiles(self) -> int:
        """How many kernels had to be compiled."""
        return self._recorder.compiles

    @property
    def kernels(self) -> list[KernelRun]:
        """Every launch in order; waits for those still running."""
        return [self._run(launch) for launch in self._recorder.launches]

    def _run(self, launch: Any) -> KernelRun:
        launch.event.wait()
        begin, end = launch.event.profile.start, launch.event.profile.end
        first = next(r for r in self._recorder.launches if r.device is launch.device)
        # Every device has a clock of its own; the host's tells how far apart they began.
        start = (begin - first.event.profile.start) * 1e-9 + first.at - self._first
        s = launch.source
        seconds = (end - begin) * 1e-9
        return KernelRun(s.name, seconds, s.bytes, s.flops, s.text, start, launch.device.id)

    @property
    def host(self) -> list[KernelRun]:
        """Every step that NumPy computed on the host, with the copies it needed."""
        return [
            KernelRun(s.source.name, s.seconds, s.source.bytes, 0, "", s.at - self._first, "host")
            for s in self._recorder.host
        ]

    @property
    def _first(self) -> float:
        """Host time of what ran first."""
        record = self._recorder
        return min([*(r.at for r in record.launches[:1]), *(s.at for s in record.host[:1])])

    def rows(self) -> list[Row]:
        """The launches by kernel, and steps on the host, the one that took longest first."""
        return _rows([*self.kernels, *self.host])

    @property
    def summary(self) -> str:
        """The whole in a line."""
        if not self.launches and not self.host:
            return "no kernel ran: nothing needed computing on an OpenCL device"
        busy = sum(k.seconds for k in self.kernels)
        built = f"{self.compiles} compiled"
        spent = self._recorder.compile_seconds
        return ", ".join([
            number(self.launches, "launch"),
            built + (f" in {duration(spent)}" if self.compiles else ""),
            f"peak memory {amount(self.peak_bytes, 'B')}",
            f"{duration(busy)} of kernels in {duration(self.seconds)}",
            *([f"{number(len(self.host), 'step')} on the host"] if self.host else []),
        ])  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The counts, and the launches by kernel."""
        keys = ("launches", "compiles", "peak_bytes", "seconds")
        return {k: getattr(self, k) for k in keys} | {"kernels": [vars(r) for r in self.rows()]}

    def __str__(self) -> str:
        runs = [*self.kernels, *self.host]
        lines = columns([HEAD, *_cells(runs)], NUMERIC) if runs else []
        return "\n".join([self.summary, *lines])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        runs = [*self.kernels, *self.host]
        if not runs:
            return page.block(f"<p>{escape(self.summary)}</p>")
        table = page.table(HEAD, _cells(runs), set(NUMERIC))
        names = [row.name for row in _rows(runs)]
        picture = timeline(runs, names)
        return page.block(
            f"<p>{escape(self.summary)}</p>", f'<div style="overflow:auto">{picture}</div>',
            f'<div style="overflow:auto;max-height:480px">{table}</div>',
        )  # fmt: skip


def _rows(runs: list[KernelRun]) -> list[Row]:
    rows: dict[tuple[str, str], Row] = {}
    for run in runs:
        rows.setdefault((run.name, run.source), Row(run.name)).add(run)
    return sorted(rows.values(), key=lambda row: -row.seconds)


def _cells(runs: list[KernelRun]) -> list[tuple[str, ...]]:
    rows = _rows(runs)
    whole, rest = Row("all"), Row(f"{len(rows) - MOST_ROWS + 1} more kernels")
    for row in rows:
        whole.add(row)
    shown = rows
    if len(rows) > MOST_ROWS:
        shown = [*rows[: MOST_ROWS - 1], rest]
        for row in rows[MOST_ROWS - 1 :]:
            rest.add(row)
    shown = [*shown, whole] if len(shown) > 1 else shown
    return [row.cells(whole.seconds) for row in shown]
