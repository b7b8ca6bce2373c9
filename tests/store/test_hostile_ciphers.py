"""Encrypted files that somebody without a key has changed: one clean error, and nothing leaks."""

from __future__ import annotations

import copy
import struct

import numpy as np
import pytest
from states import same

pytest.importorskip("cryptography")
from test_hostile_files import lead_to

from jairika_nb import store
from jairika_nb.errors import Damaged, JairikaError, KeyProblem, Untrusted
from jairika_nb.store import canonical, cipher, coded, keyring, keys, rekeying
from jairika_nb.store.keyring import Keyring
from jairika_nb.store.slots import Root
from jairika_nb.store.vault import Vault

pytestmark = pytest.mark.usefixtures("settings")
NAMES = ("0.weight", "0.twin", "1.weight")


def values(seed: int = 0) -> dict[str, np.ndarray]:
    """Three tensors of one shape; the last is in a group of its own."""
    random = np.random.default_rng(seed)
    return {name: random.standard_normal((4, 5)).astype(np.float32) for name in NAMES}


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A key of somebody whom alice does not know."""
    with monkeypatch.context() as patch:
        patch.setenv("JRK_CONFIG_DIR", str(tmp_path / "elsewhere"))
        return keys.new("mallory")


@pytest.fixture
def path(tmp_path, alice):
    """A model whose every layer is encrypted for alice."""
    place = tmp_path / "secret.jrk.h5"
    with store.init(place, values(), encrypt=["*/*/1", "*"], key=alice):
        return place


def placed(path) -> dict:
    """Where each tensor of the newest iteration lies, by name."""
    with store.open(path) as model:
        row = model["main"].head._row
        manifest = model._reader.manifest(row)
        places = model._reader.locations(row, manifest)
        return {t.name: (t, p) for t, p in zip(manifest.tensors, places, strict=True)}


def replaced(path, name: str, edit) -> None:
    """Let ``edit`` change codec, data and payload of an object, and make the rest agree."""
    offset, length = coded.extent(placed(path)[name][1])
    data = bytearray(path.read_bytes())
    with store.open(path) as model:
        found = coded.unpacked(model._reader.ranges, placed(path)[name][1], name)
        codec, head, payload = found.codec, dict(found.data), bytearray(found.payload)
    made = coded.packed(*edit(codec, head, payload))
    assert len(made) == length
    data[offset : offset + length] = made
    path.write_bytes(data)


def flip(at: int):
    def edit(codec, head, payload):
        payload[at] ^= 1
        return codec, head, payload

    return edit


def with_head(**changed):
    return lambda codec, head, payload: (codec, {**head, **changed}, payload)


def swapped(path) -> None:
    """The ciphertext of one tensor in the place of another of its group, dtype and shape."""
    found = placed(path)
    data = bytearray(path.read_bytes())
    (one, length), (other, same_length) = (
        coded.extent(found[name][1]) for name in ("0.weight", "0.twin")
    )
    assert length == same_length
    kept = bytes(data[one : one + length])
    data[one : one + length] = data[other : other + length]
    data[other : other + length] = kept
    path.write_bytes(data)


def relocated(path, change) -> None:
    """Let ``change`` edit the place of the first tensor of the newest iteration."""
    with store.open(path) as model:
        offset, _ = model["main"].head._row.at["locations"]
    data = bytearray(path.read_bytes())
    place = struct.unpack_from("<QQ", data, offset)
    data[offset : offset + 16] = struct.pack("<QQ", *change(data, place))
    path.write_bytes(data)


def in_plain(data, place):
    """Plain values of the attacker's in the place of encrypted ones."""
    data += bytes(80)
    return len(data) - 80, 80


def other_group(path):
    with store.open(path) as model:
        (ring,) = model._reader.keyrings()
        return ring.group_of("main", "prime", "1").keys[0].id


