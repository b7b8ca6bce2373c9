"""Pushing to a real Jupyter server: nothing is lost, doubled or moved wrongly, whatever breaks."""

from __future__ import annotations

import contextlib
import getpass
import http.cookiejar
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import h5py
import numpy as np
import pytest
from served import Serving, Wire, arrays, ask, contents

from jairika_nb import store
from jairika_nb.errors import (
    AddressError,
    Damaged,
    Forbidden,
    HeadMoved,
    JairikaError,
    Locked,
    NotFound,
)
from jairika_nb.store import calling, delivering, staging, transfer
from jairika_nb.store.arrays import object_digest

KILLS = int(os.environ.get("JRK_STORE_KILLS", "1"))


@pytest.fixture
def here(tmp_path):
    """A model of this side."""
    with store.init(tmp_path / "mine.jrk.h5") as made:
        made.commit(arrays(0), metrics={"loss": 0.5})
        made.commit(arrays(1), name="PT", optimizer={"m": np.ones(4)})
        yield made


@pytest.fixture
def place(serving, request):
    """A name under the server's root, and what is typed for it."""
    name = f"p{abs(hash(request.node.name))}.jrk.h5"
    return serving.root / name, serving.address(name)


def staged(path) -> list:
    return list(path.parent.glob(f".{path.name}.staged/*/*"))


def test_a_model_is_made_there_and_goes_on(here, place):
    path, address = place
    here.derive("wide")
    here.tag("v1", "main/PT")
    moved = here.push(address)
    assert moved.iterations == {"main": 2, "wide": 1} and moved.tags == ["v1"]
    with store.open(path, "a") as there:
        assert contents(there) == contents(here) and there.verify().ok
        assert there["wide"].parent == ("main", "PT") and there.current == "main"
        assert there["main"].head.optimizer_state()["m"].tolist() == [1, 1, 1, 1]
        with h5py.File(path) as file:
            shown = file["variants/main/PT/0/weight"][()]
        assert shown.tobytes() == arrays(1)["0.weight"].tobytes()
        assert str(here.push(address)).startswith("nothing new")
        here.commit({**arrays(1), "0.bias": arrays(2)["0.bias"]})
        moved = here.push(address, "main")
        assert moved.iterations == {"main": 1} and moved.bytes == arrays(2)["0.bias"].nbytes
        assert contents(there.refresh()) == contents(here) and there.verify().ok
        there.commit(arrays(5), variant="main")
        here.pull(address)
        assert contents(here) == contents(there)
        assert not staged(path)


def test_one_variant_alone_and_a_name_that_is_none(here, place):
    path, address = place
    here.commit(arrays(3), variant=here.derive("wide").name)
    with pytest.raises(NotFound):
        here.push(address, "wid")
    assert not path.exists()
    assert here.push(address, "wide").iterations == {"wide": 2}
    with store.open(path) as there:
        assert list(there) == ["wide"] and there.current == "wide"
    assert here.push(address).iterations == {"main": 2}


def test_what_went_two_ways_is_refused_and_merged(here, place):
    path, address = place
    here.push(address)
    with store.open(path, "a") as there:
        there.commit({**arrays(1), "0.bias": arrays(7)["0.bias"]})
        here.commit({**arrays(1), "encoder.mask": ~arrays(1)["encoder.mask"]})
        before = contents(there)
        with pytest.raises(HeadMoved, match="merge that, then push"):
            here.push(address)
        assert contents(there.refresh()) == before
        here.pull(address, into="theirs")
        made = here.merge("theirs").iteration
        assert here.push(address, "main").iterations == {"main": 2}
        assert there.refresh()["main"].head.id == made.id and there.verify().ok


