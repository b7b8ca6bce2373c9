"""Signatures of iterations: who made what, told by keys the user trusts, never by a file."""

from __future__ import annotations

import base64
import hmac
import os
import pickle
import shutil
import stat
import subprocess
import sys

import pytest
from states import FIRST, arrays, same

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from test_hostile_files import forge, set_in, with_manifest

from jairika_nb import store
from jairika_nb.errors import Damaged, KeyProblem, MissingPackage, NameTaken, NotFound, Untrusted
from jairika_nb.store import keys, trust
from jairika_nb.store.keys import Key

pytestmark = pytest.mark.usefixtures("settings")
# RFC 8032, section 7.1, test 1.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
OF_NOTHING = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b4"
    "6bd25bf5f0595bbe24655141438e7a100b"
)


@pytest.fixture
def stranger():
    """A key that nobody trusts."""
    return Key(Ed25519PrivateKey.from_private_bytes(SEED), "stranger")


def rows(path):
    with store.open(path) as model:
        return list(model._reader.rows())


def test_keys_sign_as_the_standard_says(stranger):
    assert stranger.public.signing == PUBLIC and stranger.sign(b"").hex() == OF_NOTHING
    # RFC 5869 by hand: extract without salt, expand to one block.
    drawn = hmac.digest(
        hmac.digest(bytes(32), SEED, "sha256"), b"jairika_nb 1 key for reading\x01", "sha256"
    )
    reading = X25519PrivateKey.from_private_bytes(drawn).public_key().public_bytes_raw().hex()
    assert stranger.public.reading == reading
    assert keys.parsed(stranger.public.line) == stranger.public


def test_a_commit_is_signed_over_its_id(model, alice):
    made = model.commit(arrays(2), sign="alice")
    (signature,) = rows(model.path)[-1].signatures
    assert signature[0] == alice.public.signing
    private = keys._read(keys.folder() / "alice")
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    wanted = load_ssh_private_key(private, None).sign(
        b"jairika_nb iteration 1\n" + bytes.fromhex(made.id)
    )
    assert signature[1] == wanted.hex()
    assert (made.signature.state, made.signature.by) == ("trusted", "alice")
    assert model["main"]["PT"].signature.state == "unsigned"
    assert model.info()["variants"][0]["iterations"][2]["signature"]["text"] == "signed by alice"
    report = model.verify()
    assert report.ok and dict(report.signatures) == {"unsigned": 2, "signed by alice": 1}


def test_a_signature_changes_no_id(tmp_path, alice):
    ids = []
    for name, key in (("one", None), ("two", alice)):
        with store.init(tmp_path / f"{name}.jrk.h5", arrays(1), time=FIRST, key=key) as model:
            ids.append(model["main"].head.id)
    assert ids[0] == ids[1]


def test_what_the_model_or_the_environment_names_signs_all_that_is_made(model, alice, monkeypatch):
    monkeypatch.setenv("JRK_KEY", "alice")
    made = [model.commit(arrays(2)), model.derive("wide").head, model.revert("prime")]
    made += [model.commit(arrays(4), variant="wide")]
    made += [model.merge("wide", strategy="theirs").iteration]
    assert {each.signature.state for each in made} == {"trusted"}
    assert model.commit(arrays(5), sign=False).signature.state == "unsigned"
    monkeypatch.delenv("JRK_KEY")
    with store.open(model.path, "a", key=alice) as opened:
        assert opened.commit(arrays(6)).signature.by == "alice"
    with store.open(model.path, "a") as opened:
        assert opened.commit(arrays(7)).signature.state == "unsigned"
        with pytest.raises(KeyProblem, match="no key was named"):
            opened.sign()


def test_an_old_iteration_can_be_signed_in_any_segment(model, alice, stranger):
    for n in range(20):  # more than a tail
        model.commit(arrays(0), name=f"n{n}")
    ids = [row.id for row in rows(model.path)]
    assert model.sign("prime", alice).signature.state == "trusted"
    assert model.sign("n3", stranger).signature.state == "unknown"
    model.sign("n3", alice)
    model.sign("n3", alice)  # replaces its own
    assert model["main"]["n3"].signature.by == "alice"
    found = rows(model.path)
    assert [row.id for row in found] == ids and len(model["main"]["n3"]._row.signatures) == 2
    assert sum(bool(row.signatures) for row in found) == 2 and model.verify().ok
    assert model.reflog()[0].verb == "sign"


def test_signatures_travel_and_survive_gc(model, alice, tmp_path):
    model.commit(arrays(2), sign=alice)
    there = tmp_path / "there.jrk.h5"
    model.push(there)
    assert rows(there)[-1].signatures
    model.sign("prime", alice)  # later than the push
    moved = model.push(there)
    assert moved.signatures == 1 and "signatures of 1" in str(moved)
    assert "nothing new" in str(model.push(there))
    store.clone(there, tmp_path / "clone.jrk.h5")
    with store.open(tmp_path / "clone.jrk.h5", "a") as clone:
        clone.gc(0)
        signed = [each.signature.state for each in reversed(clone.log())]
        assert signed == ["trusted", "unsigned", "trusted"] and clone.verify().ok


