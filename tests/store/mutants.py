"""Read files with random damage, in a process with bounded time and memory; run as a program.

Arguments: a whole model file, a seed, how many mutants. Half of them are damaged: what comes out
of those equals what was put in, or is one error of the package's. The other half are forged: a
record is changed and all hashes above it are made to fit, so that the damage reaches what reads
records; of those any values may come, or one error. Prints counts as JSON.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb import store
from jairika_nb.errors import JairikaError
from jairika_nb.store import canonical, slots
from jairika_nb.store.slots import Root

SECONDS = 20  # for one mutant, on a machine that has other things to do
MEMORY = 2 << 30  # bytes of address space, most of it for what NumPy and HDF5 map
TEXTS = ["", "main", "../x", "\x1b[2J", "a" * 10_000, "é" * 99, "\ud800", "0" * 64, "<f8", "|O"]
VALUES = [*TEXTS, 0, 1, -1, 2**31, 2**63, 2**70, 0.5, 1e308, True, None, [], {}, [[]], {"a": []}]


def everything(path: Path) -> dict[Any, Any]:
    """All that a user can get out of a model file."""
    with store.open(path) as model:
        tree = {**model.info(), "address": "", "path": "", "name": ""}
        found: dict[Any, Any] = {"tree": tree, "reflog": model.reflog()}
        for variant in model.variants:
            for each in model.log(variant):
                state = {**each.arrays(), **each.optimizer_state(), **each.arrays(lazy=True)}
                bits = {name: np.asarray(value).tobytes() for name, value in state.items()}
                facts = (each.id, each.author, each.architecture, each.time, repr(each.metrics))
                found[variant, each.name] = (bits, *facts)
        return found


def damaged(chosen: random.Random, data: bytearray) -> None:
    """Flip bits, zero or swap sectors, write random words, cut the end."""
    at, other = (chosen.randrange(len(data)) for _ in range(2))
    kind = chosen.choice(["flip", "flip", "sector", "words", "swap", "cut"])
    if kind == "flip":
        for _ in range(chosen.choice((1, 1, 3))):
            data[chosen.randrange(len(data))] ^= 1 << chosen.randrange(8)
    elif kind == "sector":
        data[at - at % 512 : at - at % 512 + 512] = bytes(min(512, len(data) - at + at % 512))
    elif kind == "words":
        data[at : at + 8] = chosen.randbytes(len(data[at : at + 8]))
    elif kind == "swap":
        at, other = at - at % 512, other - other % 512
        one, two = data[at : at + 512], data[other : other + 512]
        if len(one) == len(two):
            data[at : at + 512], data[other : other + 512] = two, one
    else:
        del data[at:]


class Forger:
    """Changes records of a whole file so that every hash above them fits."""

    def __init__(self, data: bytes) -> None:
        self.root = slots.newest(data[slots.PAGE_OFFSET :][: slots.SLOTS_BYTES])
        start = self.root.offset
        self.catalogue = json.loads(data[start : start + self.root.length])

    def forge(self, chosen: random.Random, data: bytearray) -> None:
        catalogue = json.loads(json.dumps(self.catalogue))
        kind = chosen.choice(("catalogue", "bytes", "segment", "manifest", "manifest", "meta"))
        rows = catalogue["tail"]
        if kind == "catalogue":
            edit(chosen, catalogue)
        elif kind == "segment":
            segment = chosen.choice(catalogue["segments"] + catalogue["past"])
            start = segment["offset"]
            record = bytearray(data[start : start + segment["length"]])
            for _ in range(chosen.choice((1, 2, 8))):
                record[chosen.randrange(len(record))] = chosen.randrange(256)
            segment.update(offset=len(data), length=len(record), digest=canonical.digest(record))
            data += record
        elif kind in ("manifest", "meta"):
            self.reforge(chosen, data, chosen.choice(rows), kind)
        text = json.dumps(catalogue).encode()
        if kind == "bytes":
            place = chosen.randrange(len(text))
            text = text[:place] + chosen.randbytes(chosen.choice((1, 3))) + text[place + 1 :]
        self.lead_to(data, text)

    def reforge(self, chosen: random.Random, data: bytearray, row: Any, kind: str) -> None:
        """A record of an iteration with other contents, and the id that goes with them."""

        def record(which: str) -> Any:
            start, length = row["at"][which]
            return json.loads(data[start : start + length])

        def put(which: str, value: Any) -> str:
            text = json.dumps(value).encode()
            row["at"][which] = [len(data), len(text)]
            data.extend(text)
            return canonical.digest(text)

        manifest = record("manifest")
        if kind == "manifest":
            edit(chosen, manifest)
        else:
            meta = record("meta")
            edit(chosen, meta)
            manifest["meta"] = put("meta", meta)
        row["id"] = put("manifest", manifest)

    def lead_to(self, data: bytearray, text: bytes) -> None:
        offset = len(data)
        data += text
        for generation in (self.root.generation, self.root.generation + 1):
            root = Root(generation, offset, len(text), canonical.digest(text), len(data))
            packed = slots.packed(Root(**{**vars(root), "format": self.root.format}))
            at = slots.position(generation)
            data[at : at + len(packed)] = packed


def edit(chosen: random.Random, value: Any) -> None:
    """Change one entry somewhere in JSON data."""
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        if not keys:
            return
        key = chosen.choice(list(keys))
        if isinstance(value[key], dict | list) and value[key] and chosen.random() < 0.8:
            value = value[key]
            continue
        if chosen.random() < 0.15:
            del value[key]
        else:
            value[key] = chosen.choice(VALUES)
        return


def run(whole: Path, seed: int, count: int) -> Counter[str]:
    """Mutants one after the other; the counts, with what went wrong under ``bad``."""
    good, wanted, told = whole.read_bytes(), everything(whole), Counter[str]()
    forger, path = Forger(good), whole.with_name(f"mutant-{seed}.jrk.h5")
    for number in range(count):
        chosen = random.Random(f"{seed}/{number}")
        data, forged = bytearray(good), number % 2
        (forger.forge if forged else damaged)(chosen, data)
        path.write_bytes(data)
        outcome, started = "read", time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            found = everything(path)
            if not forged and found != wanted:
                outcome = f"bad: {seed}/{number} gives other values"
        except JairikaError as error:
            one_line = "\n" not in str(error)
            outcome = "refused" if one_line else f"bad: {seed}/{number}: {str(error)!r}"
        except BaseException as error:  # a hang, no memory, whatever else: all of it is a finding
            outcome = f"bad: {seed}/{number}: {type(error).__name__}: {error}"
        signal.setitimer(signal.ITIMER_REAL, 0)
        told[outcome] += 1
        told["slowest ms"] = max(told["slowest ms"], int(1000 * (time.monotonic() - started)))
    path.unlink()
    return told


def too_long(*received: Any) -> None:
    raise TimeoutError(f"more than {SECONDS} s")


def main() -> None:
    whole, seed, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    signal.signal(signal.SIGALRM, too_long)
    everything(whole)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = run(whole, seed, count)
    told["grown KB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
