"""Arrays to and from other programs' files; hostile ones end in an error, in bounded time."""

from __future__ import annotations

import time

import h5py
import numpy as np
import pytest
from states import arrays, same

from jairika_nb import nn, store
from jairika_nb.errors import AddressError, ArchitectureError, BadName, DataError

KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3)  # Keras: 4 inputs, 3 outputs


@pytest.mark.parametrize("ending", [".h5", ".hdf5", ".safetensors", ".npz"])
def test_what_is_exported_comes_back(model, tmp_path, ending):
    file = tmp_path / f"out{ending}"
    if ending == ".safetensors":
        pytest.importorskip("safetensors")
    model["main"]["PT"].export(file)
    made = model.import_from(file, name="back")
    found = made.arrays()
    assert same({k: found[k] for k in arrays(1)}, arrays(1)) and set(found) == set(arrays(1))
    assert made.message == f"imported from out{ending}" and model.verify().ok


def test_other_programs_read_what_is_exported(model, tmp_path):
    head = model["main"]["PT"]
    head.export(tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["0/weight"][()].tobytes() == arrays(1)["0.weight"].tobytes()
    head.export(tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        assert same({k: file[k] for k in file.files}, arrays(1))
    load_file = pytest.importorskip("safetensors.numpy").load_file
    head.export(tmp_path / "out.safetensors")
    found = load_file(tmp_path / "out.safetensors")
    assert same({k: found[k] for k in arrays(1)}, arrays(1))


def test_an_export_replaces_nothing_by_mistake(model, tmp_path):
    head = model["main"].head
    head.export(tmp_path / "out.h5")
    with pytest.raises(AddressError, match="give force=True"):
        head.export(tmp_path / "out.h5")
    head.export(tmp_path / "out.h5", force=True)
    store.init(tmp_path / "plain.h5", arrays(1)).close()  # a model by its content alone
    for file in (tmp_path / "plain.h5", model.path):
        with pytest.raises(AddressError, match="a model of that name"):
            head.export(file, force=True)
    with pytest.raises(AddressError, match="ends in one of"):
        head.export(tmp_path / "out.txt")
    with pytest.raises(AddressError):
        head.export(tmp_path / "none" / "out.h5")
    names = {p.name for p in tmp_path.iterdir() if p.suffix != ".lock"}
    assert names == {"out.h5", "plain.h5", model.path.name}


def keras2(path, top=""):
    with h5py.File(path, "w") as file:
        root = file.create_group(top) if top else file
        root.attrs["layer_names"] = ["dense_10", "norm", "dense_2"]
        for layer in ("dense_2", "dense_10"):
            group = root.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/kernel:0", f"{layer}/bias:0"]
            group[f"{layer}/kernel:0"] = KERNEL if layer == "dense_10" else KERNEL.T[:, :2]
            group[f"{layer}/bias:0"] = np.full(3 if layer == "dense_10" else 2, 7, np.float32)
        norm = root.create_group("norm")
        listed = ("gamma", "beta", "moving_mean", "moving_variance")
        norm.attrs["weight_names"] = [f"norm/{name}:0" for name in listed]
        for n, name in enumerate(listed):
            norm[f"norm/{name}:0"] = np.full(3, n, np.float32)


@pytest.mark.parametrize("top", ["", "model_weights"])
def test_weights_of_keras_2_fit_a_network_in_order(tmp_path, top):
    keras2(tmp_path / "w.h5", top)
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    with store.init(tmp_path / "a.jrk.h5", net) as model:
        options = {"layout": "keras", "match": "order"}
        made = model.import_from(tmp_path / "w.h5", **options)
        state = {k: np.asarray(v) for k, v in made.load().state_dict().items()}
        assert state["0.weight"].tolist() == KERNEL.T.tolist() and state["0.bias"][0] == 7
        assert [state[f"1.{k}"][0] for k in ("weight", "bias", "running_mean", "running_var")] == [
            0, 1, 2, 3,
        ]  # fmt: skip
        assert state["2.weight"].shape == (2, 3)
        with pytest.raises(ArchitectureError):
            model.import_from(tmp_path / "w.h5", layout="keras")
        named = model.import_from(tmp_path / "w.h5", model.derive("k").name, layout="keras")
        assert list(named.arrays())[:3] == ["dense_10.weight", "dense_10.bias", "norm.weight"]


def test_weights_of_keras_3(tmp_path):
    image = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        file["layers/conv2d/vars/0"], file["layers/conv2d/vars/1"] = image, np.zeros(5, np.float32)
        file["layers/embedding/vars/0"] = KERNEL
        for n in range(4):
            file[f"layers/batch_normalization/vars/{n}"] = np.full(5, n, np.float32)
        file["optimizer/vars/0"] = np.int64(3)
    with store.init(tmp_path / "a.jrk.h5") as model:
        found = model.import_from(tmp_path / "w.weights.h5", layout="keras").arrays()
    assert np.array_equal(found["conv2d.weight"], image.transpose(3, 2, 0, 1))
    assert np.array_equal(found["embedding.weight"], KERNEL) and "optimizer" not in str(
        found.keys()
    )
    assert found["batch_normalization.running_var"][0] == 3
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        for n in range(3):
            file[f"layers/lstm/cell/vars/{n}"] = np.zeros((2, 2))
    with (
        pytest.raises(DataError, match=r"lstm.*plain layout"),
        store.open(tmp_path / "a.jrk.h5", "a") as model,
    ):
        model.import_from(tmp_path / "w.weights.h5", layout="keras")


def test_compressed_chunked_and_big_endian_values(tmp_path):
    values = np.random.default_rng(0).integers(0, 9, (300, 70)).astype(">i4")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        packed = {"chunks": (10, 70), "compression": "gzip", "shuffle": True}
        file.create_dataset("a/b/c", data=values, **packed)
        file["scalar"], file["nothing"] = np.float64(0.5), np.zeros((0, 3))
    with store.init(tmp_path / "a.jrk.h5") as model:
        found = model.import_from(tmp_path / "w.h5").arrays()
    assert np.array_equal(found["a.b.c"], values) and found["a.b.c"].dtype == np.int32
    assert found["scalar"] == 0.5 and found["nothing"].shape == (0, 3)


def test_what_is_left_out_is_told(tmp_path):
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["a"], file["note"], file["same"] = np.ones(3), "words", h5py.SoftLink("/a")
    with store.init(tmp_path / "a.jrk.h5") as model:
        told = r"left out of .*w\.h5: /note \(no numbers\), /same \(a link\)"
        with pytest.warns(UserWarning, match=told):
            made = model.import_from(tmp_path / "w.h5")
        assert set(made.arrays()) == {"a"}


def hostile(path, kind):
    secret = path.with_name("secret.bin")
    secret.write_bytes(b"secret!!" * 16)
    with h5py.File(path, "w") as file:
        if kind == "links":
            file["soft"], file["external"] = h5py.SoftLink("/"), h5py.ExternalLink("other.h5", "/")
        elif kind == "circle":
            file.create_group("a")["b"] = file["/"]
        elif kind == "values elsewhere":
            file.create_dataset("x", (16,), "f8", external=[(str(secret), 0, 128)])
        elif kind == "claims":
            file.create_dataset("x", (1 << 33,), "f4", chunks=(1 << 20,))
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4,), "f4")
            layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
            file.create_virtual_dataset("x", layout)
        elif kind == "text":
            file["x"] = "words"
        elif kind == "deep":
            group = file
            for _ in range(60):
                group = group.create_group("g")
            group["x"] = 1.0
        elif kind == "dots":
            file["a.b"], file["a/b"] = 1.0, 2.0


