"""Differences made to harm, every checksum right: one clean error, in little time and memory."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from bounds import bounded
from codings import recoded
from damages import DAMAGES
from states import drifting
from test_hostile_files import forge, with_manifest

from jairika_nb import store
from jairika_nb.errors import Damaged, JairikaError
from jairika_nb.store import coded, delta, tensors, zstd

zstandard = pytest.importorskip("zstandard")


@pytest.fixture
def plain(path):
    with store.init(path) as model:
        for seed in range(3):
            model.commit(drifting(seed), name=f"n{seed}")
        yield model


def table(*frames: bytes) -> bytes:
    """The payload of those frames."""
    return struct.pack(f"<{len(frames)}I", *map(len, frames)) + b"".join(frames)


def claiming(frame: bytes, size: int) -> bytes:
    """A frame of one segment whose head claims another size, in eight bytes (RFC 8878, 3.1.1.1)."""
    head = frame[4]
    fields = {0: 1, 1: 2, 2: 4, 3: 8}[head >> 6] if head >> 6 or head & 32 else 0
    rest = frame[5 + (0 if head & 32 else 1) + fields :]
    return frame[:4] + bytes([0xC0 | 0x20 | head & 7]) + size.to_bytes(8, "little") + rest


def bomb(claim: int) -> bytes:
    """A frame of 256 MB of zeros, in some kilobytes."""
    made = zstandard.ZstdCompressor(write_content_size=claim >= 0).compressobj(size=claim)
    return b"".join([*(made.compress(bytes(1 << 20)) for _ in range(256)), made.flush()])


def silent(data: bytes) -> bytes:
    """A frame that does not tell its size."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


PAYLOADS = {
    "nothing": lambda count: b"",
    "no frame": lambda count: table(b"junk" * 9),
    "an empty frame": lambda count: table(zstd.compress(b"")),
    "a byte less": lambda count: table(zstd.compress(bytes(count - 1))),
    "a byte more": lambda count: table(zstd.compress(bytes(count + 1))),
    "a bomb": lambda count: table(bomb(1 << 28)),
    "a bomb of the right claim": lambda count: table(claiming(bomb(1 << 28), count)),
    "an exabyte claimed": lambda count: table(claiming(zstd.compress(bytes(count)), 1 << 60)),
    "a size not told": lambda count: table(silent(bytes(count))),
    "a bomb that tells nothing": lambda count: table(bomb(-1)),
    "two frames": lambda count: table(zstd.compress(bytes(count)), zstd.compress(bytes(count))),
    "two frames in one": lambda count: table(2 * zstd.compress(bytes(count))),
    "bytes behind": lambda count: table(zstd.compress(bytes(count))) + b"more",
    "a frame beyond the end": lambda count: struct.pack("<I", 1 << 31) + bytes(9),
    "a cut frame": lambda count: table(zstd.compress(np.random.default_rng(0).bytes(count))[:-9]),
}


def refused(place, name="n0") -> Damaged:
    """The error for the weight of an iteration of the file, which must come at once."""
    with bounded(), store.open(place) as made, pytest.raises(Damaged) as caught:
        made.find(name).arrays()
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_payload_that_lies_is_refused_before_room_is_made(kind):
    values, payload = np.zeros(1200, np.float32), PAYLOADS[kind](4800)
    tensor = tensors.Tensor("0.w", "weight", "0" * 64, "<f4", (1200,))
    found = coded.Coded("delta", {"base": [9, 9, 0]}, memoryview(payload), memoryview(b""))

    class Told:
        def damaged(self, what):
            return Damaged(what)

    with bounded(), pytest.raises(Damaged, match=r"0\.w"):
        delta.decode(Told(), tensor, found, values.view(np.uint8).copy())


def based_on(make):
    """Codes each tensor against what ``make`` says, with a payload of no change."""

    def code(tensor, values, layout) -> bytes:
        payload = delta.encoded(values, values)
        return delta.packed(payload, make(tensor, values, layout))

    return code


