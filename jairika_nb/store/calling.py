"""Talking to the models of a Jupyter server: requests, who asks, and what a refusal means.

The token of a server is looked for in the address (``?token=``), in ``JRK_TOKEN``, and among the
servers that run on this machine, as Jupyter lists them. It goes to the server alone, never along
with a redirect, and is in no message, no ``repr`` and no file.
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

from jairika_nb.errors import (
    AddressError,
    ArgumentError,
    Damaged,
    Forbidden,
    HeadMoved,
    JairikaError,
    Locked,
    NoSpace,
    NoSuchFile,
    NotFound,
    StoreError,
)
from jairika_nb.store.address import Served

PREFIX = "jairika-nb/v1"
MARK = "Jairika-NB"
"""The header by which an answer is known to be of these endpoints."""
SECONDS = 60.0  # without a byte of an answer
PATIENCE = 10.0  # for a file that another is writing
PIECE = 1 << 20  # bytes read at a time
ANSWER = 64 << 20  # bytes of the longest answer in JSON
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# What a server may say went wrong; anything else it says is a StoreError.
KINDS: dict[str, type[JairikaError]] = {
    kind.__name__: kind
    for kind in (
        *(AddressError, ArgumentError, Damaged, Forbidden, HeadMoved, Locked),
        *(NoSpace, NoSuchFile, NotFound),
    )
}
_tokens: dict[tuple[str, int | None, str], str] = {}


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would take the token along."""

    def redirect_request(self, *asked: Any) -> None:
        return None


_opener = urllib.request.build_opener(_Staying)


class Server:
    """The server that an address names, and the model's path below the server's root."""

    def __init__(self, url: Served) -> None:
        parts = urlsplit(url.text)
        self.url, self.host = url, (parts.hostname or "", parts.port)
        if not parts.hostname:
            raise AddressError(f"cannot use {url} as an address: it names no server")
        self.origin = f"{parts.scheme.partition('+')[2]}://{_netloc(*self.host)}"
        self.parts = [part for part in parts.path.split("/") if part]
        self.token, base = _token(url, self.host)
        self.bases = list(range(len(self.parts))) if base is None else [base]

    @property
    def path(self) -> str:
        """The model's path, relative to the server's root."""
        return unquote("/".join(self.parts[self.bases[0] :]))

    def get(self, endpoint: str, mark: str = "") -> tuple[Any, str]:
        """The JSON an endpoint answers about the model, and its mark; None for the same mark."""
        headers = {"If-None-Match": mark} if mark else {}
        with self._asked(endpoint, lambda: None, headers) as answer:
            if answer.status == 304:
                return None, mark
            return _json(answer, self.url), answer.headers.get("ETag", "")

    def post(self, endpoint: str, **asked: Any) -> Any:
        """The JSON an endpoint answers to JSON."""
        with self._asked(endpoint, lambda: self._body(asked)) as answer:
            return _json(answer, self.url)

    def send(self, endpoint: str, data: bytes) -> Any:
        """The JSON an endpoint answers to bytes."""
        with self._asked(endpoint, lambda: data) as answer:
            return _json(answer, self.url)

    def stream(self, endpoint: str, **asked: Any) -> Iterator[bytes]:
        """The bytes an endpoint answers to JSON, piece by piece."""
        with self._asked(endpoint, lambda: self._body(asked)) as answer:
            while piece := _read(answer, PIECE, self.url):
                yield piece

    def _body(self, asked: dict[str, Any]) -> bytes:
        return json.dumps({"path": self.path, **asked}).encode()

    def _asked(
        self, endpoint: str, body: Callable[[], bytes | None], headers: dict[str, str] | None = None
    ) -> Any:
        """The answer, once it is known which part of the address is the server's base."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._once(endpoint, body(), headers or {})
            except _Elsewhere as error:
                if len(self.bases) == 1:
                    raise error.told from None
                self.bases = self.bases[1:]
            except Locked:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _once(self, endpoint: str, body: bytes | None, headers: dict[str, str]) -> Any:
        base = "/".join(self.parts[: self.bases[0]])
        where = f"{self.origin}/{base}{'/' if base else ''}{PREFIX}/{endpoint}"
        query = f"?path={quote(self.path)}" if body is None or endpoint == "staged" else ""
        request = urllib.request.Request(where + query, data=body, headers=headers)
        request.add_header("Content-Type", "application/octet-stream")
        if self.token:
            request.add_unredirected_header("Authorization", f"token {self.token}")
        try:
            answer = _opener.open(request, timeout=SECONDS)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304:
                    return _Same()
                raise self._refusal(error) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _unreached(self.url, error) from None
        if MARK not in answer.headers:
            answer.close()
            raise _Elsewhere(self._nobody())
        self.bases = self.bases[:1]
        return answer

    def _refusal(self, error: urllib.error.HTTPError) -> Exception:
        unsigned = error.code in (301, 302, 303, 307, 308, 401, 403)
        if MARK not in error.headers:
            told = self._unsigned(f"status {error.code}") if unsigned else self._nobody(error.code)
            return _Elsewhere(told)
        self.bases = self.bases[:1]
        try:
            data = json.loads(error.read(1 << 16))
            kind, message = data.get("kind"), plain(str(data.get("message")))
        except (ValueError, AttributeError, OSError, http.client.HTTPException):
            kind, message = None, f"the server answered {error.code}"
        if kind is None and unsigned:
            return self._unsigned(message)
        return KINDS.get(kind, StoreError)(message)

    def _unsigned(self, why: str) -> StoreError:
        return Forbidden(
            f"the server of {self.url} does not let you do that ({why}): sign in with ?token= or "
            "JRK_TOKEN, or ask whoever runs it"
        )

    def _nobody(self, status: int = 200) -> StoreError:
        return AddressError(
            f"cannot reach {self.url}: no server with jairika_nb answers there (status {status}); "
            "check the address, and `jupyter server extension list` on the other side"
        )


class _Elsewhere(Exception):
    """Not the endpoints: the base of the server may be longer; ``told`` if it is not."""

    def __init__(self, told: StoreError) -> None:
        super().__init__()
        self.told = told


class _Same:
    """The answer that nothing has changed."""

    status = 304

    def __enter__(self) -> _Same:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def plain(text: str) -> str:
    """What a server said, as it may be shown: one line of printable signs, not too long."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return shown if len(shown) <= 600 else shown[:600] + "..."


