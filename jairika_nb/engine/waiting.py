"""Waiting for a device so that Ctrl-C is heard: the drivers' own waits do not return for it.

Yet a CPU driver may count on the thread that waits as one of those that work: Intel's computes on
one core of two while nobody stands in its wait. So for long work the main thread, the only one that
Ctrl-C reaches, lets another thread stand there, which costs 40 us.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from typing import Any

from jairika_nb.engine import device as devices
from jairika_nb.engine.device import Device
from jairika_nb.errors import KernelError

# Work of at most so many seconds on a slow device is short: Ctrl-C may wait for it.
SHORT = 0.2
# Seconds after which the main thread looks up; where a lock hears no signal, Ctrl-C waits for it.
LOOK_UP = 0.1
# Host arrays that a device may still read or write, with the events that tell when it is done.
_kept: deque[tuple[Any, Any]] = deque()


def wait(device: Device, event: Any, host: Any = None) -> None:
    """Return when ``event`` is over; ``host`` is memory that the device uses until then.

    Raises KernelError where the device gave up. Ctrl-C raises KeyboardInterrupt at once; what was
    queued runs on, and the queue stays usable.
    """
    try:
        _look(device, event)
    except BaseException:
        keep(event, host)
        raise


def keep(event: Any, host: Any) -> None:
    """Hold host memory that the device uses until ``event`` is over, without waiting for it.

    An event that is let go before waits in its destructor, which would stop the host.
    """
    _kept.append((event, host))
    with contextlib.suppress(IndexError):
        while True:
            # Taken before it is looked at: other threads, and destructors that a collection of
            # garbage runs here, do the same.
            row = _kept.popleft()
            if row[0].command_execution_status > 0:
                _kept.appendleft(row)
                return


def _look(device: Device, event: Any) -> None:
    if event.command_execution_status > 0:
        device.queue.flush()
        is_short = device.pending <= SHORT
        (_to_the_end if is_short or not _hears_signals() else _stand_by)(event)
    device.pending = 0.0
    status = event.command_execution_status
    if status < 0:
        raise KernelError(
            f"{device.name} gave up on its queue with OpenCL error {status}; a kernel before this "
            "point failed: run again inside `with jrk.profile()` to see which, or see `jrk doctor`"
        )


def _hears_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


def _stand_by(event: Any) -> None:
    try:
        waiter = _idle.pop()
    except IndexError:
        waiter = Waiter()
    waiter.wait(event)


def _to_the_end(event: Any) -> None:
    import pyopencl as cl

    with contextlib.suppress(cl.Error):  # the status of the event tells
        event.wait()


class Waiter:
    """A thread that stands in a driver's wait; one that Ctrl-C left behind comes back later."""

    def __init__(self) -> None:
        self.asked, self.done = threading.Semaphore(0), threading.Semaphore(0)
        self.event: Any = None
        threading.Thread(target=self._serve, name="jairika_nb waits", daemon=True).start()

    def wait(self, event: Any) -> None:
        """Return when ``event`` is over, or raise KeyboardInterrupt."""
        self.event, self.done = event, threading.Semaphore(0)
        self.asked.release()
        while not self.done.acquire(timeout=LOOK_UP):
            pass

    def _serve(self) -> None:
        while True:
            self.asked.acquire()
            done = self.done
            _to_the_end(self.event)
            self.event = None
            _idle.append(self)
            done.release()


# Waiters that wait for nothing.
_idle: deque[Waiter] = deque()


def synchronize(device: str | Device | None = None) -> None:
    """Return when a device (default: the one of new tensors) has done all that it was given.

    Lazy tensors that nobody asked for are not computed by it; ``x.realize()`` starts that.

    >>> import jairika_nb as jrk
    >>> x = jrk.ones((256, 256)).realize()
    >>> y = (x @ x).realize()
    >>> jrk.synchronize()
    """
    chosen = devices.default() if device is None else devices.find(device)
    if chosen.kind == "cpu" and chosen.pending <= SHORT:
        _finish(chosen)
    elif not chosen.is_reference:
        import pyopencl as cl

        wait(chosen, cl.enqueue_marker(chosen.queue))


def _finish(device: Device) -> None:
    """Wait with as little code as can be: streams have pushed all of it out of the caches."""
    try:
        device.queue.finish()
    except Exception as error:  # that of pyopencl, which is not imported for it
        raise KernelError(f"{device.name} gave up on its queue: {error}") from error
    device.pending = 0.0
