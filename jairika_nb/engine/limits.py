"""What a device reports that bounds its work-groups."""

from __future__ import annotations

from typing import NamedTuple

from jairika_nb.engine.device import Device


class Limits(NamedTuple):
    """What a device reports: compute units, bytes of local memory, most items of a work-group."""

    units: int
    local_bytes: int
    group_items: int

    def group(self, most: int) -> int:
        """Work-items of a group: the largest power of two up to ``most``.

        >>> Limits(1, 32768, 384).group(256), Limits(1, 32768, 100).group(256)
        (256, 64)
        """
        return 1 << (min(most, self.group_items).bit_length() - 1)


def limits(device: Device) -> Limits:
    """The limits of a device."""
    handle = device.handle
    return Limits(device.compute_units, int(handle.local_mem_size), int(handle.max_work_group_size))