def _json(answer: IO[bytes], url: Served) -> Any:
    data = bytearray()
    while piece := _read(answer, PIECE, url):
        data += piece
        if len(data) > ANSWER:
            raise Damaged(f"cannot read {url}: the server's answer is too long")
    try:
        return json.loads(bytes(data).decode())
    except (ValueError, RecursionError):
        raise Damaged(f"cannot read {url}: the server's answer is no JSON") from None


def _read(answer: IO[bytes], count: int, url: Served) -> bytes:
    try:
        return answer.read(count)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _unreached(url, error) from None


def _unreached(url: Served, error: Exception) -> StoreError:
    why = getattr(error, "reason", None) or error or type(error).__name__
    if isinstance(error, http.client.HTTPException):
        why = "the server broke off"  # what it sent may be anything
    return StoreError(f"cannot reach {url}: {plain(str(why))}; check the address, then repeat")


def _netloc(name: str, port: int | None) -> str:
    return (f"[{name}]" if ":" in name else name) + (f":{port}" if port else "")


def _token(url: Served, host: tuple[str, int | None]) -> tuple[str, int | None]:
    """The token for a server, and how many parts of the address are its base if that is known."""
    found, base = _running(url, host)
    key = (*host, urlsplit(url.text).path.rpartition("/")[0])
    if url.token:
        # Later addresses in the same folder need not repeat it; others may be another's server.
        _tokens[key] = url.token
    return _tokens.get(key) or os.environ.get("JRK_TOKEN") or found, base


def _running(url: Served, host: tuple[str, int | None]) -> tuple[str, int | None]:
    """The same of a server that Jupyter lists as running on this machine."""
    if host[0] not in LOOPBACK:
        return "", None
    try:
        from jupyter_core.paths import jupyter_runtime_dir
    except ImportError:
        return "", None
    path = urlsplit(url.text).path
    notes = list(Path(jupyter_runtime_dir()).glob("jpserver-*.json"))
    with suppress(OSError):  # the newest first: one that was killed leaves its note behind
        notes.sort(key=lambda each: -each.stat().st_mtime)
    for note in notes:
        try:
            told = json.loads(note.read_text(encoding="utf-8"))
            port, base, token = told["port"], told["base_url"], told["token"]
        except (OSError, ValueError, KeyError, TypeError):
            continue  # one that ends just now
        if port == host[1] and isinstance(base, str) and path.startswith(base):
            return str(token or ""), len([part for part in base.split("/") if part])
    return "", None
