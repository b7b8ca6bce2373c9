"""A network's state as the file keeps it: names, roles, little-endian contiguous arrays."""

from __future__ import annotations

import json
import math
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from blake3 import blake3

from jairika_nb.errors import ArchitectureError, BadName, DTypeError, ShapeError, StoreError
from jairika_nb.store import names
from jairika_nb.store.canonical import encoded
from jairika_nb.store.manifest import MOST_AXES, SIZES, Tensor

SCALARS = (str, int, float, bool, type(None))
AHEAD = 4  # tensors hashed before their turn
THREADED_FROM = 1 << 20  # bytes: below, starting threads costs more than they save
SPLIT_FROM = 1 << 24  # bytes of one tensor that several threads hash together


@dataclass(frozen=True)
class Content:
    """What a commit keeps: tensors with their values, and JSON data beside them."""

    tensors: tuple[tuple[Tensor, np.ndarray], ...] = ()
    architecture: bytes | None = None
    scalars: dict[str, Any] = field(default_factory=dict)


def content(net: Any, optimizer: Any = None, training: Any = None) -> Content:
    """The state of ``net`` (of ``optimizer``, and of a run in ``training``), checked.

    Hashes are left to ``hashed``, which the commit calls between two writes, while the disk works.

    ``net`` has ``state_dict()`` and perhaps ``architecture()``, or is a mapping of names to
    arrays. Raises ``BadName``, ``DTypeError``, ``ShapeError``, ``ArchitectureError``.
    """
    buffers = _buffers(net)
    weights = [
        tensor(names.parameter(name), "buffer" if name in buffers else "weight", value)
        for name, value in _state(net, "net").items()
    ]
    check_view([each.name for each, _ in weights])
    if hasattr(optimizer, "follow") and hasattr(net, "named_modules"):
        optimizer.follow(net)
    state = {} if optimizer is None else _state(optimizer, "optimizer")
    kept, scalars = [], {}
    for name, value in state.items():
        key = names.checked("optimizer entry", name)
        if isinstance(value, SCALARS):
            scalars[key] = scalar(value)
        else:
            kept.append(tensor(key, "optimizer", value))
    run = {} if training is None else _state(training, "training")
    kept += [
        tensor(names.checked("training entry", name), "training", value)
        for name, value in run.items()
    ]
    return Content((*weights, *kept), _architecture(net), scalars)


def hashed_ahead(
    kept: Sequence[tuple[Tensor, np.ndarray]], digest: Callable[[Tensor, np.ndarray], str]
) -> Iterator[tuple[Tensor, np.ndarray]]:
    """Each record with its hash and its values; the next ones are hashed while one is written."""

    def hashed(tensor: Tensor, values: np.ndarray) -> Tensor:
        return replace(tensor, digest=digest(tensor, values))

    if sum(values.nbytes for _, values in kept) < THREADED_FROM:
        yield from ((hashed(tensor, values), values) for tensor, values in kept)
        return
    with ThreadPoolExecutor(min(AHEAD, os.cpu_count() or 1)) as worker:
        waiting = deque(worker.submit(hashed, *each) for each in kept[:AHEAD])
        for number, (_, values) in enumerate(kept):
            if number + AHEAD < len(kept):
                waiting.append(worker.submit(hashed, *kept[number + AHEAD]))
            yield waiting.popleft().result(), values


def object_digest(values: np.ndarray, key: bytes | None = None) -> str:
    """The name of the object that holds ``values``: BLAKE3 over dtype, shape and bytes.

    The shape counts, so that equal bytes of another shape are another object. With ``key``, 32
    bytes, it is BLAKE3 in keyed mode.
    """
    head = json.dumps([values.dtype.str, list(values.shape)], separators=(",", ":"))
    options: Any = {"max_threads": _threads(values.nbytes), **({"key": key} if key else {})}
    hasher = blake3(head.encode() + b"\n", **options)
    return hasher.update(flat(values)).hexdigest()


def flat(values: np.ndarray) -> memoryview:
    """The bytes of a contiguous array, not copied."""
    return values.reshape(-1).view(np.uint8).data