def test_trust_is_the_users_and_never_the_files(model, stranger):
    made = model.commit(arrays(2), sign=stranger)
    assert str(made.signature) == f"signed by unknown key {stranger.public.fingerprint}"
    trust.add(stranger.public.line, "bob")
    assert str(made.signature) == "signed by bob"
    with pytest.raises(NameTaken, match="that name is the key"):
        trust.add(keys.new("bob2").public.line, "bob")
    trust.forget("bob")
    assert made.signature.state == "unknown"
    with pytest.raises(NotFound):
        trust.forget("bob")


def uses(iteration):
    """Everything that takes more of an iteration than its line in a list."""
    return (
        lambda: iteration.arrays(),
        lambda: iteration.arrays(lazy=True),
        lambda: iteration.architecture,
        lambda: iteration.load(),
        lambda: iteration.optimizer_state(),
        lambda: iteration.training_state(),
        lambda: iteration.author,
        lambda: iteration.tensors,
    )


def test_a_key_that_took_the_name_of_another_is_told_apart(model, alice):
    made = model.commit(arrays(7), sign=alice)
    assert made.signature.state == "trusted"
    for each in keys.folder().iterdir():
        each.unlink()
    keys.new("alice")
    assert made.signature.state == "unknown"


def test_where_signatures_are_required_others_are_listed_and_not_used(model, alice, stranger):
    model.commit(arrays(2), name="mine", sign=alice)
    model.commit(arrays(3), name="theirs", sign=stranger)
    with store.open(model.path, "a", require_signed=True) as opened:
        assert [each.name for each in opened.log()] == ["theirs", "mine", "PT", "prime"]
        assert same(opened["main"]["mine"].arrays(), arrays(2))
        for name, why in (("PT", "unsigned"), ("theirs", "unknown key SHA256:")):
            for use in uses(opened["main"][name]):
                with pytest.raises(Untrusted, match=f"signatures are required: .*{why}"):
                    use()
        for change in (
            lambda: opened.derive("wide"),
            lambda: opened.revert("PT"),
            lambda: opened.diff("PT", "mine"),
        ):
            with pytest.raises(Untrusted):
                change()
        assert not opened.verify().ok and len(opened.verify().problems) == 3
        opened.gc(0)
        trust.add(stranger.public.line, "bob")
        assert same(opened["main"]["theirs"].arrays(), arrays(3))
        assert opened.derive("wide", iteration="mine", switch=True).name == "wide"


def test_a_pull_that_requires_signatures_moves_all_or_nothing(model, alice, tmp_path):
    there = tmp_path / "there.jrk.h5"
    store.clone(model.path, there)
    model.commit(arrays(2), sign=alice)
    with store.open(there, "a") as opened:
        model.commit(arrays(3), sign=False)
        with pytest.raises(Untrusted, match="unsigned"):
            opened.pull(model.path, require_signed=True)
        assert len(opened["main"]) == 2
        model.sign(key=alice)
        assert opened.pull(model.path, require_signed=True).iterations == {"main": 2}
    with pytest.raises(Untrusted):
        store.clone(model.path, tmp_path / "clone.jrk.h5", require_signed=True)
    assert not (tmp_path / "clone.jrk.h5").exists()


def other_signature(catalogue, data):
    """The signature of another iteration, by the same key."""
    catalogue["tail"][-1]["signatures"] = catalogue["tail"][-2]["signatures"]
    return catalogue


def flipped(catalogue, data):
    key, text = catalogue["tail"][-1]["signatures"][0]
    catalogue["tail"][-1]["signatures"] = [[key, text[:-1] + ("0" if text[-1] != "0" else "1")]]
    return catalogue


def new_values(manifest, row, data):
    """The newest iteration with other values and its old signature."""
    manifest["tensors"] = manifest["tensors"][:-1]


