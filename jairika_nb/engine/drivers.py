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

    Falls back to a folder below the system's temporary one where neither can be written.
    """
    named = os.environ.get("JRK_CACHE_DIR")
    wanted = Path(named) if named else _user_cache() / "jairika_nb"
    if _writable(wanted):
        return wanted
    uid = os.getuid() if hasattr(os, "getuid") else 0
    fallback = Path(tempfile.gettempdir()) / f"jairika_nb-{uid}"
    fallback.mkdir(mode=0o700, parents=True, exist_ok=True)
    return fallback


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False  # a read-only home is normal in containers
    return os.access(folder, os.W_OK)


def _give_libraries_a_cache() -> None:
    """PyOpenCL and PoCL fail where the user's cache cannot be written: name them another one."""
    if sys.platform == "linux" and not _writable(_user_cache()):
        os.environ["XDG_CACHE_HOME"] = str(cache_folder())


def program_cache() -> str:
    """The folder of compiled programs; ours, because PyOpenCL's own needs a writable home."""
    return str(cache_folder() / "programs")


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


def _keep_workers_apart() -> None:
    """Let PoCL bind each of its threads to a processor of its own.

    Linux wakes them where the thread that wakes them runs: two at times share a processor for all
    of a launch while another one idles. PoCL counts processors from 0, so only where all are ours.
    """
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if allowed == {*range(os.cpu_count() or 0)}:
        os.environ.setdefault("POCL_AFFINITY", "1")


def register() -> Path | None:
    """Name our folder of drivers to the loader; must run before the first platform query.

    Returns the folder in force, None where the platform's own registration is left alone.
    """
    # Intel's CPU compiler crashes on some kernels (sines and cosines of one value) while it
    # vectorises over work-items; ours are vectors already, so that pass is switched off.
    os.environ.setdefault("CL_CONFIG_CPU_VECTORIZER_MODE", "1")
    _keep_workers_apart()
    _give_libraries_a_cache()
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
