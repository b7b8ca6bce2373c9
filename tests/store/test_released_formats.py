"""Files of every released format open for ever: their values, and more can be committed to them.

``released/format-N.jrk.h5.xz`` was written by the last release with that format, from states that
are known: ``arrays(seed)`` and a small network.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np
import pytest
from states import FIRST, SECOND, arrays, same

from jairika_nb import store
from jairika_nb.store import reader, slots

FOLDER = Path(__file__).with_name("released")
# BLAKE3 of the manifests: what an iteration is does not depend on the form of the lists.
HEAD = {
    1: "9d41f1ff6f35b2bde6e5b899177470525399d3ed30860e5b64e19fe674945f84",
}


@pytest.fixture(params=sorted(HEAD))
def released(request, tmp_path) -> tuple[int, Path]:
    """The number of a format, and a file of it."""
    path = tmp_path / f"format-{request.param}.jrk.h5"
    path.write_bytes(lzma.decompress((FOLDER / f"{path.name}.xz").read_bytes()))
    return request.param, path


def check(model: store.Model, number: int) -> None:
    names = ["prime", *(f"iteration-{n}" for n in range(2, 21) if n != 7)]
    assert list(model["main"])[:20] == [*names, "back"]
    assert model["Δ lstm"].iterations[:2] == ("prime", "net")
    assert model.variants == ("main", "Δ lstm", "merged") and model.current == "Δ lstm"
    for seed, name in enumerate(["prime", *(f"iteration-{n}" for n in range(2, 21))]):
        if name != "iteration-7":
            each = model["main"][name]
            assert same(each.arrays(), arrays(seed))
            assert each.time.isoformat() == (SECOND if seed else FIRST).replace("Z", "+00:00")
            assert each.metrics["loss"] == (1 / (seed + 1) if seed else 0.5)
    first = model["main"]["prime"]
    assert first.message == 'from "scratch"\n\twith a tab' and first.author == "Ada"
    assert first.metrics["drift"] == float("inf") and first.settings == {"lr": 0.1, "step": 1}
    assert first.training_state()["rng"].tolist() == [0, 1, 2, 3]
    assert model["main"]["iteration-20"].id == HEAD[number]
    assert model.tags["v1.0"].name == "iteration-5" and len(model.reflog()) >= 27
    net = model["Δ lstm"]["net"].load()
    assert same(net.state_dict(), model["Δ lstm"]["net"].arrays())


def test_a_released_file_reads_as_it_did(released):
    number, path = released
    with open(path, "rb") as file:
        file.seek(slots.PAGE_OFFSET)
        assert slots.FIELDS.unpack(file.read(slots.FIELDS.size))[1] == number
    with store.open(path) as model:
        check(model, number)
        assert model.verify().ok


def test_a_released_file_is_gone_on_with_and_repacked(released):
    number, path = released
    with store.open(path, "a") as model:
        gone = next(each.row.id for each in model.reflog() if each.row is not None)
        for seed in range(40):
            model.commit(arrays(seed), variant="main")
        check(model, number)
        assert same(model.find(gone).arrays(), arrays(6))
        model.gc()
        check(model, number)
        assert model.verify().ok
    assert reader.read_tree(path)["format"] == slots.NEWEST
    assert len(store.open(path)["main"]) == 60
    assert np.array_equal(store.open(path)["main"].head.arrays()["1.steps"], 39)
