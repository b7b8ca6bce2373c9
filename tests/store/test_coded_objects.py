"""What a codec keeps reads as what is plain does, wherever it is read; hostile ones end soon."""

from __future__ import annotations

import hashlib
import http.server
import threading
import time

import h5py
import numpy as np
import pytest
from codings import CODECS, recoded, repeat, turn
from states import arrays, same

import jairika_nb as jrk
from jairika_nb import nn, store
from jairika_nb.errors import AddressError, Damaged
from jairika_nb.store import coded, slots, tensors


@pytest.fixture(autouse=True)
def codecs(monkeypatch):
    for name, codec in CODECS.items():
        monkeypatch.setitem(coded.CODECS, name, codec)


@pytest.fixture
def turned(model, tmp_path):
    """The model with every object coded."""
    place = tmp_path / "turned.jrk.h5"
    recoded(model.path, place, turn)
    with store.open(place, "a") as made:
        yield made


def placed(model, name="PT", variant="main"):
    row = model[variant][name]._row
    manifest = model._reader.manifest(row)
    return list(zip(manifest.tensors, model._reader.locations(row, manifest), strict=True))


def codings(model, name="PT", variant="main") -> list[bool]:
    return [coded.is_coded(place) for _, place in placed(model, name, variant)]


def test_all_that_reads_gives_equal_bits(model, turned, tmp_path):
    assert all(codings(turned)) and not any(codings(model))
    for name, seed in (("prime", 0), ("PT", 1)):
        mine, theirs = turned["main"][name], model["main"][name]
        assert mine.id == theirs.id and same(mine.arrays(), arrays(seed))
        assert same(mine.arrays(lazy=True), arrays(seed))
        assert not mine.arrays(lazy=True)["0.weight"].flags.writeable
    assert turned.diff().to_json()["layers"] == model.diff().to_json()["layers"]
    assert turned.verify().ok and turned.verify().objects == 8
    turned["main"]["PT"].export(tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as found:
        assert same(dict(found), arrays(1))
    with store.open(turned.path.as_uri()) as other:
        assert same(other["main"]["PT"].arrays(), arrays(1))


def test_all_that_writes_goes_on_from_it(turned):
    turned.derive("branch", iteration="prime")
    turned.revert("prime", name="back")
    turned.commit(arrays(2), name="new")
    turned.merge("branch", strategy="ours", name="merged")
    for variant, name, seed in (("branch", "prime", 0), ("main", "back", 0), ("main", "new", 2)):
        assert same(turned[variant][name].arrays(), arrays(seed))
    turned.gc(days=0)
    assert same(turned["branch"].head.arrays(), arrays(0)) and turned.verify().ok
    assert turned.info()["format"] == 2


def test_what_means_the_same_elsewhere_moves_as_it_is(turned, tmp_path):
    for place in (tmp_path / "pushed.jrk.h5", tmp_path / "clone.jrk.h5"):
        turned.push(place) if "pushed" in place.name else store.clone(turned.path, place)
        with store.open(place) as other:
            assert all(codings(other)) and same(other["main"]["PT"].arrays(), arrays(1))
            assert other.info()["format"] == 2 and other.verify().ok


def test_what_rests_on_its_place_becomes_plain_elsewhere(model, tmp_path):
    place = tmp_path / "again.jrk.h5"
    recoded(model.path, place, repeat(3))
    with store.open(place) as made, store.init(tmp_path / "other.jrk.h5") as other:
        assert all(codings(made)) and same(made["main"]["PT"].arrays(), arrays(1))
        other.pull(place)
        assert not any(codings(other)) and same(other["main"]["PT"].arrays(), arrays(1))
        assert other.info()["format"] == 1 and other.verify().ok


def test_a_plain_file_is_as_it_was_before_there_were_codecs(model):
    """Format 1 in every slot, and no group for coded objects."""
    page = model.path.read_bytes()[slots.PAGE_OFFSET :]
    for slot in range(4):
        assert slots.FIELDS.unpack_from(page, slot * slots.SLOT_BYTES)[1:3] == (1, 1)
    with h5py.File(model.path) as file:
        assert "coded" not in file


def test_older_releases_refuse_a_coded_file(turned, monkeypatch):
    monkeypatch.setattr(slots, "NEWEST", 1)
    with pytest.raises(AddressError, match=r"newer release \(format 2.*upgrade"):
        store.open(turned.path)


def test_a_codec_of_a_newer_release_is_refused_politely(turned, monkeypatch):
    monkeypatch.delitem(coded.CODECS, "turned")
    with pytest.raises(AddressError, match=r"'turned'.*upgrade"):
        turned["main"]["PT"].arrays()
    assert len(turned.log()) == 2  # and the tree can be seen


def test_other_programs_see_no_values_of_coded_tensors(turned):
    turned.commit({**arrays(1), "0.bias": np.zeros(8, np.float32)}, name="half")
    with h5py.File(turned.path) as file:
        group = file["variants/main/PT"]
        assert not list(group) and group.attrs["coded"] == b"4 of 4 tensors; jairika_nb reads them"
        half = file["variants/main/half"]
        assert {k: list(half[k]) for k in half} == {
            "0": ["bias", "weight"], "1": ["steps"], "encoder": ["mask"]
        }  # fmt: skip
        assert "coded" not in half.attrs and not half["0/bias"][()].any()


def test_networks_load_lazily_under_a_cap(tmp_path):
    with jrk.device("reference"):
        net = nn.Sequential(nn.Linear(96, 96), nn.Linear(96, 96))
    with store.init(tmp_path / "a.jrk.h5", net) as model:
        recoded(model.path, tmp_path / "b.jrk.h5", turn)
    with store.open(tmp_path / "b.jrk.h5") as model, jrk.device("reference"):
        x = jrk.ones((2, 96))
        lazy = model["main"].head.load(lazy=True, cap=1000)
        assert np.array_equal(lazy(x).numpy(), net(x).numpy())


def test_a_web_server_serves_each_in_one_request(turned):
    data, asked = turned.path.read_bytes(), []

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            first, last = map(int, self.headers["Range"][6:].split("-"))
            asked.append((first, last))
            part = data[first : last + 1]
            self.send_response(206)
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.end_headers()
            self.wfile.write(part)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with store.open(f"http://127.0.0.1:{server.server_port}/a.jrk.h5") as model:
            head = model["main"].head
            assert len(head.tensors) == 4
            asked.clear()
            assert same(head.arrays(), arrays(1)) and len(asked) <= 2 + 4
            assert same(head.arrays(lazy=True), arrays(1))
        server.shutdown()


def test_a_chain_is_read_to_its_limit_and_no_further(model, tmp_path):
    recoded(model.path, tmp_path / "long.jrk.h5", repeat(tensors.DEEPEST))
    with store.open(tmp_path / "long.jrk.h5") as made:
        assert same(made["main"]["PT"].arrays(), arrays(1))
    recoded(model.path, tmp_path / "longer.jrk.h5", repeat(tensors.DEEPEST + 1))
    with (
        store.open(tmp_path / "longer.jrk.h5") as made,
        pytest.raises(Damaged, match="builds on more than"),
    ):
        made["main"]["PT"].arrays()


def cycle(tensor, values, layout) -> bytes:
    """An object that builds on itself, wherever it comes to lie: told by a first, equal one."""
    first = coded.packed("again", {"base": [0, 0, True]}, b"")
    offset, _ = coded.extent(layout.put_coded(f"aside-{tensor.digest}", first))
    return coded.packed("again", {"base": [offset, len(first), True]}, b"")


def test_objects_that_lead_to_themselves_or_nowhere_are_damage(model, tmp_path):
    recoded(model.path, tmp_path / "cycle.jrk.h5", cycle)
    with store.open(tmp_path / "cycle.jrk.h5") as made:
        (_, place), *_ = placed(made)
        offset, length = coded.extent(place)
    data = bytearray((tmp_path / "cycle.jrk.h5").read_bytes())
    started = time.monotonic()
    for target in (offset, 0, 4096, len(data) - 8, len(data) + 10, 2**62):
        forged = coded.packed("again", {"base": [target, length, True]}, b"")
        there = data.copy()
        there[offset : offset + length] = forged[:length].ljust(length)
        if len(forged) == length:  # else the head does not fit, which is damage too
            assert bytes(there[offset : offset + length]) == forged
        (tmp_path / "cycle.jrk.h5").write_bytes(there)
        with store.open(tmp_path / "cycle.jrk.h5") as made, pytest.raises(Damaged):
            made["main"]["PT"].arrays()
    assert time.monotonic() - started < 5


def test_every_damaged_byte_of_a_coded_object_is_told(turned):
    (tensor, place), *_ = placed(turned)
    offset, length = coded.extent(place)
    with open(turned.path, "r+b") as file:
        for at in range(offset, offset + length, 7):
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 4]))
            file.flush()
            with pytest.raises(Damaged, match=tensor.name):
                turned["main"]["PT"].arrays()
            file.seek(at)
            file.write(byte)
        file.flush()
    assert turned.verify().ok


