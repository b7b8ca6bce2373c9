"""Networks on pages of the file: equal bit for bit, and no more resident than the cap."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim, store
from jairika_nb.engine.memory import parse_size
from jairika_nb.errors import ArgumentError, Damaged
from jairika_nb.store import paging, tensors
from jairika_nb.tensors import random

WIDE = 96  # a weight of 36 KB, which is mapped; biases are copied


def network():
    jrk.random.seed(5)
    return nn.Sequential(
        nn.Linear(WIDE, WIDE), nn.Tanh(), nn.Linear(WIDE, WIDE), nn.Linear(WIDE, 4)
    )


def bits(tensor) -> bytes:
    return np.asarray(tensor).tobytes()


def test_inference_and_training_equal_those_of_an_eager_network(tmp_path, device):
    x = np.random.default_rng(0).standard_normal((3, WIDE)).astype(np.float32)
    with store.init(tmp_path / "a.jrk.h5", network()) as model:
        eager, lazy = model["main"].head.load(), model["main"].head.load(lazy=True)
        capped = model["main"].head.load(lazy=True, cap=40_000)
        assert bits(eager(x)) == bits(lazy(x)) == bits(capped(x))
        for net in (eager, lazy):
            rule = optim.Adam(lr=0.01)

            @jrk.compile
            def step(x, net=net, rule=rule):
                loss = (net(x) ** 2).mean()
                rule.update(net, loss.backward(net))
                return loss

            for _ in range(3):
                step(jrk.tensor(x))
        for name, value in eager.state_dict().items():
            assert bits(value) == bits(lazy.state_dict()[name]), name
        made = model.commit(lazy, name="trained")
        assert bits(made.load(lazy=True)(x)) == bits(eager(x))
        assert capped.architecture() == eager.architecture()


def test_layers_come_and_go_under_the_cap(tmp_path, monkeypatch):
    big = WIDE * WIDE * 4
    with store.init(tmp_path / "a.jrk.h5", network()) as model, jrk.device("reference"):
        pagers = []
        fill = paging.fill
        monkeypatch.setattr(paging, "fill", lambda *a: pagers.append(fill(*a)))
        net = model["main"].head.load(lazy=True, cap=big + 10_000)
        pager = pagers[0]
        assert pager.resident == 0  # nothing is read before it is looked at
        room, seen = pager.room, []
        monkeypatch.setattr(pager, "room", lambda own: (room(own), seen.append(pager.resident)))
        net(np.zeros((1, WIDE), np.float32)).numpy()
        assert len(seen) >= 2 and 0 < min(seen) <= max(seen) <= pager.cap
        monkeypatch.setenv("JRK_STORE_CAP", "1 KB")
        model["main"].head.load(lazy=True)
        assert pagers[1].cap == 1000 and pagers[1].resident == 0
        monkeypatch.setenv("JRK_STORE_CAP", "much")
        with pytest.raises(ArgumentError, match="no size"):
            model["main"].head.load(lazy=True)


def test_a_network_without_a_cap_has_no_hooks(tmp_path):
    with store.init(tmp_path / "a.jrk.h5", network()) as model:
        net = model["main"].head.load(lazy=True)
        assert not any(module._forward_hooks for module in net.modules())
        wide = model["main"].head.load(lazy=True, cap="1GB")
        assert not any(module._forward_hooks for module in wide.modules())


def test_what_is_mapped_is_checked_when_it_is_looked_at_first(tmp_path):
    with store.init(tmp_path / "a.jrk.h5", network()) as model:
        head, reader = model["main"].head, model._reader
        row = reader.iterations("main")[-1]
        offset = reader.locations(row, reader.manifest(row))[0][0]
        with open(model.path, "r+b") as file:
            file.seek(offset + 5000)
            file.write(b"\xff\xff")
        net = head.load(lazy=True)
        for _ in range(2):
            with pytest.raises(Damaged, match=r"'0\.weight'"):
                net(np.zeros((1, WIDE), np.float32)).numpy()
        whole = [name for name in net.state_dict() if name != "0.weight"]
        assert whole and all(np.isfinite(net.state_dict()[name].numpy()).all() for name in whole)
        with pytest.raises(Damaged, match=r"'0\.weight'"):
            head.load()


def test_opening_lazily_reads_no_values(tmp_path, monkeypatch):
    looked = []
    mapped = tensors.mapped
    monkeypatch.setattr(tensors, "mapped", lambda *a: looked.append(a[1][0].name) or mapped(*a))
    with store.init(tmp_path / "a.jrk.h5", network()) as model, jrk.device("reference"):
        net = model["main"].head.load(lazy=True)
        net.architecture(), net.summary(), [p.shape for p in net.parameters()]
        assert not looked
        net(np.zeros((1, WIDE), np.float32)).numpy()
        assert sorted(looked) == ["0.weight", "2.weight"]  # that of 3 is small and copied


def test_loading_draws_no_initial_values(tmp_path, monkeypatch):
    with store.init(tmp_path / "a.jrk.h5", network()) as model, jrk.device("reference"):
        monkeypatch.setattr(random, "words", None)
        for lazy in (False, True):
            loaded = model["main"].head.load(lazy=lazy)
            assert all(np.isfinite(value.numpy()).all() for value in loaded.parameters())
        with pytest.raises(TypeError):
            network()


def test_a_mapped_network_outlives_its_model_and_its_file(tmp_path):
    x = np.ones((1, WIDE), np.float32)
    with store.init(tmp_path / "a.jrk.h5", network()) as model:
        net, wanted = model["main"].head.load(lazy=True), bits(model["main"].head.load()(x))
        model.gc(days=0)
    (tmp_path / "a.jrk.h5").unlink()
    assert bits(net(x)) == wanted


def test_a_cap_is_for_what_is_left_in_the_file(model):
    with pytest.raises(ArgumentError, match="give lazy=True too"):
        model["main"].head.load(cap="1MB")


PROGRAM = """
import sys
import numpy as np
import jairika_nb as jrk
from jairika_nb import nn, store

