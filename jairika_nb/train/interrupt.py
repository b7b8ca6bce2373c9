"""Ctrl-C as a wish to stop after the running step."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass
class Wish:
    """Whether a stop was asked for."""

    stop: bool = False


@contextlib.contextmanager
def stopping(wish: Wish) -> Iterator[Wish]:
    """Inside the block the first Ctrl-C only sets ``wish.stop``; a second one interrupts at once.

    In threads other than the main one, which no Ctrl-C reaches, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield wish
        return

    def note(number: int, frame: Any) -> None:
        if wish.stop:
            raise KeyboardInterrupt
        wish.stop = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield wish
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)
