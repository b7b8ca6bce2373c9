"""Read the arrays of any HDF5 file; run as a program, in a process that can be thrown away.

It takes the path of a file as its argument and writes, for each array, four bytes of length, a
JSON header ``{"name", "dtype", "shape"}`` of that length, and the values, little-endian; at the
end the header ``{"order": [names], "skipped": [...]}``, or ``{"error": text}`` at any time.
HDF5 may hang, crash or eat memory on a hostile file, so nothing imports this (see ``importing``).

Links that leave the file or lead elsewhere in it are not followed, values stored in other files
are not read, and no filter is loaded that HDF5 does not bring along.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

MEMORY = 4 << 30  # bytes of address space
SLAB = 16 << 20  # bytes read at a time
DEEPEST, MOST = 32, 100_000  # groups inside each other, arrays
# DEFLATE makes at most about 1,032 bytes of one (RFC 1951); what claims more is not stored here.
RATIO = 1100
BUILT_IN = {1, 2, 3}  # deflate, shuffle, fletcher32 (HDF5 reference manual, filters)


class Refused(Exception):
    """Something in the file that is not read, in words."""


def arrays(h5py: Any, group: Any, path: str, seen: set[Any], skipped: list[str]) -> Iterator[Any]:
    """The datasets below ``group`` that hold numbers, each once."""
    if path.count("/") > DEEPEST:
        raise Refused(f"groups are more than {DEEPEST} deep")
    for name in group:
        full = f"{path}/{name}"
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            skipped.append(f"{full} (a link)")
            continue
        each = group[name]
        mark = h5py.h5o.get_info(each.id).addr
        if mark in seen:
            skipped.append(f"{full} (another name of one read before)")
            continue
        seen.add(mark)
        if len(seen) > MOST:
            raise Refused(f"more than {MOST} objects")
        if isinstance(each, h5py.Group):
            yield from arrays(h5py, each, full, seen, skipped)
        elif isinstance(each, h5py.Dataset) and (why := refusal(each)):
            skipped.append(f"{full} ({why})")
        elif isinstance(each, h5py.Dataset):
            yield full, each


def refusal(dataset: Any) -> str:
    """Why a dataset is not read; empty where it is."""
    plan = dataset.id.get_create_plist()
    if dataset.dtype.kind not in "fiub" or dataset.dtype.metadata:
        return "no numbers"
    if dataset.is_virtual or dataset.external:
        return "its values are in other files"
    if {plan.get_filter(i)[0] for i in range(plan.get_nfilters())} - BUILT_IN:
        return "packed by a filter that HDF5 does not bring along"
    if dataset.shape is None:
        return "empty"
    if dataset.nbytes > RATIO * max(dataset.id.get_storage_size(), 1):
        return f"it claims {dataset.nbytes} bytes, which are not stored"
    return ""


def order(file: Any) -> list[str]:
    """Names of layers and their weights in the order that Keras writes down."""
    top = file.get("model_weights", file)
    found = []
    for layer in _texts(top.attrs, "layer_names"):
        for weight in _texts(top[layer].attrs, "weight_names") if layer in top else ():
            found.append(f"{top.name.rstrip('/')}/{layer}/{weight}")
    return found


def _texts(attributes: Any, name: str) -> list[str]:
    values = attributes.get(name, ())
    return [v.decode() if isinstance(v, bytes) else str(v) for v in list(values)[:MOST]]


def send(out: BinaryIO, header: dict[str, Any]) -> None:
    data = json.dumps(header).encode()
    out.write(struct.pack("<I", len(data)) + data)


def send_array(out: BinaryIO, name: str, dataset: Any) -> None:
    dtype = dataset.dtype.newbyteorder("<")
    send(out, {"name": name, "dtype": dtype.str, "shape": list(dataset.shape)})
    if not dataset.shape or not dataset.size:
        out.write(dataset[()].astype(dtype).tobytes())
        return
    rows = max(SLAB // max(dataset.nbytes // dataset.shape[0], 1), 1)
    for start in range(0, dataset.shape[0], rows):
        out.write(dataset[start : start + rows].astype(dtype).tobytes())


def limit() -> None:
    """Bound what HDF5 may take before it is loaded; Windows has no such limits."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: str, out: BinaryIO) -> None:
    limit()
    try:
        import h5py

        skipped: list[str] = []
        with h5py.File(path, "r") as file:
            for name, dataset in arrays(h5py, file, "", set(), skipped):
                send_array(out, name, dataset)
            send(out, {"order": order(file), "skipped": skipped[:100]})
    except Exception as error:  # whatever HDF5 makes of it is the answer
        send(out, {"error": str(error)[:500]})


if __name__ == "__main__":
    main(sys.argv[1], sys.stdout.buffer)
