"""What a server lets its users push: as much as the access rules say, and nothing by a trick."""

from __future__ import annotations

import json

import numpy as np
import pytest
from served import arrays, ask, frames, staged

from jairika_nb import store
from jairika_nb.errors import (
    Forbidden,
    HeadMoved,
)
from jairika_nb.store import delivering

# What somebody pushes, and the rules that are enough for it, each of them needed.
PUSHES = {
    "a new variant": (lambda m: m.derive("mine", "main"), [("create", "mine")]),
    "an iteration": (
        lambda m: m.commit({**arrays(1), "0.bias": arrays(4)["0.bias"]}),
        [("update", "main/*/0")],
    ),
    "two layers": (
        lambda m: m.commit(
            {**arrays(1), "0.bias": arrays(4)["0.bias"], "steps": np.int64(7)},
        ),
        [("update", "main/*/0"), ("update", "main/*/steps")],
    ),
}


@pytest.mark.parametrize("what", PUSHES)
def test_a_push_needs_its_verbs_and_no_more(here, place, serving, tmp_path, what):
    """P16 at the server: without any one of the rules nothing changes there, with them it goes."""
    path, _ = place
    do, rules = PUSHES[what]
    here.push(path)
    store.clone(path, tmp_path / "clone.jrk.h5")
    bobs = serving.address(path.name, "bob")
    with store.open(path, "a") as there, store.open(tmp_path / "clone.jrk.h5", "a") as clone:
        clone.commit(arrays(1), message="without an optimiser")
        clone.push(path)
        do(clone)
        there.allow("bob", "read")
        there.own("olga")
        for missing in rules:
            for verb, glob in rules:
                if (verb, glob) != missing:
                    there.allow("bob", verb, glob)
            others = [v for v in ("create", "update", "delete") if v != missing[0]]
            there.allow("bob", others, missing[1])
            image = path.read_bytes()
            with pytest.raises(Forbidden, match="'bob'"):
                clone.push(bobs)
            assert path.read_bytes() == image
            for verb, glob in (*rules, *((v, missing[1]) for v in others)):
                if any(r.path == glob and verb in r.verbs for r in there.rules.policy.rules):
                    there.forget("bob", verb, glob)
        for verb, glob in rules:
            there.allow("bob", verb, glob)
        assert sum(clone.push(bobs).iterations.values()) == 1
        assert there.refresh().verify().ok
        assert there.reflog()[0].author == "bob"
        with pytest.raises(Forbidden):
            store.open(serving.address(path.name, "ann"))


def test_who_may_only_read_cannot_fill_the_disk(here, place, serving):
    path, _ = place
    here.push(path)
    with store.open(path, "a") as there:
        there.allow("bob", "read")
    body = frames(arrays(3)["0.weight"])
    assert ask(serving, "staged", "bob", body, path=path.name)[0] == 403
    assert (
        ask(serving, "missing", "bob", {"path": path.name, "objects": [], "records": []})[0] == 403
    )
    assert not staged(path)


def test_to_name_a_hash_is_not_to_have_the_bytes(here, place, serving, tmp_path):
    """Who may not read an array cannot have it put into a variant of his own."""
    path, _ = place
    here.commit(arrays(40), variant=here.derive("secret").name)
    here.push(path)
    with store.open(path, "a") as there:
        there.allow("bob", "read", "main")
        there.allow("bob", "create,read", "mine")
        there.own("olga")
    secret = here["secret"].head
    hashes = [each.digest for each in secret.tensors]
    status, told = ask(
        serving, "missing", "bob", {"path": path.name, "objects": hashes, "records": []}
    )
    assert status == 200 and set(json.loads(told)["missing"]) == set(hashes) - {
        each.digest for each in here["main"].head.tensors
    }
    # The same for a layer of an iteration that is listed.
    with store.open(path, "a") as there:
        there.deny("bob", "read", "main/*/encoder")
    shut = next(t.digest for t in here["main"].head.tensors if t.name == "encoder.mask")
    wanted = {"path": path.name, "objects": [shut], "records": []}
    assert json.loads(ask(serving, "missing", "bob", wanted)[1]) == {"missing": {shut: 0}}
    with store.init(tmp_path / "bob.jrk.h5") as bobs:
        bobs.commit(arrays(40), variant=bobs.derive("mine").name)
        bob = serving.address(path.name, "bob")
        send = delivering.Handed._send
        delivering.Handed._send = lambda self, placed, *rest: send(self, {}, *rest)
        try:
            with pytest.raises(Forbidden, match="read 'mine"):
                bobs.push(bob, "mine")
        finally:
            delivering.Handed._send = send
        # Who has the bytes may push them, there or not.
        assert bobs.push(bob, "mine").iterations["mine"] >= 1


def test_rules_that_were_taken_away_hold_at_once(here, place, serving, tmp_path):
    path, _ = place
    here.push(path)
    bob = serving.address(path.name, "bob")
    with store.open(path, "a") as there:
        there.allow("bob", "read,update")
        there.own("olga")
        store.clone(bob, tmp_path / "bob.jrk.h5")
        with store.open(tmp_path / "bob.jrk.h5", "a") as bobs:
            bobs.commit(arrays(3))
            bobs.push(bob)
            bobs.commit(arrays(4))
            there.refresh().deny("bob", "update", "main")
            with pytest.raises(Forbidden):
                bobs.push(bob)
            there.deny("bob", "read")
            with pytest.raises(Forbidden):
                bobs.pull(bob)


def test_rules_are_made_over_the_wire_by_whom_they_let(here, place, serving):
    path, address = place
    here.push(path)
    bob = serving.address(path.name, "bob")
    with store.open(address) as hers, store.open(path) as there:
        assert hers.allow("bob", "read,read-policy").owners == ("olga",)
        assert there.refresh().rules.policy == hers.rules.policy
        with store.open(bob) as his:
            assert his.rules.policy == hers.rules.policy
            for change in (lambda: his.allow("bob", "all"), his.unruled, lambda: his.own("bob")):
                with pytest.raises(Forbidden, match="'bob'"):
                    change()
            hers.allow("bob", "write-policy")
            his.allow("ann", "read", "main")
            with pytest.raises(Forbidden, match="only an owner"):
                his.own("bob")
        assert store.open(serving.address(path.name, "ann")).variants == ("main",)
        assert there.refresh().reflog()[0].author == "bob"
        stale = hers._reader.ruling()
        hers._reader.ruling = lambda: (stale[0], "0" * 64)
        with pytest.raises(HeadMoved, match="meanwhile"):
            hers.allow("ann", "all")
        del hers._reader.ruling
        assert not hers.unruled() and not there.refresh().rules
        here.commit(arrays(3))
        assert here.push(bob).iterations == {"main": 1}
        assert there.refresh().verify().ok
