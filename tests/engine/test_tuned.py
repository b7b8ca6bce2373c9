"""Kept parameters of products: in force where they belong, ignored where they cannot be right."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.engine import device as devices
from jairika_nb.engine import tuned
from jairika_nb.engine.pieces import CHOICES, SIZES

OTHER = replace(SIZES, rows=12, columns=16, sums=256)
GOOD = json.loads(json.dumps(asdict(OTHER)))


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """A CPU's driver whose choices are kept in an empty folder."""
    found = [d for d in devices.devices() if d.kind == "cpu"]
    if not found:
        pytest.skip("no OpenCL driver for a CPU")
    monkeypatch.setenv("JRK_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tuned, "_chosen", {})
    with devices.using(found[0].id) as chosen:
        yield chosen
    tuned._use(chosen, SIZES)  # no plan of these tests stays


def forgotten(monkeypatch):
    """As in a new process."""
    monkeypatch.setattr(tuned, "_chosen", {})


def test_the_shipped_parameters_are_among_the_choices():
    assert all(getattr(SIZES, name) in values for name, values in CHOICES.items())
    assert CHOICES.keys() == asdict(SIZES).keys()


def test_a_choice_is_kept_for_later_processes_until_it_is_reset(driver, monkeypatch):
    assert tuned.in_force(driver) == SIZES and not tuned.path().exists()
    tuned.keep(driver, OTHER)
    forgotten(monkeypatch)
    assert tuned.in_force(driver) == OTHER
    monkeypatch.setenv("JRK_TUNED", "0")
    forgotten(monkeypatch)
    assert tuned.in_force(driver) == SIZES
    monkeypatch.delenv("JRK_TUNED")
    tuned.keep(driver, None)
    forgotten(monkeypatch)
    assert tuned.in_force(driver) == SIZES and not tuned.path().exists()


def test_a_choice_is_for_one_driver_its_version_and_its_cores(driver, monkeypatch):
    tuned.keep(driver, OTHER)
    name = tuned.key(driver)
    assert str(driver.compute_units) in name and driver.handle.driver_version in name
    forgotten(monkeypatch)
    monkeypatch.setattr(tuned, "key", lambda device: name + " of tomorrow")
    assert tuned.in_force(driver) == SIZES
    tuned.keep(driver, replace(SIZES, sums=256))
    assert len(json.loads(tuned.path().read_text())) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\xff", b"", b"[]", b"7", b"[" * 50_000, b" " * (tuned.LARGEST + 1),
        {**GOOD, "rows": 7}, {**GOOD, "rows": 8.0}, {**GOOD, "rows": True},
        {**GOOD, "depth": 10**30}, {**GOOD, "depth": -512}, {**GOOD, "depth": "512"},
        {**GOOD, "piece": [1024]}, {**GOOD, "piece": [[1024], 64]}, {**GOOD, "piece": None},
        {**GOOD, "copied": {"a": 1}}, {**GOOD, "threads": 3}, {"rows": 8}, [1, 2], "fast", None,
    ],
    ids=lambda content: repr(content)[:24],
)  # fmt: skip
def test_what_cannot_be_right_is_ignored_with_a_warning(driver, content):
    data = content if isinstance(content, bytes) else json.dumps({tuned.key(driver): content})
    tuned.path().write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.warns(RuntimeWarning, match="is ignored"):
        assert tuned.in_force(driver) == SIZES
    tuned.keep(driver, OTHER)  # and can be written over
    assert tuned.kept(driver) == OTHER


def test_a_pipe_in_its_place_is_not_waited_for(driver):
    os.mkfifo(tuned.path())
    with pytest.warns(RuntimeWarning, match="no plain file"):
        assert tuned.in_force(driver) == SIZES


def test_products_follow_what_is_in_force_and_stay_right(driver):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(s, np.float32) for s in ((70, 600), (600, 50)))
    x, y = jrk.tensor(a), jrk.tensor(b)
    results, kernels = [], []
    for sizes in (SIZES, OTHER, SIZES):
        with tuned.trying(driver, sizes):
            product = jrk.compile(lambda x, y: x @ y)
            product(x, y).numpy()
            with jrk.profile() as profile:
                results.append(product(x, y).numpy())
            kernels.append(profile.kernels[0].source)
    assert kernels[0] == kernels[2] != kernels[1] and "sum[12][16 / 16]" in kernels[1]
    exact = a.astype(np.float64) @ b
    assert all(np.abs(each - exact).max() < 1e-5 * np.abs(exact).max() for each in results)
    np.testing.assert_array_equal(results[0], results[2])
