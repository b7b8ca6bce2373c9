"""A loader that shows how far it is while one goes through it: ``loader.progress()``."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from html import escape
from operator import length_hint
from typing import Any

from jairika_nb.data.bars import FRAME, Line, chosen, duration, html_bar, text_bar


class Pass:
    """Where a pass through a loader stands; ``total`` is 0 where nobody knows its length."""

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total = label, total
        self.done, self.state = 0, "training"
        self.started = time.perf_counter()
        self.elapsed = 0.0

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else float(self.state == "done")

    def told(self) -> str:
        """Counters and time: what is left while it runs, what it took afterwards."""
        self.elapsed = time.perf_counter() - self.started
        count = f"{self.done}/{self.total}" if self.total else str(self.done)
        clock = duration(self.elapsed)
        if self.state == "training" and self.total:
            left = self.total - self.done
            clock = f"ETA {duration(self.elapsed / self.done * left if self.done else math.inf)}"
        elif self.state != "done":
            clock = f"{clock} so far" if self.state == "training" else f"stopped after {clock}"
        return " ".join(filter(None, (self.label, f"batch {count}", clock)))


class Terminal:
    """A bar on one line of the standard error stream, which stays when the pass is over."""

    interval = 0.1

    def __init__(self) -> None:
        self.line = Line(sys.stderr)

    def draw(self, shown: Pass) -> None:
        """Show a pass that runs."""
        self.line.write(f"{text_bar(shown.share)} {shown.told()}")

    def end(self, shown: Pass) -> None:
        """Show one that is over."""
        self.draw(shown)
        self.line.leave()


class Notebook:
    """Static HTML that is replaced in place."""

    interval = 0.25

    def __init__(self) -> None:
        from IPython.display import HTML, display

        self._html = HTML
        self.handle = display(HTML("<div></div>"), display_id=True)

    def draw(self, shown: Pass) -> None:
        """Show a pass that runs, or is over."""
        bar, _ = html_bar(shown.share, shown.state)
        text = f"<div role='group' style='{FRAME}'>{bar}<div>{escape(shown.told())}</div></div>"
        if self.handle is not None:
            self.handle.update(self._html(text))

    end = draw


class Log:
    """One plain line when a pass is over."""

    interval = math.inf

    def draw(self, shown: Pass) -> None:
        """Nothing, while it runs."""

    def end(self, shown: Pass) -> None:
        """Write the line."""
        print(shown.told(), flush=True)


class Nothing(Log):
    """No word."""

    def end(self, shown: Pass) -> None:
        """Nothing, either."""


DISPLAYS: dict[str, Callable[[], Any]] = {
    "notebook": Notebook,
    "terminal": Terminal,
    "log": Log,
    "none": Nothing,
}


class Progress:
    """The batches of a loader, with a display of how far one is; see ``DataLoader.progress``."""

    def __init__(self, loader: Any, label: str = "", progress: bool | str = True) -> None:
        self.loader, self.label = loader, label
        self.display = DISPLAYS[chosen(progress)]  # made anew for each pass

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        shown, display = Pass(self.label, length_hint(self.loader)), self.display()
        drawn = -math.inf
        try:
            for batch in self.loader:
                yield batch
                shown.done += 1
                now = time.perf_counter()
                if now - drawn >= display.interval:
                    drawn = now
                    display.draw(shown)
            shown.state = "done"
        except BaseException:
            shown.state = "stopped"
            raise
        finally:
            display.end(shown)
