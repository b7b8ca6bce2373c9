"""Encrypted layers: who has the key reads them, nobody else, and everything else goes on."""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
import json
import pickle
import sys

import h5py
import numpy as np
import pytest
from blake3 import blake3
from states import arrays, same

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import jairika_nb as jrk
from jairika_nb import nn, store
from jairika_nb.errors import (
    HeadMoved,
    KeyProblem,
    MissingPackage,
    NameTaken,
    NotFound,
    StoreError,
    Untrusted,
)
from jairika_nb.store import arrays as stored
from jairika_nb.store import coded, keys, paging, trust

pytestmark = pytest.mark.usefixtures("settings")
FIRST = "*/*/0"  # the layer of 0.weight and 0.bias


@pytest.fixture
def bob():
    return keys.new("bob")


@pytest.fixture
def secret(tmp_path, alice, bob):
    """``main`` with prime of seed 0 and PT of seed 1, all encrypted for alice and bob."""
    with store.init(
        tmp_path / "secret.jrk.h5", arrays(0), encrypt=True, key=alice, readers=["bob"]
    ) as model:
        model.commit(arrays(1), name="PT", optimizer={"m": np.ones(5)}, metrics={"loss": 0.5})
        yield model


def records(path, group) -> dict:
    with h5py.File(path) as file:
        return {name: file[group][name][()].tobytes() for name in file.get(group, ())}


def hkdf(secret: bytes, info: bytes, salt: bytes = b"", length: int = 32) -> bytes:
    """RFC 5869, section 2."""
    return expand(hmac.digest(salt or bytes(32), secret, "sha256"), info, length)


def expand(key: bytes, info: bytes, length: int) -> bytes:
    return hmac.digest(key, info + b"\x01", "sha256")[:length]


def hpke_open(data: bytes, private: X25519PrivateKey, info: bytes) -> bytes:
    """RFC 9180, sections 4.1 and 5.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM."""
    enc, sealed = data[:32], data[32:]

    def extract(suite, salt, label, key):
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + key, "sha256")

    def expanded(suite, key, label, info, length):
        return expand(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)

    kem, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    context = enc + private.public_key().public_bytes_raw()
    shared = expanded(kem, extract(kem, b"", b"eae_prk", shared), b"shared_secret", context, 32)
    context = b"\x00" + extract(suite, b"", b"psk_id_hash", b"")
    context += extract(suite, b"", b"info_hash", info)
    key = extract(suite, shared, b"secret", b"")
    cipher = AESGCM(expanded(suite, key, b"key", context, 32))
    return cipher.decrypt(expanded(suite, key, b"base_nonce", context, 12), sealed, b"")


def test_what_is_written_is_what_the_standards_say(secret, alice):
    """From the bytes of the file to the values, with none of the code that wrote them."""
    (ring,) = (json.loads(data) for data in records(secret.path, "keyring").values())
    (group,) = ring["groups"]
    (wrapped,) = group["keys"]
    private = X25519PrivateKey.from_private_bytes(
        hkdf(alice._private.private_bytes_raw(), b"jairika_nb 1 key for reading")
    )
    info = json.dumps([ring["ring"], "*", wrapped["id"]], separators=(",", ":")).encode()
    reading = private.public_key().public_bytes_raw().hex()
    wrap = bytes.fromhex(wrapped["wraps"][reading])
    key = hpke_open(wrap, private, b"jairika_nb keyring 1 key of a group\n" + info)
    found = {}
    for digest, data in records(secret.path, "coded").items():
        length = int.from_bytes(data[8:12], "little")
        head, payload = json.loads(data[12 : 12 + length]), data[12 + length : -32]
        assert data[:8] == b"JRKCODE\n" and blake3(data[:-32]).digest() == data[-32:]
        found[digest] = head["data"], payload
    values = {t.name: t for t in secret["main"]["PT"].tensors}
    for name, tensor in values.items():
        head, payload = found[tensor.digest]
        about = ["aes-256-gcm", wrapped["id"], tensor.digest, tensor.dtype, list(tensor.shape)]
        plain = AESGCM(hkdf(key, b"jairika_nb 1 values of objects")).decrypt(
            bytes.fromhex(head["nonce"]), payload, json.dumps(about, separators=(",", ":")).encode()
        )
        assert plain == np.ascontiguousarray(arrays(1)[name]).tobytes()
        kind = json.dumps([tensor.dtype, list(tensor.shape)], separators=(",", ":")).encode()
        names = hkdf(key, b"jairika_nb 1 names of objects")
        assert tensor.digest == blake3(kind + b"\n" + plain, key=names).hexdigest()
    nonces = [head["nonce"] for head, _ in found.values()]
    assert len(set(nonces)) == len(nonces) == 9


