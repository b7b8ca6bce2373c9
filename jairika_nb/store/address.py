"""Where a model is: an address as the user gives it, and the file it means.

=====================  ==========================================
``models/chat.jrk.h5``  a path, relative or absolute; ``~`` works
``Path(...)``           the same
``file:///home/me/x``   a file URL, percent-encoded
``https://...``         a file on a web server, for reading
``jrk+http://...``      a model below the root of a Jupyter server
``s3://...`` and more   what fsspec reads, where it is installed
=====================  ==========================================
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import url2pathname

from jairika_nb.errors import AddressError, NoSuchFile

# One letter before the colon is a Windows drive, not a scheme.
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
SUFFIXES = (".jrk.h5", ".h5")


@dataclass(frozen=True)
class Url:
    """The address of a file that is read through the network."""

    text: str = field(repr=False)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return unquote(urlsplit(self.text).path.rpartition("/")[2])

    @property
    def scheme(self) -> str:
        return urlsplit(self.text).scheme.lower()

    def as_uri(self) -> str:
        return str(self)

    def __str__(self) -> str:
        # A password is for the server, not for messages and notebooks.
        parts = urlsplit(self.text)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@dataclass(frozen=True)
class Served(Url):
    """The address of a model that a Jupyter server serves: ``jrk+http``, ``jrk+https``."""

    @property
    def token(self) -> str:
        """The token in it; empty where there is none."""
        return "".join(parse_qs(urlsplit(self.text).query).get("token", [])[:1])

    def __str__(self) -> str:
        parts = urlsplit(self.text)
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
        return shown.geturl()


SERVED = ("jrk+http", "jrk+https")
Location = Path | Url


def located(address: str | os.PathLike[str]) -> Location:
    """What ``address`` means: a path as from ``resolve``, or a URL of another scheme."""
    if isinstance(address, str) and SCHEME.match(address) and not address.startswith("file:"):
        if not unquote(urlsplit(address).path).strip("/") and not urlsplit(address).netloc:
            raise AddressError(f"cannot use {bare(address)!r} as an address: it names no file")
        found = Url(address)
        return Served(address) if found.scheme in SERVED else found
    return resolve(address)


def resolve(address: str | os.PathLike[str]) -> Path:
    """The absolute path that ``address`` means; the file need not exist.

    Raises ``AddressError`` for a scheme other than ``file:``, another host, an empty address.

    >>> resolve("file:///models/my%20net.jrk.h5").as_posix()
    '/models/my net.jrk.h5'
    """
    text = os.fspath(address) if isinstance(address, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip():
        raise AddressError(f"cannot use {address!r} as an address: give a path or a file:// URL")
    if "\0" in text:
        raise AddressError(f"cannot use {text!r} as an address: it holds a zero byte")
    if isinstance(address, str) and (SCHEME.match(text) or text.startswith("file:")):
        text = _from_url(text)
    # normpath and not resolve(): a link to a model keeps the name its user gave it.
    return Path(os.path.abspath(os.path.expanduser(text)))


def bare(address: str) -> str:
    """A URL without what is for the server alone: a password, a token.

    >>> bare("jrk+http://me:1234@host/a.jrk.h5?token=5678")
    'jrk+http://host/a.jrk.h5'
    """
    return str(Served(address))


def url(path: Location) -> str:
    """The address of ``path`` as printed: a file URL.

    >>> url(Path("/home/me/models/chatbot-1B.jrk.h5"))
    'file:///home/me/models/chatbot-1B.jrk.h5'
    """
    return path.as_uri()


def title(path: Location) -> str:
    """The model's name: its file name without the suffix.

    >>> title(Path("/home/me/models/chatbot-1B.jrk.h5"))
    'chatbot-1B'
    """
    for suffix in SUFFIXES:
        if path.name.endswith(suffix) and path.name != suffix:
            return path.name.removesuffix(suffix)
    return path.name


def missing(path: Path) -> NoSuchFile:
    """The error for a file that is not there, with the likely one where there is one."""
    meant = [path.name + suffix for suffix in SUFFIXES]
    try:
        models = [name for name in os.listdir(path.parent) if name.endswith(SUFFIXES)]
    except OSError:
        models = []  # the folder is missing too
    found = [name for name in meant if name in models] or get_close_matches(path.name, models)
    cure = f"did you mean {path.with_name(found[0])}?" if found else "make it with init"
    return NoSuchFile(f"cannot open {path}: there is no such file; {cure}")


def _from_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme.lower() != "file":
        raise AddressError(
            f"cannot use {bare(text)!r}: addresses with {parts.scheme}:// are not supported "
            "here; give a path or a file:// URL"
        )
    if parts.netloc not in ("", "localhost"):
        raise AddressError(
            f"cannot use {text!r}: it names the machine {parts.netloc!r}; "
            "write file:/// with three slashes for a file on this one"
        )
    if "\0" in unquote(parts.path) or not parts.path:
        raise AddressError(f"cannot use {text!r}: it holds no path; write file:///folder/name")
    return url2pathname(parts.path)
