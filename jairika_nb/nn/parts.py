"""The named parts of a module: parameters, buffers and other modules, as attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jairika_nb.errors import ArchitectureError
from jairika_nb.nn.habits import of_module
from jairika_nb.nn.signature import FromInit, check_axis_names
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor

KINDS = ("_parameters", "_buffers", "_modules")


class Parameter:
    """Marks a tensor as learned: assigned to a module's attribute it becomes a parameter.

    Reading the attribute gives the tensor itself.
    """

    __slots__ = ("data",)

    def __init__(self, data: Any) -> None:
        self.data = data if isinstance(data, Tensor) else tensor(data)


class Parts:
    """Registers what is assigned, as PyTorch does, and goes through it by dotted name."""

    __signature__ = FromInit()
    training: bool
    _arguments: tuple[tuple[Any, ...], dict[str, Any]]
    _parameters: dict[str, Tensor | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    # Buffers that the constructor makes anew: they are no part of the state.
    _unsaved: frozenset[str] = frozenset()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if (args or kwargs) and cls.__init__ is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments")
        check_axis_names(cls, kwargs)
        self = super().__new__(cls)
        # The arguments are what `architecture` writes down; taking them here asks nothing of
        # subclasses, not even a call of super().__init__().
        self.__dict__.update(_arguments=(args, kwargs), training=True)
        self.__dict__.update({kind: {} for kind in KINDS})
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Parts):
            self.add_module(name, value)
        elif name in self._parameters or name in self._buffers:
            self._assign(name, value)
        elif name in self._modules:
            raise ArchitectureError(
                f"{type(self).__name__}.{name} is a module; assign a module, or del it first"
            )
        elif name == "requires_grad":
            raise AttributeError(of_module(type(self).__name__, name))
        else:
            object.__setattr__(self, name, value)

    def _assign(self, name: str, value: Any) -> None:
        held = self._parameters if name in self._parameters else self._buffers
        if value is not None and not isinstance(value, Tensor):
            raise ArchitectureError(
                f"{type(self).__name__}.{name} holds a tensor; assign jrk.tensor(...) or "
                "nn.Parameter(...), or del it first"
            )
        held[name] = value

    def __getattr__(self, name: str) -> Any:
        # Only reached where normal lookup fails.
        for kind in KINDS:
            held = self.__dict__.get(kind, {})
            if name in held:
                return held[name]
        raise AttributeError(of_module(type(self).__name__, name))

    def __delattr__(self, name: str) -> None:
        for kind in KINDS:
            if name in self.__dict__[kind]:
                del self.__dict__[kind][name]
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._parameters, *self._buffers, *self._modules]

    def _register(self, kind: str, name: str, value: Any) -> None:
        if not name or "." in name or not isinstance(name, str):
            raise ArchitectureError(
                f"{type(self).__name__}: {name!r} cannot name a part; use text without dots"
            )
        for other in KINDS:
            self.__dict__[other].pop(name, None) if other != kind else None
        self.__dict__.pop(name, None)
        self.__dict__[kind][name] = value

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Add a parameter; None notes that there is none by this name."""
        self._register("_parameters", name, None if parameter is None else parameter.data)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is not learned; with ``persistent=False`` it is not saved either."""
        self._register("_buffers", name, tensor)
        unsaved = self._unsaved - {name} if persistent else self._unsaved | {name}
        if unsaved != self._unsaved:
            self.__dict__["_unsaved"] = unsaved

    def add_module(self, name: str, module: Any) -> None:
        """Add a child module under a name."""
        self._register("_modules", name, module)

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules directly inside, by name."""
        yield from self._modules.items()

    def children(self) -> Iterator[Any]:
        """The modules directly inside."""
        yield from self._modules.values()

    def named_modules(
        self, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """This module and all inside it by dotted name, each once unless duplicates are kept."""
        seen: set[int] = set()
        for name, module in self._walk(prefix):
            if not remove_duplicate or id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Any]:
        """This module and all inside it, each once."""
        for _, module in self.named_modules():
            yield module

    def _walk(self, prefix: str) -> Iterator[tuple[str, Any]]:
        yield prefix, self
        for name, child in self._modules.items():
            yield from child._walk(f"{prefix}.{name}" if prefix else name)

    def _named(self, kind: str, once: bool = True) -> Iterator[tuple[str, Tensor]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules() if once else self._walk(""):
            for name, value in module.__dict__[kind].items():
                if value is not None and not (once and id(value) in seen):
                    seen.add(id(value))
                    yield (f"{prefix}.{name}" if prefix else name), value

    def _chosen(
        self, kind: str, prefix: str, recurse: bool, once: bool
    ) -> Iterator[tuple[str, Tensor]]:
        start = f"{prefix}." if prefix else ""
        for name, value in self._named(kind, once):
            if recurse or "." not in name:
                yield start + name, value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All parameters by dotted name, below ``prefix``; one shared by two layers comes once.

        ``recurse=False`` gives only the module's own, ``remove_duplicate=False`` every name.
        """
        return self._chosen("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """All parameters, each once; or only the module's own."""
        for _, value in self.named_parameters(recurse=recurse):
            yield value

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers by dotted name; as :meth:`named_parameters`."""
        return self._chosen("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once; or only the module's own."""
        for _, value in self.named_buffers(recurse=recurse):
            yield value
