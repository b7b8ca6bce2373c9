"""How far a download is, on one line of the standard error stream."""

from __future__ import annotations

import sys
import time


class Meter:
    """Rewrites its line at most five times a second, in terminals and notebooks only."""

    interval = 0.2

    def __init__(self, label: str, size: int, on: bool) -> None:
        stream = sys.stderr
        alive = stream is not None and (stream.isatty() or "ipykernel" in sys.modules)
        self.stream = stream if on and alive else None
        self.label, self.size, self.shown = label, size, 0.0

    def show(self, done: int) -> None:
        """Say how much has come."""
        now = time.monotonic()
        if now - self.shown >= self.interval:
            self.shown = now
            self._write(f"fetching {self.label}: {100 * done // self.size} % of {_size(self.size)}")

    def end(self) -> None:
        """Leave the line that says what came."""
        self._write(f"fetched {self.label}, {_size(self.size)}", "\n")

    def _write(self, text: str, end: str = "") -> None:
        if self.stream is not None:
            self.stream.write("\r" + text.ljust(70) + end)
            self.stream.flush()


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
