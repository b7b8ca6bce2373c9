"""How far something is, for people: times, bars as text and as HTML, a line that is rewritten."""

from __future__ import annotations

import math
import sys
from typing import TextIO

from jairika_nb.errors import ArgumentError

WIDTH = 24
PLACES = ("notebook", "terminal", "log", "none")


def duration(seconds: float) -> str:
    """Seconds as people read them.

    >>> duration(4.2), duration(75), duration(7380), duration(math.inf)
    ('4.2 s', '1:15', '2:03:00', '?')
    """
    if not math.isfinite(seconds):
        return "?"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def place() -> str:
    """Where output goes: a notebook kernel, a terminal, or a log."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive else None
    if shell is not None and getattr(shell, "kernel", None) is not None:
        return "notebook"
    return "terminal" if sys.stderr is not None and sys.stderr.isatty() else "log"


def chosen(progress: bool | str) -> str:
    """The place that ``progress`` asks for: True for where this is, False for none.

    >>> chosen(False), chosen("log")
    ('none', 'log')
    """
    name = "none" if progress is False else place() if progress is True else progress
    if name not in PLACES:
        known = ", ".join(PLACES)
        raise ArgumentError(f"progress={progress!r} is unknown; use True, False or one of {known}")
    return name


def text_bar(share: float) -> str:
    """A bar of blocks.

    >>> text_bar(0.25)
    '██████░░░░░░░░░░░░░░░░░░'
    """
    full = round(WIDTH * share)
    return "█" * full + "░" * (WIDTH - full)


def html_bar(share: float, state: str = "training") -> tuple[str, str]:
    """A bar as HTML, and its colour, which tells what runs, is done, or ended otherwise."""
    colour = "var(--jp-success-color1, #388e3c)"
    if state == "training":
        colour = "var(--jp-brand-color1, #2a7de1)"
    elif state != "done":
        colour = "var(--jp-error-color1, #d32f2f)"
    percent = f"{100 * share:.0f}"
    bar = (
        f"<div role='progressbar' aria-valuemin='0' aria-valuemax='100' aria-valuenow='{percent}'>"
        "<div style='height:8px;max-width:420px;border-radius:4px;"
        "background:var(--jp-layout-color3, rgba(128,128,128,.3))'>"
        f"<div style='height:8px;border-radius:4px;width:{percent}%;background:{colour}'></div>"
        "</div></div>"
    )
    return bar, colour


FRAME = (
    "font-family:var(--jp-ui-font-family, sans-serif);"
    "font-size:var(--jp-ui-font-size1, 13px);color:var(--jp-ui-font-color1, currentColor)"
)


class Line:
    """One line of a stream, rewritten in place."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.length = stream, 0

    def write(self, text: str) -> None:
        """Put a text in the place of what is there."""
        # Blanks over what is left of a longer line, as not every terminal knows "erase".
        self.stream.write("\r" + text.ljust(self.length))
        self.stream.flush()
        self.length = len(text)

    def leave(self) -> None:
        """Let the line stand, and go to the next."""
        self.stream.write("\n")
        self.stream.flush()
        self.length = 0

    def clear(self) -> None:
        """Take away what is there."""
        if self.length:
            self.write("")
            self.stream.write("\r")
            self.stream.flush()
