"""Keys of people: they sign iterations, and encrypted layers are opened with them.

A private key is an Ed25519 key (RFC 8032) in OpenSSH's format, as ``ssh-keygen -t ed25519``
makes them, so one that is there already serves too. What encrypts for its owner is an X25519 key
(RFC 7748) drawn from the same seed by HKDF-SHA-256 (RFC 5869) under a label of its own. Its
public part is a line of OpenSSH's format whose comment is the owner's name and the X25519 key.

Keys made here lie in the user's own folder, ``JRK_CONFIG_DIR`` or the system's place for
settings, readable by nobody else.
"""

from __future__ import annotations

import base64
import binascii
import getpass
import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jairika_nb.errors import KeyProblem, MissingPackage, NameTaken
from jairika_nb.store.names import unknown

NAME = re.compile(r"\w[\w.@+-]{0,63}")
KIND = "ssh-ed25519"
READING = "x25519:"  # before the key for encryption in the comment of a public line
LABEL = b"jairika_nb 1 key for reading"  # sets the X25519 key apart from the seed it is drawn from
LARGEST = 1 << 16  # bytes of a key file

Passphrase = str | Callable[[], str] | None


@dataclass(frozen=True)
class PublicKey:
    """Who someone is: the Ed25519 key that checks signatures, hexadecimal, and a name.

    ``reading`` is the X25519 key that encrypts for them, where it is known.
    """

    signing: str
    name: str
    reading: str | None = None

    @property
    def line(self) -> str:
        """One line to hand on, in OpenSSH's format."""
        blob = base64.b64encode(_blob(self.signing)).decode()
        reading = base64.b64encode(bytes.fromhex(self.reading)).decode() if self.reading else ""
        return f"{KIND} {blob} {self.name} {READING + reading if reading else ''}".rstrip()

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ``ssh-keygen -l`` prints it."""
        return fingerprint(self.signing)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "line": self.line, "fingerprint": self.fingerprint}


class Key:
    """A private key in memory; what prints of it is the public part."""

    __slots__ = ("_private", "public")

    def __init__(self, private: Any, name: str) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        raw = (Encoding.Raw, PublicFormat.Raw)
        self._private = private
        signing = private.public_key().public_bytes(*raw).hex()
        self.public = PublicKey(signing, name, self.reader().public_key().public_bytes(*raw).hex())

    @property
    def name(self) -> str:
        return self.public.name

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature of ``message``, 64 bytes."""
        return bytes(self._private.sign(message))

    def reader(self) -> Any:
        """The X25519 key that opens what is encrypted for this one."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        seed = self._private.private_bytes_raw()
        return X25519PrivateKey.from_private_bytes(HKDF(SHA256(), 32, None, LABEL).derive(seed))

    def __repr__(self) -> str:
        return f"<Key {self.name} {self.public.fingerprint}>"

    def __reduce__(self) -> Any:
        raise KeyProblem("cannot copy a private key out of this process; give the key's name")


def new(name: str, passphrase: Passphrase = None) -> Key:
    """Make a key called ``name`` in the user's folder, encrypted where there is a passphrase.

    Raises ``NameTaken``, ``KeyProblem`` for a name that is none, ``MissingPackage``.
    """
    check_installed("make a key")
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    place = folder() / checked_name(name)
    private, word = Ed25519PrivateKey.generate(), told(passphrase)
    lock: Any = forms.BestAvailableEncryption(word.encode()) if word else forms.NoEncryption()
    key = Key(private, name)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        data = private.private_bytes(forms.Encoding.PEM, forms.PrivateFormat.OpenSSH, lock)
        _write(place, data, 0o600)
    except FileExistsError:
        raise NameTaken(
            f"cannot make the key {name!r}: {place} is there; choose another name"
        ) from None
    place.with_name(f"{name}.pub").write_text(key.public.line + "\n", encoding="utf-8")
    return key


def found(which: Key | str | os.PathLike[str], passphrase: Passphrase = None) -> Key:
    """The key that is meant: one at hand, a name in the user's folder, or a file's path.

    Where the file is encrypted and no ``passphrase`` is given, the user is asked for it. Raises
    ``NotFound``, ``KeyProblem`` for a file that others can read or that holds no Ed25519 key.
    """
    if isinstance(which, Key):
        return which
    check_installed(f"use the key {str(which)!r}")
    text = os.path.expanduser(os.fspath(which))
    place = folder() / text if NAME.fullmatch(text) else Path(text)
    if not place.is_file():
        known = [each.name for each in own()]
        raise unknown("key", str(which), known, f"{folder()} (`jrk key new NAME` makes one)")
    return _loaded(place, passphrase)


def own() -> list[PublicKey]:
    """The public parts of the keys in the user's folder, by name."""
    places = sorted(folder().glob("*.pub")) if folder().is_dir() else []
    return [parsed(_read(each).decode(errors="replace"), each.stem) for each in places]


