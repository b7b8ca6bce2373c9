"""Model files behind a URL, read by byte ranges and never trusted.

``http(s)`` needs nothing but a server that answers ranges (RFC 9110, section 14); other schemes
go through fsspec. A server may say anything: no room is made for more than it has sent, and
what it has sent counts only where it matches its hash.
"""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from jairika_nb.errors import AddressError, MissingPackage, NoSuchFile, ReadOnly, StoreError
from jairika_nb.store.address import Url
from jairika_nb.store.disk import READ, Disk

PIECE = 8 << 20  # bytes asked for at a time
SECONDS = 30.0  # without an answer
TOTAL = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def disk_for(url: Url) -> Disk:
    """What reads the file at ``url``; raises ``MissingPackage`` where that takes fsspec."""
    return WebDisk(url) if url.scheme in ("http", "https") else FsspecDisk(url)


class RemoteDisk(Disk):
    """One file behind a URL, for reading."""

    def __init__(self, url: Url) -> None:
        self.url = url
        self.total = self.mark = 0

    def open(self, path: Path, flags: int = READ) -> int:
        if flags != READ:
            raise ReadOnly(f"cannot write {self.url}: addresses of this kind are for reading")
        self.total, self.mark = self.look()
        return 0

    def close(self, file: int) -> None:
        pass

    def dup(self, file: int) -> int:
        return file

    def size(self, file: int) -> int:
        return self.total

    def stamp(self, file: int) -> int:
        return self.mark

    def read(self, file: int, offset: int, count: int) -> bytes:
        count = max(min(count, self.total - offset), 0)
        parts: list[bytes] = []
        while count and (part := self.piece(offset, min(count, PIECE))):
            parts.append(part)
            offset, count = offset + len(part), count - len(part)
        return b"".join(parts)

    def read_into(self, file: int, offset: int, view: memoryview) -> bool:
        data = self.read(file, offset, len(view))
        view[: len(data)] = data
        return len(data) == len(view)

    def look(self) -> tuple[int, int]:
        """The size of the file and a number that changes with it."""
        raise NotImplementedError

    def piece(self, offset: int, count: int) -> bytes:
        """At most ``count`` bytes at ``offset``."""
        raise NotImplementedError


class WebDisk(RemoteDisk):
    """A file on a web server."""

    def look(self) -> tuple[int, int]:
        _, headers = self._get(0, 1)
        found = TOTAL.fullmatch(headers.get("Content-Range", ""))
        if not found:
            raise AddressError(f"cannot read {self.url}: the server does not tell its size")
        marks = f"{headers.get('ETag')} {headers.get('Last-Modified')} {found[3]}"
        return int(found[3]), _number(marks)

    def piece(self, offset: int, count: int) -> bytes:
        return self._get(offset, count)[0]

    def _get(self, offset: int, count: int) -> tuple[bytes, Any]:
        asked = {"Range": f"bytes={offset}-{offset + count - 1}", "Accept-Encoding": "identity"}
        try:
            request = urllib.request.Request(self.url.text, headers=asked)
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                if answer.status != 206:
                    raise AddressError(
                        f"cannot read {self.url}: the server does not answer byte ranges "
                        f"(status {answer.status}); download the file and open it"
                    )
                return answer.read(count), answer.headers
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (404, 410):
                raise NoSuchFile(f"cannot open {self.url}: there is no such file") from None
            if error.code == 416:
                return b"", error.headers  # the file is shorter now
            raise StoreError(f"cannot read {self.url}: the server answered {error.code}") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise StoreError(f"cannot read {self.url}: {why}; check the address") from error


class FsspecDisk(RemoteDisk):
    """A file in what fsspec reads: object stores, SSH, memory."""

    def __init__(self, url: Url) -> None:
        super().__init__(url)
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise MissingPackage(
                f"cannot open {url}: {url.scheme}:// needs fsspec; "
                "`pip install 'jairika-nb[remote]'`"
            ) from error
        try:
            self.files, self.place = url_to_fs(url.text)
        except (ValueError, ImportError) as error:
            raise AddressError(f"cannot open {url}: {error}") from error

    def look(self) -> tuple[int, int]:
        try:
            found = self.files.info(self.place)
        except FileNotFoundError:
            raise NoSuchFile(f"cannot open {self.url}: there is no such file") from None
        except Exception as error:  # each backend has errors of its own
            raise StoreError(f"cannot open {self.url}: {error}") from error
        size = found.get("size")
        if found.get("type") == "directory" or not isinstance(size, int):
            raise AddressError(f"cannot open {self.url}: it is not a file; give a file's address")
        marks = [found.get(key) for key in ("ETag", "mtime", "LastModified", "created", "size")]
        return size, _number(repr(marks))

    def piece(self, offset: int, count: int) -> bytes:
        try:
            return bytes(self.files.cat_file(self.place, start=offset, end=offset + count)[:count])
        except Exception as error:  # each backend has errors of its own
            raise StoreError(f"cannot read {self.url}: {error}") from error


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
