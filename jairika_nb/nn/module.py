"""Module: a layer or a network, holding parameters, buffers and other modules by name.

Assigning to attributes registers, as in PyTorch, and ``state_dict`` has PyTorch's keys. Tensors
are immutable here, so learning replaces a parameter by a new tensor instead of writing into it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from jairika_nb.errors import ArchitectureError, ArgumentError, ShapeError, TrainingError
from jairika_nb.nn.capturing import capture
from jairika_nb.nn.freezing import Freezing
from jairika_nb.nn.hooks import Hooks
from jairika_nb.nn.lookup import Lookup
from jairika_nb.nn.placing import Placing
from jairika_nb.nn.state import Unused, like, mismatches, unused
from jairika_nb.nn.symbol import Symbol
from jairika_nb.tensors.creation import tensor
from jairika_nb.tensors.tensor import Tensor

# Called with (module, output) after every forward; how summaries and alarms look inside.
observer: ContextVar[Callable[[Any, Any], None] | None] = ContextVar("observer", default=None)


# Held while another thread replaces the weights of a model, so that nobody sees half of them.
guards: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


class Module(Lookup, Hooks, Freezing, Placing):
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

    # Constructor arguments whose current attribute is what `architecture` records.
    adjustable: tuple[str, ...] = ()
    # Whether NumPy arrays reach `forward` as they are; losses check them on the host.
    takes_arrays = False
    type_name = ""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's output for its inputs."""
        raise NotImplementedError(f"{type(self).__name__} needs a forward method")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """``forward``; NumPy arrays are taken as tensors, and shape errors name the layer."""
        if guards and self in guards:
            with guards[self]:
                return self._call(args, kwargs)
        return self._call(args, kwargs)

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if any(isinstance(a, Symbol) for a in (*args, *kwargs.values())):
            return Symbol.of(self, args, kwargs)
        if not self.takes_arrays:
            args = tuple(tensor(a) if isinstance(a, np.ndarray) else a for a in args)
            kwargs = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in kwargs.items()}
        if self._forward_pre_hooks:
            args, kwargs = self._before(args, kwargs)
        try:
            output = self.forward(*args, **kwargs)
        except ShapeError as error:
            raise self._located(error) from error.__cause__
        if self._forward_hooks:
            output = self._after(args, kwargs, output)
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

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and persistent buffers by dotted name: PyTorch's keys, shapes and order."""
        with guards.get(self) or nullcontext():
            return self._state()

    def _state(self) -> dict[str, Tensor]:
        state: dict[str, Tensor] = {}
        for prefix, module in self._walk(""):
            for name, value in (*module._parameters.items(), *module._buffers.items()):
                saved = name not in module._unsaved or name in module._parameters
                if value is not None and saved:
                    state[f"{prefix}.{name}" if prefix else name] = value
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Unused:
        """Take parameters and buffers by name from tensors or arrays, in this module's dtypes.

        All or nothing: raises ArchitectureError that lists every missing, unexpected and
        mismatched name, TrainingError while a job trains the module. ``strict=False`` forgives
        missing and unexpected ones and returns them as ``missing_keys`` and ``unexpected_keys``.
        """
        if not isinstance(state, Mapping):
            raise ArgumentError(
                f"load_state_dict takes names with arrays, as state_dict() gives them, not "
                f"{type(state).__name__}"
            )
        self._check_no_job()
        own = self.state_dict()
        problems = mismatches(own, state, strict)
        if problems:
            raise ArchitectureError(
                f"the state does not fit this {type(self).__name__}: {'; '.join(problems)}"
            )
        self.replace({name: like(own[name], state[name]) for name in own if name in state})
        return unused(own, state)

    def _check_no_job(self) -> None:
        """TrainingError where a job would overwrite what is loaded with its next step."""
        own = {id(part) for part in self.modules()} if guards else set()
        # References are listed at once, while other threads start and end jobs.
        for model in (reference() for reference in guards.keyrefs()):
            if model is not None and any(id(part) in own for part in model.modules()):
                raise TrainingError(
                    f"load_state_dict: a job in the background trains this {type(self).__name__} "
                    "and would overwrite what is loaded; end it with job.stop() and job.wait() "
                    "first, or load into a copy.deepcopy(...) of it"
                )

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

    def architecture(self) -> dict[str, Any]:
        """The module as JSON data that ``nn.build`` turns into a new one; see there."""
        from jairika_nb.nn.architecture import describe

        return describe(self)

    def capture(
        self, *inputs: Any, names: str | Sequence[str] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Run the module and return the outputs of its parts by dotted name, in running order.

        ``names`` are those wanted, patterns such as ``"features.*"`` among them; by default all
        are, the whole module's own output under ``""``. A module that runs more than once has its
        later outputs under ``"name:2"`` and so on. The outputs are part of the graph, so
        derivatives with respect to them can be taken. Raises ArchitectureError for unknown names.

        >>> import jairika_nb as jrk
        >>> net = jrk.nn.Sequential(jrk.nn.Linear(4, 3), jrk.nn.ReLU())
        >>> {name: y.shape for name, y in net.capture(jrk.zeros((2, 4)), names=["0"]).items()}
        {'0': (2, 3)}
        """
        return capture(self, inputs, names, more)

    def summary(self, *inputs: Any) -> Any:
        """Layers, shapes, counts and cost as text and HTML; with example inputs also shapes."""
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
