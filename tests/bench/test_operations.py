"""Single operations: every library computes the same, and rows share processes."""

from __future__ import annotations

import dataclasses
import importlib

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.bench import OPERATIONS, measure_together, rounds
from jairika_nb.bench.asking import Process
from jairika_nb.bench.contender import MAKERS
from jairika_nb.bench.judging import distance, expected_of
from jairika_nb.bench.operations import BANDWIDTH, PEAK, STREAM, streamed, workload
from jairika_nb.engine import tuned
from jairika_nb.engine.caches import last_cache

SQUARE = {"a": (20, 20), "b": (20, 20)}
ROWS = {"x": (6, 20)}
# Shapes of the inputs in which operations are compared, and "dy" for their gradients.
SMALL = {
    **dict.fromkeys(("matmul", "matmul_tn", "matmul_nt"), SQUARE),
    "dense_gelu": {**SQUARE, "bias": (20,)},
    "convolution": {"x": (2, 3, 5, 5), "w": (4, 3, 3, 3), "dy": (2, 4, 5, 5)},
    "depthwise": {"x": (2, 3, 5, 5), "w": (3, 1, 3, 3), "dy": (2, 3, 5, 5)},
    "attention": dict.fromkeys(("q", "k", "v", "dy"), (2, 2, 6, 4)),
    "layernorm": {**ROWS, "weight": (20,), "bias": (20,), "dy": (6, 20)},
    "softmax": {**ROWS, "dy": (6, 20)},
    "embedding": {"weight": (10, 4), "dy": (6, 4)},
    "add": {**ROWS, "y": (6, 20)},
    "triad": {**ROWS, "y": (6, 20)},
}
INDICES = {"cross_entropy": "y", "embedding": "x"}
DISTINCT = {(row.operation, row.wanted): row for row in OPERATIONS.values()}.values()


def small(row):
    """The same operation on few numbers."""
    shapes = SMALL.get(row.operation, ROWS)

    def drawn():
        rng = np.random.default_rng(0)
        found = {k: rng.standard_normal(shape, np.float32) for k, shape in shapes.items()}
        if not row.wanted:
            found.pop("dy", None)
        if row.operation in INDICES:
            found[INDICES[row.operation]] = rng.integers(0, 10, 6).astype(np.int32)
        return found

    return dataclasses.replace(row, inputs=drawn)


@pytest.mark.parametrize("library", ["jairika_nb", "pytorch", "jax", "numpy"])
@pytest.mark.parametrize("row", DISTINCT, ids=lambda row: row.name)
def test_operations_agree_in_float64(library, row):
    pytest.importorskip("torch")
    pytest.importorskip(rounds.LIBRARIES[library])
    module, options = MAKERS[library]
    with jrk.device("reference"):
        ready = importlib.import_module(f"jairika_nb.bench.{module}").ready
        made = ready(small(row), **options)
        if made is None:
            assert library == "numpy"
            pytest.skip(f"{row.name} is not written for {library}")
        made.step()
        found, expected = made.results(), expected_of(small(row))
    assert {k: a.shape for k, a in found.items()} == {k: a.shape for k, a in expected.items()}
    assert distance(found, expected) < 2e-6


def test_inputs_and_gradients_are_named_as_the_rows_say():
    for row in OPERATIONS.values():
        assert row.flops + row.bytes > 0 and row.steps > 0 and row.title
        assert row.name.endswith("-grad") == bool(row.wanted)
    given = OPERATIONS["attention-128-grad"].inputs()
    assert set(given) == {"q", "k", "v", "dy"} and given["q"].shape == (8, 8, 128, 32)
    labels = OPERATIONS["cross-entropy"].inputs()["y"]
    assert labels.dtype == np.int32 and labels.max() < 1024


def test_what_an_operation_cannot_do_without():
    assert OPERATIONS["matmul-512"].flops == 2 * 512**3
    # 64 x 64 channels, 9 places, 32 images of 32 x 32; both gradients are as much each.
    forward = 2 * 64 * 64 * 9 * 32 * 32 * 32
    assert OPERATIONS["conv3x3"].flops == forward
    assert OPERATIONS["conv3x3-grad"].flops == 2 * forward
    assert OPERATIONS["triad"].bytes == 12 * streamed() >= 12 * STREAM
    assert 4 * streamed() >= 2 * last_cache()
    assert {*PEAK, *BANDWIDTH} <= OPERATIONS.keys()


def test_rows_go_through_shared_processes_and_errors_are_small():
    names = ["matmul-256", "softmax-grad", "embedding-grad"]
    told = []
    pytest.importorskip("torch")
    libraries = ["jairika_nb", "pytorch", "numpy"]
    found = measure_together(names, libraries, rounds=2, say=told.append)
    for name, outcomes in zip(names, found, strict=True):
        able = libraries if name == "matmul-256" else libraries[:2]
        assert [each.library for each in outcomes] == able
        for each in outcomes:
            assert not each.failed and each.error < 1e-5
            assert len(each.seconds) == 2 * workload(name).steps and each.cold > 0
    assert told == [f"{name} ({i} of 3)" for i, name in enumerate(names, 1)]


def test_a_failure_is_told_and_the_next_row_goes_on(tmp_path):
    with Process("numpy", None, str(tmp_path)) as process:
        assert process.ask({"load": "no such"})["failed"].startswith("KeyError")
        assert process.ask({"load": "matmul-256"})["first"] > 0
        process.process.kill()
        assert process.ask({"steps": 1})["failed"] == "it ended with -9"
        assert process.ask({"load": "conv3x3"}) == {"refused": True}


def test_processes_use_the_parameters_that_are_in_force_here(tmp_path, monkeypatch):
    monkeypatch.setenv("JRK_CACHE_DIR", str(tmp_path / "here"))
    (tmp_path / "here").mkdir()
    (tmp_path / "new").mkdir()
    tuned.path().write_text("{}")
    process = Process("jairika_nb", None, str(tmp_path / "new"))
    folder = tmp_path / "new" / "jairika_nb"
    assert [each.name for each in folder.iterdir()] == [tuned.FILE]
    assert process.environment["JRK_CACHE_DIR"] == str(folder)
