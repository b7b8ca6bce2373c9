"""The tutorials run from start to end, as a reader runs them."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIALS = Path(__file__).parents[2] / "tutorials"


def pages_of(name: str, folder: Path) -> str:
    """Everything that a tutorial shows, run in ``folder`` from its first cell to its last."""
    notebook = nbformat.read(TUTORIALS / name, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute(env=os.environ | {"IPYTHONDIR": str(folder / ".ipython")})
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o["output_type"] == "error"]
    return "".join(str(o.get("data", o.get("text", ""))) for o in outputs)


def test_the_first_network(tmp_path):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    pages = pages_of("01-first-network.ipynb", tmp_path)
    for part in ('iteration: "prime"', 'iteration: "PT"', "kernel void"):
        assert part in pages
    assert list(tmp_path.glob("*.jrk.h5"))


def test_inside_a_tensor(tmp_path):
    from jairika_nb.engine.device import default

    if default().is_reference:
        pytest.skip("kernels need an OpenCL device")
    pages = pages_of("02-inside-a-tensor.ipynb", tmp_path)
    for part in (
        "fused into 1 kernel", "kernel void map_", "soft(x, width) -> float32",
        "sum of all influences: 1.0",
        "line 3: use of undeclared identifier", "GFLOP/s", "data:image/svg+xml",
    ):  # fmt: skip
        assert part in pages


def test_learning(tmp_path):
    from jairika_nb.engine.device import default

    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    if default().is_reference:
        pytest.skip("NumPy takes minutes for its convolutions")
    pages = pages_of("03-learning.ipynb", tmp_path)
    for part in (
        "kernels launched: 0", "put nn.Flatten() before this layer", "SGD:  True", "Adam: True",
        "F1(average=None, 270 seen)", "one cycle: validation loss", "both eyes: 0.9",
    ):  # fmt: skip
        assert part in pages


def test_your_own_data(tmp_path):
    pytest.importorskip("sklearn", reason="the data come with scikit-learn")
    pytest.importorskip("pandas", reason="tables are read by pandas or polars")
    pytest.importorskip("PIL", reason="pictures are read by Pillow")
    pages = pages_of("04-your-own-data.ipynb", tmp_path)
    for part in (
        "line 4 has 3 fields", "row 2, column 'sepal width' is missing",
        "kinds held out: [10 10 10]", "epoch 0 again: True  epoch 1: False",
        "the same batches: True", "digits told: 0.9", "True - and its longest word: Ġ",
        "waves told: 1.0",
    ):  # fmt: skip
        assert part in pages


def test_long_runs(tmp_path):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    pages = pages_of("05-long-runs.ipynb", tmp_path)
    for part in (
        "2 epochs and part of one, 60 steps", 'iteration: "checkpoint"',
        "the same bits as without the stop: True", "state: running",
        "state: interrupted - accuracy True", "225 batches, 60 steps, accuracy above 0.9: True",
        'variant: "small"',
    ):  # fmt: skip
        assert part in pages


def test_nothing_is_lost(tmp_path):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    pytest.importorskip("cryptography", reason="keys are made and layers encrypted by it")
    pages = pages_of("06-nothing-is-lost.ipynb", tmp_path)
    for part in (
        "history of 5 iterations", "a conflict in layers 1, 3", "merged as", "two parents: True",
        "the same bits: True", "listed: False", "bytes won", "gone different ways",
        "pulled 1 to variant", "the same answers: True", "all whole", "made the key ann",
        "signed by ann", "signatures are required: unsigned", "encrypted: (64, 64)",
        "encrypted for ann, ben, and no key is at hand",
    ):  # fmt: skip
        assert part in pages, part