def test_a_passphrase_is_stretched_as_the_standard_says(tmp_path):
    with store.init(tmp_path / "a.jrk.h5", arrays(0), encrypt=True, passphrase="café") as model:
        (ring,) = (json.loads(data) for data in records(model.path, "keyring").values())
    (reader,) = ring["readers"]
    lock = reader["lock"]
    key = hashlib.scrypt(
        "café".encode(), salt=bytes.fromhex(lock["salt"]), n=1 << 4, r=8, p=1, dklen=32
    )
    about = json.dumps([ring["ring"], reader["reading"]], separators=(",", ":")).encode()
    private = AESGCM(key).decrypt(
        bytes.fromhex(lock["nonce"]),
        bytes.fromhex(lock["key"]),
        b"jairika_nb keyring 1 lock of a reader" + about,
    )
    public = X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
    assert public.hex() == reader["reading"] and ring["seal"] and "signed" not in ring
    with store.open(tmp_path / "a.jrk.h5", "a", passphrase="cafe\u0301") as model:
        assert same(model["main"].head.arrays(), arrays(0))
        model.commit(arrays(1))
    with (
        store.open(tmp_path / "a.jrk.h5", passphrase="cafe") as model,
        pytest.raises(KeyProblem, match="passphrase is wrong"),
    ):
        model["main"].head.arrays()


def test_readers_read_and_nobody_else(secret, alice, bob, monkeypatch):
    carol = keys.new("carol")
    for key in (alice, "bob", keys.folder() / "bob"):
        with store.open(secret.path, key=key) as opened:
            assert same(opened["main"]["PT"].arrays(), arrays(1)) and opened.verify().ok
            assert opened["main"]["PT"].optimizer_state()["m"].tolist() == [1.0] * 5
    monkeypatch.setenv("JRK_KEY", "bob")
    with store.open(secret.path) as opened:
        assert same(opened["main"]["prime"].arrays(lazy=True), arrays(0))
    monkeypatch.delenv("JRK_KEY")
    for key, why in ((None, "no key is at hand"), (carol, "the key 'carol' opens none")):
        with store.open(secret.path, key=key) as opened:
            head = opened["main"].head
            for use in (
                head.arrays,
                head.optimizer_state,
                lambda head=head: head.export("out.npz"),
                lambda head=head: head.changes(arrays(1)),
                lambda opened=opened: opened.diff("prime", "PT"),
            ):
                with pytest.raises(KeyProblem, match=f"encrypted for alice, bob, and {why}"):
                    use()


def test_without_a_key_all_that_needs_no_values_goes_on(secret, alice, tmp_path):
    with store.open(secret.path, "a") as opened:
        assert [each.name for each in opened.log()] == ["PT", "prime"]
        assert opened["main"]["PT"].metrics == {"loss": 0.5} and opened.info()["format"] == 2
        assert [t.shape for t in opened["main"]["PT"].tensors] == [
            a.shape for a in arrays(1).values()
        ]
        report = opened.verify()
        assert report.ok and report.sealed == 9 and "9 encrypted tensors not opened" in str(report)
        opened.derive("branch", iteration="prime")
        opened.revert("prime", name="back")
        opened.tag("v1")
        opened.push(tmp_path / "pushed.jrk.h5")
        opened.gc(0)
        with pytest.raises(KeyProblem, match=r"cannot decrypt '0\.weight' of variant 'main'"):
            opened.commit(arrays(2))
    for path in (secret.path, tmp_path / "pushed.jrk.h5"):
        with store.open(path, key=alice) as opened:
            assert opened.verify().ok and same(opened["main"]["back"].arrays(), arrays(0))


