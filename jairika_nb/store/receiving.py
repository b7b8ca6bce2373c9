"""Commit what was pushed to a server; run as a program, in a process that can be thrown away.

It reads JSON from standard input and writes JSON to standard output: ``{"ok": ...}``, or
``{"kind", "message"}`` for an error of the package. The model may be anybody's file, and HDF5 may
hang or crash on a damaged one, which is no harm to the server here.

What may be done is looked at once more under the writer's lock: access rules, whether the variant
is still where the sender saw it, whether the sender had what it names.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jairika_nb.errors import AddressError, HeadMoved, JairikaError, NotFound
from jairika_nb.store import (
    ancestry,
    announced,
    coded,
    needs,
    ruling,
    sealing,
    staging,
    transaction,
    transfer,
)
from jairika_nb.store.announced import Batch, Rings, Ruled
from jairika_nb.store.canonical import digest
from jairika_nb.store.loose import Loose
from jairika_nb.store.manifest import Manifest, Tensor
from jairika_nb.store.note import noted
from jairika_nb.store.rows import Row, Tag
from jairika_nb.store.table import Branch, Table
from jairika_nb.store.viewed import Viewed


class Staged(Loose):
    """What waits in a folder, and the iterations that were announced with it."""

    def __init__(
        self,
        folder: Path,
        rows: Sequence[Row],
        there: Viewed | None,
        forms: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(folder)
        self.forms = forms  # hashes of encrypted objects, by those of their arrays
        self.folder, self.there = folder, there
        table = Table.of(rows)
        self.branches = {name: Branch.of(name, [table]) for name in table.groups}
        self.used: set[str] = set()

    def record_of(self, row: Row, kind: str, expected: str) -> bytes:
        self.used.add(expected)
        try:
            return (self.folder / expected).read_bytes()
        except FileNotFoundError:
            return self._known(kind, expected)

    def object_of(self, row: Row, tensor: Tensor) -> mmap.mmap:
        try:
            name = self.forms.get(tensor.digest, tensor.digest)
            with open(self.folder / name, "rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise NotFound(f"{tensor.name!r} of {row.name!r} was not sent; push again") from None

    def sealed_of(self, row: Row, manifest: Manifest) -> Mapping[str, int]:
        sizes = {}
        for each in manifest.tensors:
            if form := self.forms.get(each.digest):
                there = self.folder / form
                # One that was not sent is there already, or it is missed when it is read.
                sizes[each.digest] = (
                    there.stat().st_size if there.exists() else sealing.smallest(each)
                )
        return sizes

    def _known(self, kind: str, expected: str) -> bytes:
        """An architecture that the model has already, where the sender may see it."""
        for each in self.there.rows() if self.there and kind == "architecture" else ():
            if each.architecture == expected:
                return self.there.raw(each, kind, expected)  # type: ignore[union-attr]
        raise NotFound(f"the {kind} {expected[:10]} was not sent; push again")


class Work:
    """One request: the model, who asks, and where what was sent waits."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.model, self.who = Path(asked["model"]), asked["who"]
        self.folder = staging.folder_of(self.model, self.who)
        self.wait = float(asked["wait"])
        self.note = noted("", None, None, self.who or None)

    def change(self, change: Any, proven: set[str] | None = None) -> Any:
        """Make a change as ``who`` may."""
        watched = needs.watched(change, self.who, set() if proven is None else proven)
        return transaction.change(self.model, watched, disk=None, wait=self.wait)

    def batch(self, asked: Batch) -> dict[str, Any]:
        """Add iterations to a variant, and make the model where it is not there."""
        new = None if self.model.exists() else self._made(asked.first)
        reader = Viewed(self.model, self.who) if not new else None
        source = Staged(self.folder, asked.rows, reader, asked.sealed)
        try:
            if new and new.variant == asked.place and asked.head is None:
                asked = replace(asked, head=new.id)
            return {"bytes": self._received(source, asked)}
        finally:
            source.close()
            if reader:
                reader.close()

    def _received(self, source: Staged, asked: Batch) -> int:
        written: list[int] = []
        place, rows = asked.place, asked.rows
        where = (asked.branch, place, rows, asked.head)
        receive = transfer.received(source, *where, self.note, written)
        tensors = {t.digest for row in rows for t in source.manifest(row).tensors}
        names = {each: asked.sealed.get(each, each) for each in tensors}
        here = staging.kept(self.folder, names.values())
        proven = {each for each, name in names.items() if here.get(name) == -1}

        def change(reader: Any, layout: Any) -> Any:
            proven.difference_update(unproven(reader, layout, asked.sealed))
            made = receive(reader, layout)
            check_line(reader, source, place, rows)
            return made

        self.change(change, proven)
        staging.clear(self.folder, source.used.union(names.values()))
        return sum(written)

    def _made(self, variant: str) -> Row | None:
        """A new model with a blank variant; None where another made one meanwhile."""
        from jairika_nb.store.sharing import create_blank

        try:
            return create_blank(self.model, variant, self.note)
        except AddressError:
            if not self.model.exists():
                raise
            return None

    def keyrings(self, asked: Rings) -> dict[str, Any]:
        """Add who can read encrypted layers, and make the model where it is not there."""
        if not self.model.exists():
            self._made(asked.first)
        self.change(transfer.keyed(asked.rings, asked.encrypts))
        return {}

    def tags(self, tags: Sequence[Tag]) -> dict[str, Any]:
        """Add tags to iterations that the sender sees."""
        reader = Viewed(self.model, self.who)
        try:
            ids = {row.id for row in reader.rows()}
        finally:
            reader.close()
        self.change(transfer.tagged([each for each in tags if each.id in ids]))
        return {}

    def signatures(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Add signatures to iterations that are there."""
        return {"count": self.change(transfer.signed(Staged(self.folder, rows, None)))}

    def rules(self, asked: Ruled) -> dict[str, Any]:
        """Put other rules in the place of those that the sender saw."""

        def edit(reader: Any, layout: Any) -> Any:
            record = reader.catalogue.policy
            if (record.digest if record else None) != asked.expected:
                raise HeadMoved("another changed the access rules meanwhile; look, then repeat")
            make = ruling.changed(asked.verb, asked.words, lambda *_: asked.policy, self.note)
            return make(reader, layout)

        self.change(edit)
        return {}


def unproven(reader: Any, layout: Any, forms: Mapping[str, str]) -> Iterator[str]:
    """The arrays that are here already, so that other bytes under their hashes prove nothing.

    For a plain array its hash is the proof; what an encrypted one holds cannot be told here.
    """
    for each, form in forms.items():
        place = layout.coded_place(each)
        if place is None:
            if layout.has("objects", each):
                yield each
        elif digest(reader.ranges.at(*coded.extent(place), "an encrypted object")) != form:
            yield each


def check_line(reader: Any, source: Staged, place: str, rows: Sequence[Row]) -> None:
    """Raise ``HeadMoved`` where the last of ``rows`` does not descend from the newest one here."""
    there = reader.iterations(place)
    branch = reader.variant(place)
    if not there or (branch and branch.blank and len(there) == 1):
        return
    known = ancestry.by_id(reader)
    before = there[-1].id
    for row in rows:
        parents = source.manifest(row).parents
        # One whose parents are gone for good follows the iteration before it.
        lost = parents and not any(parent in known for parent in parents)
        known[row.id] = replace(row, parents=(before,) if lost else parents)
        before = row.id
    if there[-1].id not in ancestry.ancestors([rows[-1].id], known):
        raise HeadMoved(
            f"variant {place!r} has gone a different way on the server: pull theirs into a variant "
            "of its own (into=, --into), merge that, then push"
        )


def done(asked: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked; gives the answer, also for an error."""
    verbs: dict[str, Callable[[Work, Any], dict[str, Any]]] = {
        "batch": Work.batch,
        "keyrings": Work.keyrings,
        "tags": Work.tags,
        "signatures": Work.signatures,
        "rules": Work.rules,
    }
    try:
        data = announced.read(asked["verb"], asked["data"])
        return {"ok": verbs[asked["verb"]](Work(asked), data)}
    except JairikaError as error:
        return {"kind": type(error).__name__, "message": str(error)}


def main() -> None:
    asked = json.load(sys.stdin)
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints is no part of the answer
    answer = json.dumps(done(asked))
    with os.fdopen(answers, "w") as out:
        out.write(answer)


if __name__ == "__main__":
    main()