def test_decoded_values_must_have_the_hash_of_the_manifest(model, tmp_path, monkeypatch):
    def lying(tensor, values, layout):
        return coded.packed("turned", {}, bytes(values.nbytes))

    recoded(model.path, tmp_path / "lies.jrk.h5", lying)
    with store.open(tmp_path / "lies.jrk.h5") as made:
        with pytest.raises(Damaged, match="checksum"):
            made["main"]["PT"].arrays()
        assert not made.verify().ok


def test_a_codec_may_know_values_by_a_hash_of_its_own(model, tmp_path, monkeypatch):
    def keyed(ranges, found, values):
        return hashlib.blake2b(values.tobytes(), key=b"k", digest_size=32).hexdigest()

    codec = coded.Codec(CODECS["turned"].decode, movable=True, digest=keyed)
    recoded(model.path, tmp_path / "keyed.jrk.h5", turn)
    monkeypatch.setitem(coded.CODECS, "turned", codec)
    with store.open(tmp_path / "keyed.jrk.h5") as made:
        tensor, place = placed(made)[0]
        with pytest.raises(Damaged):
            tensors.read(made._reader.ranges, (tensor, place))
        values = arrays(1)["0.weight"]
        digest = keyed(None, None, values)
        known = type(tensor)(tensor.name, tensor.role, digest, tensor.dtype, tensor.shape)
        assert np.array_equal(tensors.read(made._reader.ranges, (known, place)), values)
