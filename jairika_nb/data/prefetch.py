"""Items of an iterator made ahead by a thread, so that making and using them overlap."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any


def prefetched(make: Callable[[], Iterator[Any]], count: int) -> Iterator[Any]:
    """The items of ``make()`` in order, up to ``count`` of them made before they are taken.

    What the iterator raises is raised here, at its place. Leaving early ends the thread. With a
    ``count`` of 0 there is none.

    >>> list(prefetched(lambda: iter("abc"), 2))
    ['a', 'b', 'c']
    """
    return _threaded(make, count) if count else make()


def _threaded(make: Callable[[], Iterator[Any]], count: int) -> Iterator[Any]:
    free, stop = threading.Semaphore(count), threading.Event()
    made: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    work = contextvars.copy_context().run
    thread = threading.Thread(
        target=work, args=(_fill, make, made, free, stop), name="jairika-prefetch", daemon=True
    )
    thread.start()
    try:
        while True:
            kind, item = made.get()
            if kind == "end":
                return
            if kind == "error":
                raise item
            free.release()
            yield item
    finally:
        stop.set()
        free.release()
        thread.join()


def _fill(
    make: Callable[[], Iterator[Any]],
    made: queue.SimpleQueue[tuple[str, Any]],
    free: threading.Semaphore,
    stop: threading.Event,
) -> None:
    items = make()
    try:
        while True:
            free.acquire()
            if stop.is_set():
                return
            made.put(("item", next(items)))
    except StopIteration:
        made.put(("end", None))
    except BaseException as error:
        made.put(("error", error))
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()
