"""The parameters of products in force on each device: those shipped, or what a tuner kept there.

They are kept in the cache folder by device, version of its driver and number of cores, so that
another machine or a new driver begins with the shipped ones. The file is nobody's promise: it is
read only up to :data:`LARGEST` bytes, and a choice counts only where every value is one of
:data:`CHOICES`; whatever else is in it is ignored with a warning. ``JRK_TUNED=0`` ignores it.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from jairika_nb.engine import drivers
from jairika_nb.engine.device import Device
from jairika_nb.engine.pieces import CHOICES, SIZES, Sizes

FILE, LARGEST = "tuned.json", 1 << 16
_chosen: dict[Device, Sizes] = {}


def in_force(device: Device) -> Sizes:
    """What products on ``device`` are cut by."""
    found = _chosen.get(device)
    if found is None:
        found = _chosen[device] = kept(device) or SIZES
    return found


def kept(device: Device) -> Sizes | None:
    """What a tuner kept for ``device``, or None."""
    if device.kind != "cpu" or os.environ.get("JRK_TUNED") == "0":
        return None
    rows = _read()
    return _checked(rows[key(device)]) if key(device) in rows else None


def keep(device: Device, sizes: Sizes | None) -> None:
    """Use ``sizes`` on ``device`` from now on, in later processes too; None: the shipped one."""
    rows = _read(quiet=True)
    rows.pop(key(device), None)
    if sizes is not None:
        rows[key(device)] = asdict(sizes)
    _write(rows)
    _use(device, sizes or SIZES)


@contextmanager
def trying(device: Device, sizes: Sizes) -> Iterator[None]:
    """Plan products on ``device`` by ``sizes`` inside the block."""
    before = in_force(device)
    _use(device, sizes)
    try:
        yield
    finally:
        _use(device, before)


def _use(device: Device, sizes: Sizes) -> None:
    from jairika_nb.engine import execute, replay

    with device.lock:
        _chosen[device] = sizes
        execute.forget_plans(device)
        replay.forget_steps(device)


def key(device: Device) -> str:
    """What a choice is good for: the device, its driver's version and its cores."""
    version = getattr(device.handle, "driver_version", "")
    return f"{device.name}, {device.driver} {version}, {device.compute_units} cores"


def path() -> Path:
    """The file of choices."""
    return drivers.cache_folder() / FILE


def _read(quiet: bool = False) -> dict[str, Any]:
    if not path().exists():
        return {}
    try:
        if not path().is_file():
            raise OSError("it is no plain file")  # a pipe would be waited for
        with path().open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as problem:
        return _ignored(str(problem), quiet)
    try:
        rows = json.loads(data) if len(data) <= LARGEST else None
    except (ValueError, RecursionError):
        rows = None
    return rows if isinstance(rows, dict) else _ignored("it is no table of choices", quiet)


def _checked(row: Any) -> Sizes | None:
    names = {field.name for field in fields(Sizes)}
    if not isinstance(row, dict) or row.keys() != names:
        _ignored("a choice has other parameters than those of products")
        return None
    found: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    for name, value in found.items():
        if not any(type(value) is type(each) and value == each for each in CHOICES[name]):
            _ignored(f"{name} is {value!r:.40}, which is none of {CHOICES[name]}")
            return None
    return Sizes(**found)


def _ignored(why: str, quiet: bool = False) -> dict[str, Any]:
    if not quiet:
        warnings.warn(
            f"{path()} is ignored: {why}; `jrk tune --reset` removes it", RuntimeWarning,
            stacklevel=4,
        )  # fmt: skip
    return {}


def _write(rows: dict[str, Any]) -> None:
    target = path()
    if not rows:
        target.unlink(missing_ok=True)
        return
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=FILE)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(rows, file, indent=1)
        os.replace(name, target)  # whole or not at all
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
