"""Asks a contender's process: starts it, writes lines to it, and reads what it answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jairika_nb.engine import device as devices
from jairika_nb.engine import tuned


class Process:
    """A library in a process of its own, started when it is first asked and after it died.

    ``device`` is where ours runs, and the others on a device of its kind; ``cache`` is a folder for
    what libraries keep of their compiling. Use it in a ``with`` block, which ends the process.
    """

    def __init__(self, library: str, device: str | None, cache: str) -> None:
        self.library = library
        chosen = {"JRK_DEVICE": device} if device else {}
        # The others compute on the same kind of device; a library that finds a GPU would take it.
        kind = (devices.find(device) if device else devices.default()).kind
        chosen |= {"JRK_BENCH_KIND": kind} | ({} if kind == "gpu" else {"JAX_PLATFORMS": "cpu"})
        caches = {"XDG_CACHE_HOME": cache, "TORCHINDUCTOR_CACHE_DIR": f"{cache}/inductor"}
        self.environment = {**os.environ, **caches, **chosen}
        self.environment["JRK_CACHE_DIR"] = str(_ours(Path(cache)))
        self.process: subprocess.Popen[str] | None = None
        self.errors: Any = None

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End the process, whatever it is doing."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.errors.close()
            self.process = None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer; where it failed or the process ended, ``failed`` says how."""
        process = self.process or self._started()
        try:
            process.stdin.write(json.dumps(question) + "\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
        except BrokenPipeError:
            pass  # the answer that does not come tells
        line = process.stdout.readline()  # type: ignore[union-attr]
        return json.loads(line) if line else {"failed": self._last_words(process)}

    def _started(self) -> subprocess.Popen[str]:
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115, closed when it ends
        # A session of its own: Ctrl-C is for the parent, which ends this one.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jairika_nb.bench.contender", self.library],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env=self.environment, start_new_session=True,
        )  # fmt: skip
        return self.process

    def _last_words(self, process: subprocess.Popen[str]) -> str:
        process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        self.end()
        return lines[-1] if lines else f"it ended with {process.returncode}"


def _ours(cache: Path) -> Path:
    """Our cache in there: no kernels, but the parameters that are in force here."""
    folder = cache / "jairika_nb"
    folder.mkdir(exist_ok=True)
    if tuned.path().is_file():
        shutil.copy(tuned.path(), folder)
    return folder
