"""Who stands in a driver's wait: the main thread for short work, another for long."""

import threading

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import waiting
from jairika_nb.errors import KernelError

LONG = 1536  # a product of such squares: 7 GFLOP, 0.36 s on a slow device


@pytest.fixture
def stood(monkeypatch):
    """The names of the threads that stood in the driver's wait."""
    found = []
    to_the_end = waiting._to_the_end
    note = lambda event: found.append(threading.current_thread()) or to_the_end(event)  # noqa: E731
    monkeypatch.setattr(waiting, "_to_the_end", note)
    return found


def square(device, side):
    if device.is_reference:
        pytest.skip("NumPy computes at once")
    x = jrk.ones((side, side), device=device).realize()
    jrk.synchronize(device)
    return x


def test_the_main_thread_waits_for_short_work_itself(device, stood):
    x = square(device, 64)
    stood.clear()
    assert np.all((x @ x).numpy() == 64)
    assert set(stood) <= {threading.main_thread()}
    assert device.pending == 0


def test_another_thread_waits_for_long_work(device, stood):
    x = square(device, LONG)
    stood.clear()
    assert np.all((x @ x).numpy() == LONG)
    assert stood and threading.main_thread() not in stood
    assert device.pending == 0


def test_a_thread_that_hears_no_signals_waits_itself(device, stood):
    x = square(device, LONG)
    stood.clear()
    worker = threading.Thread(target=lambda: (x @ x).numpy())
    worker.start(), worker.join()
    assert set(stood) == {worker}


def test_a_kernel_of_the_user_may_take_long():
    from jairika_nb.engine.source import Source

    made = Source("k", "", frozenset(), [], (1,), None, [], 4, 4, alone=True)
    assert made.most_seconds == float("inf")


def test_waiters_serve_again(device):
    x = square(device, LONG)
    (x @ x).numpy()
    known = len(waiting._idle)
    assert known >= 1
    for _ in range(3):
        (x @ x).numpy()
    assert len(waiting._idle) == known


@pytest.mark.parametrize("side", [64, LONG])
def test_synchronising_returns_when_all_is_done(device, side):
    import pyopencl as cl

    x = square(device, side)
    y = (x @ x).realize()
    last = cl.enqueue_marker(device.queue)
    jrk.synchronize(device)
    assert last.command_execution_status == cl.command_execution_status.COMPLETE
    assert device.pending == 0
    assert np.all(y.numpy() == side)


def test_a_queue_that_fails_is_told(device, monkeypatch):
    square(device, 64)

    class Broken:
        def finish(self):
            raise MemoryError("clFinish failed: OUT_OF_RESOURCES")

    monkeypatch.setattr(device, "queue", Broken())
    with pytest.raises(KernelError, match="gave up on its queue: clFinish failed"):
        jrk.synchronize(device)
