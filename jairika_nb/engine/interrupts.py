"""Work that Ctrl-C must not stop in the middle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

try:
    # What wraps it looks for a handler among an enumeration's members, by an exception.
    from _signal import signal as _set
except ImportError:
    from signal import signal as _set


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C until the block is over: raised inside, it would leave things in pieces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = _set(signal.SIGINT, lambda number, frame: held.append(number))
    try:
        yield
    finally:
        _set(signal.SIGINT, before if before is not None else signal.SIG_DFL)
        if held:
            # Whatever stood there before hears it: a handler, or the system that ends the process.
            signal.raise_signal(signal.SIGINT)
