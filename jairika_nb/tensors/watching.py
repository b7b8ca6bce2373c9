"""Looks at all that a function can see: arguments, closures, globals, and what hangs on them.

What cannot be watched (iterators, random numbers of the host, clocks) is refused.
"""

from __future__ import annotations

import array
import functools
import sys
import threading
import types
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from jairika_nb.errors import ReplayError
from jairika_nb.tensors.checks import (
    ABSENT,
    ALL_ITEMS,
    ARRAY,
    ATTRIBUTE,
    CELL,
    CELLS,
    CODE,
    EQUAL,
    FIXED,
    ITEM,
    KEYS,
    LENGTH,
    MAPPINGS,
    NODE,
    NOTHING,
    PLAIN,
    SAME,
    SEQUENCE,
    SEQUENCES,
    SLOTS,
    SOME_ITEMS,
    TENSOR,
    TYPE,
    is_plain,
)  # fmt: skip
from jairika_nb.tensors.guards import Places
from jairika_nb.tensors.reading import (
    ASKING,
    FILES,
    REFLECTIVE,
    generator_state,
    is_changing,
    is_generator,
    is_library,
    is_settled,
    reads,
)
from jairika_nb.tensors.tensor import Tensor

# Modules whose objects do not change, or not what a function computes.
UNCHANGING = {
    "builtins", "re", "typing", "operator", "functools", "decimal", "fractions", "datetime",
    "pathlib", "uuid", "logging", "numpy",
}  # fmt: skip
LOCKS = (type(threading.Lock()), type(threading.RLock()))


