"""Modules made of other modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from jairika_nb.errors import ArchitectureError, OutOfRange
from jairika_nb.nn.architecture import register
from jairika_nb.nn.lookup import unknown
from jairika_nb.nn.module import Module

Self = TypeVar("Self", bound="Numbered")


def _check_module(owner: Module, name: Any, module: Any) -> Module:
    if not isinstance(module, Module):
        raise ArchitectureError(
            f"{type(owner).__name__}: layer {name} is a {type(module).__name__}, not a module; "
            "wrap functions in a Module of your own"
        )
    return module


class Numbered(Module):
    """Base of containers whose modules have an order, and are named "0", "1", ..."""

    def append(self: Self, module: Module) -> Self:
        """Add a module at the end."""
        free = (str(i) for i in range(len(self), 2 * len(self) + 1))
        name = next(name for name in free if name not in self._modules)
        self.add_module(name, _check_module(self, name, module))
        return self

    def extend(self: Self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self: Self, index: int, module: Module) -> Self:
        """Add a module before the one at ``index``; those after it are numbered anew."""
        layers = list(self._modules.values())
        layers.insert(index, _check_module(self, index, module))
        self._renumber(layers)
        return self

    def pop(self, index: int) -> Module:
        """Remove the module at ``index`` and return it."""
        module = self._modules[self._name(index)]
        del self[index]
        return module

    def _renumber(self, layers: Iterable[Module]) -> None:
        self.__dict__["_modules"] = {str(i): layer for i, layer in enumerate(layers)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __contains__(self, module: Any) -> bool:
        return any(module is own for own in self._modules.values())

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._part(dict(list(self._modules.items())[index]))
        return self._modules[self._name(index)]

    def _part(self, modules: dict[str, Module]) -> Module:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        self.add_module(self._name(index), _check_module(self, index, module))

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]
        for name in names:
            del self._modules[name]
        # Names that count stay counting, as in PyTorch.
        if all(name.isdigit() for name in self._modules):
            self._renumber(list(self._modules.values()))

    def _name(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise OutOfRange(f"{type(self).__name__}: layer {index} of {len(self)}")
        return list(self._modules)[index]


@register
class Sequential(Numbered):
    """Modules applied one after the other, named "0", "1", ... or by a mapping.

    >>> from jairika_nb import nn
    >>> net = Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> list(net.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Any) -> None:
        one = layers[0] if len(layers) == 1 and isinstance(layers[0], dict) else None
        # The layers are children; recording them as arguments too would say everything twice.
        self._arguments = ((), {})
        for name, layer in one.items() if one is not None else enumerate(layers):
            self.add_module(str(name), _check_module(self, name, layer))

    def forward(self, input: Any) -> Any:
        for layer in self._modules.values():
            input = layer(input)
        return input

    def _part(self, modules: dict[str, Module]) -> Sequential:
        return Sequential(OrderedDict(modules))

    def __add__(self, other: Any) -> Sequential:
        """The layers of both, one after the other and numbered anew; they are not copied."""
        return Sequential(*self, *other) if isinstance(other, Sequential) else NotImplemented

    def __iadd__(self, other: Any) -> Sequential:
        return self.extend(other) if isinstance(other, Sequential) else NotImplemented


@register
class ModuleList(Numbered):
    """A list of modules that are parts of the module that holds it; it computes nothing itself.

    >>> from jairika_nb import nn
    >>> layers = ModuleList(nn.Linear(4, 4) for _ in range(3))
    >>> layers.append(nn.Linear(4, 2))
    ModuleList(
      (0-2): 3 x Linear(in_features=4, out_features=4, bias=True)
      (3): Linear(in_features=4, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        self._arguments = ((), {})
        self.extend(modules if modules is not None else ())

    def _part(self, modules: dict[str, Module]) -> ModuleList:
        return ModuleList(modules.values())

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> ModuleList:
        return self.extend(other)

    def __repr__(self) -> str:
        runs: list[list[Any]] = []  # first, last, text of modules that read alike
        for i, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        rows = [_run(*run) for run in runs]
        return f"{type(self).__name__}(\n{''.join(rows)})" if rows else f"{type(self).__name__}()"


def _run(first: int, last: int, text: str) -> str:
    text = text.replace("\n", "\n  ")
    if first == last:
        return f"  ({first}): {text}\n"
    return f"  ({first}-{last}): {last - first + 1} x {text}\n"


@register
class ModuleDict(Module):
    """Modules by name that are parts of the module that holds it; it computes nothing itself.

    >>> from jairika_nb import nn
    >>> choices = ModuleDict({"relu": nn.ReLU(), "elu": nn.ELU()})
    >>> choices["elu"], "tanh" in choices
    (ELU(alpha=1.0), False)
    """

    def __init__(self, modules: Any = None) -> None:
        self._arguments = ((), {})
        self.update(modules if modules is not None else {})

    def update(self, modules: Any) -> None:
        """Add modules from a mapping, or from (name, module) pairs."""
        rows = modules.items() if isinstance(modules, Mapping | ModuleDict) else modules
        for name, module in rows:
            self[name] = module

    def keys(self) -> Iterable[str]:
        """The names, in order."""
        return self._modules.keys()

    def values(self) -> Iterable[Module]:
        """The modules, in order of their names."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Names and modules."""
        return self._modules.items()

    def pop(self, name: str) -> Module:
        """Remove the module of that name and return it."""
        module = self[name]
        del self[name]
        return module

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: Any) -> bool:
        return name in self._modules

    def __getitem__(self, name: str) -> Module:
        if name not in self._modules:
            raise unknown(self, "module", name, self._modules)
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.add_module(name, _check_module(self, name, module))

    def __delitem__(self, name: str) -> None:
        self[name]
        del self._modules[name]