HOSTILE = {
    "signature of another iteration": (other_signature, "bad signature of alice"),
    "one digit of the signature": (flipped, "bad signature of alice"),
    "an iteration of other values": (with_manifest(new_values), "bad signature of alice"),
    "signature taken away": (set_in("tail", -1, "signatures", []), "unsigned"),
    "signature of no key": (
        set_in("tail", -1, "signatures", [["ff" * 32, "00" * 64]]),
        "bad signature of SHA256:",
    ),
    "another message in the list": (set_in("tail", -1, "message", "best"), "another message"),
    "another measure in the list": (set_in("tail", -1, "metrics", {"a": 1.0}), "another metrics"),
    "another time in the list": (set_in("tail", -1, "time", 1), "another time"),
    "another parent in the list": (set_in("tail", -1, "parents", []), "another parents"),
    "another name in the list": (set_in("tail", -1, "name", "best"), "does not agree"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_was_signed_is_all_that_counts(model, alice, kind):
    change, why = HOSTILE[kind]
    model.commit(arrays(2), name="one", sign=alice)
    model.commit(arrays(3), name="two", sign=alice)
    forge(model.path, change)
    with store.open(model.path, require_signed=True) as opened:
        assert why in str(opened.log()[0].signature)
        with pytest.raises(Untrusted, match="refused, since signatures are required") as caught:
            opened.log()[0].arrays()
        assert why in str(caught.value) and "\n" not in str(caught.value)
        report = opened.verify()
        assert not report.ok and any(why in each for each in report.problems)
        assert same(opened["main"]["one"].arrays(), arrays(2))
    with store.open(model.path) as opened:
        assert opened.verify().ok == (why == "unsigned")


NO_SIGNATURES = {
    "no list": {},
    "too many": [["0" * 64, "0" * 128]] * 17,
    "three parts": [["0" * 64, "0" * 128, ""]],
    "a short key": [["0" * 62, "0" * 128]],
    "a long signature": [["0" * 64, "0" * 130]],
    "no digits": [["0" * 64, "x" * 128]],
}


@pytest.mark.parametrize("kind", NO_SIGNATURES)
def test_what_is_no_signature_is_damage(model, kind):
    forge(model.path, set_in("tail", -1, "signatures", NO_SIGNATURES[kind]))
    with pytest.raises(Damaged):
        store.open(model.path)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_a_key_that_others_could_read_is_not_used(alice, settings):
    place = settings / "keys" / "alice"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    place.chmod(0o640)
    with pytest.raises(KeyProblem, match="others may read"):
        keys.found("alice")
    trust.add(Key(Ed25519PrivateKey.generate(), "bob").public.line)
    trust.place().chmod(0o666)
    with pytest.raises(KeyProblem, match="others may add"):
        trust.trusted()


def test_keys_are_found_by_name_and_file_and_asked_for_a_passphrase(alice, tmp_path):
    assert keys.found("alice").public == keys.found(keys.folder() / "alice").public == alice.public
    with pytest.raises(NotFound, match="did you mean 'alice'"):
        keys.found("alise")
    with pytest.raises(NameTaken):
        keys.new("alice")
    for name in ("", "../x", "a b", ".x", "x.pub", "a" * 65):
        with pytest.raises(KeyProblem, match="cannot call a key"):
            keys.new(name)
    locked = keys.new("carol", "correct horse")
    assert b"correct" not in keys._read(keys.folder() / "carol")
    assert keys.found("carol", "correct horse").public == locked.public
    with pytest.raises(KeyProblem, match="passphrase is wrong") as caught:
        keys.found("carol", lambda: "wrong")
    assert caught.value.__cause__ is None
    (tmp_path / "no-key").write_text("hello")
    (tmp_path / "no-key").chmod(0o600)
    with pytest.raises(KeyProblem, match="no OpenSSH private key"):
        keys.found(tmp_path / "no-key")


def test_a_private_key_prints_and_leaves_nothing(stranger, model):
    model.key = stranger
    made = model.commit(arrays(2))
    seen = f"{stranger!r} {stranger} {vars(model)} {made!r} {model.info()} {model.reflog()}"
    assert SEED not in model.path.read_bytes()
    assert SEED.hex() not in seen and repr(SEED) not in seen
    with pytest.raises(KeyProblem, match="out of this process"):
        pickle.dumps(stranger)


@pytest.mark.parametrize(
    "line",
    ["", "ssh-rsa AAAA x", "ssh-ed25519 AAAA x", "ssh-ed25519 !!! x", PUBLIC, "\0", "ssh-ed25519"],
)
def test_a_line_that_is_no_key_is_refused(line):
    with pytest.raises(KeyProblem):
        keys.parsed(line, "x")


def test_openssh_reads_what_we_write(alice, tmp_path):
    program = shutil.which("ssh-keygen")
    if not program:
        pytest.skip("ssh-keygen is not installed")
    place = keys.folder() / "alice"
    said = subprocess.run([program, "-y", "-f", place], capture_output=True, text=True, check=True)
    assert said.stdout.split()[:2] == alice.public.line.split()[:2]
    said = subprocess.run(
        [program, "-lf", f"{place}.pub"], capture_output=True, text=True, check=True
    )
    assert alice.public.fingerprint in said.stdout
    subprocess.run([program, "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "ssh"], check=True)
    found = keys.found(tmp_path / "ssh")
    assert found.public.line.split()[1] == (tmp_path / "ssh.pub").read_text().split()[1]


def test_fingerprints_are_those_of_openssh(stranger):
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key, ssh

    public = load_ssh_public_key(stranger.public.line.encode())
    digest = base64.b64encode(ssh.ssh_key_fingerprint(public, SHA256())).decode().rstrip("=")
    assert stranger.public.fingerprint == f"SHA256:{digest}"


def test_without_the_package_a_signed_model_is_read_and_not_believed(model, alice, monkeypatch):
    made = model.commit(arrays(2), sign=alice)
    from jairika_nb.store import signing

    signing.is_good.cache_clear()
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert made.signature.state == "unchecked" and same(made.arrays(), arrays(2))
    assert model.verify().ok and "not checked" in str(model.verify())
    for use in (
        lambda: model.commit(arrays(3), sign="alice"),
        lambda: store.open(model.path, require_signed=True),
        lambda: keys.new("bob"),
    ):
        with pytest.raises(MissingPackage, match=r"jairika-nb\[secure\]"):
            use()
