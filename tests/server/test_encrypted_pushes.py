"""Encrypted layers through a server without keys: they come out as they went in, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from blake3 import blake3
from served import Wire, arrays, contents

from jairika_nb import store
from jairika_nb.errors import Damaged, Forbidden, KeyProblem, StoreError
from jairika_nb.store import coded, delivering, keys, served
from jairika_nb.store.arrays import object_digest
from jairika_nb.store.cipher import CODEC, TAG
from jairika_nb.store.sealing import key_id

pytest.importorskip("cryptography")


@pytest.fixture
def alice(tmp_path, monkeypatch):
    """A key on this side; the server, which was started before, knows of no such folder."""
    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "config"))
    return keys.new("alice")


@pytest.fixture
def secret(tmp_path, alice):
    """A model whose encoder is encrypted for alice, the rest of it plain."""
    path = tmp_path / "secret.jrk.h5"
    with store.init(path, arrays(0), encrypt="*/*/encoder", key=alice) as model:
        model.commit(arrays(1), name="PT", optimizer={"m": np.ones(4)})
        yield model


def placed(model, name="encoder.mask"):
    return model["main"].head._placed("net")[name]


def test_what_is_pushed_is_read_cloned_and_pulled_with_the_key(place, secret, alice, tmp_path):
    path, address = place
    moved = secret.push(address)
    assert moved.iterations == {"main": 2} and moved.readers
    with store.open(path) as bare:
        assert key_id(bare._reader.ranges, placed(bare)) is not None
        assert placed(bare, "0.weight")[1][1] < coded.FLAG and bare.verify().ok
    with store.open(address, key=alice) as there:
        assert contents(there) == contents(secret) and [*there.readers] == ["alice"]
        assert there["main"].head.optimizer_state()["m"].tolist() == [1, 1, 1, 1]
        assert there["main"].head.changes(arrays(1)) == ()
    store.clone(address, tmp_path / "clone.jrk.h5")  # by somebody without a key
    with store.open(tmp_path / "clone.jrk.h5", "a", key=alice) as clone:
        assert contents(clone) == contents(secret) and clone.verify().ok
        made = clone.commit({**arrays(1), "encoder.mask": arrays(2)["encoder.mask"]})
        assert key_id(clone._reader.ranges, placed(clone)) is not None  # it goes on encrypting
        assert clone.push(address).iterations == {"main": 1}
    assert str(secret.push(address)).startswith("nothing new")
    assert secret.pull(address).iterations == {"main": 1} and secret["main"].head.id == made.id
    assert contents(secret)["main"][-1][2]["encoder.mask"] == arrays(2)["encoder.mask"].tobytes()


def test_without_the_key_only_what_is_plain_is_read(place, secret):
    address = place[1]
    secret.push(address)
    with store.open(address) as there:
        values = there["main"].head.arrays(lazy=True)
        assert values["0.weight"].tobytes() == arrays(1)["0.weight"].tobytes()
        with pytest.raises(KeyProblem, match="encrypted for alice"):
            values["encoder.mask"]
        with pytest.raises(KeyProblem, match="encrypted for alice"):
            there["main"].head.arrays()


def test_a_passphrase_opens_it_too(place, tmp_path, alice):
    path = tmp_path / "word.jrk.h5"
    with store.init(path, arrays(0), encrypt=True, passphrase="seven words") as model:
        model.push(place[1])
        with store.open(place[1], passphrase="seven words") as there:
            assert contents(there) == contents(model)
        with store.open(place[1], passphrase="six") as there, pytest.raises(KeyProblem):
            there["main"].head.arrays()


def test_new_readers_come_along_where_the_rules_let_them(place, secret, serving, alice):
    path, address = place
    secret.push(address)
    bob = keys.new("bob")
    secret.readers.add("bob")
    with store.open(address) as olga:
        olga.allow("ann", "read,update")
    with pytest.raises(Forbidden, match="write-policy"):
        secret.push(serving.address(path.name, "ann"))
    moved = secret.push(address)
    assert moved.readers and not moved.iterations
    with store.open(serving.address(path.name, "ann"), key=bob) as there:
        assert contents(there) == contents(secret)
    secret.commit(arrays(3))
    assert secret.push(serving.address(path.name, "ann")).iterations == {"main": 1}


def test_a_push_that_is_cut_off_goes_on(place, secret, serving, alice, monkeypatch):
    monkeypatch.setattr(delivering, "PIECE", 500)
    wire = Wire(serving.port)
    secret.commit({"encoder.table": np.random.default_rng(0).random((40, 40))})
    address = serving.address(place[0].name, port=wire.port)
    for up in (3000, 9000, 16_000):
        wire.breaks(up=up)
        with pytest.raises(StoreError):
            secret.push(address)
    wire.breaks()
    secret.push(address)
    wire.close()
    with store.open(place[1], key=alice) as there:
        assert contents(there) == contents(secret)


def forged(reader, found):
    """An encrypted object that is none of the tensor's, in its form."""
    head = {"key": key_id(reader.ranges, found), "nonce": "00" * 12}
    return memoryview(coded.packed(CODEC, head, bytes(found[0].bytes + TAG)))


