"""Batches read by several threads or processes at once, handed over in order.

A process is a child started by "spawn", which shares nothing with this one and so survives what
drivers and threads do here; each is served by a thread of this process, so that both kinds wait,
fail and end in the same way. No worker outlives the pass it reads for, unless it is asked to.
"""

from __future__ import annotations

import contextlib
import contextvars
import multiprocessing
import queue
import signal
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from jairika_nb.data.reader import Reader, Request, explained
from jairika_nb.errors import DataError

KINDS = ("threads", "processes")
USE_THREADS = 'keep datasets and functions in a module, or use workers="threads"'


def read_ahead(pool: Pool, requests: Iterable[Request], ahead: int) -> Iterator[Any]:
    """The batches of ``requests`` in order, up to ``ahead`` of them read before they are taken."""
    waiting: deque[Future[Any]] = deque()
    try:
        for request in requests:
            waiting.append(pool.submit(request))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


class Pool:
    """Workers that share one reader; ``close`` ends them."""

    def __init__(self, reader: Reader, count: int, kind: str) -> None:
        self.reader, self.processes = reader, kind == "processes"
        self.executor = ThreadPoolExecutor(count, thread_name_prefix="jairika-data")
        self.children: list[Child] = []
        self.idle: queue.SimpleQueue[Child] = queue.SimpleQueue()
        try:
            for _ in range(count if self.processes else 0):
                self.children.append(Child(reader))
                self.idle.put(self.children[-1])
        except BaseException:
            self.close()
            raise

    def submit(self, request: Request) -> Future[Any]:
        """Have a batch read; the read sees the context of the loop, its device for instance."""
        return self.executor.submit(contextvars.copy_context().run, self._read, request)

    def _read(self, request: Request) -> Any:
        if not self.processes:
            return _read_here(self.reader, request)
        child = self.idle.get()
        try:
            return child.read(request)
        finally:
            self.idle.put(child)

    def close(self) -> None:
        """End all workers; what they are at is given up."""
        children, self.children = self.children, []
        for child in children:
            child.end()
        self.executor.shutdown(wait=True, cancel_futures=True)
        for child in children:
            child.close()


def _read_here(reader: Reader, request: Request) -> Any:
    try:
        return reader(request)
    except Exception as error:
        raise explained(reader, request, error) from error


class Child:
    """A process that reads batches; it gets the reader first, then requests, one at a time."""

    def __init__(self, reader: Reader) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other,), daemon=True)
        try:
            with _unheard():
                self.process.start()
        finally:
            other.close()
        self.reader: Reader | None = reader

    def read(self, request: Request) -> Any:
        """The batch; DataError where the child could not read it or is no more."""
        try:
            if self.reader is not None:
                self._hand_over()
            self.connection.send(request)
            state, result, trace = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            self.process.join(5)
            raise DataError(
                f"a worker process ended with exit code {self.process.exitcode} before it had read "
                f"samples {request.indices[:8].tolist()}: it crashed, ran out of memory, or could "
                f"not start; scripts need `if __name__ == '__main__':` around what they do; "
                f"{USE_THREADS}"
            ) from error
        if state == "read":
            return result
        raise DataError(result) from RuntimeError(f"in a worker process:\n{trace}")

    def _hand_over(self) -> None:
        """Send what is to be read from, once."""
        reader, self.reader = self.reader, None
        try:
            self.connection.send(reader)
        except (EOFError, ConnectionError):
            raise
        except Exception as error:
            self.reader = reader
            raise DataError(
                f"the dataset cannot be sent to worker processes ({error}); {USE_THREADS}"
            ) from error

    def end(self) -> None:
        """Stop the child wherever it is."""
        self.process.terminate()

    def close(self) -> None:
        """Wait until the child is gone and let go of what it took."""
        self.process.join()
        self.process.close()
        self.connection.close()


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Processes started inside the block do not hear Ctrl-C, not even while they start.

    It reaches all processes of a terminal, and the parent decides what becomes of them.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(connection: Any) -> None:
    """The life of a child: read what is asked for until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, ConnectionError):
        reader, failure = None, ""
        try:
            reader = connection.recv()
        except EOFError:
            raise
        except Exception as error:
            failure = f"a worker process cannot take the dataset ({error}); {USE_THREADS}"
        while True:
            _send(connection, _answer(reader, connection.recv(), failure))


def _answer(reader: Reader | None, request: Request, failure: str) -> tuple[str, Any, str]:
    if reader is None:
        return "failed", failure, ""
    try:
        return "read", reader(request), ""
    except Exception as error:
        return "failed", str(explained(reader, request, error)), traceback.format_exc()


def _send(connection: Any, answer: tuple[str, Any, str]) -> None:
    try:
        connection.send(answer)
    except ConnectionError:
        raise
    except Exception as error:
        message = f"a worker process cannot send its batch ({error}); {USE_THREADS}"
        connection.send(("failed", message, traceback.format_exc()))
