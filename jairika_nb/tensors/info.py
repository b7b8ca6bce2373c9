"""What this namespace can do, as the array API standard (2025.12) lets programs ask."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine import device as known
from jairika_nb.engine import dtypes as types
from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType
from jairika_nb.errors import DeviceError
from jairika_nb.tensors.dtypes import isdtype

# The standard's names; others that we have (float16, bfloat16) must not be listed.
NAMES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64"
DEFAULTS = {
    "real floating": types.float32,
    "integral": types.int32,
    "indexing": types.int32,
}


def _device(device: str | Device | None) -> Device:
    return known.default() if device is None else known.find(device)


def _computes(device: Device, dtype: DType) -> bool:
    try:
        device.check_dtype(dtype)
    except DeviceError:
        return False
    return True


class Info:
    """The answers of :func:`__array_namespace_info__`."""

    def capabilities(self) -> dict[str, Any]:
        """Which optional parts of the standard hold here."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": None}

    def default_device(self) -> Device:
        """The device of new tensors."""
        return known.default()

    def default_dtypes(self, *, device: str | Device | None = None) -> dict[str, DType]:
        """The dtypes that Python numbers and indices get: float32 and int32 on every device."""
        _device(device)
        return dict(DEFAULTS)

    def dtypes(
        self, *, device: str | Device | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, DType]:
        """The standard's dtypes that a device computes with, all or those of some kinds."""
        where = _device(device)
        rows = {name: types.BY_NAME[name] for name in NAMES.split()}
        return {
            name: dtype
            for name, dtype in rows.items()
            if _computes(where, dtype) and (kind is None or isdtype(dtype, kind))
        }

    def devices(self) -> tuple[Device, ...]:
        """The devices that work, GPUs first, the NumPy reference last."""
        return tuple(known.devices())


def __array_namespace_info__() -> Info:
    """The namespace's answers about itself: capabilities, devices, dtypes, defaults.

    >>> import jairika_nb as jrk
    >>> jrk.__array_namespace_info__().default_dtypes()["integral"]
    jairika_nb.int32
    """
    return Info()
