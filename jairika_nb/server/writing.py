"""What a push brings into a model: looked at and staged here, committed by another process."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from jairika_nb.errors import Damaged, Locked, StoreError
from jairika_nb.server import reading
from jairika_nb.server.paths import place
from jairika_nb.store import announced, calling, isolated, schema, staging
from jairika_nb.store.viewed import Viewed, refused

LONGEST = 16 << 20
"""Bytes of the longest request."""
WAIT = 2.0
"""Seconds for which a commit waits for another writer; clients ask again."""
SECONDS = 600.0
"""After which a commit is given up; the model is as before then, or as after."""
# Two processes at a time, for each may hold as much as the longest array.
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def place_of(root: Path, relative: str, who: str) -> Path:
    """Return where the model is or may be made; Forbidden where ``who`` may not write at all."""
    path = place(root, relative)
    if path.exists():
        Viewing(path, who).close()
    return path


def missing(
    root: Path, relative: str, who: str, objects: Any, records: Any, sealed: Any
) -> dict[str, int]:
    """Return what of these is neither in the model, where ``who`` may read it, nor staged.

    An encrypted object is staged under the hash of its bytes, and told of by that of its array.
    """
    forms = announced.forms(sealed)
    names = {each: each for each in (*digests(objects), *digests(records))} | forms
    path = place(root, relative)
    folder = staging.folder_of(path, who)
    for each in held(path, who, set(objects) - forms.keys(), set(forms)):
        names.pop(each)
    here = staging.kept(folder, names.values())
    return {each: here.get(name, 0) for each, name in names.items() if here.get(name) != -1}


def held(path: Path, who: str, plain: set[str], sealed: set[str]) -> set[str]:
    """Return the objects that ``who`` may read somewhere in the model, in the form wanted.

    Others count as missing, even if they are there: to name a hash is not to have the bytes, and
    what is encrypted here under the hash of something plain is not that.
    """
    wanted = plain | sealed
    from jairika_nb.store.sealed_objects import is_sealed

    found: set[str] = set()
    if not path.exists():
        return found
    reader = Viewing(path, who)
    try:
        for row in (*reader.rows(), *reader.removed()):
            if found == wanted:
                break
            manifest = reader.manifest(row)
            if wanted.isdisjoint(each.digest for each in manifest.tensors):
                continue
            for each in zip(manifest.tensors, reader.locations(row, manifest), strict=True):
                name = each[0].digest
                if name in wanted - found and reader.readable(row, each[0]):
                    found |= {name} & (sealed if is_sealed(reader, each) else plain)
        return found
    finally:
        reader.close()


def stage(root: Path, relative: str, who: str, data: memoryview) -> int:
    """Keep pieces of a push; returns how many."""
    return staging.receive(staging.folder_of(place_of(root, relative, who), who), data)


async def committed(path: Path, who: str, verb: str, data: Any) -> dict[str, Any]:
    """Let a process of its own commit; raises what it met."""
    announced.read(verb, data)  # what is no such thing costs no process
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(2))
    asked = {"model": str(path), "who": who, "wait": WAIT, "verb": verb, "data": data}
    async with turn:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "jairika_nb.store.receiving"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=isolated.environment(),
        )
        talk = process.communicate(json.dumps(asked).encode())
        try:
            out, _ = await asyncio.wait_for(talk, SECONDS)
        except TimeoutError:
            process.kill()
            raise Locked(f"the commit did not end in {SECONDS:g} s; repeat") from None
    return answered(process.returncode, out)


def answered(status: int | None, out: bytes) -> dict[str, Any]:
    """Return what the process answered; raises the error that it tells."""
    try:
        told = json.loads(out) if status == 0 else {}
    except ValueError:
        told = {}
    if isinstance(told.get("ok"), dict):
        return told["ok"]
    if "kind" not in told:
        raise Damaged(
            f"the process that commits did not survive the model or what was sent ({status}); "
            "let verify look at both sides"
        )
    raise calling.KINDS.get(told["kind"], StoreError)(str(told["message"]))


class Viewing(Viewed):
    """A reader for one who may write something; raises ``Forbidden`` for anybody else."""

    def _turn(self) -> None:
        super()._turn()
        verbs = ("create", "update", "write-policy")
        if not any(self.ruling.allows(self.who, each) for each in verbs):
            raise refused(self, "update", ())


def digests(wanted: Any) -> list[str]:
    """Check a list of hashes; raises ValueError."""
    if not isinstance(wanted, list) or len(wanted) > reading.MOST:
        raise ValueError(f"objects and records must be lists of at most {reading.MOST} hashes")
    if not all(isinstance(each, str) and schema.HASH.fullmatch(each) for each in wanted):
        raise ValueError("a hash is 64 digits, hexadecimal")
    return wanted