def test_nothing_of_the_values_is_in_the_file(secret, alice, tmp_path):
    data = secret.path.read_bytes()
    plain = {k: np.ascontiguousarray(v) for k, v in arrays(1).items() if v.nbytes >= 16}
    with store.init(tmp_path / "plain.jrk.h5", arrays(1)) as other:
        assert all(v.tobytes() in other.path.read_bytes() for v in plain.values())
    for values in plain.values():
        assert values.tobytes() not in data
        assert stored.object_digest(values).encode() not in data
    vault = secret._reader.ranges.vault
    for each in vault.opened.values():
        for part in (each._secret, each._names, each._values, alice._private.private_bytes_raw()):
            assert part not in data and part.hex().encode() not in data
            assert part.hex() not in f"{each!r} {vault!r} {secret.readers!r} {secret!r}"
        for kept in (each, vault):
            with pytest.raises(KeyProblem, match="out of this process"):
                pickle.dumps(kept)


def test_equal_values_are_kept_once_and_told_by_nobody_else(secret, alice, tmp_path):
    before = set(records(secret.path, "coded"))
    secret.commit({**arrays(1), "0.bias": arrays(3)["0.bias"]})
    assert len(set(records(secret.path, "coded")) - before) == 1
    with store.init(tmp_path / "other.jrk.h5", arrays(0), encrypt=True, key=alice) as other:
        assert not set(records(other.path, "coded")) & before
    assert secret["main"].head.changes({**arrays(1), "0.bias": arrays(4)["0.bias"]}) == ("0",)


def test_groups_hold_layers_and_the_optimisers_state_goes_with_them(tmp_path, alice, bob):
    with store.init(tmp_path / "a.jrk.h5", key=alice, encrypt=[FIRST, "main/*/1"]) as model:
        model.readers.add("bob", FIRST)
        model.commit(arrays(1), optimizer={"m": np.ones(3)}, training={"n": np.ones(2)})
        assert model.readers.groups == {FIRST: ("alice", "bob"), "main/*/1": ("alice",)}
        row = model["main"].head._row
        manifest = model._reader.manifest(row)
        places = model._reader.locations(row, manifest)
        sealed = {
            t.name for t, p in zip(manifest.tensors, places, strict=True) if coded.is_coded(p)
        }
        assert sealed == {"0.weight", "0.bias", "1.steps", "m", "n"}
    with store.open(tmp_path / "a.jrk.h5", key=bob) as opened:
        lazy = opened["main"].head.arrays(lazy=True)
        for name in ("0.weight", "0.bias", "encoder.mask"):
            assert np.array_equal(lazy[name], arrays(1)[name])
        with pytest.raises(KeyProblem, match=r"'1\.steps'.* for alice, and the key 'bob'"):
            lazy["1.steps"]
    with h5py.File(tmp_path / "a.jrk.h5") as file:
        assert list(file["variants/main/prime"]) == ["encoder"]


def test_what_was_there_before_stays_plain(model, alice):
    model.key = alice
    model.encrypt(FIRST)
    model.commit(arrays(1), name="same")
    head = {t.name: t.digest for t in model["main"]["same"].tensors}
    before = {t.name: t.digest for t in model["main"]["PT"].tensors}
    assert {k for k in head if head[k] != before[k]} == {"0.weight", "0.bias"}
    with pytest.raises(NameTaken, match="encrypted already"):
        model.encrypt(FIRST)
    with store.open(model.path) as opened:
        assert same(opened["main"]["PT"].arrays(), arrays(1))
        with pytest.raises(KeyProblem):
            opened["main"]["same"].arrays()