def scalar(value: Any) -> Any:
    """``value`` as JSON data; numbers that JSON lacks become text.

    >>> scalar(0.5), scalar(float("nan"))
    (0.5, 'nan')
    """
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def number(value: Any) -> Any:
    """The inverse of ``scalar``: the text of a number that JSON lacks becomes that number."""
    return float(value) if value in ("nan", "inf", "-inf") else value


def measures(metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    """``metrics`` as JSON data, names to numbers; raises ``StoreError`` for anything else.

    >>> measures({"loss": np.float32(0.5), "step": 3, "drift": float("inf")})
    {'loss': 0.5, 'step': 3, 'drift': 'inf'}
    """
    if not isinstance(metrics, Mapping | None):
        raise StoreError(
            f"cannot keep the metrics {_brief(metrics)}: give names and numbers, "
            'as in {"loss": 0.5}'
        )
    return {name: scalar(_measure(name, value)) for name, value in (metrics or {}).items()}


def _measure(name: Any, value: Any) -> int | float:
    try:
        # A NumPy or tensor scalar; more than one number fails the check below.
        plain = np.asarray(value).tolist() if hasattr(value, "__array__") else value
        if isinstance(name, str) and name.isprintable() and name.strip() and _is_number(plain):
            float(plain)  # an integer beyond all floats can be neither shown nor compared
            return plain
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        why = f" ({error})"
    else:
        why = ""
    raise StoreError(
        f"cannot keep the metric {name!r} = {_brief(value)}: a metric is a name and one "
        f"integer or float, truth values and text are none{why}; put words into the message"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _state(source: Any, role: str) -> dict[str, Any]:
    if hasattr(source, "state_dict"):
        source = source.state_dict()
    if not isinstance(source, Mapping):
        raise StoreError(
            f"cannot commit the {role} {_brief(source)}: it needs state_dict(), "
            "or to be a mapping of names to arrays"
        )
    return dict(source)


def _buffers(net: Any) -> set[str]:
    """Entries of the state that are not trained, where the net can tell."""
    if not hasattr(net, "named_parameters") or not hasattr(net, "state_dict"):
        return set()
    return set(net.state_dict()) - {name for name, _ in net.named_parameters()}


def tensor(name: str, role: str, value: Any) -> tuple[Tensor, np.ndarray]:
    """The record of an array, without its hash, and the array as the file keeps it."""
    values = _stored(name, value)
    return Tensor(name, role, "", values.dtype.str, values.shape), values


def hashed(tensor: Tensor, values: np.ndarray) -> Tensor:
    """The record with the hash of its values."""
    return replace(tensor, digest=object_digest(values))


def _stored(name: str, value: Any) -> np.ndarray:
    try:
        values = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DTypeError(
            f"cannot commit {name!r}: it does not become an array ({error})"
        ) from error
    dtype = values.dtype.newbyteorder("<")
    if dtype.str not in SIZES:
        raise DTypeError(
            f"cannot commit {name!r} of dtype {values.dtype}: the file keeps bool, integers and "
            "float16, float32, float64; convert it first"
        )
    if values.ndim > MOST_AXES:
        raise ShapeError(f"cannot commit {name!r}: {values.ndim} axes, {MOST_AXES} are the limit")
    return np.asarray(values, dtype, order="C")


def check_view(keys: list[str]) -> None:
    """Raise ``BadName`` where the names could not stand in the HDF5 view side by side."""
    if twice := next((key for key, count in Counter(keys).items() if count > 1), None):
        raise BadName(f"cannot commit {twice!r} twice: two names are equal in Unicode form C")
    layers = {names.layer_of(key) for key in keys}
    if both := next((key for key in keys if "." not in key and key in layers), None):
        raise BadName(f"cannot commit {both!r}: it names a parameter and a layer; rename one")


def _architecture(net: Any) -> bytes | None:
    if isinstance(net, Mapping) or not callable(getattr(net, "architecture", None)):
        return None
    try:
        return encoded(net.architecture())
    except (TypeError, ValueError, RecursionError) as error:
        raise ArchitectureError(
            f"cannot commit {type(net).__name__}: its architecture is not JSON data ({error})"
        ) from error


def _threads(count: int) -> int:
    return blake3.AUTO if count >= SPLIT_FROM else 1


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
