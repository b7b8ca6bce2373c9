"""Makes every installed OpenCL driver findable, without root and without environment variables.

The loader reads a folder of ``.icd`` files, each naming one driver library. The CPU runtime that
pip installs with this package (``intel-opencl-rt``) carries an ``.icd`` whose path is that of the
machine it was packaged on, so no loader finds it. The cure: a folder of our own that holds the
system's entries plus one with the right path, named to the loader before it first looks.
A folder that the user names in ``OCL_ICD_VENDORS`` is taken as it is.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
import tempfile
from pathlib import Path

SYSTEM_VENDORS = Path("/etc/OpenCL/vendors")
PIP_RUNTIME = "intel-opencl-rt"
PIP_LIBRARY = "libintelocl.so"
_named_by_user = os.environ.get("OCL_ICD_VENDORS")


def cache_folder() -> Path:
    """Where compiled programs and driver entries are kept: ``JRK_CACHE_DIR`` or the user's cache.

    Falls back to a folder below the system's temporary one where the home cannot be written.
    """
    base = os.environ.get("JRK_CACHE_DIR")
    wanted = Path(base) if base else Path.home() / ".cache" / "jairika_nb"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if os.access(wanted, os.W_OK):
            return wanted
    except OSError:
        pass  # a read-only home is normal in containers; the temporary folder serves as well
    uid = os.getuid() if hasattr(os, "getuid") else 0
    fallback = Path(tempfile.gettempdir()) / f"jairika_nb-{uid}"
    fallback.mkdir(mode=0o700, parents=True, exist_ok=True)
    return fallback


def pip_runtime() -> Path | None:
    """The library of the pip-installed CPU runtime, or None where it is not installed."""
    try:
        files = importlib.metadata.files(PIP_RUNTIME) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [Path(f.locate()).resolve() for f in files if f.name == PIP_LIBRARY]  # type: ignore
    beside = Path(sys.prefix) / "lib" / PIP_LIBRARY
    return next((p for p in [*found, beside] if p.exists()), None)


def entries() -> dict[str, str]:
    """File name and content of every ``.icd`` that the loader should see."""
    rows: dict[str, str] = {}
    for icd in sorted(SYSTEM_VENDORS.glob("*.icd")) if SYSTEM_VENDORS.is_dir() else []:
        try:
            library = icd.read_text().strip()
        except OSError:
            continue  # an entry nobody may read is one the loader could not use either
        if PIP_LIBRARY not in library or Path(library).exists():
            rows[icd.name] = library
    runtime = pip_runtime()
    if runtime and str(runtime) not in rows.values():
        rows["jairika-pip-runtime.icd"] = str(runtime)
    return rows


def register() -> Path | None:
    """Name our folder of drivers to the loader; must run before the first platform query.

    Returns the folder in force, None where the platform's own registration is left alone.
    """
    # Intel's CPU compiler crashes on some kernels (sines and cosines of one value) while it
    # vectorises over work-items; ours are vectors already, so that pass is switched off.
    os.environ.setdefault("CL_CONFIG_CPU_VECTORIZER_MODE", "1")
    if _named_by_user is not None:
        return Path(_named_by_user)
    if sys.platform != "linux":
        return None
    rows = entries()
    digest = hashlib.blake2b(repr(sorted(rows.items())).encode(), digest_size=6).hexdigest()
    folder = cache_folder() / f"vendors-{digest}"
    folder.mkdir(exist_ok=True)
    for name, library in rows.items():
        target = folder / name
        if not target.exists():
            aside = folder / f".{name}.{os.getpid()}"
            aside.write_text(library + "\n")
            aside.replace(target)
    os.environ["OCL_ICD_VENDORS"] = str(folder)
    return folder
