"""Compare the HDF5 part of a model file with what its catalogue says; run as a program.

It reads JSON ``{"path", "links": [[path of link, target, offset, dtype, shape], ...],
"data": [[path, offset, length], ...]}`` from standard input and writes a JSON list of what
differs. HDF5 may hang, crash or eat memory on a damaged file, so nothing imports this: it runs
in a process that can be thrown away (see ``isolated``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

MOST_REPORTED = 20
MEMORY = 4 << 30  # bytes of address space


def differences(wanted: dict[str, Any]) -> Iterator[str]:
    """What differs, in words, one by one."""
    import h5py

    with h5py.File(wanted["path"], "r") as file:
        for link, target, *values in wanted["links"]:
            yield from _link(h5py, file, link, target, values)
        for path, offset, length in wanted["data"]:
            yield from _data(file, path, [offset, "|u1", [length]])


def _link(h5py: Any, file: Any, link: str, target: str, values: list[Any]) -> Iterator[str]:
    found = file.get(link, getlink=True) if link in file else None
    if not isinstance(found, h5py.SoftLink) or found.path != target:
        yield f"{link} does not lead to {target}"
    else:
        yield from _data(file, target, values)


def _data(file: Any, path: str, values: list[Any]) -> Iterator[str]:
    dataset = file.get(path)
    if dataset is None:
        yield f"{path} is missing"
        return
    found = [dataset.id.get_offset() or 0, dataset.dtype.str, list(dataset.shape)]
    if dataset.dtype.metadata or found != values:
        yield f"{path} is {found}, should be {values}"


def limit() -> None:
    """Bound what HDF5 may take before it is loaded; Windows has no such limits."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    limit()
    wanted = json.load(sys.stdin)
    try:
        found = []
        for each in differences(wanted):
            found.append(each)
            if len(found) == MOST_REPORTED:
                break
    except Exception as error:  # whatever HDF5 makes of it is the finding
        found = [f"HDF5 cannot read it: {error}"]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
