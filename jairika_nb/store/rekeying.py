"""Changes of who can read what: groups and readers that a keyring gains or loses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from jairika_nb.errors import ArgumentError, KeyProblem, NameTaken, StoreError
from jairika_nb.store import cipher, keyring, keys, trust
from jairika_nb.store.keyring import Group, Keyring, Wrapped
from jairika_nb.store.keys import Key, PublicKey
from jairika_nb.store.names import unknown
from jairika_nb.store.policy import rule
from jairika_nb.store.vault import Vault

Who = PublicKey | Key | str
BY_PASSPHRASE = "passphrase"  # what a reader by passphrase is called


def person(who: Who) -> keyring.Reader:
    """The reader that is meant; raises ``NotFound``, ``KeyProblem`` for a key that only signs."""
    if isinstance(who, Key):
        who = who.public
    if isinstance(who, str):
        known = {each.name: each for each in trust.trusted().values()}
        if who.startswith(keys.KIND):
            who = keys.parsed(who)
        elif who in known:
            who = known[who]
        else:
            raise unknown("trusted key", who, known, str(trust.place()))
    if who.reading is None:
        raise KeyProblem(
            f"cannot encrypt for {who.name!r}: their line has no key for reading; ask for the one "
            "that `jrk key show` prints"
        )
    return keyring.Reader(who.name, who.reading)


def first(
    paths: Iterable[str], vault: Vault, readers: Iterable[Who], passphrase: str | None
) -> Keyring:
    """The keyring of a new model; of several paths that hold a layer the first counts."""
    keys.check_installed("encrypt layers")
    ring, who = keyring.empty(), [person(each) for each in readers]
    for number, path in enumerate(reversed([rule("*", "read", each).path for each in paths])):
        ring = grouped(ring, vault, path, who, None if number else passphrase)
    return vouched(ring, vault)


def grouped(
    ring: Keyring,
    vault: Vault,
    path: str,
    readers: Sequence[keyring.Reader],
    passphrase: str | None = None,
) -> Keyring:
    """The keyring with a group more, and a new key for it in the vault."""
    if any(group.path == path for group in ring.groups):
        raise NameTaken(f"{path!r} is encrypted already; readers.add gives it other readers")
    who = [*([person(vault.key)] if vault.key else []), *readers]
    if passphrase is not None:
        who.append(_by_passphrase(ring, vault, passphrase))
    elif not vault.key:
        who += [r for r in ring.readers if r.reading in vault.privates]
    if not who:
        raise KeyProblem(
            "cannot encrypt without a key or a passphrase: give one, or make a key with "
            "`jrk key new NAME`"
        )
    ring = introduced(ring, who)
    key = cipher.new()
    vault.opened[key.id] = key
    wrapped = _wrapped(ring, path, key, [each.reading for each in who])
    return replace(ring, groups=(Group(path, (wrapped,)), *ring.groups))


def introduced(ring: Keyring, who: Iterable[keyring.Reader]) -> Keyring:
    """The keyring that lists these readers too; raises ``NameTaken`` where a name means another."""
    listed = list(ring.readers)
    for each in who:
        there = next((r for r in listed if r.name == each.name), None)
        if there is not None and there.reading != each.reading:
            raise NameTaken(
                f"cannot add the reader {each.name!r}: another key has that name; remove it first"
            )
        if there is None:
            listed.append(each)
    if len(listed) > keyring.MOST["readers"]:
        raise ArgumentError(f"{len(listed)} readers, {keyring.MOST['readers']} can be kept")
    return replace(ring, readers=tuple(listed))


def with_reader(ring: Keyring, vault: Vault, reader: keyring.Reader, path: str | None) -> Keyring:
    """The keyring whose groups (or the one of that path) the reader can read, old keys too."""
    ring = introduced(ring, [reader])
    groups = []
    for group in ring.groups:
        listed = group.keys
        if path in (None, group.path):
            listed = tuple(_also(ring, vault, group.path, each, reader) for each in listed)
        groups.append(replace(group, keys=listed))
    return replace(ring, groups=tuple(groups))


def without_reader(ring: Keyring, vault: Vault, name: str, path: str | None) -> Keyring:
    """The keyring without the reader, and with new keys for what they could read."""
    gone = ring.reader(name)
    if gone is None:
        raise unknown("reader", name, ring.names, "this model")
    groups = []
    for group in ring.groups:
        newest = group.keys[-1]
        if path not in (None, group.path) or gone.reading not in newest.wraps:
            groups.append(group)
            continue
        left = [each for each in newest.wraps if each != gone.reading]
        if not left:
            raise StoreError(f"cannot remove {name!r}: nobody else could read {group.path!r} then")
        key = cipher.new()
        vault.opened[key.id] = key
        old = (replace(k, wraps=_without(k.wraps, gone.reading)) for k in group.keys)
        groups.append(Group(group.path, (*old, _wrapped(ring, group.path, key, left))))
    ring = replace(ring, groups=tuple(groups))
    in_use = {each for g in ring.groups for k in g.keys for each in k.wraps}
    return replace(ring, readers=tuple(r for r in ring.readers if r.reading in in_use))


def vouched(ring: Keyring, vault: Vault) -> Keyring:
    """The next version of the keyring, signed or sealed by what is at hand."""
    made = replace(ring, version=ring.version + 1).vouched(vault.key, vault.seals(ring))
    if made.signed is None and made.seal is None:
        raise KeyProblem(
            "cannot change the readers without a key or a passphrase of one of them: open the "
            "model with key= or passphrase=, or set JRK_KEY"
        )
    return made


def _by_passphrase(ring: Keyring, vault: Vault, passphrase: str) -> keyring.Reader:
    names: Iterator[str] = (
        BY_PASSPHRASE if n == 1 else f"{BY_PASSPHRASE}-{n}" for n in range(1, 100)
    )
    if sum(each.lock is not None for each in ring.readers) >= keyring.MOST["locks"]:
        raise ArgumentError(f"at most {keyring.MOST['locks']} passphrases can be kept")
    reader, private = keyring.locked(
        ring.ring, next(name for name in names if ring.reader(name) is None), passphrase
    )
    vault.add(private)
    return reader


def _also(
    ring: Keyring, vault: Vault, path: str, wrapped: Wrapped, reader: keyring.Reader
) -> Wrapped:
    key = vault.group_key(wrapped.id, f"the group {path!r}", lambda: [ring])
    wraps = {**wrapped.wraps, reader.reading: keyring.wrap(ring.ring, path, key, reader.reading)}
    return replace(wrapped, wraps=wraps)


def _wrapped(ring: Keyring, path: str, key: Any, readings: Sequence[str]) -> Wrapped:
    return Wrapped(key.id, {each: keyring.wrap(ring.ring, path, key, each) for each in readings})


def _without(wraps: Any, reading: str) -> dict[str, str]:
    return {each: text for each, text in wraps.items() if each != reading}