CHANGED = {
    "a byte of the ciphertext": lambda path: replaced(path, "0.weight", flip(3)),
    "a byte of the tag": lambda path: replaced(path, "0.weight", flip(-1)),
    "another nonce": lambda path: replaced(path, "0.weight", with_head(nonce="00" * 12)),
    "the key of another group": lambda path: replaced(
        path, "0.weight", with_head(key=other_group(path))
    ),
    "another tensor's ciphertext": swapped,
    "plain values": lambda path: relocated(path, in_plain),
    "a short place": lambda path: relocated(path, lambda data, p: (p[0], p[1] - 1)),
    "a place past the end": lambda path: relocated(path, lambda data, p: (p[0], p[1] + (1 << 40))),
    "a place of no length": lambda path: relocated(path, lambda data, p: (p[0], coded.FLAG)),
    "a nonce that is none": lambda path: replaced(path, "0.weight", with_head(nonce="g" * 24)),
    "a key that is none": lambda path: replaced(
        path, "0.weight", with_head(key="../../keys/abcde")
    ),
}


@pytest.mark.parametrize("kind", CHANGED)
def test_what_was_changed_is_never_given_as_values(path, alice, kind):
    CHANGED[kind](path)
    with store.open(path, key=alice) as opened:
        for read in (
            lambda: opened["main"].head.arrays(),
            lambda: dict(opened["main"].head.arrays(lazy=True)),
        ):
            with pytest.raises(Damaged, match=r"0\.weight|locations|record") as caught:
                read()
            assert "\n" not in str(caught.value)
        assert not opened.verify().ok
    with store.open(path) as opened:  # and without a key it is one clean error too
        assert opened.info() and opened.log()
        with pytest.raises(JairikaError):
            opened["main"].head.arrays()


def test_a_key_that_the_file_does_not_know(path, alice):
    replaced(path, "0.weight", with_head(key="0" * 16))
    with (
        store.open(path, key=alice) as opened,
        pytest.raises(KeyProblem, match="for nobody that this file knows"),
    ):
        opened["main"].head.arrays()


def rekeyed(path, change) -> None:
    """Let ``change`` make another keyring's JSON, or None for no keyring at all."""
    with store.open(path) as model:
        root, catalogue = model._reader.root, model._reader.catalogue.to_json()
        (ring,) = model._reader.keyrings()
    data, made = bytearray(path.read_bytes()), change(ring.to_json())
    if made is None:
        catalogue = {k: v for k, v in catalogue.items() if k not in ("keyrings", "encrypts")}
    else:
        text = made if isinstance(made, bytes) else canonical.encoded(made)
        at = {"offset": len(data), "length": len(text), "digest": canonical.digest(text)}
        data += text
        catalogue["keyrings"] = [at]
    text = canonical.encoded(catalogue)
    place = len(data), len(text), canonical.digest(text)
    data += text
    lead_to(data, Root(root.generation, *place, len(data), 0, root.format))
    path.write_bytes(data)


def of_another_model(tmp_path, key, encrypt=("*/*/1", "*")) -> dict:
    """The keyring of a second model of the same owner."""
    with store.init(tmp_path / "second.jrk.h5", values(), encrypt=encrypt, key=key) as model:
        return model._reader.keyrings()[0].to_json()


def wraps(ring: dict, change) -> dict:
    made = copy.deepcopy(ring)
    for group in made["groups"]:
        for key in group["keys"]:
            key["wraps"] = {reading: change(group, text) for reading, text in key["wraps"].items()}
    return made


def test_a_wrapped_key_opens_nothing_elsewhere(path, alice, tmp_path):
    """Of another model, another group, or with one bit changed: it is bound to where it stands."""
    original = path.read_bytes()
    other = of_another_model(tmp_path, alice)
    with store.open(path) as model:
        mine = model._reader.keyrings()[0].to_json()
    groups = [next(iter(g["keys"][0]["wraps"].values())) for g in mine["groups"]]
    theirs = [next(iter(g["keys"][0]["wraps"].values())) for g in other["groups"]]
    changes = {
        "another model": lambda group, text: theirs[0],
        "the other group": lambda group, text: groups[text == groups[0]],
        "a bit": lambda group, text: text[:-1] + ("0" if text[-1] != "0" else "1"),
        "a weak point": lambda group, text: "00" * 32 + text[64:],
    }
    for name, change in changes.items():
        path.write_bytes(original)
        rekeyed(path, lambda ring, change=change: wraps(ring, change))
        with store.open(path, key=alice) as opened:
            with pytest.raises(KeyProblem, match="the key 'alice' opens none of that"):
                opened["main"].head.arrays()
            assert opened.verify().ok, name  # the ciphertexts are whole


