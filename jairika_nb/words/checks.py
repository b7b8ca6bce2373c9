"""The doctor's checks: a table of functions, each looking at one part of the machine."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jairika_nb
from jairika_nb import __version__
from jairika_nb.errors import DeviceError

PACKAGES = ("numpy", "pyopencl", "h5py", "blake3", "filelock", "ipykernel", "jupyter_server")
LAB = "pip install 'jairika-nb[lab]'"
REINSTALL = (
    "install again with JAIRIKA_LABEXTENSION=build set, which says what stops the sidebar's build"
)
AGAIN = "install jairika-nb again, with `pip install --force-reinstall --no-deps`"
ROOM = 200_000_000


@dataclass(frozen=True)
class Check:
    """One finding: ``state`` is ``"ok"``, ``"note"`` (works without) or ``"problem"``."""

    state: str
    part: str
    found: str
    cure: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def python() -> list[Check]:
    version = platform.python_version()
    found = f"jairika_nb {__version__}, Python {version}, {platform.system()} {platform.machine()}"
    return [Check("ok", "Python", found)]


def packages() -> list[Check]:
    versions = {name: _version(name) for name in PACKAGES}
    missing = [name for name, version in versions.items() if version is None]
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    checks = [Check("ok", "packages", found)] if found else []
    for name in missing:
        checks.append(Check("problem", "packages", f"{name} is missing", f"`pip install {name}`"))
    return checks


def opencl() -> list[Check]:
    from jairika_nb.engine.device import cure
    from jairika_nb.engine.doctor import report

    rows = [row for row in report() if row["device"] or row["source"]]
    working = any(row["status"] != "failed" for row in rows)
    checks = [_driver(row, working) for row in rows]
    if not working:
        return [*checks, Check("problem", "OpenCL", "no driver works here", cure())]
    return [*checks, _default()]


def _driver(row: dict[str, Any], working: bool) -> Check:
    kind = f" ({row['kind']})" if row["kind"] else ""
    found = ": ".join(part for part in (row["platform"], row["device"]) if part) + kind
    if row["status"] == "failed":
        # A driver that fails beside one that works costs nothing but its own device.
        state = "note" if working else "problem"
        return Check(state, "OpenCL", f"{found}: {row['reason']}", row["cure"])
    cured = f"; {row['reason']}, {row['cure']}" if row["status"] == "cured" else ""
    took = f", a test kernel built and ran in {row['seconds']:.2f} s"
    return Check("ok", "OpenCL", found + took + cured)


def _default() -> Check:
    from jairika_nb.engine.device import default

    try:
        device = default()
    except DeviceError as problem:
        cure = "unset JRK_DEVICE, or name one that `jrk devices` lists, as in JRK_DEVICE=reference"
        return Check("problem", "device in use", str(problem), cure)
    return Check("ok", "device in use", f"{device.id}: {device.name} ({device.driver})")


def sidebar() -> list[Check]:
    if importlib.util.find_spec("jupyterlab") is None:
        return [Check("note", "sidebar", "JupyterLab is not installed here", f"`{LAB}`")]
    from jupyter_core.paths import jupyter_path

    folders = [Path(base) / "labextensions" / "jairika-nb" for base in jupyter_path()]
    found = next((folder for folder in folders if (folder / "package.json").is_file()), None)
    if found is None:
        return [Check("problem", "sidebar", "its files are not in any Jupyter folder", REINSTALL)]
    version = str(_json(found / "package.json").get("version"))
    if _disabled("jairika-nb"):
        cure = "`jupyter labextension enable jairika-nb`"
        return [Check("problem", "sidebar", f"version {version} in {found} is disabled", cure)]
    if version != __version__:
        text = f"version {version} in {found}, but the package is {__version__}"
        return [Check("problem", "sidebar", text, REINSTALL)]
    return [Check("ok", "sidebar", f"version {version}, JupyterLab {_version('jupyterlab')}")]


def server() -> list[Check]:
    if importlib.util.find_spec("jupyter_server") is None:
        return [Check("note", "server part", "Jupyter Server is not installed", f"`{LAB}`")]
    enabled = _server_setting()
    if enabled is not True:
        state = "switched off" if enabled is False else "not registered"
        cure = "`jupyter server extension enable jairika_nb`"
        return [Check("problem", "server part", f"{state} in Jupyter's configuration", cure)]
    try:
        modules = [point["module"] for point in jairika_nb._jupyter_server_extension_points()]
        loads = "_load_jupyter_server_extension"
        complete = all(hasattr(importlib.import_module(each), loads) for each in modules)
    except Exception as problem:  # any failure to import is what the user must read here
        return [Check("problem", "server part", f"cannot be imported: {problem}", AGAIN)]
    if not complete:
        return [Check("problem", "server part", "has nothing for the server to load", AGAIN)]
    return [Check("ok", "server part", f"enabled, Jupyter Server {_version('jupyter_server')}")]


def folders() -> list[Check]:
    from jairika_nb.engine.drivers import cache_folder

    checks = []
    data = os.environ.get("JRK_DATA_DIR")
    if data:
        there = Path(data).expanduser().is_dir()
        cure = "" if there else "point JRK_DATA_DIR at a folder of data sets, or unset it"
        text = data if there else f"{data} is not a folder"
        checks.append(Check("ok" if there else "problem", "JRK_DATA_DIR", text, cure))
    else:
        checks.append(Check("ok", "JRK_DATA_DIR", "not set: the digits that come along are used"))
    try:
        cache = cache_folder()
        free = shutil.disk_usage(cache).free
    except OSError as problem:
        cure = "point JRK_CACHE_DIR at a folder you can write"
        return [*checks, Check("problem", "cache", str(problem), cure)]
    cure = "" if free > ROOM else "free some room, or point JRK_CACHE_DIR elsewhere"
    text = f"{cache} can be written, {free / 1e9:.1f} GB free"
    return [*checks, Check("ok" if free > ROOM else "problem", "cache", text, cure)]


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # Jupyter skips a setting it cannot read, so the doctor does too
    return content if isinstance(content, dict) else {}


def _disabled(extension: str) -> bool:
    """Whether a ``page_config.json`` switches the extension off, as JupyterLab reads them."""
    from jupyter_core.paths import jupyter_config_path

    app = Path(sys.prefix) / "share" / "jupyter" / "lab" / "settings"
    places = [app, *(Path(base) / "labconfig" for base in reversed(jupyter_config_path()))]
    setting: dict[str, bool] = {}
    for place in places:
        disabled = _json(place / "page_config.json").get("disabledExtensions", {})
        setting.update(disabled if isinstance(disabled, dict) else dict.fromkeys(disabled, True))
    return any(off and name.split(":")[0] == extension for name, off in setting.items())


def _server_setting() -> bool | None:
    """What Jupyter Server's configuration says of our part; the nearest folder wins."""
    from jupyter_core.paths import jupyter_config_path

    setting = None
    for path in _server_files(reversed(jupyter_config_path())):
        extensions = _json(path).get("ServerApp", {}).get("jpserver_extensions", {})
        setting = extensions.get("jairika_nb", setting)
    return setting


def _server_files(bases: Iterable[str]) -> Iterable[Path]:
    for base in map(Path, bases):
        yield from sorted((base / "jupyter_server_config.d").glob("*.json"))
        yield base / "jupyter_server_config.json"


CHECKS: tuple[Callable[[], list[Check]], ...] = (
    python,
    packages,
    opencl,
    sidebar,
    server,
    folders,
)
