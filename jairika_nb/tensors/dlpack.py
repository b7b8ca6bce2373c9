"""DLPack: tensors handed to other array libraries, and theirs taken, through host memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import bfloat16
from jairika_nb.engine.sharing import host_view
from jairika_nb.errors import ArgumentError, NotShareable
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor, attach

# DLPack's device of memory that the CPU reads, which is what every device here hands over.
HOST = (1, 0)


def _export(
    self: Tensor,
    /,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[Any, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A DLPack capsule with the values in host memory.

    ``copy=False`` shares the memory of a tensor on a CPU device, read only, and raises
    NotShareable (a BufferError) for others; else the taker gets a copy it may change.
    """
    _check_place(stream, dl_device)
    if self.dtype is bfloat16:
        raise NotShareable("__dlpack__: NumPy hands out no bfloat16; use x.astype('float32')")
    view = host_view(self.node)
    if copy is not False:
        whole = self.numpy() if view is None else view
        return whole.__dlpack__(max_version=max_version, copy=True)
    if view is None:
        raise NotShareable(
            f"__dlpack__: memory of {self.device.id} is out of the host's reach; leave out "
            "copy=False"
        )
    # DLPack before 1.0 has no word for "read only": who asks it for the memory gets it.
    view.flags.writeable = max_version is None or max_version[0] < 1
    return view.__dlpack__(max_version=max_version)


def _check_place(stream: Any, dl_device: tuple[Any, int] | None) -> None:
    if stream is not None:
        raise NotShareable(f"__dlpack__: host memory has no streams, so stream={stream!r} is None")
    if dl_device is not None and getattr(dl_device[0], "value", dl_device[0]) != HOST[0]:
        raise NotShareable(
            f"__dlpack__: tensors are handed over in host memory, {HOST}, not on {dl_device}"
        )


def _device(self: Tensor, /) -> tuple[int, int]:
    """Where :meth:`__dlpack__` puts the values: DLPack's pair for host memory."""
    return HOST


def from_dlpack(
    x: Any, /, *, device: str | Device | None = None, copy: bool | None = None
) -> Tensor:
    """A tensor with the values of another library's array.

    Tensors on the same device share their values unless ``copy=True``. Others' arrays are always
    copied, so ``copy=False`` raises NotShareable (a BufferError) for them.

    >>> import jairika_nb as jrk, numpy as np
    >>> jrk.from_dlpack(np.arange(3.0)).tolist()
    [0.0, 1.0, 2.0]
    """
    if isinstance(x, Tensor):
        moved = x if device is None else x.to(device)
        if copy is False and moved.device is not x.device:
            raise NotShareable(
                f"from_dlpack: {x.device.id} and {moved.device.id} share no memory; leave out "
                "copy=False"
            )
        return Tensor(moved.node)
    if not hasattr(x, "__dlpack__"):
        raise ArgumentError(f"from_dlpack: {type(x).__name__} has no __dlpack__; use jrk.tensor")
    if copy is False:
        raise NotShareable(
            f"from_dlpack: a {type(x).__name__} becomes a tensor by a copy; leave out copy=False"
        )
    on_host = x.__dlpack_device__()[0] == HOST[0]
    array = np.from_dlpack(x) if on_host else np.from_dlpack(x, device="cpu")
    return tensor(array, device=device)


attach("__dlpack__", _export)
attach("__dlpack_device__", _device)
