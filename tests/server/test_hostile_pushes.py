"""What nobody should send to a server, and damaged models on either side: nothing changes there."""

from __future__ import annotations

import http.cookiejar
import json
import urllib.error
import urllib.request

import numpy as np
import pytest
from served import arrays, ask, frames, staged

from jairika_nb import store
from jairika_nb.errors import (
    Damaged,
    JairikaError,
)
from jairika_nb.store import delivering


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
    path, _ = place
    here.push(path)
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
    here.push(path)
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
    here.push(path)
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


def test_a_page_elsewhere_cannot_write_with_the_users_cookie(here, single):
    """A browser's cookie alone, without the token against forged requests, changes nothing."""
    here.push(single.root / "z.jrk.h5")
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
