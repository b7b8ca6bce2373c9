"""Checks of the numbers that layers are made with; what is wrong raises ArchitectureError."""

from __future__ import annotations

from typing import Any

from jairika_nb.errors import ArchitectureError, OutOfRange
from jairika_nb.nn.functional.spatial import each_axis
from jairika_nb.tensors.plain import number, whole

MOST_LAYERS = 1000


def check_size(layer: str, name: str, value: Any, least: int = 1) -> None:
    """Raise ArchitectureError for a size that is no whole number from ``least`` up."""
    found = whole(value)
    if found is None or found < least:
        raise ArchitectureError(f"{layer}: {name}={value!r} must be an integer from {least} up")


def check_layers(layer: str, name: str, value: Any, least: int = 1) -> None:
    """Raise ArchitectureError for a number of layers out of range.

    Descriptions come from files, and each layer takes time and memory before any weight does.
    """
    check_size(layer, name, value, least)
    if value > MOST_LAYERS:
        raise ArchitectureError(f"{layer}: {name}={value} is more than {MOST_LAYERS} layers")


def sizes(layer: str, name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """``value`` for each of ``rank`` axes: one integer for all, or a sequence of them.

    >>> sizes("Conv2d", "stride", 2, 2)
    (2, 2)
    """
    try:
        return each_axis(layer, name, value, rank, least)
    except OutOfRange as error:
        raise ArchitectureError(str(error)) from None


def check_among(layer: str, name: str, value: Any, known: tuple[str, ...]) -> None:
    """Raise ArchitectureError for a text that is none of the known ones."""
    if value not in known:
        raise ArchitectureError(f"{layer}: {name}={value!r} is unknown; use {', '.join(known)}")


def check_number(layer: str, name: str, value: Any) -> None:
    """Raise ArchitectureError for what is no number."""
    if number(value) is None:
        raise ArchitectureError(f"{layer}: {name}={value!r} must be a number")


def check_axis(layer: str, name: str, value: Any) -> None:
    """Raise ArchitectureError for what is no axis: an integer, from the end if negative."""
    if whole(value) is None:
        raise ArchitectureError(f"{layer}: {name}={value!r} must be an integer")
