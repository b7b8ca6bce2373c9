"""Signatures of iterations: Ed25519 (RFC 8032) over the id, which names all the rest by hashes.

An id is the hash of the manifest, and that holds the names, the time, the ids of the parents and
the hashes of architecture, notes and values; who signs the id signs all of these and the history
behind it. A signature stands in the iteration's row of the catalogue, not in the manifest: it
changes no id and can be made later. What it cannot tell is whether a newer iteration was held
back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from jairika_nb.errors import Damaged, StoreError, Untrusted
from jairika_nb.store import keys, trust
from jairika_nb.store.keys import Key, PublicKey
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import MOST_SIGNATURES, Row

# Nothing else that a key signs begins like this.
DOMAIN = b"jairika_nb iteration 1\n"

Trusted = Mapping[str, PublicKey]
Judge = Callable[[Reader, Row, Trusted], "Verdict"]


@dataclass(frozen=True)
class Verdict:
    """What the signatures of an iteration are worth.

    ``state`` is ``"trusted"`` (by a key the user trusts), ``"unknown"`` (right, by another key),
    ``"bad"``, ``"unsigned"``, or ``"unchecked"`` where the cryptography package is missing.
    ``by`` is the signer's name among the trusted keys, else the key's fingerprint.
    """

    state: str
    by: str = ""
    why: str = ""

    def __str__(self) -> str:
        return WORDS[self.state].format(by=self.by) + (f": {self.why}" if self.why else "")

    def to_json(self) -> dict[str, str]:
        return {"state": self.state, "by": self.by, "text": str(self)}


WORDS = {
    "trusted": "signed by {by}",
    "unknown": "signed by unknown key {by}",
    "bad": "bad signature of {by}",
    "unsigned": "unsigned",
    "unchecked": "signature not checked (`pip install 'jairika-nb[secure]'`)",
}
BEST = ("trusted", "bad", "unknown", "unchecked")  # of several signatures the first such counts


def message(id: str) -> bytes:
    """What is signed for the iteration ``id``."""
    return DOMAIN + bytes.fromhex(id)


def signature(key: Key, id: str) -> tuple[str, str]:
    """The key's public part and its signature of ``id``, as a row keeps them."""
    return key.public.signing, key.sign(message(id)).hex()


@lru_cache(maxsize=4096)
def is_good(signer: str, signed: str, id: str) -> bool:
    """Whether ``signed`` is that key's signature of that id; raises ``MissingPackage``."""
    keys.check_installed("check a signature")
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer))
        public.verify(bytes.fromhex(signed), message(id))
    except (InvalidSignature, ValueError):
        return False
    return True


def verdicts(row: Row, trusted: Trusted) -> list[Verdict]:
    """A verdict for each signature of the row, by what the row says alone."""
    return [_verdict(row.id, *each, trusted) for each in row.signatures]


def verdict(reader: Reader, row: Row, trusted: Trusted) -> Verdict:
    """What to think of an iteration: its best signature, and whether the list agrees with it.

    Trust covers what is listed too: names, time, message and metrics are compared with those that
    the id vouches for.
    """
    found = sorted(verdicts(row, trusted), key=lambda each: BEST.index(each.state))
    best = found[0] if found else Verdict("unsigned")
    if best.state != "trusted":
        return best
    try:
        return _agreeing(reader.unguarded(), row, best)
    except Damaged as error:
        return Verdict("bad", best.by, str(error))


class SignedOnly:
    """A reader's guard: raises ``Untrusted`` for what no trusted key has signed as it is listed."""

    def __init__(self) -> None:
        self.accepted: dict[str, Row] = {}

    def __call__(self, reader: Reader, row: Row) -> None:
        if self.accepted.get(row.id) != row:
            check_trusted(reader, row)
            self.accepted[row.id] = row


def guard(required: bool) -> SignedOnly | None:
    """The guard of a reader that requires signatures, or none."""
    if not required:
        return None
    keys.check_installed("require signatures")
    return SignedOnly()


