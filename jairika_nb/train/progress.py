"""How a run shows where it is: in a notebook, a terminal or a log.

``fit`` fills in one ``Standing`` and hands it to a display; a display knows nothing of training.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from html import escape
from typing import TextIO

from jairika_nb.data.bars import FRAME, Line, duration, html_bar, place, text_bar
from jairika_nb.errors import TrainingError
from jairika_nb.train.charts import charts
from jairika_nb.train.standing import Standing


class Silent:
    """Shows nothing."""

    def step(self, standing: Standing) -> None:
        """Called after every step."""

    def epoch(self, standing: Standing) -> None:
        """Called when an epoch's measures are known."""

    def end(self, standing: Standing) -> None:
        """Called once, however the run ended."""


class LogProgress(Silent):
    """One plain line per epoch, without control characters."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout

    def epoch(self, standing: Standing) -> None:
        """Write the epoch's line."""
        taken = f"({duration(standing.elapsed)})"
        parts = (f"epoch {standing.epoch + 1}/{standing.epochs}", standing.measured(), taken)
        print(" ".join(p for p in parts if p), file=self.stream, flush=True)

    def end(self, standing: Standing) -> None:
        """Say so where the run did not end as planned."""
        if standing.state != "done":
            print(f"{standing.clock()}, {standing.counters()}", file=self.stream, flush=True)


class TerminalProgress(Silent):
    """A bar on one line, rewritten in place; a line stays for each finished epoch."""

    interval = 0.1

    def __init__(self, stream: TextIO | None = None) -> None:
        self.line = Line(stream or sys.stderr)
        self.drawn = -math.inf

    def step(self, standing: Standing) -> None:
        """Redraw, at most ten times a second."""
        now = time.perf_counter()
        if now - self.drawn >= self.interval:
            self.drawn = now
            self.line.write(_line(standing))

    def epoch(self, standing: Standing) -> None:
        """Leave a line for the epoch."""
        taken = duration(standing.elapsed)
        text = f"epoch {standing.epoch + 1}/{standing.epochs} {standing.measured()} {taken}"
        self.line.write(text)
        self.line.leave()

    def end(self, standing: Standing) -> None:
        """Finish the line."""
        if standing.state == "done":
            self.line.clear()
            return
        self.line.write(f"{standing.clock()}, {standing.counters()}")
        self.line.leave()


def _line(standing: Standing) -> str:
    bar = text_bar(standing.share)
    return f"{bar} {standing.counters()} {standing.measured()} {standing.clock()}"


class NotebookProgress(Silent):
    """Static HTML that is replaced in place, so that the saved notebook keeps the last state."""

    interval = 0.25

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self.drawn = time.perf_counter()
        self.handle = display(HTML("<div>training…</div>"), display_id=True)

    def step(self, standing: Standing) -> None:
        """Redraw, at most four times a second."""
        now = time.perf_counter()
        if now - self.drawn >= self.interval:
            self.drawn = now
            self._draw(standing)

    def epoch(self, standing: Standing) -> None:
        """Redraw with the epoch's measures."""
        self._draw(standing)

    def end(self, standing: Standing) -> None:
        """Leave the last state."""
        self._draw(standing)

    def _draw(self, standing: Standing) -> None:
        if self.handle is not None:
            self.handle.update(self._html(html(standing)))


def html(standing: Standing) -> str:
    """The standing as static HTML: a bar, counters, measures, time and the charts."""
    bar, colour = html_bar(standing.share, standing.state)
    text = f"{standing.counters()} · {standing.clock()}"
    told = f"<div style='color:{colour}'>{escape(standing.error)}</div>" if standing.error else ""
    drawn = charts(
        standing.rows, losses=standing.losses, done=standing.done, epochs=standing.epochs
    )
    return (
        f"<div role='group' aria-label='training progress' style='{FRAME}'>"
        f"{bar}<div>{escape(text)}</div><div>{escape(standing.measured())}</div>"
        f"{told}{drawn}</div>"
    )


DISPLAYS: dict[str, Callable[[], Silent]] = {
    "none": Silent,
    "log": LogProgress,
    "terminal": TerminalProgress,
    "notebook": NotebookProgress,
}


def choose(progress: bool | str | Silent) -> Silent:
    """The display for ``progress``: a name of DISPLAYS, True for what fits here, False for none.

    >>> choose(False).__class__.__name__
    'Silent'
    """
    if isinstance(progress, Silent):
        return progress
    name = "none" if progress is False else place() if progress is True else progress
    if name not in DISPLAYS:
        known = ", ".join(DISPLAYS)
        raise TrainingError(f"progress={progress!r} is unknown; use True, False or one of {known}")
    return DISPLAYS[name]()
