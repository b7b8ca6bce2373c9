"""An iteration: one state of a variant that never changes again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from jairika_nb.errors import ArchitectureError, ArgumentError
from jairika_nb.store import address, refs, tensors, times, viewed
from jairika_nb.store.arrays import number
from jairika_nb.store.manifest import Manifest, Tensor
from jairika_nb.store.names import layer_of
from jairika_nb.store.reader import Reader
from jairika_nb.store.rows import Row
from jairika_nb.store.tensors import Placed

if TYPE_CHECKING:
    from jairika_nb.store.signing import Verdict


class Iteration:
    """An iteration of an open model; what it gives is verified against its hashes."""

    def __init__(self, reader: Reader, row: Row) -> None:
        self._reader, self._row, self._number = reader, row, reader.ranges.number

    @property
    def name(self) -> str:
        return self._row.name

    @property
    def variant(self) -> str:
        """Name of its variant."""
        return self._row.variant

    @property
    def id(self) -> str:
        """BLAKE3 of its manifest: the same state in the same place of history, anywhere."""
        return self._row.id

    @property
    def time(self) -> datetime:
        """When it was committed, UTC."""
        return times.moment(self._row.time)

    @property
    def message(self) -> str:
        return self._row.message

    @property
    def metrics(self) -> dict[str, Any]:
        """Measures by name."""
        return {name: number(value) for name, value in self._row.metrics.items()}

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the iterations it continues."""
        return self._row.parents

    @property
    def author(self) -> str:
        return str(self._meta.get("author", ""))

    @property
    def software(self) -> dict[str, str]:
        """Versions of what wrote it, by name."""
        return dict(self._meta.get("software", {}))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its layers, in the network's order."""
        return self._manifest.layers

    @property
    def architecture(self) -> Any:
        """Layer types, arguments and wiring as JSON data, or None."""
        return self._reader.architecture(self._located())

    def arrays(self, lazy: bool = False) -> Mapping[str, np.ndarray]:
        """Parameters and buffers by dotted name, in the network's order.

        ``lazy=True`` maps each from the file when it is first touched, read-only. Raises
        ``Damaged`` where bytes do not match their hash.
        """
        return self._values(lazy, "net")

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Names, dtypes, shapes and hashes of its parameters and buffers, without their values."""
        return self._manifest.parameters

    @property
    def settings(self) -> dict[str, Any]:
        """The optimiser's plain numbers: learning rate, step and so on."""
        return {name: number(value) for name, value in self._meta.get("optimizer", {}).items()}

    def optimizer_state(self) -> dict[str, Any]:
        """The optimiser's arrays and numbers by name; empty where none was committed."""
        return {**self.settings, **self._values(False, "optimizer")}

    def training_state(self) -> dict[str, np.ndarray]:
        """What a run of ``fit`` needs to go on from here, by name; empty where none was kept."""
        return dict(self._values(False, "training"))

    def changes(self, net: Any) -> tuple[str, ...]:
        """The layers in which ``net`` (as ``commit`` takes it) differs from this iteration.

        A parameter that is in no layer is named itself; nothing is written.
        """
        from jairika_nb.store.arrays import content, object_digest
        from jairika_nb.store.sealing import digest_as

        placed, ranges = self._placed("net"), self._reader.ranges
        before = {each.name: each.digest for each in self.tensors}
        after = {
            each.name: digest_as(ranges, placed[each.name], values)
            if each.name in placed
            else object_digest(values)
            for each, values in content(net).tensors
        }
        odd = (k for k in {**before, **after} if before.get(k) != after.get(k))
        return tuple(dict.fromkeys(layer_of(name) or name for name in odd))

    def load(self, lazy: bool = False, cap: int | str | None = None) -> Any:
        """The network itself, with this state.

        ``lazy=True`` leaves its parameters in the file, mapped read-only: they come into memory,
        and are checked, as layers run, and a network larger than memory can predict; training
        makes values of its own. ``cap``, bytes or text such as ``"500MB"`` (default:
        ``JRK_STORE_CAP``, else none), bounds what stays of them in memory; the least recently used
        layers go first. Devices with memory of their own get copies.

        Raises ``ArchitectureError`` where no architecture was committed, or one with layer
        types that are not registered here; ``Damaged``; ``ArgumentError`` for a ``cap`` without
        ``lazy``.
        """
        if cap is not None and not lazy:
            raise ArgumentError(
                f"cannot load all of iteration {self.name!r} under cap={cap!r}: give lazy=True too"
            )
        architecture = self.architecture
        if architecture is None:
            raise ArchitectureError(
                f"cannot load iteration {self.name!r}: arrays were committed without an "
                "architecture; read them with arrays()"
            )
        import jairika_nb.zoo  # noqa: F401 registers the layers of its networks
        from jairika_nb import nn

        with nn.init.deferred():
            net = nn.build(architecture)
        if lazy:
            self._page(net, cap)
        else:
            net.load_state_dict(self.arrays())
        return net

    def _page(self, net: Any, cap: int | str | None) -> None:
        from jairika_nb.store import paging

        # A handle of its own: what is decoded as it is used may outlive the model.
        placed, ranges = self._placed("net"), self._reader.ranges.twin()
        viewed.check_readable(self._reader, self._row, self.tensors)
        paging.fill(
            net,
            {name: tensor for name, (tensor, _) in placed.items()},
            lambda name: tensors.mapped(ranges, placed[name]),
            lambda name: tensors.read(ranges, placed[name]),
            paging.cap_of(cap),
        )

    def export(self, place: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write its parameters and buffers as a file for other programs.

        The ending chooses: ``.h5`` for plain HDF5, where dots become groups, ``.safetensors``,
        ``.npz``. ``force`` replaces a file that is there. Raises ``AddressError``,
        ``MissingPackage``, ``NoSpace``.
        """
        from jairika_nb.store.exporting import export

        export(self.arrays(lazy=True), address.resolve(place), force=force)

    @property
    def signature(self) -> Verdict:
        """Who signed it, by the keys that the user trusts; ``str`` of it says so in words."""
        from jairika_nb.store import signing, trust

        if not self._row.signatures:
            return signing.Verdict("unsigned")
        return signing.verdict(self._reader, self._located(), trust.trusted())

    def __repr__(self) -> str:
        return f"<Iteration {self.variant!r} {self.name!r} {self.id[:10]}>"

    def _located(self) -> Row:
        """Its row as the file that is open now has it: ``gc`` may have written another."""
        number = self._reader.ranges.number
        if number != self._number:
            self._row, self._number = refs.again(self._reader, self._row), number
        return self._row

    @cached_property
    def _manifest(self) -> Manifest:
        return self._reader.manifest(self._located())

    @cached_property
    def _meta(self) -> dict[str, Any]:
        return self._reader.meta(self._located(), self._manifest)

    def _values(self, lazy: bool, owner: str) -> Any:
        placed = self._placed(owner)
        if lazy:
            return viewed.partly(tensors.Lazy(self._reader.ranges, placed), self._reader, self._row)
        wanted = [each for each, _ in placed.values()]
        viewed.check_readable(self._reader, self._row, wanted)
        self._reader.expect(self._row, wanted)
        return tensors.read_all(self._reader.ranges, placed)

    def _placed(self, owner: str) -> dict[str, Placed]:
        places = self._reader.locations(self._located(), self._manifest)
        return {
            tensor.name: (tensor, place)
            for tensor, place in zip(self._manifest.tensors, places, strict=True)
            if tensor.owner == owner
        }
