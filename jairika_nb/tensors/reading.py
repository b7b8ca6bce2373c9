"""What a function's code reads from outside itself: global names, attributes, imports."""

from __future__ import annotations

import contextlib
import dis
import functools
import os
import random
import sys
import sysconfig
import types
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LIBRARIES = tuple(
    str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "purelib", "platlib")
)
OWN = "jairika_nb"
# Functions and methods that ask the world outside.
ASKING = {"open"}
FILES = {"read_text", "read_bytes", "readline", "readlines"}
OUTSIDE = (
    os.environ, os.getenv, os.open, os.read, np.load, np.loadtxt, np.genfromtxt, np.fromfile,
    np.memmap,
)  # fmt: skip
# Modules whose functions answer anew each time; a replay would repeat the first answer.
CHANGING = {"random", "secrets", "time", "datetime", "uuid", "numpy.random"}
# Libraries whose own attributes stay as they are; those of others are watched by name.
SETTLED = {"jairika_nb", "numpy"}
REFLECTIVE = {"globals", "locals", "eval", "exec", "input"}


@dataclass(frozen=True)
class Reads:
    """Names that code takes from globals, all attribute names, and pairs ``name.attribute``."""

    globals: tuple[str, ...]
    attributes: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    imports: frozenset[str]


@functools.lru_cache(maxsize=1024)
def reads(code: types.CodeType) -> Reads:
    """What ``code`` and the functions inside it read.

    >>> reads((lambda x: x + math.pi).__code__).pairs
    frozenset({('math', 'pi')})
    """
    names: dict[str, None] = {}
    attributes: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    imports: set[str] = set()
    before = None
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "STORE_GLOBAL", "DELETE_GLOBAL", "LOAD_NAME"):
            names[step.argval] = None
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            attributes.add(step.argval)
            if before is not None:
                pairs.add((before, step.argval))
        elif step.opname == "IMPORT_NAME":
            imports.add(step.argval)
        loads = ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME")
        before = step.argval if step.opname in loads else None
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            found = reads(inner)
            names.update(dict.fromkeys(found.globals))
            attributes |= found.attributes
            pairs |= found.pairs
            imports |= found.imports
    return Reads(tuple(names), frozenset(attributes), frozenset(pairs), frozenset(imports))


@functools.lru_cache(maxsize=4096)
def is_library(name: str | None) -> bool:
    """Whether a module is installed code, which does not change while a program runs."""
    root = (name or "").partition(".")[0]
    if root == OWN or root in sys.builtin_module_names:
        return True
    file = getattr(sys.modules.get(name or ""), "__file__", None)
    if file is None:
        return root in sys.stdlib_module_names
    return str(Path(file).resolve()).startswith(LIBRARIES)


def is_settled(module: str) -> bool:
    """Whether the attributes of a module do not change: the standard library's, NumPy's, ours."""
    root = module.partition(".")[0]
    return root in SETTLED or root in sys.stdlib_module_names


def is_generator(value: Any) -> bool:
    """Whether a value is a generator of the host's random numbers, whose state can be read."""
    return isinstance(value, random.Random | np.random.Generator | np.random.RandomState)


def generator_state(value: Any) -> str:
    """What changes when a generator draws."""
    if isinstance(value, random.Random):
        return repr(value.getstate())
    if isinstance(value, np.random.Generator):
        return repr(value.bit_generator.state)
    return repr([np.asarray(part).tolist() for part in value.get_state(legacy=True)])


def is_changing(value: Any) -> bool:
    """Whether a value answers anew each time: a clock, the host's random numbers, settings."""
    if any(value is known for known in OUTSIDE):
        return True
    if isinstance(value, types.ModuleType):
        return value.__name__ in CHANGING
    owner = getattr(value, "__self__", None)
    if owner is not None and not isinstance(owner, types.ModuleType | type):
        value = owner
    of_type = type(value).__module__ or ""
    if of_type in CHANGING or of_type.startswith("numpy.random"):
        return not isinstance(value, type)
    callable_home = getattr(value, "__module__", None) or ""
    if isinstance(owner, types.ModuleType):
        callable_home = owner.__name__
    return callable(value) and not isinstance(value, type) and callable_home in CHANGING


class Everything:
    """Contains whatever is asked for."""

    def __contains__(self, item: object) -> bool:
        return True


@contextlib.contextmanager
def following() -> Iterator[Container[types.CodeType]]:
    """The code that runs inside the block; all code where another profiler is at work."""
    if sys.getprofile() is not None:
        yield Everything()
        return
    ran: set[types.CodeType] = set()

    def note(frame: types.FrameType, event: str, arg: Any) -> None:
        if event == "call":
            ran.add(frame.f_code)

    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(None)