KINDS = ["links", "circle", "values elsewhere", "claims", "virtual", "text", "deep", "dots"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_file_gives_nothing_but_an_error(model, tmp_path, kind):
    hostile(tmp_path / "evil.h5", kind)
    started, size = time.monotonic(), model.path.stat().st_size
    with pytest.raises((DataError, BadName), match=r"evil\.h5"):
        model.import_from(tmp_path / "evil.h5")
    assert time.monotonic() - started < 30 and model.path.stat().st_size == size


def test_damaged_files_end_in_an_error_or_whole_arrays(model, tmp_path):
    file, chosen = tmp_path / "w.h5", np.random.default_rng(1)
    model["main"].head.export(file)
    good = file.read_bytes()
    for _ in range(4):
        data = bytearray(good)
        for at in chosen.integers(0, len(data), 40):
            data[at] = chosen.integers(256)
        file.write_bytes(data)
        try:
            model.import_from(file, variant=model.derive(f"v{chosen.integers(1 << 40)}").name)
        except (DataError, BadName, ArchitectureError):
            continue
    assert model.verify().ok


def test_what_is_no_such_file(model, tmp_path):
    (tmp_path / "a.h5").write_text("words")
    (tmp_path / "a.npz").write_text("words")
    (tmp_path / "a.safetensors").write_text("words")
    for name in ("a.h5", "a.npz", "a.safetensors"):
        with pytest.raises(DataError, match="cannot import"):
            model.import_from(tmp_path / name)
    with pytest.raises(DataError, match="it is a model; pull it"):
        model.import_from(model.path)
    with pytest.raises(AddressError, match="no such file"):
        model.import_from(tmp_path / "none.h5")
    with pytest.raises(DataError, match="plain, keras"):
        model.import_from(tmp_path / "a.h5", layout="torch")
