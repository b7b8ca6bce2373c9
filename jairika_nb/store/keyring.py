"""Who can read what of a model: groups of layers, their keys, wrapped for each reader.

A group is a path as access rules have them, ``variant/iteration/layer``. A group's key is wrapped
for each reader by HPKE in base mode (RFC 9180: X25519, HKDF-SHA-256, AES-256-GCM), bound to
keyring, group and key. A reader by passphrase has an X25519 key of their own, which lies in the
keyring encrypted under what scrypt (RFC 7914) makes of the passphrase. Who changed the keyring last
vouches for it, by an Ed25519 signature or by the passphrase: whoever may write the file could
otherwise have themselves added as a reader of what comes next.
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jairika_nb.errors import Damaged, KeyProblem
from jairika_nb.store import cipher, keys, schema
from jairika_nb.store.canonical import digest, encoded
from jairika_nb.store.cipher import GroupKey
from jairika_nb.store.keys import Key
from jairika_nb.store.policy import fits, rule

WRAP = b"jairika_nb keyring 1 key of a group\n"
SIGNED = b"jairika_nb keyring 1\n"
SEAL = b"jairika_nb keyring 1 seal of a passphrase"
LOCK = b"jairika_nb keyring 1 lock of a reader"
COST, BLOCK, LANES = 1 << 17, 8, 1  # of scrypt: 128 MB, as OWASP's cheat sheet asks for passwords
MOST_COST = 1 << 18  # that a file may ask for: 256 MB
MOST = {"readers": 1000, "locks": 8, "groups": 100, "keys": 1000}


@dataclass(frozen=True)
class Reader:
    """Someone who can read: a name, an X25519 key, and the lock where a passphrase opens it."""

    name: str
    reading: str
    lock: Mapping[str, Any] | None = None

    @classmethod
    def from_json(cls, data: Any) -> Reader:
        lock = data.get("lock") if isinstance(data, dict) else None
        if lock is not None:
            cost = schema.field(lock, "cost", int)
            if cost > MOST_COST or cost < 2 or cost & (cost - 1):
                raise Damaged(f"a reader's lock asks for a cost of {cost}; the file is damaged")
            lock = {
                "cost": cost,
                "salt": schema.hexadecimal(lock, "salt", 16),
                "nonce": schema.hexadecimal(lock, "nonce", cipher.NONCE),
                "key": schema.hexadecimal(lock, "key", cipher.KEY + cipher.TAG),
            }
        return cls(schema.name(data, "name"), schema.digest(data, "reading"), lock)

    def to_json(self) -> dict[str, Any]:
        lock = {} if self.lock is None else {"lock": dict(self.lock)}
        return {"name": self.name, "reading": self.reading, **lock}


@dataclass(frozen=True)
class Wrapped:
    """One key of a group: its id, and for each reader, by their X25519 key, what HPKE made."""

    id: str
    wraps: Mapping[str, str]

    @classmethod
    def from_json(cls, data: Any) -> Wrapped:
        wraps = schema.field(data, "wraps", dict)
        for reading in wraps:
            schema.digest({"reading": reading}, "reading")
            schema.hexadecimal(wraps, reading, 32 + cipher.KEY + cipher.TAG)
        return cls(schema.hexadecimal(data, "id", 8), dict(wraps))


@dataclass(frozen=True)
class Group:
    """Layers under one key; the last of ``keys`` encrypts, earlier ones still read."""

    path: str
    keys: tuple[Wrapped, ...]

    def holds(self, variant: str, iteration: str, layer: str | None) -> bool:
        """Whether the group's path is about that layer; about any of the iteration for None."""
        globs = rule("*", "read", self.path).globs
        parts = (variant, iteration) if layer is None else (variant, iteration, layer)
        return all(fits(glob, part) for glob, part in zip(globs, parts, strict=False))