def test_readers_come_and_go(secret, alice, bob, tmp_path):
    carol = keys.new("carol")
    copy = tmp_path / "copy.jrk.h5"
    store.clone(secret.path, copy)
    secret.readers.add(carol.public.line).remove("bob")
    assert list(secret.readers) == ["alice", "carol"] and "bob" not in secret.readers
    coded_before = set(records(secret.path, "coded"))
    secret.commit({**arrays(1), "0.bias": arrays(2)["0.bias"]}, name="new")
    # What bob could read is not written again, what is new has a new key.
    assert len(set(records(secret.path, "coded")) - coded_before) == 1
    with store.open(secret.path, key=carol) as opened:
        assert all(
            same(opened["main"][n].arrays(), arrays(s)) for n, s in (("prime", 0), ("PT", 1))
        )
        assert np.array_equal(opened["main"]["new"].arrays()["0.bias"], arrays(2)["0.bias"])
    with store.open(secret.path, key=bob) as opened, pytest.raises(KeyProblem):
        opened["main"]["prime"].arrays()
    with store.open(copy, key=bob) as opened:  # as was said, an old copy stays readable
        assert same(opened["main"]["PT"].arrays(), arrays(1))
    secret.readers.remove("alice")
    with pytest.raises(StoreError, match="nobody else could read"):
        store.open(secret.path, "a", key=carol).readers.remove("carol")
    with pytest.raises(NotFound, match="did you mean 'carol'"):
        secret.readers.remove("caroll")
    with pytest.raises(KeyProblem, match="no key for reading"):
        secret.readers.add(" ".join(bob.public.line.split()[:3]))
    with store.open(secret.path, "a", key=alice) as opened, pytest.raises(KeyProblem):
        opened.commit(arrays(5))


def test_ciphertexts_move_as_they_are(secret, alice, bob, tmp_path):
    there = tmp_path / "there.jrk.h5"
    secret.derive("wide")
    with store.open(secret.path, "a") as opened:  # whoever moves them needs no key
        opened.push(there, "wide")
        opened.push(there)
        store.clone(secret.path, tmp_path / "clone.jrk.h5")
    wanted = records(secret.path, "coded")
    for path in (there, tmp_path / "clone.jrk.h5"):
        assert records(path, "coded") == wanted
        with store.open(path, "a", key=bob) as opened:
            assert same(opened["main"]["PT"].arrays(), arrays(1)) and opened.verify().ok
            assert opened.readers.groups == {"*": ("alice", "bob")}
            opened.commit(arrays(7), "main")
            secret.pull(path, "main") if path == there else None
    assert same(secret["main"].head.arrays(), arrays(7))


def test_a_change_of_readers_follows_what_was_pushed_before(secret, bob, tmp_path):
    pytest.importorskip("fsspec")
    copies = [str(tmp_path / "copy.jrk.h5"), f"local://{tmp_path}/published.jrk.h5"]
    for place in copies:
        secret.push(place)
    secret.readers.remove("bob")
    for place in copies:
        moved = secret.push(place)
        assert moved.readers and "who can read" in str(moved)
        assert str(secret.push(place)).startswith("nothing new")
        with (
            store.open(place, key=bob) as opened,
            pytest.raises(KeyProblem, match="for alice, and"),
        ):
            opened["main"].head.arrays()


def test_a_refused_pull_leaves_the_readers_as_they_are(secret, model):
    before = model.path.read_bytes()
    with pytest.raises(HeadMoved):
        model.pull(secret.path)
    assert model.path.read_bytes() == before


def test_another_models_layers_come_with_their_readers(secret, model, alice, bob):
    assert model.pull(secret.path, "main", into="theirs").iterations == {"theirs": 2}
    assert not model.readers.groups and len(model._reader.keyrings()) == 1
    with pytest.raises(KeyProblem):
        model["theirs"].head.arrays()
    model.key = bob
    assert same(model["theirs"].head.arrays(), arrays(1))
    model.commit(arrays(9))  # this model itself encrypts nothing
    assert not model["main"].head.changes(arrays(9))
    with pytest.raises(Untrusted, match="no longer encrypts"):
        model.commit(arrays(9), "theirs")
    model.encrypt("theirs")
    model.commit(arrays(9), "theirs")
    assert model.verify().ok and model.gc(0) and model.verify().ok
    model.key = None
    with store.open(model.path) as opened:
        assert same(opened["main"].head.arrays(), arrays(9))
        with pytest.raises(KeyProblem, match="encrypted for bob"):
            opened["theirs"].head.arrays()


