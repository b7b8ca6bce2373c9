"""Check all that a model's iterations lead to, and name what is damaged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jairika_nb.errors import Damaged, Forbidden, KeyProblem, MissingPackage
from jairika_nb.store import isolated, journal, locks, sealing, signing, tensors, trust
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.store.show import counted
from jairika_nb.store.tensors import Placed

PENDING = "a killed writer left a commit in the journal; opening the model in mode 'a' completes it"


@dataclass(frozen=True)
class Report:
    """What was checked and what was found: ``ok`` where ``problems`` is empty.

    ``signatures`` counts the iterations by what their signatures are worth, where there are any,
    ``sealed`` the encrypted tensors that no key at hand opens: their bytes are as written, their
    values were not looked at.
    """

    iterations: int
    objects: int
    bytes: int
    problems: tuple[str, ...]
    signatures: Mapping[str, int] = field(default_factory=dict)
    sealed: int = 0

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def checked(self) -> str:
        """How much was looked at, in words."""
        counts = {"iteration": self.iterations, "tensor": self.objects, "byte": self.bytes}
        looked = ", ".join(counted(number, what) for what, number in counts.items())
        signed = ", ".join(f"{number} {what}" for what, number in self.signatures.items())
        sealed = f"{counted(self.sealed, 'encrypted tensor')} not opened" if self.sealed else ""
        return "; ".join(filter(None, (looked, sealed, signed)))

    def __str__(self) -> str:
        if self.ok:
            return f"all whole: {self.checked}"
        found = counted(len(self.problems), "problem")
        return "\n".join([f"{found} in {self.checked}:", *self.problems])

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "iterations": self.iterations,
            "objects": self.objects,
            "bytes": self.bytes,
            "problems": list(self.problems),
            "signatures": dict(self.signatures),
            "sealed": self.sealed,
        }


def verify(reader: Reader) -> Report:
    """Read and hash everything, each object once, then let HDF5 read its part in isolation."""
    required, reader = reader.guard is not None, reader.unguarded()
    rows = list(reader.rows())
    signatures, problems = _signatures(reader, rows, required)
    closed: set[str] = set()
    found, objects, size = _problems(reader, (*rows, *reader.removed()), closed)
    problems += found
    problems += _told(reader.keyrings)
    with suppress(Forbidden):
        problems += _told(reader.policy)
    # HDF5's view is compared with the catalogue, so that has to be whole first.
    if not problems:
        problems += [f"HDF5 view: {each}" for each in _view(reader)]
    return Report(len(rows), objects, size, tuple(problems), signatures, len(closed))


def _signatures(
    reader: Reader, rows: Sequence[Row], required: bool
) -> tuple[dict[str, int], list[str]]:
    """How many iterations have which verdict, and those that are a problem."""
    if not required and not reader.is_signed():
        return {}, []
    trusted = trust.trusted()
    found = [(row, signing.verdict(reader, row, trusted)) for row in rows]
    problems = [
        f'iteration "{row.name}" of variant "{row.variant}": {each}'
        for row, each in found
        if each.state == "bad" or (required and each.state != "trusted")
    ]
    problems += [
        f'iteration "{row.name}" of variant "{row.variant}" also has a {each}'
        for row, best in found
        for each in signing.verdicts(row, trusted)
        if each.state == "bad" != best.state
    ]
    return dict(Counter(str(each) for _, each in found)), problems


def _told(read: Callable[[], object]) -> list[str]:
    try:
        read()
    except Damaged as error:
        return [str(error)]
    return []


def _view(reader: Reader) -> list[str]:
    """What HDF5 sees otherwise than the catalogue, while no writer moves it underneath."""
    disk, path = reader.ranges.disk, reader.path
    if not isinstance(path, Path):
        return []  # HDF5 does not read through the network
    file = disk.open(path)
    try:
        locks.keep_others_out(file, path, shared=True)
        if found := isolated.differences(reader):
            pending = journal.find(disk, file)
            return [PENDING] if pending else found
        return []
    finally:
        disk.close(file)


def _records(reader: Reader, row: Row) -> Iterator[Placed]:
    """Where the tensors of an iteration lie, once its records were read; raises ``Damaged``."""
    manifest = reader.manifest(row)
    reader.meta(row, manifest)
    reader.architecture(row)
    places = reader.locations(row, manifest)
    for placed in zip(manifest.tensors, places, strict=True):
        if reader.readable(row, placed[0]):
            yield placed


def _problems(reader: Reader, rows: Sequence[Row], closed: set[str]) -> tuple[list[str], int, int]:
    """What is wrong with any of ``rows``; how many tensors they lead to, and their bytes."""
    found: dict[int, str] = {}  # by what they are about, in the order of the history
    first: dict[str, tuple[int, Row, Placed]] = {}
    for row in rows:
        try:
            for placed in _records(reader, row):
                first.setdefault(placed[0].digest, (len(first) + len(found), row, placed))
        except Damaged as error:
            found[len(first) + len(found)] = str(error)
    memory = tensors.Memory()
    # From the newest on, as older ones may be kept as differences from newer ones.
    for number, row, placed in reversed(first.values()):
        try:
            tensors.read(reader.ranges, placed, memory)
        except (KeyProblem, MissingPackage):
            if sealing.key_id(reader.ranges, placed) is None:
                raise
            closed.add(placed[0].digest)  # the checksum of what is encrypted was right
        except Damaged as error:
            found[number] = f'iteration "{row.name}" of variant "{row.variant}": {error}'
    sizes = [placed[0].bytes for _, _, placed in first.values()]
    return [found[number] for number in sorted(found)], len(sizes), sum(sizes)
