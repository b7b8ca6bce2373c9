"""Mutated files end in the right values or one error: two thousand here, more in tests/long."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from states import arrays

from jairika_nb import nn, store

COUNT = int(os.environ.get("JRK_MUTANTS", "2000"))
PART = 500  # of one process
MOST_GROWN = 200_000  # KB of resident memory, over thousands of mutants


def whole_file(path: Path) -> Path:
    """A model with what a model can have: segments, tags, an optimiser, an architecture."""
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    with store.init(path) as model:
        for seed in range(17):
            small = {"0.weight": np.float32([seed, 1])}
            model.commit(small, metrics={"loss": seed / 7}, message="two\nlines")
        model.remove("iteration-4")  # what is left is sealed, later ones are not
        model.derive("net", iteration="iteration-5")
        model.commit(net, variant="net", metrics={"drift": float("nan")})
        state = {"0.weight.m": np.ones(3), "step": 4}
        model.commit(arrays(1), variant="main", optimizer=state)
        model.tag("v1", "iteration-3")
    return path


def mutated(path: Path, count: int) -> Counter[str]:
    """What came of ``count`` mutants, told by processes that hang, die and grow on their own."""

    def part(number: int) -> Counter[str]:
        program = Path(__file__).with_name("mutants.py")
        command = [sys.executable, str(program), str(path), str(number), str(PART)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
        if done.returncode:
            return Counter({f"bad: part {number} died: {done.stderr[-500:]}": 1})
        return Counter(json.loads(done.stdout))

    told = Counter[str]()
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for each in pool.map(part, range(count // PART)):
            most = {key: max(told[key], each[key]) for key in ("slowest ms", "grown KB")}
            told = Counter({**(told + each), **most})
    return told


@pytest.mark.skipif(sys.platform == "win32", reason="no limits for processes there")
def test_a_mutated_file_is_right_or_refused(tmp_path, capsys):
    told = mutated(whole_file(tmp_path / "whole.jrk.h5"), COUNT)
    with capsys.disabled():
        print(f"\n{dict(told)}")
    assert not [each for each in told if each.startswith("bad")]
    assert told["read"] + told["refused"] == COUNT // PART * PART
    assert told["read"] > COUNT // 10 and told["refused"] > COUNT // 4
    assert told["grown KB"] < MOST_GROWN