def test_merges_and_differences_work_with_the_key(secret):
    secret.derive("left")
    secret.commit({**arrays(1), "0.bias": arrays(2)["0.bias"]}, "left")
    secret.commit({**arrays(1), "0.bias": arrays(4)["0.bias"]}, "main")
    done = secret.merge("left", strategy="mean")
    wanted = (arrays(2)["0.bias"].astype(float) + arrays(4)["0.bias"]) / 2
    assert np.allclose(done.iteration.arrays()["0.bias"], wanted, rtol=1e-6)
    found = done.iteration._reader.locations(done.iteration._row, done.iteration._manifest)
    assert all(map(coded.is_coded, found))
    changed = {each.layer: each.norms.l2 for each in secret.diff("prime", "PT").changed}
    expected = np.sqrt(
        sum(
            ((arrays(1)[k].astype(float) - arrays(0)[k]) ** 2).sum() for k in ("0.weight", "0.bias")
        )
    )
    assert changed["0"] == pytest.approx(expected)


def test_networks_predict_under_a_cap_and_outlive_their_model(tmp_path, alice, device):
    net = nn.Sequential(nn.Linear(96, 96), nn.Linear(96, 96), nn.Linear(96, 96))
    x, pagers, fill = np.ones((2, 96), np.float32), [], paging.fill

    def watched(*given):
        pagers.append(fill(*given))

    with (
        pytest.MonkeyPatch.context() as patch,
        store.init(tmp_path / "a.jrk.h5", net, encrypt=True, key=alice) as model,
    ):
        patch.setattr(paging, "fill", watched)
        head = model["main"].head
        eager, lazy = head.load(), head.load(lazy=True)
        capped = head.load(lazy=True, cap=50_000)  # one layer of three
    weights = [value.node.pages for name, value in capped.state_dict().items() if "weight" in name]
    wanted = np.asarray(net(x))
    for each in (eager, lazy, capped, capped):
        assert np.array_equal(np.asarray(each(x)), wanted)
        there = sum(pages.held is not None for pages in weights)
        assert there == (1 if each is capped else 0)
    assert pagers[1].resident <= pagers[1].cap
    # Whatever looks at values gets them: derivatives through layers that were let go, state.
    found, right = ((each(x) ** 2).sum().backward(each) for each in (capped, net))
    for name, gradient in right.items():
        assert np.allclose(np.asarray(found[name]), np.asarray(gradient), rtol=1e-5), name
    for name, value in net.state_dict().items():
        assert np.array_equal(np.asarray(capped.state_dict()[name]), np.asarray(value))


