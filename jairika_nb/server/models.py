"""What the server knows about the models under its root, read in threads of their own."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jairika_nb.errors import AddressError, JairikaError, KeyProblem
from jairika_nb.server import reading
from jairika_nb.server.paths import MODEL_SUFFIX, SUFFIX
from jairika_nb.server.scan import Found, scan
from jairika_nb.store import reader
from jairika_nb.store.viewed import Viewed

FRESH = 1.0
"""Seconds for which one scan answers everybody who asks."""
REST = 10
"""A scan stays good for so many times what it took, so that slow ones do not follow each other."""


class Models:
    """The models under the root of a contents manager that keeps its files on a local disk."""

    def __init__(self, contents_manager: Any) -> None:
        folder = getattr(contents_manager, "root_dir", "")
        self.root = Path(os.path.realpath(os.path.expanduser(folder))) if folder else None
        self._found = Found((), truncated=False)
        self._scanned = float("-inf")
        self._cost = 0.0
        self._one_scan = asyncio.Lock()

    async def found(self, max_age: float = FRESH) -> Found:
        """Return the last scan, or a new one where that is older than ``max_age`` seconds.

        A slow scan is not repeated at once (``REST``).
        """
        async with self._one_scan:
            if time.monotonic() - self._scanned > max(max_age, REST * self._cost):
                start = time.monotonic()
                self._found = await asyncio.to_thread(scan, self.local_root())
                self._scanned = time.monotonic()
                self._cost = self._scanned - start
            return self._found

    async def listed(self) -> dict[str, Any]:
        """Return the rows of the ``models`` endpoint."""
        found = await self.found()
        rows = await asyncio.to_thread(rows_of, self.local_root(), found)
        return {"models": rows, "truncated": found.truncated}

    async def tree(self, relative: str, who: str) -> str:
        """Return the version tree of one model as JSON text, its path relative to the root."""
        return await asyncio.to_thread(tree_text, self.local_root(), relative, who)

    async def generations(self, max_age: float) -> dict[str, int | None]:
        """Return the state counter of each known model, ``None`` where it cannot be read."""
        found = await self.found(max_age)
        return await asyncio.to_thread(generations_of, self.local_root(), found)

    def local_root(self) -> Path:
        """Return the root folder; AddressError where the server keeps its files elsewhere."""
        if self.root is None:
            raise AddressError("this server's files are not on its own disk, so it lists no models")
        return self.root


def tree_text(root: Path, relative: str, who: str = "") -> str:
    """Read one model's tree as a user may see it, as JSON; both slow enough for a thread."""
    with reading.opened(root, relative, who) as shown:
        return json.dumps({**told(shown, shown.tree()), "path": relative})


def told(shown: Viewed, tree: dict[str, Any]) -> dict[str, Any]:
    """Return the tree with what the signatures are worth, by the keys that this user trusts.

    A list of keys that cannot be used is no reason to show no tree.
    """
    if not shown.is_signed():
        return tree
    from jairika_nb.store import signing

    try:
        return signing.told(shown, tree, _judge())
    except KeyProblem as error:
        verdict = {"state": "unchecked", "by": "", "text": f"signature not checked: {error}"}
        for variant in tree["variants"]:
            for leaf in variant["iterations"]:
                leaf["signature"] = verdict
        return tree


@cache
def _judge() -> Any:
    from jairika_nb.store.signing import Remembered

    return Remembered()


def generations_of(root: Path, found: Found) -> dict[str, int | None]:
    """Read the state counter of each found model that still exists."""
    readable: dict[str, int | None] = {}
    for relative in found.paths:
        try:
            readable[relative] = reader.generation(root / relative)
        except (JairikaError, OSError):
            if (root / relative).is_file():
                readable[relative] = None
    return readable


def rows_of(root: Path, found: Found) -> list[dict[str, Any]]:
    """Return one row per model; one that cannot be read says why instead of hiding."""
    rows = []
    for relative in found.paths:
        try:
            rows.append(row_of(root, relative))
        except FileNotFoundError:
            continue
    return rows


def row_of(root: Path, relative: str) -> dict[str, Any]:
    """Return path, name, size, time and state counter of one model."""
    status = (root / relative).stat()
    row: dict[str, Any] = {
        "path": relative,
        "name": name_of(relative),
        "bytes": status.st_size,
        "modified": datetime.fromtimestamp(status.st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "generation": None,
    }
    try:
        row["generation"] = reader.generation(root / relative)
    except (JairikaError, OSError) as error:
        row["error"] = str(error)
    return row


def name_of(relative: str) -> str:
    """Return a model file's name without folders and ending.

    >>> name_of("work/digits.jrk.h5"), name_of("old.h5")
    ('digits', 'old')
    """
    name = relative.rsplit("/", 1)[-1]
    return name.removesuffix(MODEL_SUFFIX if name.endswith(MODEL_SUFFIX) else SUFFIX)