def parsed(line: str, name: str | None = None) -> PublicKey:
    """The public key in a line of OpenSSH's format; raises ``KeyProblem``."""
    kind, blob, *comment = (*line.split(), "", "")
    try:
        raw = base64.b64decode(blob, validate=True)
        if kind != KIND or len(raw) != 51 or raw != _blob(raw[-32:].hex()):
            raise ValueError("it does not begin with ssh-ed25519 and a key")
        words = [each for each in comment if each]
        keys = [each.removeprefix(READING) for each in words if each.startswith(READING)]
        reading = base64.b64decode(keys[0], validate=True) if keys else b""
        if len(reading) not in (0, 32):
            raise ValueError("the key for reading is not 32 bytes long")
    except (ValueError, binascii.Error) as error:
        raise KeyProblem(
            f"{line[:60]!r} is no public key: {error}; give the line that `jrk key show` prints"
        ) from None
    chosen = name or next((each for each in words if not each.startswith(READING)), "")
    return PublicKey(raw[-32:].hex(), checked_name(chosen), reading.hex() or None)


def fingerprint(signing: str) -> str:
    """The SHA-256 fingerprint of an Ed25519 key, as OpenSSH writes it.

    >>> fingerprint("00" * 32)
    'SHA256:kmYcvdi2GkPeWxB6XLjrZB8JHsy2Hm8luHMFp9GMvqk'
    """
    import hashlib

    digest = base64.b64encode(hashlib.sha256(_blob(signing)).digest())
    return "SHA256:" + digest.decode().rstrip("=")


def folder() -> Path:
    """Where the user's keys lie."""
    return config() / "keys"


def config() -> Path:
    """The folder of the user's settings: ``JRK_CONFIG_DIR``, or the system's place for such."""
    if named := os.environ.get("JRK_CONFIG_DIR"):
        return Path(named).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home()) / "jairika_nb"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "jairika_nb"


def checked_name(name: str) -> str:
    """``name`` where it can name a key; raises ``KeyProblem``."""
    if not NAME.fullmatch(name) or name.endswith(".pub"):
        raise KeyProblem(
            f"cannot call a key {name[:70]!r}: a name is up to 64 letters, digits and any of _.@+-"
        )
    return name


def check_installed(what: str) -> None:
    """Raise ``MissingPackage`` where there is no cryptography package."""
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise MissingPackage(
            f"cannot {what}: that needs cryptography; `pip install 'jairika-nb[secure]'`"
        ) from error


def check_private(place: Path, others: int, what: str) -> None:
    """Raise ``KeyProblem`` where the mode of a file gives more than its owner may have."""
    if os.name != "posix":
        return  # Windows keeps a profile's files to its user by other means
    found = place.stat()
    if found.st_uid not in (os.geteuid(), 0) or stat.S_IMODE(found.st_mode) & others:
        raise KeyProblem(f"cannot use {place}: {what}; make it yours alone (`chmod 600 {place}`)")


def _loaded(place: Path, passphrase: Passphrase) -> Key:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    check_private(place, 0o077, "others may read this private key")
    data, word = _read(place), None
    try:
        try:
            private = load_ssh_private_key(data, None)
        except TypeError:  # that is how the library says that it is encrypted
            word = told(passphrase or (lambda: asked(f"passphrase of {place}: ")))
            private = load_ssh_private_key(data, word.encode())
    except KeyProblem:
        raise  # nobody could be asked
    except Exception as error:
        why = "the passphrase is wrong" if word is not None else "it is no OpenSSH private key"
        # Not chained: what a library says about a key file has no place in a traceback.
        raise KeyProblem(f"cannot use {place}: {why} ({type(error).__name__})") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyProblem(f"cannot use {place}: it is no Ed25519 key; `jrk key new NAME` makes one")
    name = place.name if NAME.fullmatch(place.name) else "key"
    return Key(private, name)


def asked(prompt: str) -> str:
    """What somebody types unseen; raises ``KeyProblem`` where nobody can be asked."""
    try:
        return getpass.getpass(prompt)
    except EOFError:
        raise KeyProblem(
            "cannot ask for a passphrase, since nobody answers here: run this in a terminal or a "
            "notebook"
        ) from None


def told(passphrase: Passphrase) -> str:
    """The passphrase, asked for where that is to be done."""
    return (passphrase() if callable(passphrase) else passphrase) or ""


def _blob(signing: str) -> bytes:
    """An Ed25519 public key as OpenSSH wraps it (RFC 8709, section 4)."""
    raw, kind = bytes.fromhex(signing), KIND.encode()
    return b"".join(len(part).to_bytes(4, "big") + part for part in (kind, raw))


def _read(place: Path) -> bytes:
    with open(place, "rb") as file:
        return file.read(LARGEST)


def _write(place: Path, data: bytes, mode: int) -> None:
    number = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(number)
