"""The tutorials run from start to end, as a reader runs them."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FIRST = Path(__file__).parents[2] / "tutorials" / "01-first-network.ipynb"


def test_the_first_network(tmp_path):
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    notebook = nbformat.read(FIRST, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=os.environ | {"IPYTHONDIR": str(tmp_path / ".ipython")})
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o["output_type"] == "error"]
    pages = "".join(str(o.get("data", o.get("text", ""))) for o in outputs)
    for part in ('iteration: "prime"', 'iteration: "PT"', "kernel void"):
        assert part in pages
    assert list(tmp_path.glob("*.jrk.h5"))
