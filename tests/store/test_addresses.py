"""Addresses that work, and each bad one with its line."""

from __future__ import annotations

import os
import pathlib

import h5py
import numpy as np
import pytest
from states import arrays

from jairika_nb import store
from jairika_nb.errors import AddressError, Damaged, JairikaError
from jairika_nb.store import reader


def test_paths_and_urls_mean_the_same_file(tmp_path, monkeypatch):
    path = tmp_path / "my net 100%.jrk.h5"
    store.init(path).close()
    monkeypatch.chdir(tmp_path)
    for address in (str(path), path, path.as_uri(), path.name, f"./{path.name}"):
        with store.open(address) as model:
            assert model.path == path and model.address == path.as_uri()


def test_a_name_without_the_suffix_is_taken_as_it_is(tmp_path):
    store.init(tmp_path / "plain").close()
    assert reader.read_tree(tmp_path / "plain")["name"] == "plain"


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://bucket/net.jrk.h5", "s3://.*give a path or a file:// URL"),
        ("https://example.org/net.jrk.h5", "https://.*not supported here"),
        ("file://elsewhere/net.jrk.h5", "names the machine 'elsewhere'"),
        ("file:", "no path"),
        ("", "give a path"),
        (None, "give a path"),
        ("a\0b", "zero byte"),
    ],
)
def test_addresses_that_mean_no_file(address, words):
    remote = isinstance(address, str) and address[:2] in ("s3", "ht")
    for action in (store.init, reader.read_tree, *(() if remote else (store.open,))):
        with pytest.raises(AddressError, match=words):
            action(address)


def test_a_missing_file_is_told_with_the_likely_one(tmp_path):
    with pytest.raises(AddressError, match=r"no such file.*make it with init"):
        store.open(tmp_path / "none")
    store.init(tmp_path / "chat.jrk.h5").close()
    with pytest.raises(AddressError, match=r"did you mean .*chat\.jrk\.h5\?"):
        store.open(tmp_path / "chat")
    with pytest.raises(AddressError, match=r"did you mean .*chat\.jrk\.h5\?"):
        store.open(tmp_path / "chta.jrk.h5")
    with pytest.raises(AddressError):
        store.init(tmp_path / "no" / "such" / "folder.jrk.h5")
    with pytest.raises(AddressError, match="'w'"):
        store.open(tmp_path / "chat.jrk.h5", mode="w")


def foreign(path: pathlib.Path) -> dict[str, bytes]:
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(5000)
    return {
        "empty": b"",
        "text": b"hello, world\n" * 1000,
        "plain HDF5": path.read_bytes(),
        "short": b"\x89HDF\r\n\x1a\n",
        "noise": np.random.default_rng(0).bytes(20_000),
    }


def test_foreign_files_are_refused_and_left_alone(tmp_path):
    for kind, data in foreign(tmp_path / "x.h5").items():
        path = tmp_path / "foreign.h5"
        path.write_bytes(data)
        for action in (
            store.open,
            lambda each: store.open(each, "a"),
            reader.read_tree,
            reader.generation,
        ):
            cure = "remove it" if kind == "empty" else "another name"
            with pytest.raises(AddressError, match=f"as a model: it is .*{cure}.*init") as caught:
                action(path)
            assert "\n" not in str(caught.value), kind
        with pytest.raises(AddressError, match=r"file of that name already.*choose another"):
            store.init(path)
        assert path.read_bytes() == data
    path.write_bytes(b"")
    path.unlink()  # what the message about an empty file says
    store.init(path).close()


def test_a_folder_and_a_pipe_are_no_models(tmp_path):
    with pytest.raises(AddressError, match="not a file"):
        store.open(tmp_path)
    with pytest.raises(AddressError, match="a folder of that name"):
        store.init(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(AddressError, match="not a file"):
            store.open(tmp_path / "pipe")


def test_init_does_not_touch_a_model_that_is_there(model, tmp_path):
    before = model.path.read_bytes()
    with pytest.raises(AddressError, match=r'a model .* jrk\.open\(.*chat.*, mode="a"\)'):
        store.init(model.path)
    assert model.path.read_bytes() == before
    (tmp_path / "dangling.jrk.h5").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AddressError, match="already"):
        store.init(tmp_path / "dangling.jrk.h5")


def test_a_failed_init_leaves_no_file(tmp_path):
    with pytest.raises(Exception, match="complex"):
        store.init(tmp_path / "a.jrk.h5", {"w.x": np.zeros(2, complex)})
    assert os.listdir(tmp_path) == []


def test_a_truncated_model_is_damaged_not_shorter(model):
    data = model.path.read_bytes()
    for length in (len(data) - 1, len(data) // 2, 6200):
        model.path.write_bytes(data[:length])
        with pytest.raises(Damaged, match="cut short"):
            store.open(model.path)
        with pytest.raises(Damaged):
            reader.read_tree(model.path)


def test_a_link_and_its_target_are_one_model(model, tmp_path):
    link = tmp_path / "link.jrk.h5"
    link.symlink_to(model.path)
    with store.open(link, "a") as linked:
        linked.commit(arrays(5), name="through the link")
    assert "through the link" in model.refresh()["main"]


def test_a_file_put_in_the_place_of_an_open_one_is_followed(model, tmp_path):
    store.init(tmp_path / "new.jrk.h5", variant="new").close()
    os.replace(tmp_path / "new.jrk.h5", model.path)
    assert model.variants == ("main",)
    assert model.refresh().variants == ("new",)


def test_a_model_that_vanished_is_told(model):
    os.unlink(model.path)
    with pytest.raises(AddressError, match="no such file"):
        model.commit(arrays(3))
    assert not model.path.exists()


def test_a_copy_can_be_written(model, tmp_path):
    copy = tmp_path / "copy.jrk.h5"
    copy.write_bytes(model.path.read_bytes())
    with store.open(copy, "a") as copied:
        assert copied.commit(arrays(4), name="mine").parents == (model["main"]["PT"].id,)
        assert copied.verify().ok


def test_a_folder_that_is_missing_is_told_by_the_models_name(tmp_path):
    with pytest.raises(AddressError, match=r"cannot make \S+/none/a\.jrk\.h5: there is no folder"):
        store.init(tmp_path / "none" / "a.jrk.h5")


@pytest.mark.parametrize(
    "secret", ["jrk+http://h/a.jrk.h5?token=secret", "jrk+http://?token=secret"]
)
def test_a_token_in_an_address_is_in_no_message(secret):
    with pytest.raises(JairikaError) as told:
        store.init(secret)
    assert "secret" not in str(told.value)
    with pytest.raises(JairikaError) as told:
        store.open(secret.replace("//h", "//127.0.0.1:9"))
    assert "secret" not in str(told.value)