@dataclass(frozen=True)
class Keyring:
    """Readers and groups; ``signed`` is the signer's key and signature, ``seal`` a MAC."""

    ring: str
    version: int
    readers: tuple[Reader, ...]
    groups: tuple[Group, ...]
    signed: tuple[str, str] | None = None
    seal: str | None = None

    def to_json(self) -> dict[str, Any]:
        vouched = {"signed": self.signed and list(self.signed), "seal": self.seal}
        return {**self._content(), **{k: v for k, v in vouched.items() if v is not None}}

    @classmethod
    def from_json(cls, data: Any) -> Keyring:
        readers, groups = (schema.field(data, key, list) for key in ("readers", "groups"))
        if len(readers) > MOST["readers"] or len(groups) > MOST["groups"]:
            raise Damaged("a keyring has too many readers or groups; the file is damaged")
        if sum(isinstance(r, dict) and r.get("lock") is not None for r in readers) > MOST["locks"]:
            raise Damaged("a keyring has too many passphrases; the file is damaged")
        signed, seal = data.get("signed"), data.get("seal")
        if signed is not None:
            if not isinstance(signed, list) or len(signed) != 2:
                raise Damaged("a keyring's signature is not a key and a signature; it is damaged")
            fields = {"key": signed[0], "signature": signed[1]}
            signed = schema.digest(fields, "key"), schema.hexadecimal(fields, "signature", 64)
        return cls(
            ring=schema.hexadecimal(data, "ring", 16),
            version=schema.field(data, "version", int),
            readers=tuple(map(Reader.from_json, readers)),
            groups=tuple(map(_group, groups)),
            signed=signed,
            seal=None if seal is None else schema.digest(data, "seal"),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The readers' names, in the order they were added."""
        return tuple(each.name for each in self.readers)

    def reader(self, name: str) -> Reader | None:
        """The reader of that name, or None."""
        return next((each for each in self.readers if each.name == name), None)

    def readers_of(self, wrapped: Wrapped) -> tuple[str, ...]:
        """Names of those for whom a key is wrapped."""
        return tuple(each.name for each in self.readers if each.reading in wrapped.wraps)

    def wrapped(self, id: str) -> tuple[Group, Wrapped] | None:
        """The group and the key of that id, or None."""
        found = ((group, each) for group in self.groups for each in group.keys if each.id == id)
        return next(found, None)

    def group_of(self, variant: str, iteration: str, layer: str | None) -> Group | None:
        """The first group that is about a layer."""
        return next((g for g in self.groups if g.holds(variant, iteration, layer)), None)

    @property
    def content(self) -> bytes:
        """What is vouched for."""
        return bytes.fromhex(digest(encoded(self._content())))

    def vouched(self, key: Key | None, seals: Sequence[bytes]) -> Keyring:
        """The keyring, signed by ``key`` and sealed by what a passphrase opened, where given."""
        signed = (key.public.signing, key.sign(SIGNED + self.content).hex()) if key else None
        seal = _mac(seals[0], self.content) if seals else None
        return replace(self, signed=signed, seal=seal)

    def is_sealed_by(self, seals: Sequence[bytes]) -> bool:
        """Whether one of the passphrase readers that were opened has sealed this state."""
        found = self.seal or ""
        return any(hmac.compare_digest(_mac(each, self.content), found) for each in seals)

    def is_signed(self) -> bool:
        """Whether the signature is that of the key that it names."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if self.signed is None:
            return False
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.signed[0]))
            public.verify(bytes.fromhex(self.signed[1]), SIGNED + self.content)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _content(self) -> dict[str, Any]:
        groups = [
            {"path": g.path, "keys": [{"id": k.id, "wraps": dict(k.wraps)} for k in g.keys]}
            for g in self.groups
        ]
        readers = [each.to_json() for each in self.readers]
        return {"ring": self.ring, "version": self.version, "readers": readers, "groups": groups}


def empty() -> Keyring:
    """A keyring that nobody reads yet."""
    return Keyring(secrets.token_hex(16), 0, (), ())


def wrap(ring: str, path: str, key: GroupKey, reading: str) -> str:
    """The key of a group, wrapped for the reader with that X25519 key."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    public = X25519PublicKey.from_public_bytes(bytes.fromhex(reading))
    return _suite().encrypt(key._secret, public, _bound(ring, path, key.id)).hex()


def unwrap(ring: str, path: str, wrapped: Wrapped, private: Any) -> GroupKey | None:
    """The key that was wrapped for ``private``; None where it was not, or for something else."""
    from cryptography.exceptions import InvalidTag

    data = wrapped.wraps.get(private.public_key().public_bytes_raw().hex())
    if data is None:
        return None
    try:
        bound = _bound(ring, path, wrapped.id)
        return GroupKey(wrapped.id, _suite().decrypt(bytes.fromhex(data), private, bound))
    except (InvalidTag, ValueError):
        return None


def locked(ring: str, name: str, passphrase: str) -> tuple[Reader, Any]:
    """A reader whose key the passphrase opens, and that key."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    keys.check_installed("use a passphrase")
    private = X25519PrivateKey.generate()
    reading = private.public_key().public_bytes_raw().hex()
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(cipher.NONCE)
    stretched = AESGCM(_stretched(passphrase, salt, COST))
    sealed = stretched.encrypt(nonce, private.private_bytes_raw(), _lock(ring, reading))
    lock = {"cost": COST, "salt": salt.hex(), "nonce": nonce.hex(), "key": sealed.hex()}
    return Reader(name, reading, lock), private


def unlocked(ring: str, reader: Reader, passphrase: str) -> Any | None:
    """The X25519 key of a reader by passphrase; None where that is another one."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if reader.lock is None:
        return None
    salt, nonce, data = (bytes.fromhex(reader.lock[each]) for each in ("salt", "nonce", "key"))
    try:
        stretched = AESGCM(_stretched(passphrase, salt, reader.lock["cost"]))
        return X25519PrivateKey.from_private_bytes(
            stretched.decrypt(nonce, data, _lock(ring, reader.reading))
        )
    except InvalidTag:
        return None


def _group(data: Any) -> Group:
    from jairika_nb.errors import ArgumentError

    listed = schema.field(data, "keys", list)
    if not 0 < len(listed) <= MOST["keys"]:
        raise Damaged("a group of a keyring has no key or too many; the file is damaged")
    try:
        path = rule("*", "read", schema.field(data, "path", str)).path
    except ArgumentError as error:
        raise Damaged(f"a group of a keyring has no path ({error}); it is damaged") from error
    return Group(path, tuple(map(Wrapped.from_json, listed)))


def _suite() -> Any:
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _bound(ring: str, path: str, id: str) -> bytes:
    return WRAP + encoded([ring, path, id])


def _lock(ring: str, reading: str) -> bytes:
    return LOCK + encoded([ring, reading])


def _stretched(passphrase: str, salt: bytes, cost: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    word = unicodedata.normalize("NFC", passphrase).encode()
    if not word:
        raise KeyProblem("an empty passphrase protects nothing: give another one")
    return Scrypt(salt=salt, length=cipher.KEY, n=cost, r=BLOCK, p=LANES).derive(word)


def seal_key(private: Any) -> bytes:
    """What seals a keyring in the name of a reader by passphrase."""
    return cipher.drawn(private.private_bytes_raw(), SEAL)


def _mac(key: bytes, content: bytes) -> str:
    return hmac.digest(key, content, "sha256").hex()