def test_other_bytes_under_a_hash_are_no_proof_of_having_it(place, secret, serving, monkeypatch):
    """Ann may not read main, where the layer is; who can tell the hash may not have its bytes."""
    path, address = place
    secret.push(address)
    with store.open(address) as olga:
        olga.allow("ann", "read", "*/*/0")
        olga.allow("ann", "read,create,update", "hers")
    secret.derive("hers")
    secret.commit({**arrays(1), "0.weight": arrays(2)["0.weight"]}, variant="hers")
    ann = serving.address(path.name, "ann")
    with monkeypatch.context() as lying:
        lying.setattr(delivering, "bytes_of", forged)
        lying.setattr(delivering, "form_of", lambda *at: blake3(forged(*at)).hexdigest())
        with pytest.raises(Forbidden, match=r"'ann' read 'hers/.*encoder"):
            secret.push(ann, "hers")
    assert secret.push(ann, "hers").iterations == {"hers": 2}
    with store.open(path) as there:
        assert list(there) == ["main", "hers"] and there.verify().ok


def test_what_is_planted_under_the_hash_of_something_plain_is_not_taken_for_it(place, secret):
    path, address = place
    secret.push(address)
    values = arrays(5)["0.weight"]
    digest = object_digest(values)

    def plant(reader, layout):
        layout.put_coded(digest, forged(secret._reader, placed(secret)))
        return reader.catalogue, None

    with store.open(path, "a") as there:
        there._change(plant)
    secret.commit({**arrays(1), "0.weight": values})
    secret.push(address)
    with store.open(path) as there:
        assert there["main"].head.arrays(lazy=True)["0.weight"].tobytes() == values.tobytes()


def test_what_is_no_ciphertext_is_not_taken_for_it(place, secret, serving, alice, monkeypatch):
    path, address = place
    secret.push(address)
    fetched, change = served.ServedReader._objects, bytes

    def lying(self, row, wanted):
        found = fetched(self, row, wanted)
        sealed = {name: change(bytes(found[name])) for name in found if name in self.lengths}
        return found | {name: bytearray(data) for name, data in sealed.items()}

    monkeypatch.setattr(served.ServedReader, "_objects", lying)

    def other_codec(data):
        return data.replace(b"aes-256-gcm", b"zigzag-zstd")

    def other_byte(data):
        return data[:-1] + bytes([data[-1] ^ 1])

    for change in (lambda d: d[:-1], other_byte, lambda d: bytes(len(d)), other_codec):  # noqa: B007
        with store.open(address, key=alice) as there, pytest.raises(Damaged):
            there["main"].head.arrays()
        with pytest.raises(Damaged):
            store.clone(address, path.with_name("no.jrk.h5"))
        assert not path.with_name("no.jrk.h5").exists()