def resident():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024

def run(cap):
    before = resident()
    net = model["main"].head.load(lazy=bool(cap), cap=cap or None)
    peak, total = resident(), 0.0
    for _ in range(2):
        y = x
        for layer in net:
            y = layer(y)
            peak = max(peak, resident())
        total = float(y.numpy().sum())
        peak = max(peak, resident())
    print(peak - before, total.hex())

with jrk.device(sys.argv[3]):
    size = 1024
    model = store.open(sys.argv[1])
    x = np.full((1, size), 0.01, np.float32)
    small = nn.Sequential(nn.Linear(size, size), nn.ReLU())
    small(x).numpy()  # kernels and drivers are in memory before anything is counted
    run(int(sys.argv[2]))
    run(0)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_no_more_than_the_cap_is_resident(tmp_path, device):
    layer = 1024 * 1024 * 4
    if device.kind == "gpu":
        pytest.skip("parameters are copied to the memory of the device")
    with jrk.device("reference"):
        layers = [part for _ in range(10) for part in (nn.Linear(1024, 1024), nn.ReLU())]
        net = nn.Sequential(*layers)
        store.init(tmp_path / "a.jrk.h5", net).close()
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "a.jrk.h5"), str(2 * layer), device.id]
    subprocess.run(command, capture_output=True, check=True)  # a compiler takes 100 MB, once
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    capped, eager = (line.split() for line in done.stdout.splitlines())
    assert capped[1] == eager[1]
    assert int(eager[0]) > 8 * layer, "the eager network should take all its room"
    assert int(capped[0]) < 2 * layer + layer + (10 << 20)


def test_sizes_of_caps(monkeypatch):
    monkeypatch.delenv("JRK_STORE_CAP", raising=False)
    assert paging.cap_of(None) is None and paging.cap_of("2MB") == parse_size("2MB") == 2_000_000
