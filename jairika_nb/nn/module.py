"""Module: a layer or a network, holding parameters, buffers and other modules by name.

Assigning to attributes registers, as in PyTorch, and ``state_dict`` has PyTorch's keys. Tensors
are immutable here, so learning replaces a parameter by a new tensor instead of writing into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor

KINDS = ("_parameters", "_buffers", "_modules")
# Called with (module, output) after every forward; how summaries and alarms look inside.
observer: ContextVar[Callable[[Any, Any], None] | None] = ContextVar("observer", default=None)


class Parameter:
    """Marks a tensor as learned: assigned to a module's attribute it becomes a parameter.

    Reading the attribute gives the tensor itself.
    """

    __slots__ = ("data",)

    def __init__(self, data: Any) -> None:
        self.data = data if isinstance(data, Tensor) else tensor(data)


class Module:
    """Base of all layers and networks: write ``__init__`` and ``forward``.

    >>> from jairika_nb import nn
    >>> class Twice(nn.Module):
    ...     def __init__(self):
    ...         self.inner = nn.Linear(3, 2)
    ...     def forward(self, x):
    ...         return self.inner(x) * 2
    >>> [(name, p.shape) for name, p in Twice().named_parameters()]
    [('inner.weight', (2, 3)), ('inner.bias', (2,))]
    """

    training: bool
    # Constructor arguments whose current attribute is what `architecture` records.
    adjustable: tuple[str, ...] = ()
    # Whether NumPy arrays reach `forward` as they are; losses check them on the host.
    takes_arrays = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        # The arguments are what `architecture` writes down; taking them here asks nothing of
        # subclasses, not even a call of super().__init__().
        self.__dict__.update(_arguments=(args, kwargs), training=True)
        self.__dict__.update({kind: {} for kind in KINDS})
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's output for its inputs."""
        raise NotImplementedError(f"{type(self).__name__} needs a forward method")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``forward``; NumPy arrays are taken as tensors, and shape errors name the layer."""
        if not self.takes_arrays:
            args = tuple(tensor(a) if isinstance(a, np.ndarray) else a for a in args)
        try:
            output = self.forward(*args, **kwargs)
        except ShapeError as error:
            raise self._located(error) from error.__cause__
        watching = observer.get()
        if watching is not None:
            watching(self, output)
        return output

    def _located(self, error: ShapeError) -> ShapeError:
        """The error with the failing layer's dotted name, which grows on its way up."""
        text, path, layer = getattr(error, "place", None) or (str(error), (), self)
        if layer is not self:
            child = path[0][1] if path else layer
            name = next((n for n, m in self.named_children() if m is child), "")
            path = ((name, self), *path)
        names = ".".join(name for name, _ in path if name)
        place = f"layer {names!r}, {layer}" if names else str(layer)
        # A container's text spreads over lines; its type says enough in an error.
        shown = place if "\n" not in place else place.partition("(")[0]
        error.args = (f"{shown}: {text}",)
        error.place = (text, path, layer)  # type: ignore[attr-defined]
        return error

    # -- attributes ---------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self.add_module(name, value)
        elif name in self._parameters or name in self._buffers:
            self._assign(name, value)
        elif name in self._modules:
            raise ArchitectureError(
                f"{type(self).__name__}.{name} is a module; assign a module, or del it first"
            )
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
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

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

    def register_buffer(self, name: str, value: Tensor | None) -> None:
        """Add a tensor that is saved with the model but not learned."""
        self._register("_buffers", name, value)

    def add_module(self, name: str, module: Module) -> None:
        """Add a child module under a name."""
        self._register("_modules", name, module)

    # -- going through the parts --------------------------------------------------------------

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, by name."""
        yield from self._modules.items()

    def children(self) -> Iterator[Module]:
        """The modules directly inside."""
        yield from self._modules.values()

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all inside it, each once, by dotted name."""
        seen: set[int] = set()
        for name, module in self._walk(prefix):
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all inside it, each once."""
        for _, module in self.named_modules():
            yield module

    def _walk(self, prefix: str) -> Iterator[tuple[str, Module]]:
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

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """All parameters by dotted name; one shared by two layers comes once."""
        return self._named("_parameters")

    def parameters(self) -> Iterator[Tensor]:
        """All parameters, each once."""
        for _, value in self.named_parameters():
            yield value

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """All buffers by dotted name, each once."""
        return self._named("_buffers")

    def buffers(self) -> Iterator[Tensor]:
        """All buffers, each once."""
        for _, value in self.named_buffers():
            yield value

    # -- state --------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and buffers by dotted name: PyTorch's keys, shapes and order."""
        state: dict[str, Tensor] = {}
        for prefix, module in self._walk(""):
            for name, value in (*module._parameters.items(), *module._buffers.items()):
                if value is not None:
                    state[f"{prefix}.{name}" if prefix else name] = value
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Take parameters and buffers by name from tensors or arrays, in this module's dtypes.

        All or nothing: raises ArchitectureError that lists every missing, unexpected and
        mismatched name. ``strict=False`` forgives missing and unexpected ones.
        """
        own = self.state_dict()
        problems = _mismatches(own, state, strict)
        if problems:
            raise ArchitectureError(
                f"the state does not fit this {type(self).__name__}: {'; '.join(problems)}"
            )
        self.replace({name: _like(own[name], state[name]) for name in own if name in state})

    def replace(self, values: Mapping[str, Tensor]) -> None:
        """Put new tensors in the place of parameters and buffers, wherever each is used."""
        own = self.state_dict()
        new = {id(own[name]): value for name, value in values.items()}
        for _, module in self._walk(""):
            for held in (module._parameters, module._buffers):
                for name, old in held.items():
                    if id(old) in new:
                        held[name] = new[id(old)]

    def train(self, mode: bool = True) -> Module:
        """Set training mode here and in all modules inside; dropout acts only in it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Set evaluation mode: ``train(False)``."""
        return self.train(False)

    def apply(self, function: Callable[[Module], Any]) -> Module:
        """Call a function with every module inside, then with this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # -- views --------------------------------------------------------------------------------

    def architecture(self) -> dict[str, Any]:
        """The module as JSON data that ``nn.build`` turns into a new one; see there."""
        from jairika_nb.nn.architecture import describe

        return describe(self)

    def summary(self, *inputs: Any) -> Any:
        """Layers, shapes and counts as text and HTML; with example inputs also output shapes."""
        from jairika_nb.nn.summary import Summary

        return Summary.of(self, *inputs)

    def extra_repr(self) -> str:
        """What stands between the brackets of the module's text."""
        return ""

    def __repr__(self) -> str:
        rows = [
            f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self._modules.items()
        ]
        inside = "\n  ".join([self.extra_repr(), *rows] if self.extra_repr() else ["", *rows])
        if not rows:
            return f"{type(self).__name__}({self.extra_repr()})"
        return f"{type(self).__name__}({inside}\n)"

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def _mismatches(own: Mapping[str, Any], state: Mapping[str, Any], strict: bool) -> list[str]:
    missing = [name for name in own if name not in state]
    unexpected = [str(name) for name in state if name not in own]
    shapes = {name: tuple(np.shape(state[name])) for name in own if name in state}
    wrong = [
        f"{name} is {shapes[name]} instead of {tuple(own[name].shape)}"
        for name in shapes
        if shapes[name] != tuple(own[name].shape)
    ]
    found = {"missing": strict and missing, "unexpected": strict and unexpected, "shapes": wrong}
    return [f"{kind}: {', '.join(names)}" for kind, names in found.items() if names]


def _like(old: Tensor, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        value = value.detach()
        return value if value.dtype == old.dtype else value.astype(old.dtype)
    return tensor(np.asarray(value), dtype=old.dtype, device=old.device)
