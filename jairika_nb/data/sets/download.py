"""Fetching a file: all of it and what it should be, or nothing.

A file is written beside its place and moved there once its checksum fits. What a broken connection
leaves is gone on with the next time; what is too long or turns out wrong is thrown away.
"""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from jairika_nb.data.sets.meter import Meter
from jairika_nb.data.sets.remotes import Remote
from jairika_nb.errors import DataError

CHUNK = 1 << 16
TIMEOUT = 30.0
PARTIAL = 206
WEB = ("http", "https")


def fetch(remote: Remote, folder: Path, progress: bool = True) -> Path:
    """The file in ``folder``, fetched where it is not there yet.

    Raises DataError where no address gives it, saying what each did.
    """
    path = folder / remote.file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{remote.file}.lock"):
            return path if is_right(path, remote) else _fetched(remote, path, progress)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written to ({error.strerror or error}); name another folder in "
            "JRK_DATA_CACHE"
        ) from error


def is_right(path: Path, remote: Remote) -> bool:
    """Whether a file is there with the right size and checksum."""
    return path.is_file() and path.stat().st_size == remote.size and _checksum(path, remote)


def _fetched(remote: Remote, path: Path, progress: bool) -> Path:
    part, reasons = path.with_name(f".{path.name}.part"), []
    for url in remote.urls:
        try:
            _download(url, part, remote, Meter(remote.file, remote.size, progress))
            part.replace(path)
            return path
        except (DataError, http.client.HTTPException, urllib.error.URLError, OSError) as error:
            reasons.append(f"{url}: {_reason(error)}")
    raise DataError(
        f"{remote.file} cannot be fetched ({'; '.join(reasons)}); try again, or put the file into "
        f"{path.parent} or the folder that JRK_DATA_DIR names"
    )


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code} {error.reason}"
    return str(getattr(error, "reason", None) or error or type(error).__name__)


def _download(url: str, part: Path, remote: Remote, meter: Meter) -> None:
    """Bring ``part`` to its full size and check it; begun files are tried once from anew."""
    begun = part.stat().st_size if part.is_file() else 0
    if begun >= remote.size:
        part.unlink()
        begun = 0
    _receive(url, part, begun, remote.size, meter)
    if _checksum(part, remote):
        return
    part.unlink()
    if begun:
        _receive(url, part, 0, remote.size, meter)
        if _checksum(part, remote):
            return
        part.unlink()
    raise DataError("what came is another file: its checksum is wrong")


def _receive(url: str, part: Path, begun: int, size: int, meter: Meter) -> None:
    headers = {"User-Agent": "jairika-nb", "Accept-Encoding": "identity"}
    if begun:
        headers["Range"] = f"bytes={begun}-"
    request = urllib.request.Request(url, headers=headers)
    with _opener().open(request, timeout=TIMEOUT) as response:
        continues = response.status == PARTIAL and begun
        done = begun if continues else 0
        with part.open("ab" if continues else "wb") as file:
            while chunk := response.read(CHUNK):
                done += len(chunk)
                if done > size:
                    break
                file.write(chunk)
                meter.show(done)
    if done > size:
        part.unlink()
        raise DataError(f"more than the {size:,} bytes that there should be")
    if done < size:
        raise DataError(f"the connection ended after {done:,} of {size:,} bytes")
    meter.end()


def _checksum(path: Path, remote: Remote) -> bool:
    algorithm, _, wanted = remote.checksum.partition(":")
    # MD5 is what some authors publish; it tells damage, and the addresses are theirs.
    with path.open("rb") as file:
        found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return found.hexdigest() == wanted


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects on the web, and none from an encrypted to an open connection."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Any:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in WEB or (old == "https" and new != "https"):
            raise DataError(f"the server sends us on to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_Redirects)