def test_the_whole_keyring_of_another_model_neither_reads_nor_writes(path, alice, tmp_path):
    rekeyed(path, lambda ring: of_another_model(tmp_path, alice))
    with store.open(path, "a", key=alice) as opened:
        with pytest.raises(KeyProblem, match="nobody that this file knows"):
            opened["main"].head.arrays()
        with pytest.raises(Untrusted, match="its keyring lacks their keys"):
            opened.commit(values(1))


def added(ring: Keyring, key, stranger) -> Keyring:
    """The keyring with a group of the stranger's own, whose key they know."""
    vault = Vault(stranger)
    group = rekeying.grouped(
        Keyring(ring.ring, ring.version + 1, ring.readers, ()), vault, "*",
        [keyring.Reader("alice", key.public.reading)],
    ).groups[0]  # fmt: skip
    groups = [*ring.groups[:-1], keyring.Group("*", (*ring.groups[-1].keys, *group.keys))]
    readers = (*ring.readers, keyring.Reader("mallory", stranger.public.reading))
    return Keyring(ring.ring, ring.version + 1, readers, tuple(groups), ring.signed)


REWRITTEN = {
    "unsigned": lambda ring, stranger: ring.vouched(None, []),
    "with the old signature": lambda ring, stranger: ring,
    "signed by the stranger": lambda ring, stranger: ring.vouched(stranger, []),
    "sealed by the stranger": lambda ring, stranger: ring.vouched(None, [b"x" * 32]),
    "in another's name": lambda ring, stranger: Keyring.from_json(
        {
            **ring.vouched(stranger, []).to_json(),
            "signed": [ring.signed[0], ring.vouched(stranger, []).signed[1]],
        }
    ),
}


@pytest.mark.parametrize("kind", REWRITTEN)
def test_who_can_write_the_file_cannot_make_themselves_a_reader(path, alice, stranger, kind):
    def change(ring):
        ring = Keyring.from_json(ring)
        return REWRITTEN[kind](added(ring, alice, stranger), stranger).to_json()

    rekeyed(path, change)
    before = path.stat().st_size
    with store.open(path, "a", key=alice) as opened:
        assert same(opened["main"].head.arrays(), values())
        for write in (
            lambda: opened.commit(values(1)),
            lambda: opened.encrypt("main"),
            lambda: opened.readers.remove("mallory"),
        ):
            with pytest.raises(Untrusted, match="cannot encrypt for the readers"):
                write()
        assert opened["main"].iterations == ("prime",)
    assert path.stat().st_size == before


def test_a_file_that_no_longer_encrypts_takes_no_commit(path, alice):
    rekeyed(path, lambda ring: None)
    with store.open(path, "a", key=alice) as opened:
        with pytest.raises(Untrusted, match="this file no longer encrypts"):
            opened.commit(values(1))
        assert opened["main"].iterations == ("prime",)


def test_an_older_keyring_does_not_bring_a_reader_back(path, alice, tmp_path):
    bob = keys.new("bob")
    with store.open(path, "a", key=alice) as model:
        old = model.readers.add("bob")._ring.to_json()
        model.readers.remove("bob")
        model.commit(values(1), name="after")
    rekeyed(path, lambda ring: old)
    with store.open(path, "a", key=alice) as opened, pytest.raises(Untrusted, match="lacks"):
        opened.commit(values(2))
    with store.open(path, key=bob) as opened, pytest.raises(KeyProblem):
        opened["main"]["after"].arrays()


def test_a_passphrase_vouches_for_its_readers_alone(tmp_path, stranger):
    place = tmp_path / "a.jrk.h5"
    store.init(place, values(), encrypt=True, passphrase="one").close()

    def change(ring):
        made = Keyring.from_json(ring)
        reader = made.readers[0]
        vault = Vault(stranger)
        group = rekeying.grouped(
            Keyring(made.ring, 2, (), ()), vault, "*", [keyring.Reader("mallory-2", reader.reading)]
        ).groups[0]
        groups = (keyring.Group("*", (*made.groups[0].keys, *group.keys)),)
        return Keyring(made.ring, 2, made.readers, groups, seal=made.seal).to_json()

    rekeyed(place, change)
    with store.open(place, "a", passphrase="one") as opened:
        assert same(opened["main"].head.arrays(), values())
        with pytest.raises(Untrusted, match="signed by no key at all"):
            opened.commit(values(1))