def test_the_server_looks_at_the_line_itself(here, place, monkeypatch):
    """A client that leaves out its own check moves no head."""
    path, address = place
    here.push(address)
    with store.open(path, "a") as there:
        there.commit(arrays(7))
        here.commit(arrays(8))
        monkeypatch.setattr(
            transfer, "missing", lambda source, *rest: list(source.iterations("main"))[2:]
        )
        with pytest.raises(HeadMoved, match="different way on the server"):
            here.push(address)
        assert len(there.refresh()["main"]) == 3 and there.verify().ok


def test_of_two_that_push_at_once_one_wins(here, place, tmp_path):
    path, address = place
    here.push(address)
    others = []
    for seed in (11, 12, 13):
        store.clone(address, tmp_path / f"{seed}.jrk.h5")
        others.append(store.open(tmp_path / f"{seed}.jrk.h5", "a"))
        others[-1].commit(arrays(seed), name=f"of-{seed}")
    told: list = []
    gate = threading.Barrier(len(others))

    def push(model) -> None:
        gate.wait()
        try:
            told.append(model.push(address).iterations)
        except (HeadMoved, Locked) as error:
            told.append(error)

    threads = [threading.Thread(target=push, args=(model,)) for model in others]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each for each in told if isinstance(each, dict)] == [{"main": 1}]
    with store.open(path) as there:
        assert len(there["main"]) == 3 and there.verify().ok
        won = [m for m in others if m["main"].head.id == there["main"].head.id]
        assert len(won) == 1
    for model in others:
        if model not in won:
            with pytest.raises(HeadMoved):
                model.push(address)
        model.close()


