"""Encryption of tensors: AES-256-GCM (NIST SP 800-38D) under keys of groups of layers.

From the 32 random bytes of a group's key HKDF-SHA-256 (RFC 5869) draws two keys: one names
objects, by BLAKE3 in keyed mode over what ``object_digest`` hashes, so that nobody without it can
tell whether an object holds values they know; the other encrypts. Each object has a random nonce
of 96 bits, and its tag covers name, dtype, shape and key as well, so that no ciphertext can stand
in the place of another.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from jairika_nb.errors import Damaged, KeyProblem, StoreError
from jairika_nb.store import keys
from jairika_nb.store.canonical import encoded
from jairika_nb.store.manifest import Tensor

if TYPE_CHECKING:
    import numpy as np

CODEC = "aes-256-gcm"
NAMES, VALUES = b"jairika_nb 1 names of objects", b"jairika_nb 1 values of objects"
KEY, NONCE, TAG = 32, 12, 16  # bytes
LARGEST = (1 << 36) - 32  # bytes that one nonce may encrypt (SP 800-38D, section 5.2.1.1)
PIECE = 1 << 20  # bytes at a time: they stay in the cache, and no call is too long for the library


class GroupKey:
    """The key of a group of layers, told by an id that says nothing of it."""

    __slots__ = ("_names", "_secret", "_values", "id")

    def __init__(self, id: str, secret: bytes) -> None:
        self.id, self._secret = id, secret
        self._names, self._values = drawn(secret, NAMES), drawn(secret, VALUES)

    def digest(self, values: np.ndarray) -> str:
        """The name of the object that holds ``values`` in this group."""
        from jairika_nb.store.arrays import object_digest

        return object_digest(values, self._names)

    def sealed(self, tensor: Tensor, values: np.ndarray) -> tuple[dict[str, str], bytearray]:
        """Nonce and key in a form for the object's head, and ciphertext and tag."""
        from jairika_nb.store.arrays import flat

        if values.nbytes > LARGEST:
            raise StoreError(
                f"cannot encrypt {tensor.name!r}: it has {values.nbytes} bytes, AES-GCM takes "
                f"{LARGEST} at most; leave it out of the encrypted groups"
            )
        nonce = secrets.token_bytes(NONCE)
        working = _cipher(self._values, nonce).encryptor()
        working.authenticate_additional_data(self._context(tensor))
        out = bytearray(values.nbytes + TAG)
        _through(working, flat(values), memoryview(out))
        working.finalize()
        out[values.nbytes :] = working.tag
        return {"key": self.id, "nonce": nonce.hex()}, out

    def opened(self, tensor: Tensor, nonce: bytes, payload: memoryview) -> np.ndarray:
        """The bytes of the tensor; raises ``Damaged`` where anything about them was changed."""
        import numpy as np
        from cryptography.exceptions import InvalidTag

        out = np.empty(tensor.bytes, np.uint8)
        working = _cipher(self._values, nonce).decryptor()
        working.authenticate_additional_data(self._context(tensor))
        _through(working, payload[:-TAG], out.data)
        try:
            working.finalize_with_tag(bytes(payload[-TAG:]))
        except InvalidTag:
            raise Damaged(
                f"cannot decrypt {tensor.name!r}: its bytes, name, dtype or shape are not those "
                "that were encrypted; restore the file from a copy"
            ) from None
        return out

    def _context(self, tensor: Tensor) -> bytes:
        """What is not secret and must not change: which values these are."""
        return encoded([CODEC, self.id, tensor.digest, tensor.dtype, list(tensor.shape)])

    def __repr__(self) -> str:
        return f"<GroupKey {self.id}>"

    def __reduce__(self) -> Any:
        raise KeyProblem("cannot copy a group's key out of this process")


def new() -> GroupKey:
    """A random key."""
    keys.check_installed("encrypt layers")
    return GroupKey(secrets.token_hex(8), secrets.token_bytes(KEY))


def drawn(secret: bytes, label: bytes) -> bytes:
    """A key for one use, drawn from a random secret by HKDF-SHA-256 without salt."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), KEY, None, label).derive(secret)


def _cipher(key: bytes, nonce: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES256
    from cryptography.hazmat.primitives.ciphers.modes import GCM

    return Cipher(AES256(key), GCM(nonce))


def _through(working: Any, data: memoryview, out: memoryview) -> None:
    for start in range(0, len(data), PIECE):
        piece = data[start : start + PIECE]
        working.update_into(piece, out[start : start + len(piece)])