class Remembered:
    """``verdict`` for those who ask for all of a model after each commit to it.

    What is listed, the id and the trusted keys decide a verdict; while they stay, so does it.
    """

    def __init__(self, most: int = 50_000) -> None:
        self.most, self.known = most, dict[Any, tuple[Row, Trusted, Verdict]]()

    def __call__(self, reader: Reader, row: Row, trusted: Trusted) -> Verdict:
        key = row.variant, row.name, row.id
        before = self.known.get(key)
        if before and before[0] == row and before[1] is trusted:
            return before[2]
        if len(self.known) >= self.most:
            self.known.clear()
        found = verdict(reader, row, trusted)
        if found.state != "bad":  # one that is damaged may be whole the next time
            self.known[key] = row, trusted, found
        return found


def told(reader: Reader, tree: dict[str, Any], judge: Judge = verdict) -> dict[str, Any]:
    """The tree with a verdict on each iteration, where any of them is signed."""
    if not reader.is_signed():
        return tree
    trusted = trust.trusted()
    for variant in tree["variants"]:
        for leaf, row in zip(
            variant["iterations"], reader.iterations(variant["name"]), strict=True
        ):
            leaf["signature"] = judge(reader, row, trusted).to_json()
    return tree


def check_trusted(reader: Reader, row: Row) -> None:
    """Raise ``Untrusted`` unless a trusted key has signed the iteration as it is listed."""
    found = verdict(reader, row, trust.trusted())
    if found.state != "trusted":
        raise Untrusted(
            f"iteration {row.name!r} of variant {row.variant!r} of {reader.path} is refused, since "
            f"signatures are required: {found}; `jrk key trust` takes a key that you know, or open "
            "without require_signed"
        )


def signed_row(row: Row, signature: tuple[str, str]) -> Row:
    """The row with one signature more; raises ``StoreError`` where there are too many."""
    kept = [each for each in row.signatures if each[0] != signature[0]]
    if len(kept) >= MOST_SIGNATURES:
        raise StoreError(
            f"cannot sign iteration {row.name!r}: it has {len(kept)} signatures, which is the limit"
        )
    return replace(row, signatures=(*kept, signature))


def united(row: Row, other: Row) -> Row:
    """The row with the signatures of the same iteration elsewhere that it lacks."""
    have = {signer for signer, _ in row.signatures}
    new = [each for each in other.signatures if each[0] not in have]
    return replace(row, signatures=(*row.signatures, *new)[:MOST_SIGNATURES]) if new else row


def lacking(source: Reader, target: Reader) -> dict[str, Sequence[tuple[str, str]]]:
    """Signatures that iterations of ``target`` lack and ``source`` has, by id: all of both."""
    if not source.is_signed():
        return {}
    there = {row.id: row for row in source.rows() if row.signatures}
    found: dict[str, Sequence[tuple[str, str]]] = {}
    for row in target.rows():
        if row.id in there and (made := united(row, there[row.id])) is not row:
            found[row.id] = made.signatures
    return found


def _verdict(id: str, signer: str, signed: str, trusted: Trusted) -> Verdict:
    by = trusted[signer].name if signer in trusted else keys.fingerprint(signer)
    try:
        good = is_good(signer, signed, id)
    except ImportError:
        return Verdict("unchecked", by)
    if not good:
        return Verdict("bad", by)
    return Verdict("trusted" if signer in trusted else "unknown", by)


def _agreeing(reader: Reader, row: Row, best: Verdict) -> Verdict:
    manifest = reader.manifest(row)
    meta = reader.meta(row, manifest)
    kept: dict[str, tuple[Any, Any]] = {
        "time": (row.time, manifest.time),
        "parents": (row.parents, manifest.parents),
        "message": (row.message, meta.get("message", "")),
        "metrics": (row.metrics, meta.get("metrics", {})),
    }
    odd: Sequence[str] = [name for name, (here, there) in kept.items() if here != there]
    if odd:
        return Verdict("bad", best.by, f"the catalogue lists another {odd[0]} than was signed")
    if row.origin and row.origin != (row.variant, row.name):
        return replace(best, why=f"as {'/'.join(row.origin)!r}")
    return best
