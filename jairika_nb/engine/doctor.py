"""What `jrk doctor` says of OpenCL: the drivers there are, which work, the cure for the rest."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jairika_nb.engine import device as devices
from jairika_nb.engine import drivers


def report() -> list[dict[str, Any]]:
    """One row for each device found, and for each registered driver that gave none.

    Keys: platform, device, kind, driver (version), source (the library), status ("ok", "cured" or
    "failed"), reason, cure, seconds (to build and run the probing kernel).
    """
    folder = drivers.register()
    registered = _registered(folder)
    rows = [_device_row(d, registered) for d in devices.found()]
    seen = {row["source"] for row in rows}
    for name, library in registered.items():
        if library not in seen and not _loads(library):
            rows.append(_dead_row(name, library))
    if not rows:
        rows.append(
            _row(
                platform="OpenCL",
                status="failed",
                reason="no driver was found",
                cure=devices.cure(),
            )
        )
    return rows


def _row(**known: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("platform", "device", "kind", "driver", "source", "reason", "cure"), "")
    return {**empty, "status": "ok", "seconds": 0.0, **known}


def _registered(folder: Path | None) -> dict[str, str]:
    if folder is None or not folder.is_dir():
        return {}
    return {icd.name: icd.read_text().strip() for icd in sorted(folder.glob("*.icd"))}


def _device_row(device: devices.Device, registered: dict[str, str]) -> dict[str, Any]:
    works = device.works()
    pip = "intel" in device.driver.lower() and device.kind == "cpu"
    ours = registered.get("jairika-pip-runtime.icd", "") if pip else ""
    known = _row(
        platform=device.driver, device=device.name, kind=device.kind,
        driver=device.handle.driver_version, source=ours, seconds=device.probe_seconds,
    )  # fmt: skip
    if not works:
        cure = "update or remove this driver; others are used meanwhile"
        return {**known, "status": "failed", "reason": device.probe, "cure": cure}
    if ours:
        reason = "the pip runtime's own registration names a path that does not exist"
        cure = f"done for you: registered in {os.environ.get('OCL_ICD_VENDORS')}"
        return {**known, "status": "cured", "reason": reason, "cure": cure}
    return known


def _loads(library: str) -> bool:
    import ctypes

    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _dead_row(name: str, library: str) -> dict[str, Any]:
    return _row(
        platform=name, source=library, status="failed",
        reason=f"its library {library} cannot be loaded",
        cure="install that driver again, or remove the entry",
    )  # fmt: skip
