"""What is read out of a model for a client: lists, records and arrays, never the file.

All of it goes through the reader that shows what the access rules let a user see, in threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from jairika_nb.errors import NotFound
from jairika_nb.server.paths import model_file
from jairika_nb.store.canonical import encoded
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.store.viewed import Viewed, check_readable

MOST = 1000
"""Records or arrays of one request."""
LONGEST = 64 << 20
"""Bytes after which an answer takes no further record or array."""


@contextmanager
def opened(root: Path, relative: str, who: str) -> Iterator[Viewed]:
    """Open a model as ``who`` may see it."""
    reader = Viewed(model_file(root, relative), who)
    try:
        yield reader
    finally:
        reader.close()


def catalogue(root: Path, relative: str, who: str) -> tuple[bytes, str]:
    """Return the lists of a model as JSON, and a mark that changes with them."""
    with opened(root, relative, who) as reader:
        state = f"{reader.root.generation} {reader.root.digest} {who}"
        answer = {"who": who, "generation": reader.root.generation, "catalogue": listed(reader)}
        answer["keyrings"] = [each.to_json() for each in reader.keyrings()]
        answer["encrypts"] = reader.catalogue.encrypts
        return encoded(answer), hashlib.blake2b(state.encode(), digest_size=16).hexdigest()


def listed(reader: Reader) -> dict[str, Any]:
    """Return the catalogue that ``reader`` shows, whole, without places, events and rules."""
    rows, variants = [], []
    for each in reader.catalogue.variants:
        rows += [row for row in reader.iterations(each.name) if row != each.blank]
        blank = each.blank and replace(each.blank, at={})
        variants.append(replace(each, blank=blank))
    shown = replace(
        reader.catalogue,
        **{"variants": tuple(variants), "tail": tuple(replace(row, at={}) for row in rows)},
        **{"segments": (), "past": (), "recent": (), "policy": None, "keyrings": ()},
        encrypts=False,
    )
    return shown.to_json()


def records(root: Path, relative: str, who: str, wanted: Any) -> bytes:
    """Return records of iterations, each after its length, as many of them as are not too long."""
    kinds = pairs(wanted)
    with opened(root, relative, who) as reader:
        rows = {row.id: row for row in reader.rows()}
        parts: list[bytes] = []
        for id, kind in kinds:
            data = KINDS[kind](reader, row_of(rows, id))
            parts += [len(data).to_bytes(4, "little"), data]
            if sum(map(len, parts)) > LONGEST:
                break
        return b"".join(parts)


def objects(root: Path, relative: str, who: str, id: Any, wanted: Any) -> list[memoryview]:
    """Return the bytes of arrays of one iteration, in the order they were asked for.

    Those of encrypted ones are the ciphertext, with all that belongs to it.
    """
    names = texts(wanted)
    from jairika_nb.store import delta, tensors  # noqa: F401 the codec of cold history
    from jairika_nb.store.sealed_objects import bytes_of, is_sealed

    with opened(root, relative, who) as reader:
        row = row_of({each.id: each for each in reader.rows()}, id)
        manifest = reader.manifest(row)
        placed: dict[str, Any] = {}
        for tensor, place in zip(manifest.tensors, reader.locations(row, manifest), strict=True):
            # The same values may be in a layer that may be read and in one that may not.
            if tensor.digest not in placed or reader.readable(row, tensor):
                placed[tensor.digest] = tensor, place
        if odd := [name for name in names if name not in placed]:
            raise NotFound(f"iteration {row.name!r} of {row.variant!r} has no array {odd[0][:10]}")
        chosen = [placed[name] for name in names]
        check_readable(reader, row, (tensor for tensor, _ in chosen))
        if sum(tensor.bytes for tensor, _ in chosen[1:]) > LONGEST:
            raise ValueError(f"more than {LONGEST} bytes of arrays in one request; ask for fewer")
        return [
            bytes_of(reader, each)
            if is_sealed(reader, each)
            else tensors.mapped(reader.ranges, each).reshape(-1).view("u1").data
            for each in chosen
        ]


def rules(root: Path, relative: str, who: str) -> bytes:
    """Return the access rules, an empty object where there are none; raises ``Forbidden``."""
    with opened(root, relative, who) as reader:
        policy, record = reader.policy(), reader.catalogue.policy
        data = policy.to_json() if policy.active else {}
        return encoded({"policy": data, "digest": record.digest if record else None})


def row_of(rows: dict[str, Row], id: Any) -> Row:
    """Return an iteration that is listed; raises NotFound."""
    if not isinstance(id, str) or id not in rows:
        raise NotFound(f"no iteration {str(id)[:10]!r} is listed here")
    return rows[id]


def pairs(wanted: Any) -> list[tuple[str, str]]:
    """Check a list of ids with kinds of records; raises ValueError."""
    if not isinstance(wanted, list) or len(wanted) > MOST:
        raise ValueError(f"records must be a list of at most {MOST}")
    for each in wanted:
        if not (isinstance(each, list) and len(each) == 2 and each[1] in KINDS):
            raise ValueError(f"a record is asked for as [id, kind] of {', '.join(KINDS)}")
    return [(id, kind) for id, kind in wanted]


def texts(wanted: Any) -> list[str]:
    """Check a list of hashes; raises ValueError."""
    if not isinstance(wanted, list) or not 0 < len(wanted) <= MOST:
        raise ValueError(f"objects must be a list of 1 to {MOST} hashes")
    if not all(isinstance(each, str) for each in wanted):
        raise ValueError("objects must be a list of hashes")
    return wanted


def _architecture(reader: Reader, row: Row) -> bytes:
    if row.architecture is None:
        raise NotFound(f"iteration {row.name!r} has no architecture")
    return reader.raw(row, "architecture", row.architecture)


def _sealed(reader: Reader, row: Row) -> bytes:
    from jairika_nb.store.sealed_objects import lengths

    return encoded(lengths(reader, row, reader.manifest(row)))


KINDS: dict[str, Callable[[Reader, Row], bytes]] = {
    "manifest": lambda reader, row: reader.raw(row, "manifest", row.id),
    "meta": lambda reader, row: reader.raw(row, "meta", reader.manifest(row).meta),
    "architecture": _architecture,
    "sealed": _sealed,
}
