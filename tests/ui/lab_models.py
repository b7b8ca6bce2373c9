"""Model files for the browser to look at, made and changed as another program would."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from jairika_nb import store
from jairika_nb.store import listing
from jairika_nb.store.keys import Key

COMMIT = """
import sys
import numpy as np
from jairika_nb import store
with store.open(sys.argv[1], "a") as model:
    model.commit({"0.weight": np.ones((2, 3), "f4")}, name=sys.argv[2], metrics={"accuracy": 0.98})
"""


def digits(folder: Path) -> Path:
    """Make a model with two variants, times and metrics, and a message."""
    path = folder / "digits.jrk.h5"
    now = datetime.now(UTC).replace(microsecond=0)
    weights = np.random.default_rng(0).normal(size=(64, 128)).astype("f4")
    steps = [("epoch-2", 0.8811, 26, ""), ("epoch-4", 0.9412, 3, "")]
    steps += [("PT", 0.9711, 0, "pre-trained for four epochs, batch 128, dropout 0.2")]
    with store.init(path, time=now - timedelta(days=30)) as model:
        for place, (name, accuracy, hours, message) in enumerate(steps):
            model.commit(
                {"0.weight": weights * place, "0.bias": weights[0], "2.weight": weights[:10]},
                name=name,
                message=message,
                metrics={"accuracy": accuracy, "loss": round(1 - accuracy, 4)},
                time=now - timedelta(hours=hours),
            )
        model.derive("wide", "main", "PT", time=now)
    return path


def signed(folder: Path, mine: Key, theirs: Key) -> Path:
    """Make a model with iterations by a key that is trusted, by one that is not, and by none."""
    path = folder / "signed.jrk.h5"
    with store.init(path, {"0.weight": np.zeros(9, "f4")}, name="plain") as model:
        model.commit({"0.weight": np.ones(9, "f4")}, name="mine", sign=mine)
        model.commit({"0.weight": np.ones(8, "f4")}, name="theirs", sign=theirs)
        model.commit({"0.weight": np.ones(7, "f4")}, name="both", sign=mine, metrics={"loss": 0.1})
        model.sign("both", theirs)
        forged = model.commit({"0.weight": np.ones(6, "f4")}, name="forged")
        signature = mine.public.signing, model["main"]["mine"]._row.signatures[0][1]
        model._change(_listed_with(forged.id, (signature,)))
    return path


def _listed_with(id: str, signatures: tuple[tuple[str, str], ...]):
    """A change that gives an iteration signatures, whatever they are worth."""

    def change(reader, layout):
        return listing.renewed(reader, reader.catalogue, {id: signatures}), None

    return change


def commit_elsewhere(path: Path, name: str) -> None:
    """Commit to a model from a process of its own."""
    subprocess.run([sys.executable, "-c", COMMIT, str(path), name], check=True)


def long_tree(iterations: int) -> dict:
    """Return the tree of a model with that many iterations, as the server part answers it."""
    rows = [
        {
            "name": f"step-{place}",
            "id": f"{place:064x}",
            "time": "2023-10-05T14:23:45Z",
            "message": "",
            "metrics": {"loss": 1 / (place + 1)},
            "parents": [],
            "layers": 2,
            "bytes": 1000,
        }
        for place in range(iterations)
    ]
    variant = {"name": "main", "created": rows[0]["time"], "parent": None, "iterations": rows}
    address = "file:///models/long.jrk.h5"
    return {"address": address, "path": "long.jrk.h5", "name": "long", "format": 1} | {
        "generation": 1,
        "current": "main",
        "variants": [variant],
    }
