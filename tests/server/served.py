"""A Jupyter server in a process of its own, with several people, and a wire that breaks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from jairika_nb.store.arrays import object_digest

CONFIG = '''
from jupyter_server.auth.identity import IdentityProvider, User


class People(IdentityProvider):
    """One token for each of them."""

    def get_user(self, handler):
        names = {f"token-{name}": name for name in ("olga", "ann", "bob")}
        name = names.get(self.get_token(handler))
        handler._token_authenticated = name is not None
        return User(username=name) if name else None


c.ServerApp.identity_provider_class = People
'''
OTHERS = ("jupyterlab", "notebook", "notebook_shim", "jupyter_lsp", "jupyter_server_terminals")
EXTENSIONS = {"jairika_nb.server": True, "jairika_nb": False} | dict.fromkeys(OTHERS, False)
ENDLESS = 1 << 60


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Serving:
    """The process; ``address(name, user)`` is what a user of it types."""

    def __init__(self, folder: Path, people: bool = True, base: str = "/") -> None:
        self.root, self.port, self.people, self.base = folder / "root", free_port(), people, base
        self.home = folder / "home"
        self.root.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(exist_ok=True)
        (self.home / "config.py").write_text(CONFIG if people else "")
        self.log = folder / "log"
        self.start()

    def start(self) -> None:
        settings = [
            *(f"port={self.port}", "port_retries=0", "ip=127.0.0.1", "open_browser=False"),
            *(f"root_dir={self.root}", f"base_url={self.base}", "allow_root=True"),
            *("terminals_enabled=False", "allow_unauthenticated_access=False"),
        ]
        names = ("CONFIG", "DATA", "RUNTIME")
        home = {f"JUPYTER_{each}_DIR": str(self.home / each) for each in names}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyter_server", f"--config={self.home / 'config.py'}"),
                *(f"--ServerApp.{each}" for each in settings),
                f"--ServerApp.jpserver_extensions={EXTENSIONS}",
                *(() if self.people else ("--IdentityProvider.token=token-one",)),
            ],
            env={**os.environ, **home, "JUPYTER_NO_CONFIG": ""},
            stdout=self.log.open("a"),
            stderr=subprocess.STDOUT,
        )
        self.runtime = self.home / "RUNTIME"
        deadline = time.monotonic() + 90
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url("jairika-nb/v1/info"), timeout=5):
                return True
        except urllib.error.HTTPError as error:
            return error.code == 403
        except OSError:
            return False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{self.base}{path}"

    def address(self, name: str, user: str = "olga", port: int | None = None) -> str:
        here = f"127.0.0.1:{port or self.port}{self.base}"
        return f"jrk+http://{here}{name}" + (f"?token=token-{user}" if user else "")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Wire:
    """Passes bytes on to a port, and breaks off after a number of them in one direction."""

    def __init__(self, port: int) -> None:
        self.there, self.up, self.down = port, ENDLESS, ENDLESS
        self.passed = {"up": 0, "down": 0}
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def breaks(self, up: int = ENDLESS, down: int = ENDLESS) -> None:
        self.up, self.down, self.passed = up, down, {"up": 0, "down": 0}

    def close(self) -> None:
        self.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.there))
            except OSError:
                near.close()
                continue
            for way, one, two in (("up", near, far), ("down", far, near)):
                threading.Thread(target=self._pass, args=(way, one, two), daemon=True).start()

    def _pass(self, way: str, one: socket.socket, two: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                room = getattr(self, way) - self.passed[way]
                self.passed[way] += len(data)
                two.sendall(data[: max(room, 0)])
                if len(data) >= room:
                    break
        for each in (one, two):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def arrays(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        "0.weight": random.standard_normal((8, 6)).astype(np.float32),
        "0.bias": random.standard_normal(8).astype(np.float32),
        "encoder.mask": random.integers(0, 2, (3, 2)).astype(bool),
        "steps": np.int64(seed),
        "empty.none": np.zeros((0, 3), np.float32),
    }


def contents(model) -> dict:
    return {
        v: [
            (i, model[v][i].id, {k: a.tobytes() for k, a in model[v][i].arrays().items()})
            for i in model[v]
        ]
        for v in model
    }


def ask(serving, endpoint, user="bob", body=None, **query):
    """The status and JSON of a plain request, as anyone may write one."""
    url = serving.url(f"jairika-nb/v1/{endpoint}") + (f"?{urlencode(query)}" if query else "")
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data)
    if user:
        request.add_header("Authorization", f"token token-{user}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}")


def staged(path) -> list:
    return list(path.parent.glob(f".{path.name}.staged/*/*"))


def frames(*tensors, edit=lambda head: None) -> bytes:
    """Frames of arrays, as anyone may write them."""
    made = b""
    for values in tensors:
        head = {"digest": object_digest(values), "bytes": values.nbytes, "offset": 0}
        head |= {"total": values.nbytes, "dtype": values.dtype.str, "shape": list(values.shape)}
        edit(head)
        text = json.dumps(head).encode()
        made += len(text).to_bytes(4, "little") + text + values.tobytes()
    return made