def itself(tensor, values, layout):
    """Where the object is going to lie: as far from a first try as two tries are apart."""
    payload = delta.encoded(values, values)
    tries = []
    for number in range(3):
        place = tries[-1] if tries else coded.flagged((1 << 20, 1 << 10))
        data = delta.packed(payload, place)
        tries.append(layout.put_coded(f"try-{number}-{tensor.digest}", data))
    (first, _), (second, length) = map(coded.extent, tries[1:])
    return coded.flagged((2 * second - first, length))


BASES = {
    "longer": lambda tensor, values, layout: layout.put_bytes(
        "meta", f"longer-{tensor.digest}", values.tobytes() + b"more"
    ),
    "shorter": lambda tensor, values, layout: layout.put_bytes(
        "meta", f"shorter-{tensor.digest}", values.tobytes()[1:]
    ),
    "past the end": lambda tensor, values, layout: (1 << 50, tensor.bytes),
    "an exabyte": lambda tensor, values, layout: (0, 1 << 60),
    "plain called coded": lambda tensor, values, layout: coded.flagged(
        layout.put_bytes("meta", f"plain-{tensor.digest}", values.tobytes())
    ),
    "coded past the end": lambda tensor, values, layout: coded.flagged((1 << 50, 100)),
    "coded of an exabyte": lambda tensor, values, layout: coded.flagged((0, 1 << 60)),
    "coded of nothing": lambda tensor, values, layout: coded.flagged((4096, 0)),
    "itself": itself,
}


@pytest.mark.parametrize("kind", BASES)
def test_a_base_that_is_none_is_damage(plain, tmp_path, kind):
    recoded(plain.path, tmp_path / "bad.jrk.h5", based_on(BASES[kind]))
    error = refused(tmp_path / "bad.jrk.h5")
    if kind == "itself":
        assert "builds on more than" in str(error)
    with store.open(tmp_path / "bad.jrk.h5") as made:
        assert made.info()["variants"]


def test_a_manifest_that_claims_terabytes_of_a_difference_makes_no_room(plain):
    plain.gc(cold=True)

    def claim(manifest, row, data):
        offset, _ = row["at"]["locations"]
        for number, each in enumerate(manifest["tensors"]):
            if each[0] == "2.weight":
                each[4] = [1 << 20, 1 << 20]
                with store.open(plain.path) as model:
                    old = model.find("n0")
                    (place,) = (
                        place
                        for tensor, place in zip(
                            old._manifest.tensors,
                            model._reader.locations(old._row, old._manifest),
                            strict=True,
                        )
                        if tensor.name == "2.weight"
                    )
                data[offset + 16 * number : offset + 16 * number + 16] = struct.pack("<QQ", *place)

    forge(plain.path, with_manifest(claim), format=2)
    refused(plain.path, "n2")


def test_damage_of_cold_objects_is_told_never_wrong(plain, tmp_path):
    for seed in range(3, 9):
        plain.commit(drifting(seed), name=f"n{seed}")
    plain.gc(cold=True)
    wanted = {f"n{n}": {k: v.tobytes() for k, v in drifting(n).items()} for n in range(9)}
    with store.open(plain.path) as model:
        places = {
            place
            for row in model._reader.rows()
            for place in model._reader.locations(row, model._reader.manifest(row))
            if coded.is_coded(place)
        }
    assert len(places) == 16
    good, chosen, told = plain.path.read_bytes(), random.Random("cold"), 0
    for number in range(60):
        data = bytearray(good)
        offset, length = coded.extent(chosen.choice(sorted(places)))
        DAMAGES[number % len(DAMAGES)](chosen, data, offset, offset + length)
        (tmp_path / "damaged.jrk.h5").write_bytes(data)
        with store.open(tmp_path / "damaged.jrk.h5") as model:
            for name, values in wanted.items():
                try:
                    found = model.find(name).arrays()
                    assert {k: v.tobytes() for k, v in found.items()} == values, (number, name)
                except JairikaError as error:
                    told += 1
                    assert "\n" not in str(error)
    assert told > 100  # each difference is one that others build on