def test_a_writer_that_holds_the_lock_is_waited_for_and_named(here, place, monkeypatch):
    path, address = place
    here.push(address)
    here.commit(arrays(3))
    monkeypatch.setattr(calling, "PATIENCE", 0.0)
    holder = (
        "import sys, time; from pathlib import Path; from jairika_nb.store import locks\n"
        "with locks.writing(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(Locked, match=f"process {child.pid}"):
            here.push(address)
        child.kill()
    assert here.push(address).iterations == {"main": 1}


@pytest.fixture
def large(here, monkeypatch):
    """Several iterations that go in several commits, in pieces of 40 kB."""
    monkeypatch.setattr(transfer, "BATCH", 300_000)
    monkeypatch.setattr(staging, "PIECE", 40_000)
    monkeypatch.setattr(delivering, "PIECE", 40_000)
    for n in range(4):
        here.commit(arrays(20 + n), optimizer={"m": np.full(30_000, n, np.float32)})
    return here


def is_blank(model) -> bool:
    """Whether it is a model that was made for a push, before anything was committed to it."""
    return len(model["main"]) == 1 and not model["main"].head.layers


def pushed(model, address) -> None:
    with contextlib.suppress(JairikaError):
        model.push(address)


def test_a_push_that_is_cut_at_any_byte_goes_on(large, place, serving):
    """P15: neither side lost, nothing doubled, the head one of those that were sent."""
    path, _ = place
    wire, chosen = Wire(serving.port), random.Random(7)
    address = serving.address(path.name, port=wire.port)
    wanted, sent, broken = contents(large)["main"], 0, 0
    try:
        while True:
            way, most = chosen.choice([("up", 90_000), ("up", 300_000), ("down", 2500)])
            wire.breaks(**{way: chosen.randrange(200, most)})
            try:
                large.push(address)
                break
            except JairikaError as error:
                assert "token" not in str(error) and broken < 40
                broken += 1
            finally:
                sent += wire.passed["up"]
            if path.exists():
                with store.open(path) as there:
                    part = contents(there)["main"]
                    assert part == wanted[: len(part)] or is_blank(there)
                    assert there.verify().ok
        # Each break costs the pieces that were on their way, and nothing is sent once more.
        assert broken > 3 and sent < 4 * 120_000 + 40_000 + broken * 50_000
        with store.open(path) as there:
            assert contents(there)["main"] == wanted and there.verify().ok
        wire.breaks()
        assert str(large.push(address)).startswith("nothing new")
        assert wire.passed["up"] < 3000 and not staged(path)
    finally:
        wire.close()


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """An ordinary server, which knows one person by one token, at a base of its own."""
    made = Serving(tmp_path_factory.mktemp("single"), people=False, base="/user/me/")
    yield made
    made.kill()


def test_a_server_that_is_killed_during_a_push_loses_nothing(large, single):
    """SIGKILL of the server, and a push that goes on with the next one."""
    address, chosen, other = single.address("x.jrk.h5", "one"), random.Random(3), single
    wanted = contents(large)["main"]
    for _ in range(KILLS):
        thread = threading.Thread(target=pushed, args=(large, address))
        thread.start()
        time.sleep(chosen.uniform(0.2, 1.2))
        other.kill()
        thread.join()
        path = other.root / "x.jrk.h5"
        if path.exists():
            with store.open(path) as there:
                part = contents(there)["main"]
                assert part == wanted[: len(part)] or is_blank(there)
        other.start()
    large.push(address)
    with store.open(other.root / "x.jrk.h5") as there:
        assert contents(there)["main"] == wanted and there.verify().ok


def frames(*tensors, edit=lambda head: None) -> bytes:
    """Frames of arrays, as anyone may write them."""
    made = b""
    for values in tensors:
        head = {"digest": object_digest(values), "bytes": values.nbytes, "offset": 0}
        head |= {"total": values.nbytes, "dtype": values.dtype.str, "shape": list(values.shape)}
        edit(head)
        text = json.dumps(head).encode()
        made += len(text).to_bytes(4, "little") + text + values.tobytes()
    return made


def set_to(**fields):
    return lambda head: head.update(fields)


HOSTILE = {
    "no frame": b"\xff\xff\xff\xffxxxx",
    "a head of nothing": b"\x00\x00\x00\x00",
    "a head that is cut": b"\x10\x00\x00\x00{",
    "no JSON": b"\x02\x00\x00\x00[]",
    "deep JSON": (4000).to_bytes(4, "little") + b"[" * 4000,
    "a path for a hash": set_to(digest="../../../../tmp/x"),
    "another hash": set_to(digest="0" * 64),
    "another dtype": set_to(dtype="<i4"),
    "object dtype": set_to(dtype="|O"),
    "another shape": set_to(shape=[6, 8]),
    "a shape too large": set_to(shape=[1 << 40, 1 << 40]),
    "a negative shape": set_to(shape=[-8, -6]),
    "33 axes": set_to(shape=[1] * 33),
    "a total too large": set_to(total=1 << 62, shape=[1 << 60]),
    "a total too small": set_to(total=4, shape=[1]),
    "a gap before it": set_to(offset=4, total=196, shape=[49]),
    "a record of a terabyte": set_to(dtype=None, total=1 << 40),
    "more bytes than there are": set_to(bytes=10_000, total=10_000, shape=[2500]),
    "true for a number": set_to(offset=False),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pieces_are_refused(serving, place, kind):
    path, _ = place
    what = HOSTILE[kind]
    body = what if isinstance(what, bytes) else frames(arrays(0)["0.weight"], edit=what)
    status, told = ask(serving, "staged", "olga", body, path=path.name)
    assert status in (400, 409, 507) and told["message"]
    assert all(each.name.endswith(".part") for each in staged(path))
    assert not path.exists() and not (serving.root.parent / "tmp").exists()


def test_hostile_commits_are_refused(serving, here, place):
    path, address = place
    here.push(address)
    image = path.read_bytes()
    row = here._reader.iterations("main")[-1].to_json() | {"at": {}}
    whole = {"place": "main", "head": row["id"], "branch": None, "first": "main", "rows": [row]}

    def refused(user="olga", **body) -> int:
        status, told = ask(serving, "commit", user, {"path": path.name, **body})
        assert told["message"] and "Traceback" not in told["message"]
        return status

    assert refused() == 400
    assert refused(batch=[]) == refused(rules=[]) == refused(tags={}) == 409
    assert refused(batch=whole, path="../x.jrk.h5") == 400
    assert refused(batch=whole, path="none/x.jrk.h5") == 404
    assert refused(batch=whole, path="x.txt") == 404
    for edit in (
        {"rows": []},
        {"rows": [7]},
        {"rows": [{**row, "id": "0" * 64}]},
        {"rows": [{**row, "id": "../x"}]},
        {"rows": [{**row, "name": "a/b"}]},
        {"place": "../x"},
        {"place": 7},
        {"head": "x"},
        {"branch": 7},
        {"branch": {"name": "main", "created": 10**15}},
    ):
        assert refused(batch={**whole, **edit}) == 409, edit
    assert refused(user="mallory", batch=whole) == refused(user="", batch=whole) == 403
    assert refused(tags=[7]) == refused(signatures=[7]) == refused(rules={"policy": 7}) == 409
    assert path.read_bytes() == image


def test_a_long_body_is_not_taken(serving, place):
    path, _ = place
    try:
        status, _ = ask(serving, "staged", "olga", bytes(17 << 20), path=path.name)
    except OSError:
        return  # the server hung up before it was sent
    assert status in (400, 413)


def test_what_is_announced_is_what_counts(here, place, monkeypatch):
    """A client whose bytes, hashes or names are not what they should be changes nothing there."""
    path, address = place
    here.push(address)
    here.commit(arrays(30))
    image = path.read_bytes()
    whole = delivering.frame
    for lie in (
        lambda digest, data, *rest: whole(digest, memoryview(bytes(len(data))), *rest),
        lambda digest, data, *rest: whole(digest[::-1], data, *rest),
    ):
        monkeypatch.setattr(delivering, "frame", lie)
        with pytest.raises(JairikaError):
            here.push(address)
    monkeypatch.setattr(delivering.Handed, "_send", lambda self, *rest: None)
    with pytest.raises(JairikaError, match="was not sent"):
        here.push(address)
    assert path.read_bytes() == image
    monkeypatch.undo()
    assert here.push(address).iterations == {"main": 1}


def test_a_damaged_source_stays_here(here, place):
    path, address = place
    here.push(address)
    here.commit({**arrays(1), "0.weight": np.arange(48, dtype=np.float32).reshape(8, 6)})
    row = here._reader.iterations("main")[-1]
    at = here._reader.locations(row, here._reader.manifest(row))[0][0]
    with open(here.path, "r+b") as file:
        file.seek(at)
        file.write(b"\x07")
    with pytest.raises(Damaged):
        here.push(address)
    with store.open(path) as there:
        assert len(there["main"]) == 2 and there.verify().ok


def test_a_damaged_model_there_does_not_harm_the_server(here, place, serving):
    path, address = place
    here.push(address)
    data = bytearray(path.read_bytes())
    with store.open(path) as there:
        end = there._reader.root.end
    for at in range(0, 4096, 64):  # HDF5's own superblock and root group, not ours
        data[at + 8 : at + 24] = bytes(16)
    path.write_bytes(data[:end])
    here.commit(arrays(3))
    with pytest.raises(JairikaError):
        here.push(address)
    assert serving.answers() and serving.process.poll() is None
    with store.open(path) as there:
        assert len(there["main"]) == 2


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
    path, address = place
    do, rules = PUSHES[what]
    here.push(address)
    store.clone(address, tmp_path / "clone.jrk.h5")
    bobs = serving.address(path.name, "bob")
    with store.open(path, "a") as there, store.open(tmp_path / "clone.jrk.h5", "a") as clone:
        clone.commit(arrays(1), message="without an optimiser")
        clone.push(address)
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
    path, address = place
    here.push(address)
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
    path, address = place
    here.commit(arrays(40), variant=here.derive("secret").name)
    here.push(address)
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
    path, address = place
    here.push(address)
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


def test_a_server_of_one_person_is_that_persons(here, single):
    """An ordinary server: whoever has its token owns what is under its root; bases are found."""
    address = single.address("y.jrk.h5", "one")
    assert here.push(address).iterations == {"main": 2}
    with store.open(single.root / "y.jrk.h5", "a") as there:
        there.allow("nobody", "read")
        assert there.rules.owners == (getpass.getuser(),)
        here.commit(arrays(3))
        assert here.push(address).iterations == {"main": 1}
        there.own("somebody else")
        with pytest.raises(Forbidden):
            here.push(address)
    with pytest.raises(AddressError, match="jupyter server extension list"):
        store.open(address.replace("/user/me/", "/user/"))
    # Without a token given, the running server that Jupyter lists here is asked for it.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(single.runtime))
        patch.delenv("JRK_TOKEN", raising=False)
        calling._tokens.clear()
        with pytest.raises(Forbidden, match="do not let"):
            store.open(single.address("y.jrk.h5", ""))


def test_a_page_elsewhere_cannot_write_with_the_users_cookie(here, single):
    """A browser's cookie alone, without the token against forged requests, changes nothing."""
    here.push(single.address("z.jrk.h5", "one"))
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    where = single.url("jairika-nb/v1/")
    browser.open(f"{where}catalogue?path=z.jrk.h5&token=token-one", timeout=30).close()
    browser.open(f"{where}info", timeout=30).close()  # the cookie is one that signs in
    image = (single.root / "z.jrk.h5").read_bytes()
    rules = {"policy": {"owners": ["mallory"], "rules": []}, "expected": None}
    asked = {"path": "z.jrk.h5", "rules": {**rules, "verb": "own", "words": ""}}
    for endpoint, body in (
        ("commit", json.dumps(asked).encode()),
        ("staged?path=z.jrk.h5", frames(arrays(0)["0.weight"])),
        ("missing", json.dumps({"path": "z.jrk.h5", "objects": [], "records": []}).encode()),
    ):
        request = urllib.request.Request(where + endpoint, data=body)
        with pytest.raises(urllib.error.HTTPError) as refused:
            browser.open(request, timeout=30)
        assert refused.value.code == 403
    assert (single.root / "z.jrk.h5").read_bytes() == image
    assert not staged(single.root / "z.jrk.h5")


def test_rules_are_made_over_the_wire_by_whom_they_let(here, place, serving):
    path, address = place
    here.push(address)
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


def test_cold_history_is_read_and_pulled(here, place, tmp_path):
    pytest.importorskip("zstandard")
    path, address = place
    for n in range(4):
        here.commit({**arrays(1), "0.weight": arrays(1)["0.weight"] + np.float32(n)})
    here.push(address)
    with store.open(path, "a") as there:
        there.gc(days=0, cold=True)
    store.clone(address, tmp_path / "clone.jrk.h5")
    with store.open(tmp_path / "clone.jrk.h5") as clone:
        assert contents(clone) == contents(here) and clone.verify().ok
    here.commit(arrays(9))
    assert here.push(address).iterations == {"main": 1}
    with store.open(path) as there:
        assert contents(there) == contents(here) and there.verify().ok


def test_the_words_take_such_addresses(here, place, tmp_path):
    from jairika_nb.words import Session, run

    path, address = place
    mine, other = str(here.path), str(tmp_path / "other.jrk.h5")
    assert "pushed 2 to variant 'main'" in str(run(["push", mine, address], Session()))
    session = Session(variables={})
    assert 'variant: "main"' in str(run(["open", address], session))
    assert "token" not in session.address and "PT" in str(run(["log"], session))
    assert "olga" in str(run(["allow", "bob", "read"], session))
    assert "bob" in str(run(["rules"], session))
    assert "made" in str(run(["pull", other, address], Session()))
    here.commit(arrays(3))
    run(["push", mine, address], Session())
    told = run(["pull", other, address], Session())
    assert "pulled 1" in str(told) and "token" not in json.dumps(told.to_json())
    assert contents(store.open(other)) == contents(here) and path.exists()
