"""A Jupyter server of the tests' own: nothing of the user's is read, nothing of it is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
BUILT = REPOSITORY / "jairika_nb" / "labextension"
SERVER_CONFIG = REPOSITORY / "jupyter-config" / "server-config" / "jairika_nb.json"
NEWS = "@jupyterlab/apputils-extension:announcements"
TOKEN = "for-tests-only"
PATIENCE = 60.0


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, the folder that it shows, that of its user's keys."""

    address: str
    root: Path
    keys: Path

    def url(self, path: str) -> str:
        """Return the address of a page, signed in."""
        return f"{self.address}/{path}{'&' if '?' in path else '?'}token={TOKEN}"


def installed() -> bool:
    """Say whether pip installed the sidebar into this environment."""
    from jupyter_core.paths import jupyter_path

    return any(
        (Path(p) / "jairika-nb/package.json").is_file() for p in jupyter_path("labextensions")
    )


def start(folder: Path, **settings: object) -> tuple[subprocess.Popen[bytes], Server]:
    """Start JupyterLab in ``folder`` and return its process and address once it answers."""
    root = folder / "root"
    root.mkdir(parents=True)
    port = free_port()
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": root,
        "IdentityProvider.token": TOKEN,
        "LabApp.extension_manager": "readonly",
        "LabApp.expose_app_in_browser": True,
        **settings,
    }
    command = [sys.executable, "-m", "jupyterlab", "--allow-root"]
    command += [f"--{name}={value}" for name, value in options.items()]
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, env=environment(folder), cwd=root, stdout=out, stderr=subprocess.STDOUT
        )
    server = Server(f"http://127.0.0.1:{port}", root, folder / "keys")
    wait(process, server, log)
    return process, server


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, and its kernels with it."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def environment(folder: Path) -> dict[str, str]:
    """Return variables that keep every file of the server below ``folder``."""
    config, share = folder / "config", folder / "share"
    (config / "labconfig").mkdir(parents=True)
    page = {"disabledExtensions": {NEWS: True}}
    (config / "labconfig" / "page_config.json").write_text(json.dumps(page))
    variables = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(config),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JRK_CONFIG_DIR": str(folder / "keys"),
    }
    if not installed():
        use_checkout(config, share)
        variables["JUPYTER_PATH"] = str(share)
        path = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
        variables["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    return variables


def use_checkout(config: Path, share: Path) -> None:
    """Let the server find the sidebar and server part of a checkout that is not installed."""
    shutil.copytree(BUILT, share / "labextensions" / "jairika-nb")
    target = config / "jupyter_server_config.d"
    target.mkdir()
    shutil.copy(SERVER_CONFIG, target)


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(process: subprocess.Popen[bytes], server: Server, log: Path) -> None:
    """Return when the server answers; RuntimeError with its log where it does not."""
    stop_at = time.monotonic() + PATIENCE
    while time.monotonic() < stop_at and process.poll() is None:
        try:
            urllib.request.urlopen(server.url("api"), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    stop(process)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")
