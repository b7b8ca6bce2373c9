"""Cold history: what only older iterations hold, kept as differences from newer ones.

The newest iteration of each variant and what has a tag stay plain, so what people work with is
mapped as before. Of the rest a tensor is kept as its ``delta`` to the tensor of equal name in the
next newer iteration, where that is smaller by enough. A chain of differences has a limit, past
which the next one starts again from the plain object at its end: reading is never slow by much.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from jairika_nb.store import ancestry, coded, delta, graph, tensors, zstd
from jairika_nb.store.coded import Coded
from jairika_nb.store.layout import Layout
from jairika_nb.store.packing import Progress, copied
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Place, Row
from jairika_nb.store.tensors import Placed

LONGEST = 16  # differences in a chain
LEAST = 1024  # bytes of a tensor that is worth one
MARGIN = 0.9  # of the plain size: the most that a difference may take

Key = tuple[str, str]  # whose state a tensor is, and its name


@dataclass(frozen=True)
class Chilled:
    """How many tensors are kept as differences, their bytes plain and as kept."""

    tensors: int = 0
    plain: int = 0
    kept: int = 0

    def __str__(self) -> str:
        share = f", {self.plain / self.kept:.2f} to 1" if self.kept else ""
        return f"{self.tensors:,} tensors of {self.plain:,} bytes kept in {self.kept:,}{share}"


@dataclass
class Chain:
    """An object in the new file: its place, how many differences lead to it, from which."""

    place: Place
    length: int = 0
    start: str = ""


@dataclass
class Stock:
    """The objects that iterations hold, by hash; who holds which under which name."""

    held: dict[str, dict[Key, str]] = field(default_factory=dict)  # by the iteration's id
    objects: dict[str, Placed] = field(default_factory=dict)
    at: dict[Place, str] = field(default_factory=dict)  # hashes by place in the old file

    def add(self, reader: Reader, row: Row) -> None:
        manifest, names = reader.manifest(row), self.held.setdefault(row.id, {})
        for tensor, place in zip(manifest.tensors, reader.locations(row, manifest), strict=True):
            names[tensor.owner, tensor.name] = tensor.digest
            self.at[place] = tensor.digest
            if tensor.digest not in self.objects or not coded.is_coded(place):
                self.objects[tensor.digest] = tensor, place


def hot(reader: Reader) -> set[str]:
    """Ids of the iterations that stay plain: the newest of each variant, and those with tags."""
    ends = (reader.iterations(each.name)[-1:] for each in reader.catalogue.variants)
    return {row.id for end in ends for row in end} | {t.id for t in reader.catalogue.tags}


def has_coded(reader: Reader, rows: Iterable[Row]) -> bool:
    """Whether any of ``rows`` has a tensor that is not plain."""
    return any(
        coded.is_coded(place)
        for row in rows
        for place in reader.locations(row, reader.manifest(row))
    )


def lay_down(
    reader: Reader,
    layout: Layout,
    rows: Sequence[Row],
    *,
    more: bool,
    progress: Progress | None,
) -> Chilled:
    """Write the objects of ``rows`` into a new file, cold ones as differences.

    ``more`` makes all cold that may be; otherwise only what is cold already stays so.
    """
    if more:
        zstd.check_there()  # before anything is written
    return _Freezing(reader, layout, rows, more, progress).run()


class _Freezing:
    """One pass over the objects of a history, into a new file."""

    def __init__(
        self,
        reader: Reader,
        layout: Layout,
        rows: Sequence[Row],
        more: bool,
        progress: Progress | None,
    ) -> None:
        self.reader, self.layout, self.more, self.progress = reader, layout, more, progress
        self.rows = {row.id: row for row in rows}
        self.stock, self.made = Stock(), dict[str, Chain]()
        for row in self.rows.values():
            self.stock.add(reader, row)
        ids = hot(reader) & self.rows.keys()
        self.warm = {each for id in ids for each in self.stock.held[id].values()}
        self.done, self.total = 0, sum(t.bytes for t, _ in self.stock.objects.values())
        self.kept: list[tuple[int, int]] = []  # bytes plain and as a difference

    def run(self) -> Chilled:
        waiting = {d for d in self.stock.objects if self._may_be_cold(d)}
        for digest in self.stock.objects:
            if digest not in waiting:
                self._put_plain(digest)
        for row, relatives in self._from_the_newest():
            for key, digest in self.stock.held[row.id].items():
                if digest in waiting and digest not in self.made:
                    self._put_cold(digest, [self.stock.held[id].get(key) for id in relatives])
        plain, kept = (sum(each[i] for each in self.kept) for i in (0, 1))
        return Chilled(len(self.kept), plain, kept)

    def _from_the_newest(self) -> Iterator[tuple[Row, list[str]]]:
        """Each iteration after those that continue it, with whom it may be compared."""
        known = ancestry.by_id(self.reader)
        rows = [known[id] for id in self.rows]
        children: dict[str, list[Row]] = {}
        for row in rows:
            for parent in row.parents:
                children.setdefault(parent, []).append(row)
        for row in graph.ordered(rows):
            next_ = sorted(children.get(row.id, []), key=lambda c: c.variant != row.variant)
            newest = self.reader.iterations(row.variant)[-1:]
            relatives = [each.id for each in (*next_, *newest)] + list(row.parents)
            yield row, [id for id in relatives if id in self.rows and id != row.id]

    def _may_be_cold(self, digest: str) -> bool:
        tensor, _ = self.stock.objects[digest]
        if digest in self.warm or tensor.bytes < LEAST:
            return False
        found = self._coded(digest)
        return found.codec == delta.CODEC if found else self.more

    def _coded(self, digest: str) -> Coded | None:
        tensor, place = self.stock.objects[digest]
        if not coded.is_coded(place):
            return None
        return coded.unpacked(self.reader.ranges, place, f"{tensor.name!r}")

    def _put_plain(self, digest: str) -> None:
        placed = self.stock.objects[digest]
        self.made[digest] = Chain(copied(self.reader, self.layout, placed), 0, digest)
        self._tell(placed[0].bytes)

    def _put_cold(self, digest: str, relatives: Sequence[str | None]) -> None:
        tensor, _ = self.stock.objects[digest]
        base, payload = self._as_before(digest) or self._against(digest, relatives)
        chain = self.made[base] if base else None
        data = delta.packed(payload, chain.place) if chain else b""
        if chain is None or len(data) > MARGIN * tensor.bytes:
            return self._put_plain(digest)
        place = self.layout.put_coded(digest, data)
        self.made[digest] = Chain(place, chain.length + 1, chain.start)
        self.kept.append((tensor.bytes, len(data)))
        self._tell(tensor.bytes)

    def _as_before(self, digest: str) -> tuple[str, memoryview] | None:
        """The difference that the old file holds, where what it builds on is written already."""
        found = self._coded(digest)
        if found is None:
            return None
        base = self.stock.at.get(delta.base_of(self.reader.ranges, found), "")
        chain = self.made.get(base)
        return (base, found.payload) if chain and chain.length < LONGEST else None

    def _against(self, digest: str, relatives: Sequence[str | None]) -> tuple[str, bytes]:
        """The nearest relative that is written already and of equal form, and the difference."""
        tensor, _ = self.stock.objects[digest]
        form = tensor.dtype, tensor.shape
        for other in relatives:
            if other is None or other == digest or other not in self.made:
                continue
            chain = self.made[other]
            base = other if chain.length < LONGEST else chain.start
            if self._form(base) == form:
                return base, delta.encoded(self._values(digest), self._values(base))
        return "", b""

    def _form(self, digest: str) -> Any:
        """Dtype and shape of an object whose values may be looked at."""
        tensor, _ = self.stock.objects[digest]
        place = self.made[digest].place
        sealed = coded.is_coded(place) and self.made[digest].length == 0
        return None if sealed else (tensor.dtype, tensor.shape)

    def _values(self, digest: str) -> Any:
        return tensors.mapped(self.reader.ranges, self.stock.objects[digest])

    def _tell(self, count: int) -> None:
        self.done += count
        if self.progress:
            self.progress(self.done, self.total)
