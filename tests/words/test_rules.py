"""The words about who may do what."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jairika_nb import store
from jairika_nb.errors import ArgumentError, WordError
from jairika_nb.store.policy import rule
from jairika_nb.words import Session, run


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "digits.jrk.h5"
    store.init(path, {"0.weight": np.zeros((2, 2))}).close()
    return str(path)


def say(*tokens):
    result = run(tokens, Session())
    json.dumps(result.to_json(), allow_nan=False)
    assert result._repr_html_().startswith("<div")
    return str(result)


def test_rules_are_made_shown_and_dropped(model):
    assert say("rules", model).startswith("no access rules")
    told = say("allow", model, "alice", "read,update", "mlp/*").splitlines()
    assert told[0].startswith("owners: ")
    assert " ".join(told[2].split()) == "alice allow read, update mlp"
    assert "deny" in say("deny", model, "*", "read", "mlp/*/head")
    assert "owners: ann, bob" in say("rules", model, "--own", "bob, ann")
    with store.open(model) as opened:
        assert opened.rules.policy.rules == (
            rule("*", "read", "mlp/*/head", allow=False),
            rule("alice", "read,update", "mlp"),
        )
    assert "update" not in say("allow", model, "alice", "update", "mlp", "--forget")
    assert run(["rules", model], Session()).to_json()["owners"] == ["ann", "bob"]
    assert say("rules", model, "--off").startswith("no access rules")


def test_what_is_wrong_is_told(model):
    with pytest.raises(ArgumentError, match="no verb 'write'"):
        say("allow", model, "alice", "write")
    with pytest.raises(WordError, match="give one"):
        say("rules", model, "--off", "--own", "x")
    with pytest.raises(WordError, match="usage"):
        say("deny", model, "alice")
