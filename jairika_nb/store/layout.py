"""The HDF5 side of a model file: where objects, records and the human view go.

::

    /root                         the root page, at byte 4096
    /objects/<hash>               the values of a tensor: contiguous, little-endian
    /coded/<hash>                 the same kept by a codec (``coded``), where there are any
    /manifests/<id>               canonical JSON as bytes; /arch, /meta, /catalog likewise
    /locations/<id>               offset and length of each tensor, in the manifest's order
    /policy/<hash>                access rules, where there are any
    /keyring/<hash>               who can read encrypted layers, where there are any
    /variants/<variant>/<iteration>/<layer>/<parameter>      soft links to the objects

Only contiguous data of fixed-width numbers, fixed-length attributes, no filters, no references,
no times: what every HDF5 tool reads, and what gives a damaged file nothing to run.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from h5py import h5d, h5g, h5p, h5s, h5t

from jairika_nb.errors import Damaged, StoreError
from jairika_nb.store import coded, slots
from jairika_nb.store.journaled import JournaledFile
from jairika_nb.store.rows import Place

if TYPE_CHECKING:
    from jairika_nb.store.sealing import Sealer

GROUPS = ("objects", "manifests", "locations", "arch", "meta", "catalog", "variants")
# The oldest format that has what we need; newer ones mark a file as open in a way that a
# killed process leaves behind.
VERSION = ("v108", "v108")
DIRECT = 1 << 16  # bytes from which values go around HDF5's buffers
ALIGNED_FROM, ALIGNED_TO = 256, 64  # bytes: a cache line, so that mapped arrays are aligned


class Layout:
    """An HDF5 session on a journaled file; nothing it writes counts before the commit."""

    def __init__(self, file: JournaledFile, *, new: bool = False) -> None:
        self.file, self.committed = file, file.committed
        self.at_last: list[Callable[[], None]] = []
        self.format = slots.FORMAT
        self.sealer: Sealer | None = None  # encrypts what is committed
        alignment = (slots.PAGE_OFFSET,) * 2 if new else (ALIGNED_FROM, ALIGNED_TO)
        self.hdf5 = h5py.File(
            file,
            "w" if new else "r+",
            libver=VERSION,
            alignment_threshold=alignment[0],
            alignment_interval=alignment[1],
        )
        if new:
            try:
                self._make()
            except BaseException:
                self.hdf5.close()
                raise

    def __enter__(self) -> Layout:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            for change in self.at_last if error is None else ():
                change()
        finally:
            self.hdf5.close()

    def put(self, group: str, name: str, values: np.ndarray) -> Place:
        """Keep ``values`` as ``/group/name`` unless it is there; gives offset and length."""
        parent = self.hdf5[group].id
        key = name.encode()
        if key in parent:
            return h5d.open(parent, key).get_offset() or 0, values.nbytes
        offset = self._create(parent, key, values).get_offset() or 0
        # Nothing of ours is ever freed, so HDF5 has no old room to reuse; readers rely on it.
        if values.size and offset < self.committed:
            raise StoreError(f"cannot write /{group}/{name}: HDF5 put it over committed data")
        return offset, values.nbytes

    def put_coded(self, digest: str, data: bytes | memoryview) -> Place:
        """Keep ``data`` as the coded form of the object of that hash, unless one is there."""
        self.format = coded.FORMAT
        self._group(self.hdf5, "coded")
        values = np.frombuffer(data, np.uint8)
        offset, _ = self.put("coded", digest, values)
        there = self.hdf5["coded"][digest].shape[0]
        return coded.flagged((offset, there))

    def place(self, digest: str, dtype: str, shape: tuple[int, ...]) -> Place | None:
        """Where the object of that hash lies, plain or else coded; None where it is missing.

        Raises ``Damaged`` where it is of another kind.
        """
        if digest.encode() not in self.hdf5["objects"].id:
            return self.coded_place(digest)
        found = self.hdf5["objects"][digest]
        if found.dtype.str != dtype or found.shape != shape:
            raise Damaged(
                f"an iteration claims {dtype} {list(shape)} of object {digest[:10]}, which is "
                f"{found.dtype.str} {list(found.shape)}; the file it comes from is damaged"
            )
        return found.id.get_offset() or 0, found.nbytes

    def coded_place(self, digest: str) -> Place | None:
        """Where the coded form of the object of that hash lies, or None."""
        found = self.hdf5["coded"].get(digest) if "coded" in self.hdf5 else None
        return None if found is None else coded.flagged((found.id.get_offset(), found.nbytes))

    def is_sealed(self, digest: str) -> bool:
        """Whether the coded object of that hash, which is there, is known by a hash of its own."""
        start = self.hdf5["coded"][digest][: coded.FIXED.size + coded.LONGEST_HEAD]
        codec, _, _ = coded.head(_damaged, memoryview(start.tobytes()), f"object {digest[:10]}")
        return codec in coded.CODECS and coded.CODECS[codec].digest is not None

    def has(self, group: str, name: str) -> bool:
        """Whether there is a ``/group/name``."""
        return name.encode() in self.hdf5[group].id

    def record(self, group: str, name: str) -> bytes:
        """The bytes of a record, also of one that is not committed yet."""
        return self.hdf5[group][name][()].tobytes()

    def put_late(self, group: str, name: str, data: bytes) -> Place:
        """The same as ``put_bytes`` into a group that a file need not have."""
        self._group(self.hdf5, group)
        return self.put_bytes(group, name, data)

    def put_bytes(self, group: str, name: str, data: bytes) -> Place:
        """Keep ``data`` as the bytes ``/group/name``."""
        return self.put(group, name, np.frombuffer(data, np.uint8))

    def show_variant(self, variant: str, **notes: str) -> None:
        """Make the group of a variant, with ``notes`` as its attributes."""
        self._note(self._group(self.hdf5["variants"], variant), notes)

    def show(self, variant: str, iteration: str, links: dict[str, str], **notes: str) -> None:
        """Link the parameters of an iteration, by dotted name, to the objects of their values.

        Coded objects are not linked, since others would take their bytes for values; the attribute
        ``coded`` of the group counts them.
        """
        if self.at_last:  # it may take the name of what is hidden
            self.at_last.append(lambda: self._show(variant, iteration, links, notes))
        else:
            self._show(variant, iteration, links, notes)

    def hide(self, *path: str) -> None:
        """Drop a variant's group, or an iteration's, from what people see; objects stay.

        That frees room of HDF5's own, which values must not take while readers of the last commit
        rely on it; so it is done at last.
        """
        self.at_last.append(lambda: self._hide("/".join(("/variants", *path))))

    def _hide(self, path: str) -> None:
        del self.hdf5[path]

    def _show(
        self, variant: str, iteration: str, links: dict[str, str], notes: dict[str, str]
    ) -> None:
        group = self._group(self.hdf5["variants"][variant], iteration)
        plain = {k: each for k, each in links.items() if each.encode() in self.hdf5["objects"].id}
        if hidden := len(links) - len(plain):
            notes = {**notes, "coded": f"{hidden} of {len(links)} tensors; jairika_nb reads them"}
        self._note(group, notes)
        for name, digest in plain.items():
            layer, _, parameter = name.rpartition(".")
            parent = self._group(group, layer) if layer else group
            parent[parameter] = h5py.SoftLink(f"/objects/{digest}")

    def _make(self) -> None:
        page = self._create(self.hdf5.id, b"root", np.zeros(slots.PAGE_BYTES, np.uint8))
        if page.get_offset() != slots.PAGE_OFFSET:
            raise StoreError(
                f"cannot make a model: this HDF5 puts the root page at {page.get_offset()}, not "
                f"at {slots.PAGE_OFFSET}; install another version of h5py"
            )
        for name in GROUPS:
            self._group(self.hdf5, name)

    def _create(self, parent: Any, name: bytes, values: np.ndarray) -> Any:
        plan = h5p.create(h5p.DATASET_CREATE)
        plan.set_obj_track_times(False)
        plan.set_fill_time(h5d.FILL_TIME_NEVER)
        plan.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        space = h5s.create_simple(values.shape) if values.shape else h5s.create(h5s.SCALAR)
        dataset = h5d.create(parent, name, h5t.py_create(values.dtype, logical=True), space, plan)
        if values.nbytes >= DIRECT:
            # The room is there, and nothing is to be converted: HDF5 would only copy them.
            self.file.seek(dataset.get_offset())
            self.file.write(values.reshape(-1).view(np.uint8).data)
        elif values.size:
            dataset.write(h5s.ALL, h5s.ALL, values)
        return dataset

    def _group(self, parent: Any, name: str) -> Any:
        if name not in parent:
            plan = h5p.create(h5p.GROUP_CREATE)
            plan.set_obj_track_times(False)
            h5g.create(parent.id, name.encode(), gcpl=plan)
        return parent[name]

    def _note(self, group: Any, notes: dict[str, str]) -> None:
        for key, text in notes.items():
            data = text.encode()
            group.attrs.create(key, data, dtype=h5py.string_dtype("utf-8", len(data)))


def _damaged(what: str) -> Damaged:
    return Damaged(f"cannot read {what}: it is not what it should be; restore the file from a copy")
