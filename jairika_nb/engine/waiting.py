"""Waiting for a device so that Ctrl-C is heard: the drivers' own waits do not return for it.

The wait looks at the event again and again, first without pause, then with pauses of a small part
of the time waited already, so that it adds at most that part.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from jairika_nb.engine import device as devices
from jairika_nb.engine.device import Device
from jairika_nb.errors import KernelError

# Seconds looked without pause; the share of the time waited that a pause takes; the longest pause.
EAGER, SHARE, LONGEST = 1e-4, 1 / 16, 0.005
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
    try:
        while _kept[0][0].command_execution_status <= 0:
            _kept.popleft()
    except IndexError:
        pass  # another thread took the last one


def _look(device: Device, event: Any) -> None:
    if event.command_execution_status > 0:
        device.queue.flush()
        start = time.perf_counter()
        while event.command_execution_status > 0:
            waited = time.perf_counter() - start
            if waited > EAGER:
                time.sleep(min(LONGEST, waited * SHARE))
    status = event.command_execution_status
    if status < 0:
        raise KernelError(
            f"{device.name} gave up on its queue with OpenCL error {status}; a kernel before this "
            "point failed: run again inside `with jrk.profile()` to see which, or see `jrk doctor`"
        )


def synchronize(device: str | Device | None = None) -> None:
    """Return when a device (default: the one of new tensors) has done all that it was given.

    Lazy tensors that nobody asked for are not computed by it; ``x.realize()`` starts that.

    >>> import jairika_nb as jrk
    >>> x = jrk.ones((256, 256)).realize()
    >>> y = (x @ x).realize()
    >>> jrk.synchronize()
    """
    chosen = devices.default() if device is None else devices.find(device)
    if not chosen.is_reference:
        import pyopencl as cl

        wait(chosen, cl.enqueue_marker(chosen.queue))
