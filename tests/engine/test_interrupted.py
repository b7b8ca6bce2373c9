"""What breaks off in the middle, or comes in between, leaves nothing behind that is wrong later."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine import execute, faults, memory, replay, waiting
from jairika_nb.engine.program import capture
from jairika_nb.errors import OutOfRange

OPENCL = [d.id for d in devices.devices() if not d.is_reference]


@pytest.fixture(params=OPENCL)
def opencl(request):
    with devices.using(request.param) as chosen:
        yield chosen


class Interrupting:
    """Stands for a kernel at whose arguments Ctrl-C is heard."""

    def set_arg(self, i, value):
        raise KeyboardInterrupt


def test_a_run_that_breaks_off_while_it_binds_leaves_no_other_buffers_bound(opencl):
    @jrk.compile
    def twice(x):
        return x * 2

    first, second = (jrk.full((5,), value).realize() for value in (1.0, 10.0))
    for _ in range(3):
        assert twice(first).tolist() == [2.0] * 5
    step = twice._recordings[0].parts[0].step
    (entry,) = step.leaves.values()
    places = step.places[entry]
    step.places[entry] = [*places, (Interrupting(), 0)]
    with pytest.raises(KeyboardInterrupt):
        twice(second)
    step.places[entry] = places
    assert twice(first).tolist() == [2.0] * 5


def test_an_index_found_by_a_run_that_broke_off_is_not_the_next_ones(opencl, monkeypatch):
    x, index = jrk.arange(3.0).realize(), jrk.arange(4).realize() + 1

    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(faults, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            x[index].realize()
    assert x[index - 1][:3].tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(OutOfRange):
        x[index].realize()


@pytest.mark.parametrize("side", [64, 512], ids=["from the pool", "from slabs"])
def test_scratch_memory_is_held_until_its_kernel_is_queued(opencl, monkeypatch, side):
    """Another thread, which may take memory at any time, would be given it otherwise."""
    import pyopencl as cl

    scratch, taken = [], []
    argument, launch = execute._argument, cl.enqueue_nd_range_kernel

    def noted(device, row, *more):
        value = argument(device, row, *more)
        if row.kind == "scratch":
            scratch.append((value.int_ptr, row.value))
        return value

    def queued(*args):
        taken.extend(memory.Buffer(opencl, nbytes) for _, nbytes in scratch)
        return launch(*args)

    monkeypatch.setattr(execute, "_argument", noted)
    monkeypatch.setattr(cl, "enqueue_nd_range_kernel", queued)
    x = jrk.ones((side, side)).realize()
    assert np.all((x @ x).numpy() == side)
    assert scratch
    assert not {place for place, _ in scratch} & {buffer.cl.int_ptr for buffer in taken}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")
@pytest.mark.parametrize("handler", ["default_int_handler", "SIG_DFL", "SIG_IGN"])
def test_ctrl_c_that_was_held_back_is_heard_by_whatever_would_have_heard_it(handler):
    code = f"""
import os, signal
from jairika_nb.engine.interrupts import uninterrupted
signal.signal(signal.SIGINT, signal.{handler})
with uninterrupted():
    os.kill(os.getpid(), signal.SIGINT)
    print("whole", flush=True)
print("ignored")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    said = "whole\nignored\n" if handler == "SIG_IGN" else "whole\n"
    assert (ran.stdout, ran.returncode == 0) == (said, handler == "SIG_IGN")
    assert ("KeyboardInterrupt" in ran.stderr) == (handler == "default_int_handler")


class Event:
    """An event of which somebody learns, while it is asked, that another one is over."""

    def __init__(self, status, meanwhile=lambda: None):
        self.status, self.meanwhile = status, meanwhile

    @property
    def command_execution_status(self):
        self.meanwhile()
        return self.status


def test_host_memory_is_held_until_its_own_event_is_over(monkeypatch):
    kept = deque()
    monkeypatch.setattr(waiting, "_kept", kept)
    running = Event(1)
    over = Event(0, lambda: kept and waiting.keep(Event(0), "of a destructor"))
    kept.extend([(over, "copied"), (running, "still read")])
    waiting.keep(Event(0), "copied too")
    assert (running, "still read") in kept


def test_steps_of_other_exactness_are_others(opencl):
    x = jrk.ones((4, 4)).realize()
    program = capture([(x @ x).node])
    first = replay.step_of(opencl, program)
    jrk.set_float32_matmul_precision("high")
    try:
        second = replay.step_of(opencl, program)
    finally:
        jrk.set_float32_matmul_precision("highest")
    assert second is not first
    assert replay.step_of(opencl, program) is first


def test_a_device_is_probed_once_by_all_threads(monkeypatch):
    probed = []
    monkeypatch.setattr(devices, "_probe", lambda device: probed.append(time.sleep(0.05)) or "")
    device = devices.Device("opencl:9", "a device", "a driver", "cpu")
    threads = [threading.Thread(target=device.works) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert device.works() and len(probed) == 1