def set_in(*keys_and_value):
    *places, last, value = keys_and_value

    def change(ring):
        at = ring
        for key in places:
            at = at[key]
        at[last] = value
        return ring

    return change


LOCK = {"cost": 1 << 4, "salt": "00" * 16, "nonce": "00" * 12, "key": "00" * 48}
NO_KEYRINGS = {
    "no JSON": lambda ring: b"{" * 100,
    "a list": lambda ring: [],
    "no readers": set_in("readers", None),
    "a reader that is none": set_in("readers", ["alice"]),
    "a name with a slash": set_in("readers", 0, "name", "../alice"),
    "a key that is none": set_in("readers", 0, "reading", "x" * 64),
    "a thousand readers more": lambda ring: {**ring, "readers": ring["readers"] * 1001},
    "a lock that costs all memory": set_in("readers", 0, "lock", {**LOCK, "cost": 1 << 40}),
    "a lock of an odd cost": set_in("readers", 0, "lock", {**LOCK, "cost": 3}),
    "a lock that is half": set_in("readers", 0, "lock", {"cost": 16}),
    "many locks": lambda ring: {**ring, "readers": [{**ring["readers"][0], "lock": LOCK}] * 9},
    "a group without a key": set_in("groups", 0, "keys", []),
    "a path of five parts": set_in("groups", 0, "path", "a/b/c/d/e"),
    "a wrap that is short": set_in("groups", 0, "keys", 0, "wraps", {"0" * 64: "00"}),
    "a wrap for no key": set_in("groups", 0, "keys", 0, "wraps", {"alice": "00" * 80}),
    "a key's id that is none": set_in("groups", 0, "keys", 0, "id", "../x"),
    "a signature of three": set_in("signed", ["0" * 64] * 3),
    "a negative version": set_in("version", -1),
}


@pytest.mark.parametrize("kind", NO_KEYRINGS)
def test_what_is_no_keyring_is_damage(path, alice, kind):
    rekeyed(path, NO_KEYRINGS[kind])
    with store.open(path, "a", key=alice) as opened:
        assert opened.log() and opened.info()
        for use in (lambda: opened["main"].head.arrays(), lambda: opened.commit(values(1))):
            with pytest.raises(Damaged) as caught:
                use()
            assert "\n" not in str(caught.value)
        assert not opened.verify().ok


def test_a_pull_does_not_take_a_strangers_list_of_readers(path, alice, stranger, tmp_path):
    mine = tmp_path / "mine.jrk.h5"
    store.clone(path, mine)

    def change(ring):
        ring = Keyring.from_json(ring)
        return added(ring, alice, stranger).vouched(stranger, []).to_json()

    with store.open(path, "a", key=alice) as model:
        model.commit(values(1))
    rekeyed(path, change)
    with store.open(mine, "a", key=alice) as model:
        moved = model.pull(path)
        assert "by somebody you do not trust" in moved.notes[0]
        assert list(model.readers) == ["alice"] and same(model["main"].head.arrays(), values(1))
        model.commit(values(2))


def test_keys_do_not_show_in_errors(path, alice):
    secrets = [alice._private.private_bytes_raw()]
    with store.open(path, key=alice) as opened:
        opened["main"].head.arrays()
        secrets += [k._secret for k in opened._reader.ranges.vault.opened.values()]
    replaced(path, "0.weight", flip(0))
    with store.open(path, key=alice) as opened, pytest.raises(Damaged) as caught:
        opened["main"].head.arrays()
    seen = []
    error: BaseException | None = caught.value
    while error is not None:
        seen += [repr(error), str(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    for secret in secrets:
        assert secret.hex() not in str(seen) and repr(secret) not in str(seen)


def test_one_nonce_never_serves_twice():
    key = cipher.new()
    from jairika_nb.store.manifest import Tensor

    tensor = Tensor("w", "weight", "0" * 64, "<f4", (2,))
    made = [key.sealed(tensor, np.zeros(2, np.float32)) for _ in range(200)]
    assert len({head["nonce"] for head, _ in made}) == len({bytes(p) for _, p in made}) == 200
