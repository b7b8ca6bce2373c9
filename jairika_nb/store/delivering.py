"""Pushing to a Jupyter server: what is missing there goes over in pieces, then one commit.

A push that is cut off at any byte goes on where it was: whole commits stay, and of the one that was
on its way the pieces that had arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from jairika_nb.errors import Forbidden
from jairika_nb.store import schema, tensors
from jairika_nb.store.address import Served
from jairika_nb.store.packing import Progress
from jairika_nb.store.policy import Policy
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row, Tag, VariantRow
from jairika_nb.store.sealed_objects import bytes_of, form_of, is_sealed
from jairika_nb.store.served import MOST, ServedReader
from jairika_nb.store.staging import PIECE, SEALED, frame
from jairika_nb.store.tensors import Placed
from jairika_nb.store.transfer import Moved, transfer
from jairika_nb.store.viewed import check_readable


def delivered(
    source: Reader, place: Served, variants: Sequence[str], progress: Progress | None
) -> Moved:
    """Push ``variants`` to a served model, which is made where it is missing."""
    target = ServedReader(place, new=True)
    try:
        return transfer(source, target, variants, None, Handed(source, target, variants), progress)
    finally:
        target.close()


def ruled_there(
    reader: Any, verb: str, words: str, edit: Callable[[Policy, str], Policy]
) -> Policy:
    """Change the access rules of a served model; raises ``HeadMoved`` where another just did."""
    policy, digest = reader.ruling()
    made = edit(policy, reader.who)
    told = {"policy": made.to_json() if made.active else {}, "expected": digest}
    reader.server.post("commit", rules={**told, "verb": verb, "words": words})
    reader.refresh()
    return made


class Handed:
    """A delivery to a server."""

    def __init__(self, source: Reader, target: ServedReader, variants: Sequence[str]) -> None:
        self.source, self.target, self.server = source, target, target.server
        current = source.catalogue.current
        self.first = current if current in variants else variants[0]

    def iterations(
        self, branch: VariantRow | None, place: str, rows: Sequence[Row], head: str | None
    ) -> int:
        placed: dict[str, Placed] = {}
        records: dict[str, bytes] = {}
        forms: dict[str, str] = {}
        for row in rows:
            manifest = self.source.manifest(row)
            check_readable(self.source, row, manifest.tensors)
            places = self.source.locations(row, manifest)
            for each in zip(manifest.tensors, places, strict=True):
                placed.setdefault(each[0].digest, each)
            records |= self._records(row, manifest.meta)
        for digest, found in placed.items():
            if is_sealed(self.source, found):
                forms[digest] = form_of(self.source, found)
        self._send(placed, records, forms)
        told = None if branch is None else asdict(replace(branch, blank=None))
        done = self._commit(
            batch={
                **{"place": place, "head": head, "branch": told, "first": self.first},
                "rows": [replace(row, at={}).to_json() for row in rows],
                "sealed": forms,
            }
        )
        return schema.field(done, "bytes", int)

    def keyrings(self) -> None:
        """Send all that this side has; the other decides what of it is news."""
        rings = [each.to_json() for each in self.source.keyrings()]
        told = {"keyrings": rings, "encrypts": self.source.catalogue.encrypts}
        self._commit(keyrings={**told, "first": self.first})

    def tags(self, tags: Sequence[Tag]) -> Sequence[str]:
        try:
            self._commit(tags=[asdict(each) for each in tags])
        except Forbidden as error:
            return [f"tags stay behind: {error}"]
        return ()

    def signatures(self) -> int:
        there = {row.id for row in self.target.rows()}
        rows = [row for row in self.source.rows() if row.id in there and row.signatures]
        done = self._commit(signatures=[replace(row, at={}).to_json() for row in rows])
        return schema.field(done, "count", int)

    def _commit(self, **asked: Any) -> Any:
        done = self.server.post("commit", **asked)
        self.target.refresh()
        return done

    def _records(self, row: Row, meta: str) -> dict[str, bytes]:
        found = {row.id: self.source.raw(row, "manifest", row.id)}
        found[meta] = self.source.raw(row, "meta", meta)
        known = {each.architecture for each in self.target.rows()}
        if row.architecture is not None and row.architecture not in known:
            found[row.architecture] = self.source.raw(row, "architecture", row.architecture)
        return found

    def _send(
        self,
        placed: Mapping[str, Placed],
        records: Mapping[str, bytes],
        forms: Mapping[str, str],
    ) -> None:
        """Bring over what is missing of both, in requests of bounded size."""
        waiting: list[bytes] = []
        size = 0
        for each in self._frames(placed, records, forms):
            if waiting and size + len(each) > PIECE:
                self.server.send("staged", b"".join(waiting))
                waiting, size = [], 0
            waiting.append(each)
            size += len(each)
        if waiting:
            self.server.send("staged", b"".join(waiting))

    def _frames(
        self,
        placed: Mapping[str, Placed],
        records: Mapping[str, bytes],
        forms: Mapping[str, str],
    ) -> Iterator[bytes]:
        for digest, have in self._missing(placed, records, forms).items():
            if digest in records:
                yield from _pieces(digest, memoryview(records[digest]), have, None)
            elif digest in forms:
                data = bytes_of(self.source, placed[digest])
                yield from _pieces(forms[digest], data, have, SEALED)
            else:
                tensor = placed[digest][0]
                values = tensors.mapped(self.source.ranges, placed[digest])
                data = values.reshape(-1).view("u1").data
                yield from _pieces(digest, data, have, (tensor.dtype, list(tensor.shape)))

    def _missing(
        self,
        placed: Mapping[str, Placed],
        records: Mapping[str, bytes],
        forms: Mapping[str, str],
    ) -> dict[str, int]:
        """What the server lacks, and how many bytes of each it has."""
        objects = list(placed)
        found: dict[str, int] = {}
        for start in range(0, max(len(objects), 1), MOST):
            names = objects[start : start + MOST]
            sealed = {each: forms[each] for each in names if each in forms}
            plain = [each for each in names if each not in forms]
            asked = {"objects": plain, "records": [], "sealed": sealed}
            found |= self._asked(asked, placed)
        for start in range(0, len(records), MOST):
            names = [*records][start : start + MOST]
            found |= self._asked({"objects": [], "records": names}, records)
        return found

    def _asked(self, asked: dict[str, Any], known: Mapping[str, Any]) -> dict[str, int]:
        answer = schema.field(self.server.post("missing", **asked), "missing", dict)
        return {each: schema.field(answer, each, int) for each in answer if each in known}


def _pieces(digest: str, data: memoryview, have: int, kind: Any) -> Iterator[bytes]:
    """The rest of an object or a record, at least one piece even where it is empty."""
    start = have if have <= len(data) else 0
    while True:
        piece = data[start : start + PIECE]
        yield frame(digest, piece, start, len(data), kind)
        start += len(piece)
        if start >= len(data):
            return