def test_all_kinds_of_values_come_back(tmp_path, alice):
    values = {
        "a.empty": np.zeros((0, 3), np.float32),
        "a.number": np.float64(2.5),
        "a.truth": np.array([True, False]),
        "a.large": np.arange((1 << 20) // 2 + 5, dtype=np.int16),  # more than a piece
        "a.text": np.frombuffer(b"attack at dawn" * 10, np.uint8),
    }
    with store.init(tmp_path / "a.jrk.h5", values, encrypt=True, key=alice) as model:
        assert same(model["main"].head.arrays(), values) and model.verify().ok
        assert b"attack at dawn" not in model.path.read_bytes()


def test_what_is_refused(model, tmp_path, alice):
    with pytest.raises(KeyProblem, match="without a key or a passphrase"):
        model.encrypt()
    with pytest.raises(StoreError, match="encrypts nothing, though a passphrase"):
        store.open(model.path, passphrase="hello")
    with pytest.raises(StoreError, match="encrypts nothing yet"):
        model.readers.add("alice")
    with pytest.raises(jrk.errors.ArgumentError, match="give encrypt too"):
        store.init(tmp_path / "a.jrk.h5", passphrase="hello")
    with pytest.raises(KeyProblem, match="empty passphrase"):
        store.init(tmp_path / "a.jrk.h5", encrypt=True, passphrase="")
    with pytest.raises(jrk.errors.ArgumentError, match="no path"):
        model.encrypt("a/b/c/d")
    with pytest.raises(NotFound, match="did you mean 'alice'"):
        store.init(tmp_path / "a.jrk.h5", encrypt=True, key=alice, readers=["alise"])
    assert not (tmp_path / "a.jrk.h5").exists()


def test_without_the_package_an_encrypted_model_is_listed(secret, monkeypatch):
    with store.open(secret.path) as opened:
        monkeypatch.setitem(sys.modules, "cryptography", None)
        assert len(opened.log()) == 2 and opened.verify().ok and opened.verify().sealed == 9
        with pytest.raises(MissingPackage, match=r"jairika-nb\[secure\]"):
            opened["main"].head.arrays()


def test_trust_is_asked_before_anything_is_encrypted_for_a_list(secret, bob, tmp_path, monkeypatch):
    """To one who trusts nobody else, the readers that alice has chosen are anyone's word."""
    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "another"))
    with store.open(secret.path, "a", key=bob) as opened:
        assert same(opened["main"].head.arrays(), arrays(1))
        with pytest.raises(Untrusted, match=r"signed by unknown key SHA256:.*`jrk key trust`"):
            opened.commit(arrays(2))
        signer = secret.key.public
        trust.add(signer.line)
        opened.commit(arrays(2))


def test_cold_history_leaves_encrypted_layers_as_they_are(tmp_path, alice):
    """No difference of decrypted values is ever written."""
    pytest.importorskip("zstandard")
    big = np.random.default_rng(0).standard_normal((40, 40)).astype(np.float32)
    with store.init(tmp_path / "a.jrk.h5", key=alice, encrypt=FIRST) as model:
        for step in range(4):
            model.commit({"0.weight": big + step * 1e-6, "1.weight": big + step * 1e-6})
        before = records(model.path, "coded")
        model.gc(0, cold=True)
        after = records(model.path, "coded")
        assert before.items() <= after.items() and len(before) == 4
        assert {data[12:60].partition(b'"codec":"')[2][:5] for data in after.values()} > {b"aes-2"}
        for number, name in enumerate(model["main"].iterations):
            found = model["main"][name].arrays()
            assert all(np.array_equal(v, big + number * 1e-6) for v in found.values())
        assert model.verify().ok


PATHS = ("*", "main", "*/PT", "main/*/0", "wide/*/1", "*/p*/encoder*")


@pytest.mark.parametrize("path", PATHS)
def test_a_key_opens_the_groups_of_its_owner_and_no_others(tmp_path, alice, bob, path):
    """Two groups, two readers, variants, iterations and layers: as a table of globs says."""
    carol = keys.new("carol")
    place = tmp_path / "a.jrk.h5"
    groups = list(dict.fromkeys([path, "*"]))
    with store.init(place, arrays(0), key=alice, encrypt=groups) as model:
        model.readers.add("bob", path)
        if path != "*":
            model.readers.add("carol", "*")
        model.commit(arrays(1), name="PT")
        model.commit(arrays(2), model.derive("wide").name, name="PT")
    parts = [*path.split("/"), "*", "*"][:3]
    for key in (bob, carol):
        with store.open(place, key=key) as opened:
            for variant, name in (("main", "prime"), ("main", "PT"), ("wide", "PT")):
                lazy = opened[variant][name].arrays(lazy=True)
                for tensor in lazy:
                    asked = variant, name, tensor.rpartition(".")[0]
                    inside = all(map(fnmatch.fnmatchcase, asked, parts))
                    if inside == (key is bob):
                        assert lazy[tensor].shape == arrays(0)[tensor].shape
                    else:
                        with pytest.raises(KeyProblem):
                            lazy[tensor]
