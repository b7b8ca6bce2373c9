"""What must hold at a place that a compiled function can see, for a replay to be right there."""

from __future__ import annotations

import collections
import enum
import types
from typing import Any

import numpy as np

from jairika_nb.engine.device import Device
from jairika_nb.engine.dtypes import DType

# How a place is reached from its parent, and what is checked there.
ITEM, ATTRIBUTE, CELL, NOTHING, ITEMS, VALUES = range(6)
SAME, EQUAL, TENSOR, KEYS, LENGTH, TYPE, CODE, ARRAY = range(8)
# What can change at a place: a tensor's node, a dict's items (all, or those named), a list's items,
# slots of an instance, cells of a function.
NODE, ALL_ITEMS, SOME_ITEMS, SEQUENCE, SLOTS, CELLS = range(6)
PLAIN = (type(None), bool, int, float, complex, str, bytes, range, type(...), slice)
FIXED = (DType, Device, np.dtype, enum.Enum)
SEQUENCES = (list, collections.deque)
MAPPINGS = (dict, types.MappingProxyType)
ABSENT = object()


def fits(check: int, value: Any, expected: Any, values: list[Any]) -> bool:
    """Whether ``value`` passes a check; ``values`` are those of the places before it."""
    if check == KEYS:
        return type(value) is expected[0] and list(value) == expected[1]
    if check == TYPE:
        return type(value) is expected
    if check < 0:
        return value is values[-1 - check]
    if check == LENGTH:
        return type(value) is expected[0] and len(value) == expected[1]
    if check == CODE:
        return type(value) is types.FunctionType and value.__code__ is expected
    if check == EQUAL:
        return _is_equal(value, expected)
    return check == ARRAY and _is_same_array(value, expected)


def _is_equal(value: Any, expected: Any) -> bool:
    if type(value) is not type(expected) or value != expected:
        return False
    # 0.0 equals -0.0, and inside of others 1 equals 1.0 and True: their text does not.
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value)) == sorted(map(repr, expected))
    return isinstance(value, str | int) or repr(value) == repr(expected)


def _is_same_array(value: Any, expected: np.ndarray) -> bool:
    if type(value) is not np.ndarray or value.dtype != expected.dtype:
        return False
    return value.shape == expected.shape and value.tobytes() == expected.tobytes()


def is_plain(value: Any) -> bool:
    """Whether a value is a scalar, or a tuple of such, so that one comparison guards it."""
    if isinstance(value, np.generic):
        return True
    return type(value) is tuple and all(type(v) in PLAIN or is_plain(v) for v in value)
