"""Several threads, several devices, forked processes and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.engine import device as devices

OPENCL = [d.id for d in devices.devices() if not d.is_reference]
THREADS = 8


@pytest.fixture(params=OPENCL)
def opencl(request):
    with devices.using(request.param) as chosen:
        yield chosen


def together(work, count=THREADS):
    """Run ``work(i)`` in as many threads, started at one moment; their results."""
    barrier = threading.Barrier(count)

    def run(i):
        barrier.wait()
        return work(i)

    with ThreadPoolExecutor(count) as pool:
        return [f.result(timeout=120) for f in [pool.submit(run, i) for i in range(count)]]


def test_threads_compute_side_by_side(device):
    def work(i):
        with jrk.device(device):
            x = jrk.tensor(np.full((16, 16), i, np.float32))
            for _ in range(20):
                x = (x @ x.T).mean(axis=1, keepdims=True).expand(16, 16) / 256 + i
                x = x.realize() - 0
            return x.numpy()

    alone = [work(i) for i in range(THREADS)]
    for a, b in zip(alone, together(work), strict=True):
        np.testing.assert_array_equal(a, b)


def test_threads_share_lazy_tensors(device):
    x = jrk.tensor(np.arange(1000, dtype=np.float32))
    shared = [(x * (i % 3 + 1)).sin().sum() for i in range(30)]
    want = [np.sin(np.arange(1000, dtype=np.float32) * (i % 3 + 1)).sum() for i in range(30)]
    for found in together(lambda i: [t.item() for t in shared[i % 3 :]]):
        np.testing.assert_allclose(found, want[-len(found) :], rtol=1e-3, atol=1e-3)


def test_threads_call_one_compiled_function(device):
    total = jrk.tensor(0.0)

    @jrk.compile
    def add(x):
        nonlocal total
        total = total + x.sum()
        return x * 2

    def work(i):
        with jrk.device(device):
            return [add(jrk.tensor([float(i), float(k)])).tolist() for k in range(10)]

    for i, found in enumerate(together(work)):
        assert found == [[2.0 * i, 2.0 * k] for k in range(10)]
    assert total.item() == sum(i + k for i in range(THREADS) for k in range(10))


def test_training_in_one_thread_and_predicting_in_another(device):
    jrk.random.seed(1)
    net, opt = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), optim.Adam(lr=0.01)
    x, y = jrk.tensor(np.ones((6, 4), np.float32)), jrk.tensor(np.zeros(6, np.int32))

    @jrk.compile
    def step(x, y):
        loss = nn.functional.cross_entropy(net(x), y)
        opt.update(net, loss.backward(net))
        return loss

    def work(i):
        with jrk.device(device):
            if i == 0:
                return [step(x, y).item() for _ in range(30)]
            return [float(net(x).softmax(axis=1).sum()) for _ in range(30)]

    losses, *sums = together(work, 3)
    assert losses[-1] < losses[0] * 0.9
    np.testing.assert_allclose(np.concatenate(sums), 6, rtol=1e-5)


@pytest.mark.skipif(len(OPENCL) < 2, reason="needs two OpenCL devices")
def test_two_devices_work_at_once():
    def work(i):
        with jrk.device(OPENCL[i % 2]) as own:
            x = jrk.tensor(np.arange(64, dtype=np.float32).reshape(8, 8))
            for _ in range(10):
                x = (x @ x).tanh()
            assert x.device is own
            return x.numpy()

    found = together(work, 4)
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, rtol=1e-5)


def script(device, text):
    """A program of its own on a device; its output."""
    environment = {**os.environ, "JRK_DEVICE": device.id, "PYTHONFAULTHANDLER": "1"}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(text)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_says_that_opencl_did_not_survive(opencl):
    child = script(
        opencl,
        """
        import os
        import jairika_nb as jrk
        x = jrk.tensor([1.0, 2.0]) * 2
        assert x.tolist() == [2.0, 4.0]
        if os.fork() == 0:
            for work in (lambda: jrk.tensor([1.0]), lambda: x.numpy(), lambda: (x + 1).realize()):
                try:
                    work()
                except jrk.errors.DeviceError as error:
                    assert "forked" in str(error), error
                else:
                    os._exit(3)
            with jrk.device("reference"):
                assert (jrk.tensor([1.0]) + 1).item() == 2.0
            del x
            raise SystemExit(0)
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
        print((x + 1).tolist())
        """,
    )
    output, _ = child.communicate(timeout=60)
    assert output.strip().endswith("[3.0, 5.0]"), output


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_forked_before_opencl_was_used_computes(opencl):
    child = script(
        opencl,
        """
        import os
        import jairika_nb as jrk
        if os.fork() == 0:
            assert (jrk.tensor([1.0]) + 1).item() == 2.0
            raise SystemExit(0)
        assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
        print((jrk.tensor([1.0]) + 2).item())
        """,
    )
    output, _ = child.communicate(timeout=60)
    assert output.strip() == "3.0", output


LONG_QUEUE = """
    import time, numpy as np
    import jairika_nb as jrk
    x = jrk.tensor(np.eye(1024, dtype=np.float32))
    def queue(n):
        y = x
        for _ in range(n):
            y = ((y @ x) * 0.5).realize()
        return y
    def seconds(n):
        start = time.perf_counter()
        queue(n).numpy()
        return time.perf_counter() - start
    seconds(2)
    each = min(seconds(20) for _ in range(3)) / 20
    long = int(5 / each) + 1
    y = queue(long)
    print("ready", flush=True)
    try:
        y.numpy()
        print("finished too soon", flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    small = jrk.tensor([1.0, 2.0]) + 1
    print(small.tolist(), queue(1).numpy()[0, 0], flush=True)
    compiled = jrk.compile(lambda a: a * 2)
    print([compiled(small).tolist() for _ in range(3)][-1], flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ there")
def test_ctrl_c_in_a_long_queue_is_heard_and_the_session_goes_on(opencl):
    import time

    child = script(opencl, LONG_QUEUE)
    assert child.stdout.readline().strip() == "ready"
    time.sleep(0.5)
    sent = time.perf_counter()
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline().strip() == "interrupted"
    heard = time.perf_counter() - sent
    output, _ = child.communicate(timeout=120)
    assert output.split("\n")[:2] == ["[2.0, 3.0] 0.5", "[4.0, 6.0]"], output
    assert child.returncode == 0
    assert heard < 2


def test_a_kernel_that_does_not_run_is_named(opencl):
    from jairika_nb.engine import execute
    from jairika_nb.errors import KernelError

    x = jrk.tensor([1.0, 2.0])
    program_of = execute.planned

    def broken(program, device):
        plan = program_of(program, device)
        for source in plan.sources:
            source.local_size = (10**6,) * len(source.global_size)
        return plan

    execute.planned = broken
    try:
        with pytest.raises(KernelError, match=r"did not run kernel \w*sin"):
            (x.sin() * 1.2345).realize()
    finally:
        execute.planned = program_of
        execute._plans.clear()
    assert (x * 2).tolist() == [2.0, 4.0]
