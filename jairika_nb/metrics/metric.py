"""What all measures have in common: they take batches, can be joined, kept as JSON and shown."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from html import escape
from typing import Any, ClassVar, Self

import numpy as np

from jairika_nb.errors import DataError, OutOfRange
from jairika_nb.metrics.state import decoded, encoded, merged
from jairika_nb.tensors.plain import whole


@dataclass(eq=False, repr=False)
class Metric:
    """Base of all measures; the fields of a subclass are its options.

    ``update(predictions, targets)`` takes a batch in, ``value()`` is the measure over all batches
    since ``reset()``, the same however they were cut. ``merge(other)`` takes in what another
    measure with the same options saw, for instance in another process; ``to_json`` and
    ``metrics.from_json`` carry it there. ``name`` is its key in histories and can be set.
    """

    name = "metric"
    parts: ClassVar[tuple[str, ...]] = ("count",)
    count: int = field(default=0, init=False)

    def __init_subclass__(cls) -> None:
        # What a base says of its options belongs to the help of each measure.
        rest = (cls.__base__.__doc__ or "").partition("\n\n")[2]
        if cls.__base__ is not Metric and rest:
            cls.__doc__ = f"{cls.__doc__}\n{rest}"

    def __post_init__(self) -> None:
        self.check()
        self.reset()

    def check(self) -> None:
        """Refuse options that make no sense; raises OutOfRange."""

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def update(self, predictions: Any, targets: Any, mask: Any = None) -> Self:
        """Take in one batch; where ``mask`` is false, or the target is ignored, nothing counts."""
        raise NotImplementedError

    def value(self) -> Any:
        """The measure over all batches so far; DataError before the first sample."""
        raise NotImplementedError

    def merge(self, other: Metric) -> Self:
        """Take in all that ``other``, a measure of the same kind and options, has seen."""
        if type(other) is not type(self) or other.options() != self.options():
            raise DataError(
                f"cannot merge {type(other).__name__} into {self!r}: both must be of one kind "
                "and have the same options"
            )
        for part in self.parts:
            setattr(self, part, merged(getattr(self, part), getattr(other, part)))
        return self

    def options(self) -> dict[str, Any]:
        """The options by name, as JSON data."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        return {k: list(v) if isinstance(v, tuple) else encoded(v) for k, v in named.items()}

    def to_json(self) -> dict[str, Any]:
        """Kind, options and state as JSON data, from which ``metrics.from_json`` goes on."""
        state = {part: encoded(getattr(self, part)) for part in self.parts}
        kind = type(self).__name__
        return {"metric": kind, "name": self.name, "options": self.options(), "state": state}

    def restore(self, state: Any) -> Self:
        """Go on from the ``state`` of a record; raises DataError where it is damaged."""
        if not isinstance(state, dict) or set(state) != set(self.parts):
            raise DataError(f"the state of {self.name} is damaged: it has {', '.join(self.parts)}")
        for part in self.parts:
            setattr(self, part, decoded(self.name, state[part], getattr(self, part)))
        if not self.consistent():
            raise DataError(f"the state of {self.name} is damaged: its parts do not fit together")
        return self

    def consistent(self) -> bool:
        """Whether a restored state is one that batches could have left."""
        return True

    def some(self) -> None:
        """Raise DataError where nothing has been counted."""
        if not self.count:
            raise DataError(f"{self.name} of no samples: update() it with a batch first")

    def __repr__(self) -> str:
        own = [(f.name, getattr(self, f.name), f.default) for f in fields(self) if f.init]
        options = "".join(f"{name}={value!r}, " for name, value, usual in own if value != usual)
        return f"{type(self).__name__}({options}{self.count:,} seen)"

    def rows(self) -> list[tuple[str, Any]]:
        """What text and HTML show: names and values."""
        value = self.value()
        if np.ndim(value) == 0:
            return [(self.name, value)]
        return [(f"{self.name} {label}", v) for label, v in enumerate(np.asarray(value).tolist())]

    def _rows_or_reason(self) -> list[tuple[str, Any]]:
        # Showing a measure must not fail where it is not defined yet.
        try:
            return self.rows()
        except DataError as reason:
            return [(self.name, str(reason))]

    def __str__(self) -> str:
        if not self.count:
            return repr(self)
        rows = self._rows_or_reason()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {shown(value)}" for name, value in rows)

    def _repr_html_(self) -> str:
        if not self.count:
            return f"<code>{escape(repr(self))}</code>"
        rows = "".join(
            f"<tr><th scope='row' style='text-align:left'>{escape(name)}</th>"
            f"<td style='text-align:right'>{escape(shown(value))}</td></tr>"
            for name, value in self._rows_or_reason()
        )
        return f"<table><caption>{escape(repr(self))}</caption>{rows}</table>"


def shown(value: Any) -> str:
    """A number for reading.

    >>> shown(0.912345), shown(12), shown([3, 1])
    ('0.9123', '12', '[3, 1]')
    """
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def one_of(name: str, value: Any, allowed: tuple) -> None:
    """Raise OutOfRange for an option that is none of those allowed."""
    if not any(value is a or (type(value) is type(a) and value == a) for a in allowed):
        raise OutOfRange(f"{name}={value!r} is unknown; use one of {', '.join(map(repr, allowed))}")


def whole_from(name: str, value: Any, lowest: int) -> None:
    """Raise OutOfRange for an option that is no integer from ``lowest`` up."""
    found = whole(value)
    if found is None or found < lowest:
        raise OutOfRange(f"{name}={value!r} must be an integer from {lowest} up")


def function_of(metric: type[Metric], name: str) -> Callable[..., Any]:
    """The measure of one batch as a function: its value for predictions and targets.

    The function takes what ``update`` takes, and the options of the measure by name.
    """

    def measure(predictions: Any, targets: Any, *, mask: Any = None, **options: Any) -> Any:
        return metric(**options).update(predictions, targets, mask).value()

    keyword = inspect.Parameter.KEYWORD_ONLY
    options = inspect.signature(metric).parameters.values()
    own = list(inspect.signature(measure).parameters.values())[:-1]
    measure.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        own + [p.replace(kind=keyword) for p in options]
    )
    measure.__name__ = measure.__qualname__ = name
    help_text = inspect.cleandoc(metric.__doc__ or "")
    measure.__doc__ = f"The value of :class:`{metric.__name__}` for one batch.\n\n{help_text}"
    return measure
