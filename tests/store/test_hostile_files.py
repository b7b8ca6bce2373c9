"""Files made to harm: every hash is right, what they say is not. One clean error, little cost."""

from __future__ import annotations

import ast
import resource
import time
from pathlib import Path

import pytest
from states import arrays

import jairika_nb.store
from jairika_nb import store
from jairika_nb.errors import AddressError, JairikaError
from jairika_nb.store import canonical, slots
from jairika_nb.store.slots import Root


def forge(path: Path, change, format: int = 1) -> None:
    """Let ``change`` edit the catalogue's JSON, and lead the root slots to the result."""
    with store.open(path) as model:
        root, catalogue = model._reader.root, model._reader.catalogue.to_json()
    data = bytearray(path.read_bytes())
    text = change(canonical.decoded(canonical.encoded(catalogue), "it"), data)
    if not isinstance(text, bytes):
        text = canonical.encoded(text)
    offset = len(data)
    data += text
    digest = canonical.digest(text)
    root = Root(root.generation, offset, len(text), digest, len(data), format=format)
    lead_to(data, root)
    path.write_bytes(data)


def lead_to(data: bytearray, root: Root) -> None:
    for generation in (root.generation, root.generation + 1):
        packed = slots.packed(Root(generation, *list(vars(root).values())[1:]))
        at = slots.position(generation)
        data[at : at + len(packed)] = packed


def with_manifest(edit):
    """A change that forges the manifest of the newest iteration too, id and all."""

    def change(catalogue, data):
        row = catalogue["tail"][-1]
        offset, length = row["at"]["manifest"]
        manifest = canonical.decoded(bytes(data[offset : offset + length]), "it")
        edit(manifest, row, data)
        text = canonical.encoded(manifest)
        row["id"], row["at"]["manifest"] = canonical.digest(text), [len(data), len(text)]
        data += text
        return catalogue

    return change


def set_in(*keys_and_value):
    """A change that sets one entry deep in the catalogue."""
    *keys, last, value = keys_and_value

    def change(catalogue, data):
        place = catalogue
        for key in keys:
            place = place[key]
        place[last] = value
        return catalogue

    return change


def tensor(field: int, value):
    return with_manifest(
        lambda manifest, row, data: manifest["tensors"][0].__setitem__(field, value)
    )


def huge_claim(manifest, row, data) -> None:
    """A tensor of 32 GB, locations that agree, and nothing behind it."""
    manifest["tensors"][0][4] = [1 << 33]
    offset, _ = row["at"]["locations"]
    data[offset + 8 : offset + 16] = (4 << 33).to_bytes(8, "little")


HOSTILE = {
    "no JSON": lambda catalogue, data: b"{" * 1000,
    "deep JSON": lambda catalogue, data: b"[" * 200_000 + b"]" * 200_000,
    "a list": lambda catalogue, data: [],
    "NaN": lambda catalogue, data: b'{"current":NaN}',
    "a long number": lambda catalogue, data: b'{"current":' + b"9" * 100_000 + b"}",
    "variant with a slash": set_in("variants", 0, "name", "../../etc"),
    "variant with escapes": set_in("variants", 0, "name", "\x1b[2J"),
    "current that is none": set_in("current", "nobody"),
    "row of no variant": set_in("tail", 0, "variant", "nobody"),
    "row with a slash": set_in("tail", 0, "name", "a/b"),
    "id that is no hash": set_in("tail", -1, "id", "../x"),
    "time beyond the calendar": set_in("tail", -1, "time", 10**15),
    "negative time": set_in("variants", 0, "created", -1),
    "true as a number": set_in("tail", -1, "layers", True),
    "metric that is a list": set_in("tail", -1, "metrics", {"x": [[]]}),
    "manifest past the end": set_in("tail", -1, "at", "manifest", [1 << 40, 10]),
    "manifest of an exabyte": set_in("tail", -1, "at", "manifest", [0, 1 << 60]),
    "no manifest": set_in("tail", -1, "at", {}),
    "segment past the end": set_in(
        "segments", [{"offset": 1 << 50, "length": 9, "digest": "0" * 64, "rows": 1}]
    ),
    "a tag that is none": set_in("tags", ["v1"]),
    "a tag on a path": set_in(
        "tags", [{"name": "../v1", "id": "0" * 64, "time": 0, "message": ""}]
    ),
    "an event of another kind": set_in("recent", -1, "verb", {}),
    "an event beyond the calendar": set_in("recent", -1, "time", 10**15),
    "an event with half a row": set_in("recent", -1, "row", {"id": "0" * 64}),
    "a reflog past the end": set_in(
        "past", [{"offset": 1 << 50, "length": 9, "digest": "0" * 64, "rows": 1}]
    ),
    "tags that are no list": set_in("tags", {}),
    "another origin": set_in("tail", -1, "origin", ["main", "../x"]),
    "an origin of three": set_in("tail", -1, "origin", ["a", "b", "c"]),
    "another role": tensor(1, "code"),
    "object dtype": tensor(3, "|O"),
    "another dtype": tensor(3, "<f8"),
    "shape of text": tensor(4, "8"),
    "negative shape": tensor(4, [-8, -6]),
    "33 axes": tensor(4, [1] * 33),
    "endless empty shape": tensor(4, [0, 1 << 62, 1 << 62]),
    "a tensor twice": with_manifest(
        lambda manifest, row, data: manifest["tensors"].append(manifest["tensors"][0])
    ),
    "32 GB of nothing": with_manifest(huge_claim),
    "another time in the manifest's names": with_manifest(
        lambda manifest, row, data: manifest.update(name="other")
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_ends_in_one_clean_error(model, kind):
    forge(model.path, HOSTILE[kind])
    started, room = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(JairikaError) as caught, store.open(model.path) as opened:
        opened.info()
        opened.reflog()
        for each in opened.log():
            each.arrays()
            dict(each.arrays(lazy=True))
    assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 5
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - room
    assert grown < 200_000  # kilobytes


def test_forging_itself_is_not_what_is_refused(model):
    forge(model.path, lambda catalogue, data: catalogue)
    forge(model.path, with_manifest(lambda manifest, row, data: None))
    with store.open(model.path) as opened:
        assert opened["main"]["PT"].arrays()["0.weight"].shape == (8, 6)


def test_a_file_of_a_newer_release_is_refused_politely(model):
    data = bytearray(model.path.read_bytes())
    fields = slots.FIELDS
    for slot in range(4):
        at = slots.PAGE_OFFSET + slot * slots.SLOT_BYTES
        values = list(fields.unpack_from(data, at))
        values[1:3] = [9, 9]
        packed = fields.pack(*values)
        check = slots._check(packed)
        data[at : at + len(packed + check)] = packed + check
    model.path.write_bytes(data)
    with pytest.raises(AddressError, match=r"newer release .*upgrade"):
        store.open(model.path)


def test_architectures_are_data_and_never_code():
    """Nothing in the store can run what a file says."""
    forbidden = {"eval", "exec", "compile", "__import__", "pickle", "marshal", "shelve", "dill"}
    folder = Path(jairika_nb.store.__file__).parent
    for source in folder.glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            names = {getattr(node, "id", None), getattr(node, "module", None)}
            names |= {each.name for each in getattr(node, "names", []) if hasattr(each, "name")}
            assert not names & forbidden, (source, names)


def test_an_architecture_nested_too_deep_is_refused(model):
    deep: list = []
    for _ in range(500):
        deep = [deep]

    class Net:
        def state_dict(self):
            return arrays(3)

        def architecture(self):
            return deep

    with pytest.raises(JairikaError, match="inside each other"):
        model.commit(Net())
