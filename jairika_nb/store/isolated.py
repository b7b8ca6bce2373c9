"""Let HDF5 look at a file of unknown history, in a process that may die of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from jairika_nb.errors import Damaged
from jairika_nb.store import coded
from jairika_nb.store.reader import Reader

SECONDS = 60  # and more for a long history
LINKS_A_SECOND = 500  # far below what HDF5 does


def check(reader: Reader) -> None:
    """Raise ``Damaged`` where HDF5 does not see what the catalogue says."""
    if found := differences(reader):
        raise Damaged(
            f"cannot write {reader.path}: {found[0]}; it looks like a copy made while the "
            "original was written: its iterations can be read; commit to the original, or let gc "
            "write this file anew"
        )


def differences(reader: Reader) -> list[str]:
    """How the HDF5 part of the file differs from its catalogue, in words; empty where it agrees."""
    expected = _expected(reader)
    wanted = json.dumps({"path": str(reader.path), **expected})
    seconds = SECONDS + len(expected["links"]) / LINKS_A_SECOND
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-s", str(Path(__file__).with_name("view.py"))],
            input=wanted.encode(),
            capture_output=True,
            timeout=seconds,
            env=environment(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"HDF5 did not finish reading it in {seconds:.0f} s"]
    if done.returncode:
        return [f"HDF5 did not survive reading it (exit status {done.returncode})"]
    return list(json.loads(done.stdout))


def _expected(reader: Reader) -> dict[str, Any]:
    links, data = [], []
    for variant in reader.catalogue.variants:
        for row in reader.iterations(variant.name):
            manifest = reader.manifest(row)
            places = reader.locations(row, manifest)
            group = f"/variants/{row.variant}/{row.name}/"
            for tensor, place in zip(manifest.tensors, places, strict=True):
                offset, length = coded.extent(place)
                if coded.is_coded(place):
                    data.append([f"/coded/{tensor.digest}", offset, length])
                elif tensor.owner == "net":
                    layer, dot, name = tensor.name.rpartition(".")
                    link = group + layer + dot.replace(".", "/") + name
                    target = f"/objects/{tensor.digest}"
                    links.append([link, target, offset, tensor.dtype, list(tensor.shape)])
            offset, length = row.at["manifest"]
            data.append([f"/manifests/{row.id}", offset, length])
    return {"links": links, "data": data}


def environment() -> dict[str, str]:
    """What a process that reads files of unknown origin is started with."""
    # Plugins would run code that the file names; "::" turns them off (HDF5 reference manual).
    # One thread: each thread of a BLAS takes its share of the bounded address space.
    switches = {"HDF5_PLUGIN_PRELOAD": "::", "HDF5_USE_FILE_LOCKING": "FALSE"}
    return {**os.environ, **switches, "OPENBLAS_NUM_THREADS": "1"}
