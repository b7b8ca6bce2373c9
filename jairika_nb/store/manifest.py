"""A manifest: what an iteration is, in canonical JSON whose hash is the iteration's id.

It holds no floats and no offsets, so the same state has the same id wherever its bytes lie.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from jairika_nb.errors import Damaged
from jairika_nb.store import schema
from jairika_nb.store.names import layer_of

# What belongs to the network itself comes first.
ROLES = ("weight", "buffer", "optimizer", "training")
# dtype as stored -> bytes of one value; "|b1" is a byte of 0 or 1.
SIZES = {
    "|b1": 1,
    "|i1": 1,
    "<i2": 2,
    "<i4": 4,
    "<i8": 8,
    "|u1": 1,
    "<u2": 2,
    "<u4": 4,
    "<u8": 8,
    "<f2": 2,
    "<f4": 4,
    "<f8": 8,
}
MOST_AXES = 32  # HDF5's limit (H5S_MAX_RANK)


@dataclass(frozen=True)
class Tensor:
    """One array of an iteration: its name and role, and the object that holds its values."""

    name: str
    role: str
    digest: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def owner(self) -> str:
        """Whose state it is: ``"net"``, ``"optimizer"``, or ``"training"``, the run's."""
        return "net" if self.role in ROLES[:2] else self.role

    @property
    def bytes(self) -> int:
        return SIZES[self.dtype] * math.prod(self.shape)

    def to_json(self) -> list[Any]:
        return [self.name, self.role, self.digest, self.dtype, list(self.shape)]

    @classmethod
    def from_json(cls, fields: Any) -> Tensor:
        if not isinstance(fields, list) or len(fields) != 5:
            raise Damaged("the record of a tensor is not five fields; the file is damaged")
        data = dict(zip(("name", "role", "digest", "dtype", "shape"), fields, strict=True))
        shape = schema.numbers(data, "shape")
        tensor = cls(
            name=schema.name(data, "name"),
            role=schema.field(data, "role", str),
            digest=schema.digest(data, "digest"),
            dtype=schema.field(data, "dtype", str),
            shape=shape,
        )
        if tensor.role not in ROLES or tensor.dtype not in SIZES or len(shape) > MOST_AXES:
            raise Damaged(f"the record of {tensor.name!r} is not valid; the file is damaged")
        # A zero in the shape hides the product of the rest from the check against the file.
        if math.prod(filter(None, shape)) * SIZES[tensor.dtype] >= schema.LIMIT:
            raise Damaged(f"{tensor.name!r} claims a shape of {shape}; the file is damaged")
        return tensor


@dataclass(frozen=True)
class Manifest:
    """An iteration: names, time, ancestry, hashes of architecture and notes, its tensors."""

    variant: str
    name: str
    time: int
    parents: tuple[str, ...]
    architecture: str | None
    meta: str
    tensors: tuple[Tensor, ...]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "tensors": [each.to_json() for each in self.tensors]}

    @classmethod
    def from_json(cls, data: Any) -> Manifest:
        parents = schema.field(data, "parents", list)
        tensors = tuple(map(Tensor.from_json, schema.field(data, "tensors", list)))
        if len({(each.owner, each.name) for each in tensors}) != len(tensors):
            raise Damaged("an iteration names a tensor twice; the file is damaged")
        return cls(
            variant=schema.name(data, "variant"),
            name=schema.name(data, "name"),
            time=schema.field(data, "time", int),
            parents=tuple(schema.digest({"parent": each}, "parent") for each in parents),
            architecture=schema.digest_or_none(data, "architecture"),
            meta=schema.digest(data, "meta"),
            tensors=tensors,
        )

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """The network's own tensors, in its order."""
        return tuple(each for each in self.tensors if each.owner == "net")

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers, in order of first mention; a parameter without a dot is in none."""
        return tuple(dict.fromkeys(filter(None, (layer_of(t.name) for t in self.parameters))))
