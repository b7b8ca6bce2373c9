"""Parameters in a list or by name, as parts of the module that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jairika_nb.errors import ArchitectureError, OutOfRange
from jairika_nb.nn.architecture import register
from jairika_nb.nn.lookup import unknown
from jairika_nb.nn.module import Module
from jairika_nb.nn.parts import Parameter
from jairika_nb.nn.sizes import check_size
from jairika_nb.tensors.creation import zeros
from jairika_nb.tensors.tensor import Tensor

# Shape and dtype, which is all that an architecture says about a parameter.
Form = list[Any]


def _form(value: Tensor) -> Form:
    return [list(value.shape), value.dtype.name]


def _blank(owner: Module, form: Any) -> Parameter:
    """A parameter of zeros, into which a state can be loaded."""
    if not isinstance(form, (list, tuple)) or len(form) != 2 or not isinstance(form[0], list):
        raise ArchitectureError(f"{type(owner).__name__}: {form!r} is no [shape, dtype]")
    for size in form[0]:
        check_size(type(owner).__name__, "shape", size, least=0)
    return Parameter(zeros(tuple(form[0]), dtype=form[1]))


class Parameters(Module):
    """What both kinds share: how many there are, and their text."""

    def __len__(self) -> int:
        return len(self._parameters)

    def _take(self, name: str, value: Any) -> None:
        self.register_parameter(name, value if isinstance(value, Parameter) else Parameter(value))

    def __repr__(self) -> str:
        rows = [f"  ({name}): {_shown(value)}\n" for name, value in self._parameters.items()]
        return f"{type(self).__name__}(\n{''.join(rows)})" if rows else f"{type(self).__name__}()"


def _shown(value: Tensor | None) -> str:
    return "None" if value is None else f"{value.dtype.name} {value.shape}"


@register
class ParameterList(Parameters):
    """A list of parameters, given as tensors or arrays; ``forms`` makes zeros of [shape, dtype].

    >>> import jairika_nb as jrk
    >>> ParameterList([jrk.ones((2, 3)), jrk.zeros(4)])
    ParameterList(
      (0): float32 (2, 3)
      (1): float32 (4,)
    )
    """

    adjustable = ("forms",)

    def __init__(
        self, values: Iterable[Any] | None = None, *, forms: list[Form] | None = None
    ) -> None:
        # Values have no form as data; the forms of the current ones do.
        self._arguments = ((), {})
        blanks = [_blank(self, form) for form in forms or []]
        self.extend([*blanks, *(values if values is not None else [])])

    @property
    def forms(self) -> list[Form]:
        """Shape and dtype of each."""
        return [_form(value) for value in self]

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end."""
        self._take(str(len(self)), value)
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add several parameters at the end."""
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._parameters.values()))

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return ParameterList(list(self)[index])
        return self._parameters[self._name(index)]

    def __setitem__(self, index: int, value: Any) -> None:
        self._take(self._name(index), value)

    def _name(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise OutOfRange(f"ParameterList: parameter {index} of {len(self)}")
        return str(index % len(self))


@register
class ParameterDict(Parameters):
    """Parameters by name, given as tensors or arrays; ``forms`` makes zeros of [shape, dtype].

    >>> import jairika_nb as jrk
    >>> ParameterDict({"scale": jrk.ones(3)})["scale"].tolist()
    [1.0, 1.0, 1.0]
    """

    adjustable = ("forms",)

    def __init__(self, parameters: Any = None, *, forms: dict[str, Form] | None = None) -> None:
        self._arguments = ((), {})
        if not (forms is None or isinstance(forms, dict)):
            raise ArchitectureError("ParameterDict: forms must be [shape, dtype] by name")
        self.update({name: _blank(self, form) for name, form in (forms or {}).items()})
        self.update(parameters if parameters is not None else {})

    @property
    def forms(self) -> dict[str, Form]:
        """Shape and dtype by name."""
        return {name: _form(value) for name, value in self.items()}

    def update(self, parameters: Any) -> None:
        """Add parameters from a mapping, or from (name, value) pairs."""
        kinds = (Mapping, ParameterDict)
        for name, value in parameters.items() if isinstance(parameters, kinds) else parameters:
            self[name] = value

    def keys(self) -> Iterable[str]:
        """The names, in order."""
        return self._parameters.keys()

    def values(self) -> Iterable[Any]:
        """The parameters, in order of their names."""
        return self._parameters.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and parameters."""
        return self._parameters.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __contains__(self, name: Any) -> bool:
        return name in self._parameters

    def __getitem__(self, name: str) -> Any:
        self._known(name)
        return self._parameters[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._take(name, value)

    def __delitem__(self, name: str) -> None:
        self._known(name)
        del self._parameters[name]

    def _known(self, name: str) -> None:
        if name not in self._parameters:
            raise unknown(self, "parameter", name, self._parameters)
