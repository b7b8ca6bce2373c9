"""The words that say who made what and who can read it, as a shell types them."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("cryptography")

from jairika_nb import store
from jairika_nb.errors import KeyProblem, NotFound, Untrusted, WordError
from jairika_nb.store import keys, trust
from jairika_nb.words import Session, run
from jairika_nb.words.completion import complete

SHELL = Session()


@pytest.fixture(autouse=True)
def config(tmp_path, monkeypatch):
    """A folder of settings of the test's own."""
    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "config"))
    for name in ("JRK_KEY", "JRK_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "digits.jrk.h5"
    with store.init(path, {"0.weight": np.zeros((2, 2))}) as made:
        made.commit({"0.weight": np.ones((2, 2))}, name="PT")
    return str(path)


def say(*tokens):
    """The three forms of a result, of which JSON must be JSON and HTML be one block."""
    result = run(tokens, SHELL)
    json.dumps(result.to_json(), allow_nan=False)
    assert result._repr_html_().startswith("<div")
    return str(result)


def test_a_key_is_made_shown_trusted_and_forgotten(tmp_path, monkeypatch):
    assert "no key of your own yet" in say("key")
    assert "made the key alice SHA256:" in say("key", "new", "alice")
    line = say("key", "show", "alice")
    assert keys.parsed(line) == keys.found("alice").public
    with pytest.raises(NotFound, match="did you mean 'alice'"):
        say("key", "show", "alic")
    monkeypatch.setenv("JRK_CONFIG_DIR", str(tmp_path / "another"))
    assert "al is trusted: SHA256:" in say("key", "trust", "al", *line.split())
    assert trust.listed() == [keys.parsed(line, "al")]
    (tmp_path / "a.pub").write_text(line + "\n")
    say("key", "forget", "al")
    assert not trust.listed()
    say("key", "trust", "al", str(tmp_path / "a.pub"))
    assert "trusted" in say("key", "list") and complete("key show a", SHELL) == ["al"]
    for wrong, why in (
        (("key", "make"), "no action 'make'"),
        (("key", "new"), "needs a name"),
        (("key", "trust", "bob"), "needs the line"),
    ):
        with pytest.raises(WordError, match=why):
            say(*wrong)
    with pytest.raises(KeyProblem, match="no public key"):
        say("key", "trust", "bob", "ssh-rsa", "AAAA")


def test_a_passphrase_is_asked_for_twice(monkeypatch):
    answers = iter(["one", "two", "one", "one"])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(answers))
    with pytest.raises(WordError, match="nothing was made"):
        say("key", "new", "alice", "--passphrase")
    assert not keys.own()
    say("key", "new", "alice", "--passphrase")
    assert keys.found("alice", "one").name == "alice"


def test_where_nobody_answers_a_question_is_an_error_in_words(monkeypatch, model):
    def nobody(prompt):
        raise EOFError

    keys.new("locked", "one")
    monkeypatch.setattr("getpass.getpass", nobody)
    for line in (("key", "new", "alice", "--passphrase"), ("sign", model, "--key", "locked")):
        with pytest.raises(KeyProblem, match="run this in a terminal"):
            say(*line)
    assert [each.name for each in keys.own()] == ["locked"]


def test_sign_log_info_verify_and_pull(model, tmp_path):
    assert "signature" not in say("log", model) + say("info", model)
    say("key", "new", "alice")
    assert say("sign", model, "--key", "alice") == '"main/PT" is signed by alice'
    lines = say("log", model).splitlines()
    assert "signed by alice" in lines[2] and "unsigned" in lines[3]
    ends = [line.rpartition(" - ")[2] for line in say("info", model).splitlines()[2:]]
    assert ends == ["unsigned", "signed by alice"]
    assert "1 unsigned, 1 signed by alice" in say("verify", model)
    result = run(("verify", model, "--require-signed"), SHELL)
    assert not result.ok and '"prime" of variant "main": unsigned' in str(result)
    there = str(tmp_path / "there.jrk.h5")
    with pytest.raises(Untrusted, match="refused"):
        say("pull", there, model, "--require-signed")
    with pytest.raises(KeyProblem, match="no key was named"):
        say("sign", model, "prime")
    say("sign", model, "prime", "--key", "alice")
    assert "made " in say("pull", there, model, "--require-signed")
    np.savez(tmp_path / "net.npz", **{"0.weight": np.eye(2)})
    say("commit", model, str(tmp_path / "net.npz"), "--key", "alice")
    assert "pulled 1 to variant 'main'" in say("pull", there, model, "--require-signed")


def test_encrypt_and_readers(tmp_path, monkeypatch):
    for name in ("alice", "bob"):
        say("key", "new", name)
    place = str(tmp_path / "a.jrk.h5")
    np.savez(tmp_path / "net.npz", **{"0.weight": np.eye(2), "1.weight": np.ones(3)})
    say("init", place, str(tmp_path / "net.npz"), "--key", "alice", "--encrypt", "*/*/0")
    assert "*/*/0   alice" in say("readers", place)
    assert say("readers", place, "add", "bob", "--key", "alice") == "bob can read what is encrypted"
    with store.open(place, key="bob") as opened:
        assert opened["main"].head.arrays()["0.weight"].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    answer = say("readers", place, "remove", "bob", "--key", "alice")
    assert "copies from before stay readable" in answer
    assert "for alice, bob; what was committed" in say(
        "encrypt", place, "--readers", "bob", "--key", "alice"
    )
    assert "opened" not in say("readers", place) and "2 problems" not in say("verify", place)
    assert "1 encrypted tensor not opened" in say("verify", place)
    monkeypatch.setenv("JRK_KEY", "alice")
    assert "not opened" not in say("verify", place)
    say("commit", place, str(tmp_path / "net.npz"), "--name", "all")
    say("export", place, str(tmp_path / "out.npz"))
    monkeypatch.delenv("JRK_KEY")
    with pytest.raises(KeyProblem, match="encrypted for alice"):
        say("export", place, str(tmp_path / "again.npz"))
    for wrong in (("readers", place, "ad"), ("readers", place, "add")):
        with pytest.raises(WordError):
            say(*wrong)


def test_a_passphrase_opens_a_model_too(tmp_path, monkeypatch):
    monkeypatch.setattr("jairika_nb.store.keyring.COST", 1 << 4)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "correct horse")
    place = str(tmp_path / "a.jrk.h5")
    np.savez(tmp_path / "net.npz", **{"0.weight": np.eye(2)})
    say("init", place, str(tmp_path / "net.npz"), "--encrypt", "*", "--passphrase")
    with pytest.raises(KeyProblem, match="encrypted for passphrase"):
        say("export", place, str(tmp_path / "out.npz"))
    monkeypatch.setenv("JRK_PASSPHRASE", "correct horse")
    say("export", place, str(tmp_path / "out.npz"))
    assert (tmp_path / "out.npz").exists()