class Watch(Places):
    """The places that a function can see, found by going into each kind of value."""

    def __init__(self, function: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> None:
        super().__init__(function, args, kwargs)
        self.known: dict[Any, int] = {}
        self._reader: types.CodeType | None = None  # the code whose names are being looked up
        self._todo: list[tuple[Callable[..., None], int, Any, str]] = []
        for i, value in enumerate(args):
            self._visit(ITEM, 0, i, value, f"argument {i + 1}")
        for key, value in kwargs.items():
            self._visit(ITEM, 1, key, value, f"argument {key}")
        self._open(function, 2, self.names[2])
        while self._todo:
            enter, at, value, name = self._todo.pop()
            enter(at, value, name)

    def _visit(self, how: int, parent: int, key: Any, value: Any, name: str) -> None:
        kind = type(value)
        if kind in PLAIN or isinstance(value, FIXED) or is_plain(value):
            check = SAME if isinstance(value, FIXED) else EQUAL
            self.add(how, parent, key, value, (check, value), name)
        elif id(value) in self.known and not isinstance(value, tuple):
            # The same object as at another place; -1 - place tells so.
            self.add(how, parent, key, value, (-1 - self.known[id(value)], ABSENT), name)
        else:
            self._enter(how, parent, key, value, name)

    def _enter(self, how: int, parent: int, key: Any, value: Any, name: str) -> None:
        if is_generator(value):
            self.generators.append((value, generator_state(value), name))
        elif is_changing(value) or hasattr(type(value), "__next__"):
            self._suspect(name, value)
            self.add(how, parent, key, value, (SAME, value), name)
            return
        check, enter = self._kind(value)
        at = self.add(how, parent, key, value, check, name)
        if not isinstance(value, tuple):
            self.known[id(value)] = at
        if enter is not None:
            self._todo.append((enter, at, value, name))

    def _kind(self, value: Any) -> tuple[tuple[int, Any], Callable[..., None] | None]:
        """What to check at a value, and how to go into it."""
        kind: Any = type(value)
        if isinstance(value, Tensor):
            node = value.node
            return (TENSOR, (node.shape, node.dtype, node.device)), self._tensor
        if isinstance(value, np.ndarray):
            return (ARRAY, value.copy()), self._freeze
        if isinstance(value, (tuple, *SEQUENCES)):
            return (LENGTH, (type(value), len(value))), self._sequence
        if isinstance(value, MAPPINGS):
            return (KEYS, (type(value), list(value))), self._mapping
        if isinstance(value, set | frozenset):
            return (EQUAL, value.copy()), self._freeze
        if isinstance(value, types.FunctionType):
            if is_library(value.__module__):
                return ((CODE, value.__code__), self._cells) if value.__closure__ else (
                    (SAME, value), None
                )  # fmt: skip
            return (CODE, value.__code__), self._function
        if isinstance(value, types.MethodType):
            return (TYPE, type(value)), self._method
        if isinstance(value, functools.partial):
            return (TYPE, type(value)), self._partial
        if isinstance(value, types.BuiltinMethodType):
            bound = value.__self__ is not None and not isinstance(value.__self__, types.ModuleType)
            return ((TYPE, type(value)), self._builtin) if bound else ((SAME, value), None)
        if isinstance(value, type):
            return (SAME, value), None if is_library(value.__module__) else self._class
        if isinstance(value, bytearray | array.array):
            return (EQUAL, value[:]), self._freeze
        if type(value).__module__ in UNCHANGING and type(value) is not memoryview:
            return (SAME, value), None
        if is_generator(value):
            return (SAME, value), None
        if isinstance(value, LOCKS):
            return (SAME, value), None
        if not isinstance(value, types.SimpleNamespace) and _is_closed(kind):
            return (SAME, value), self._closed
        return (TYPE, type(value)), self._instance

    def _open(self, value: Any, at: int, name: str) -> None:
        # The function itself is looked into wherever it comes from, also from a library.
        plain = isinstance(value, types.FunctionType)
        enter = self._function if plain else self._kind(value)[1]
        self.known[id(value)] = at
        if enter is not None:
            enter(at, value, name)

    def _closed(self, at: int, value: Any, name: str) -> NoReturn:
        raise ReplayError(
            f"{self.names[2]} reads {name}, a {type(value).__module__}.{type(value).__name__} "
            "whose changes cannot be watched: take what it needs outside and pass it as an "
            "argument"
        )

    def _suspect(self, name: str, value: Any) -> None:
        """Note what answers anew each time: refused if the code that reads it runs."""
        shown = getattr(value, "__name__", None) or type(value).__name__
        error = ReplayError(
            f"{self.names[2]} reads {name} ({shown}), which answers anew each time; a replay would "
            "repeat the first answer: take the value outside and pass it as an argument"
        )
        if self._reader is None:
            raise error
        self.suspects.append((self._reader, error))

    def _tensor(self, at: int, value: Tensor, name: str) -> None:
        self.tensors.append(at)
        self.apart.append(at)
        self.contents[at] = (NODE, {"node": value.node})

    def _freeze(self, at: int, value: Any, name: str) -> None:
        self.frozen.append(at)

    def _sequence(self, at: int, value: Any, name: str) -> None:
        if not isinstance(value, tuple):
            self.apart.append(at)
            self.contents[at] = (SEQUENCE, dict(enumerate(value)))
        for i, item in enumerate(value):
            self._visit(ITEM, at, i, item, f"{name}[{i}]")

    def _mapping(self, at: int, value: Any, name: str) -> None:
        self.apart.append(at)
        if isinstance(value, dict):
            self.contents[at] = (ALL_ITEMS, dict(value))
        for key, item in value.items():
            self._visit(ITEM, at, key, item, f"{name}[{key!r}]")

    def _instance(self, at: int, value: Any, name: str) -> None:
        self.apart.append(at)
        kind = type(value)
        skipped = getattr(kind, "unwatched", ())
        held = getattr(value, "__dict__", None)
        if isinstance(held, dict):
            keys = (dict, list(held))
            inside = self.add(ATTRIBUTE, at, "__dict__", held, (KEYS, keys), name)
            items = {k: v for k, v in held.items() if k not in skipped}
            self.contents[inside], self.skipped[inside] = (ALL_ITEMS, items), skipped
            for key, item in items.items():
                self._visit(ITEM, inside, key, item, f"{name}.{key}")
        slots = [s for s in _slots(kind) if hasattr(value, s) and s not in skipped]
        if slots:
            self.contents[at] = (SLOTS, {s: getattr(value, s) for s in slots})
            for slot in slots:
                self._visit(ATTRIBUTE, at, slot, getattr(value, slot), f"{name}.{slot}")
        if not is_library(kind.__module__):
            self._visit(ATTRIBUTE, at, "__class__", kind, kind.__name__)

    def _class(self, at: int, value: type, name: str) -> None:
        if not all(is_library(base.__module__) for base in value.__bases__):
            self._visit(ATTRIBUTE, at, "__bases__", value.__bases__, name)
        keys = (types.MappingProxyType, list(vars(value)))
        inside = self.add(ATTRIBUTE, at, "__dict__", vars(value), (KEYS, keys), name)
        for key, item in vars(value).items():
            if isinstance(item, staticmethod | classmethod):
                self._visit_inside(inside, key, item, "__func__", f"{name}.{key}")
            elif isinstance(item, property):
                for part in ("fget", "fset"):
                    if getattr(item, part) is not None:
                        self._visit_inside(inside, key, item, part, f"{name}.{key}")
            elif isinstance(item, types.FunctionType) or not _is_hidden(key, item):
                self._visit(ITEM, inside, key, item, f"{name}.{key}")

    def _visit_inside(self, parent: int, key: str, item: Any, part: str, name: str) -> None:
        at = self.add(ITEM, parent, key, item, (TYPE, type(item)), name)
        self._visit(ATTRIBUTE, at, part, getattr(item, part), name)

    def _method(self, at: int, value: Any, name: str) -> None:
        self._visit(ATTRIBUTE, at, "__func__", value.__func__, name)
        self._visit(ATTRIBUTE, at, "__self__", value.__self__, f"{name}.__self__")

    def _builtin(self, at: int, value: Any, name: str) -> None:
        self._visit(ATTRIBUTE, at, "__name__", value.__name__, name)
        self._visit(ATTRIBUTE, at, "__self__", value.__self__, f"{name}.__self__")

    def _partial(self, at: int, value: Any, name: str) -> None:
        for part in ("func", "args", "keywords"):
            self._visit(ATTRIBUTE, at, part, getattr(value, part), f"{name}.{part}")

    def _function(self, at: int, value: types.FunctionType, name: str) -> None:
        for part in ("__defaults__", "__kwdefaults__", "__dict__"):
            if getattr(value, part):
                self._visit(ATTRIBUTE, at, part, getattr(value, part), f"{name}.{part}")
        self._cells(at, value, name)
        found = reads(value.__code__)
        world = value.__globals__
        space = self.known.get(id(world))
        if space is None:
            space = self.add(ATTRIBUTE, at, "__globals__", world, (SAME, world), name)
            self.known[id(world)] = space
            self.contents[space] = (SOME_ITEMS, {})
        self._reader = value.__code__
        for key in found.globals:
            self._global(space, world, key, found)
        for module in found.imports:
            self._module(module)
        for method in sorted(found.attributes & FILES):
            self._refuse(f"calls .{method}(), which reads a file")
        self._reader = None

    def _cells(self, at: int, value: types.FunctionType, name: str) -> None:
        for i, free in enumerate(value.__code__.co_freevars):
            self._cell(at, i, value, free)

    def _cell(self, at: int, i: int, value: types.FunctionType, free: str) -> None:
        cell = (value.__closure__ or ())[i]
        try:
            held = cell.cell_contents
        except ValueError:
            return  # not assigned yet
        self.contents.setdefault(at, (CELLS, {}))[1][i] = held
        self._visit(CELL, at, i, held, free)

    def _global(self, space: int, world: dict[str, Any], key: str, found: Any) -> None:
        if (space, key) in self.known:
            return
        self.known[space, key] = 0
        if key in world:
            self.contents[space][1][key] = world[key]
            self._visit(ITEM, space, key, world[key], key)
            self._attributes(world[key], self.known.get(id(world[key])), found, key)
        else:
            self.contents[space][1][key] = ABSENT
            self.add(NOTHING, space, key, None, (EQUAL, None), key)
            if key in REFLECTIVE:
                self._refuse(f"calls {key}(), which can read anything")
            elif key in ASKING:
                self._refuse(f"calls {key}()")

    def _refuse(self, what: str) -> None:
        """Remember that the function read may do something whose answer nobody can compare."""
        if self._reader is not None:
            error = ReplayError(
                f"{self.names[2]} {what}: a replay could not tell what changed; do it outside, or "
                "leave the function uncompiled"
            )
            self.suspects.append((self._reader, error))

    def _module(self, name: str) -> None:
        module = sys.modules.get(name)
        if module is not None and is_changing(module):
            self._suspect(name, module)

    def _attributes(self, module: Any, at: int | None, found: Any, name: str) -> None:
        """What a function reads from a module that it names."""
        if not isinstance(module, types.ModuleType):
            return
        for owner, attribute in found.pairs:
            inner = getattr(module, attribute, None)
            if owner == name and inner is not None and is_changing(inner):
                self._suspect(f"{name}.{attribute}", inner)
        if is_settled(module.__name__) or at is None:
            return
        for attribute in sorted(found.attributes & vars(module).keys()):
            if (at, attribute) not in self.known:
                self.known[at, attribute] = 0
                item = getattr(module, attribute)
                self._visit(ATTRIBUTE, at, attribute, item, f"{name}.{attribute}")


def _is_hidden(key: str, item: Any) -> bool:
    descriptors = types.MemberDescriptorType | types.GetSetDescriptorType
    return key.startswith("__") or isinstance(item, descriptors)


def _slots(kind: type) -> list[str]:
    found: list[str] = []
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        found += [slots] if isinstance(slots, str) else list(slots)
    return [s for s in found if not s.startswith("__")]


@functools.lru_cache(maxsize=1024)
def _is_closed(kind: Any) -> bool:
    """Whether instances hold state that Python cannot see, as those of types written in C do."""
    written_in_c = types.WrapperDescriptorType | types.MethodDescriptorType
    return any(
        isinstance(part, written_in_c)
        for base in kind.__mro__
        if base is not object
        for part in vars(base).values()
    )
