"""A word of the command grammar, and how its arguments are read off its function's signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from jairika_nb.words.results import Result


@dataclass(frozen=True)
class Argument:
    """What a signature cannot say about an argument: ``Annotated[str, Argument("help")]``.

    ``complete`` names what Tab offers: ``"model"`` and ``"file"`` (files), ``"folder"``,
    ``"variant"``, ``"iteration"``, ``"ref"`` (whatever names an iteration), ``"tag"``, ``"key"``,
    ``"action"`` (of ``key``), ``"net"`` (variables that hold arrays), ``"tensor"`` or
    ``"function"`` (other variables). ``current`` marks the model a notebook may leave out once it
    has opened one.
    """

    help: str
    complete: str = ""
    show: str = ""
    current: bool = False


@dataclass(frozen=True)
class Parameter:
    """One argument of a word: a place on the line, an ``--option``, or the rest of the line."""

    name: str
    type: Any
    argument: Argument
    default: Any
    option: bool
    rest: bool

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty and not self.rest

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def shown(self) -> str:
        return self.argument.show or self.name.upper()


@dataclass(frozen=True)
class Word:
    """One row of the table: ``jrk NAME`` and ``%jrk NAME`` call ``function(session, ...)``.

    Positional parameters of the function are places on the line, keyword-only parameters are
    options, ``bool`` makes a flag and ``*rest`` takes what the grammar does not know.

    A ``notebook`` word works on a notebook's variables, so only its magics have it. A ``text`` word
    takes what follows it on the line as one place, as it was typed: an expression in Python.
    ``cell`` says that ``%%jrk NAME`` ``"may"`` or ``"must"`` stand above a cell, which the function
    finds in ``session.body``.
    """

    name: str
    function: Callable[..., Result]
    help: str
    example: str
    group: str
    notebook: bool = False
    text: bool = False
    cell: str = ""

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(_parameters(self.function))

    @property
    def current(self) -> Parameter | None:
        """The parameter that a notebook fills with the model it has open."""
        return next((p for p in self.parameters if p.argument.current), None)

    @property
    def places(self) -> tuple[Parameter, ...]:
        """The positional parameters, the current model not counted."""
        return tuple(p for p in self.parameters if not (p.option or p.rest or p.argument.current))


def _parameters(function: Callable[..., Result]) -> list[Parameter]:
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    return [_parameter(p, hints[p.name]) for p in list(signature.parameters.values())[1:]]


def _parameter(parameter: inspect.Parameter, hint: Any) -> Parameter:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"the parameter {parameter.name} has no Argument beside its type")
    bare, argument = get_args(hint)
    return Parameter(
        name=parameter.name,
        type=_without_none(bare),
        argument=argument,
        default=parameter.default,
        option=parameter.kind is inspect.Parameter.KEYWORD_ONLY,
        rest=parameter.kind is inspect.Parameter.VAR_POSITIONAL,
    )


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        return next(kind for kind in get_args(hint) if kind is not type(None))
    return hint
