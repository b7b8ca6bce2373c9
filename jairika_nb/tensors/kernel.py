"""``jrk.kernel``: OpenCL C that users write becomes a function of tensors."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from jairika_nb.engine import csource, custom, dtypes, trial
from jairika_nb.engine import device as devices
from jairika_nb.engine.csource import CFunction, CParameter
from jairika_nb.engine.device import Device
from jairika_nb.engine.graph import Node, make
from jairika_nb.engine.ops.sources import const
from jairika_nb.errors import ArgumentError, DeviceError, DTypeError, KernelError
from jairika_nb.tensors import derivatives
from jairika_nb.tensors.sizes import launch
from jairika_nb.tensors.tensor import Tensor, node_of

Sizes = int | tuple[int, ...] | str | Callable[..., Any] | None


def kernel(
    source: str,
    *,
    name: str | None = None,
    shape: Sizes = None,
    dtype: Any = None,
    grid: Sizes = None,
    group: int | tuple[int, ...] | None = None,
    derivative: Callable[..., Any] | None = None,
    reference: Callable[..., Any] | None = None,
) -> Kernel:
    """A function of tensors from OpenCL C, which joins the lazy graph like any operation.

    **An element function** computes one element, and is mapped over its arguments, which
    broadcast; any of them may be a tensor or a number. It fuses with its neighbours. A function
    ``NAME_dX`` beside it is its derivative with respect to the parameter ``X``:

    >>> import jairika_nb as jrk
    >>> cube = jrk.kernel('''
    ...     float cube(float x) { return x * x * x; }
    ...     float cube_dx(float x) { return 3 * x * x; }
    ... ''', reference=lambda x: x**3)

    **A whole kernel** has one result, a ``global`` pointer without const; its arguments are the
    ``global const`` pointers and the numbers, in order. Parameters called ``X_size`` or
    ``X_shape0`` are filled in with the sizes of the tensor (or result) ``X``. ``shape`` is the
    result's: a tuple, a text such as ``"(x.shape[0] - 2, n)"``, or a function of the arguments;
    by default the shape of the first tensor. ``grid`` says how many work-items run, in the same
    ways; by default one for each element of the result, as ``get_global_id(0)``. With ``group``
    the work-groups have that size, and the grid is rounded up to whole groups.

    ``dtype`` is the result's where its C type does not say it (``bool`` is kept as ``uchar``).
    ``derivative(g, y, *arguments)`` gives, for the gradient ``g`` of the result ``y``, the gradient
    of each tensor argument: a function of tensors, or another kernel, which gets those of ``g``,
    ``y`` and the arguments that its parameters are called after. ``reference`` computes the same
    from NumPy arrays, for the device ``"reference"``.

    Raises KernelError with the compiler's words and the line where the source does not compile.
    """
    return Kernel(source, name, shape, dtype, grid, group, derivative, reference)


class Kernel:
    """A function made by :func:`kernel`; call it with tensors and numbers.

    ``derivative`` may be set later too.
    """

    def __init__(
        self, source: str, name: str | None = None, shape: Sizes = None, dtype: Any = None,
        grid: Sizes = None, group: int | tuple[int, ...] | None = None,
        derivative: Callable[..., Any] | None = None,
        reference: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self.source = source
        found = csource.functions(source)
        self.function = _chosen(source, found, name)
        self.name = self.function.name
        self.shape, self.grid, self.group = shape, grid, group
        self.reference = reference
        self.form = custom.form_of(self.function) if self.function.is_kernel else None
        vector = self._check()
        rule = self._vjp
        if self.form is not None:
            self.dtype = dtypes.dtype_of(dtype) if dtype else custom.OF_C[self.form.output.type]
            self._check_dtype()
            self.op = custom.define_kernel(
                self.function, source, self.form, self.dtype, rule, reference
            )
            self.derivative = derivative
        else:
            self._check_elements()
            self.dtype = custom.OF_C[self.function.result]
            self.op = custom.define_map(self.function, source, rule, reference, vector)
            self.derivative = derivative or derivatives.of_cell(self, found)
        self.arguments: tuple[str, ...] = (
            self.form.arguments if self.form else tuple(p.name for p in self.function.parameters)
        )

    # Making sure of the source

    def _check(self) -> bool:
        """Compile the source on the default device; whether its vector form compiles too."""
        device = devices.default()
        if device.is_reference:
            return False
        problem = trial.compile_error(device, self.source)
        if problem is not None:
            raise KernelError(self._told(*problem))
        if self.form is not None or not _only_floats(self.function):
            return False
        return trial.vector_compiles(device, self.source)

    def _told(self, line: int, words: str) -> str:
        lines = self.source.split("\n")
        if not 1 <= line <= len(lines):
            return f"kernel {self.name} does not compile: {words}"
        shown = lines[line - 1].strip()
        return f"kernel {self.name} does not compile: line {line}: {words}: `{shown}`"

    def _check_dtype(self) -> None:
        assert self.form is not None
        if self.dtype.opencl != self.form.output.type:
            raise DTypeError(
                f"kernel {self.name}: dtype {self.dtype.name} is kept as {self.dtype.opencl}, but "
                f"the result {self.form.output.name!r} points to {self.form.output.type}"
            )

    def _check_elements(self) -> None:
        kinds = {p.type for p in self.function.parameters} | {self.function.result}
        wrong = sorted(kinds - set(csource.ELEMENTS))
        if wrong or any(p.pointer for p in self.function.parameters) or not kinds:
            raise KernelError(
                f"kernel {self.name}: line {self.function.line}: an element "
                f"function takes and returns numbers of the types {', '.join(csource.ELEMENTS)}; "
                "for pointers write a whole kernel, `kernel void ...`"
            )

    # Calling

    def __call__(self, *arguments: Any, **named: Any) -> Tensor:
        given = self._bound(arguments, named)
        device = next((a.device for a in given.values() if isinstance(a, Tensor)), None)
        device = device or devices.default()
        if device.is_reference and self.reference is None:
            raise DeviceError(
                f"kernel {self.name}: the NumPy reference does not run OpenCL C; give "
                "reference=a function of arrays, or use a device of jrk.devices()"
            )
        parameters = {p.name: p for p in self.function.parameters}
        nodes = {n: self._node(parameters[n], value, device) for n, value in given.items()}
        numbers = tuple(_is_number(v) for v in given.values())
        if self.form is None:
            if all(numbers):
                raise ArgumentError(f"kernel {self.name}: at least one argument must be a tensor")
            return Tensor(custom.apply_map(self.op, list(nodes.values()), numbers))
        names = {n: v if _is_number(v) else nodes[n] for n, v in given.items()}
        return Tensor(make(self.op, list(nodes.values()), launch(self, self.form, names)))

    def _bound(self, arguments: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        given = dict(zip(self.arguments, arguments, strict=False)) | named
        if (
            len(arguments) > len(self.arguments)
            or given.keys() != set(self.arguments)
            or (len(given) != len(arguments) + len(named))
        ):
            raise ArgumentError(
                f"{self.name} takes ({', '.join(self.arguments)}), not {len(arguments)} arguments"
                + (f" and {', '.join(named)}" if named else "")
            )
        return {n: given[n] for n in self.arguments}

    def _node(self, parameter: CParameter, value: Any, device: Device) -> Node:
        dtype = custom.OF_C[parameter.type]
        if parameter.pointer and _is_number(value):
            raise ArgumentError(f"{self.name}: {parameter.name} must be a tensor, not {value!r}")
        if _is_number(value):
            if dtype.kind != "float" and value != int(value):
                raise DTypeError(f"{self.name}: {parameter.name} is a {dtype.name}, not {value!r}")
            return const(value, dtype, device)
        if self.form is not None and not parameter.pointer:
            raise ArgumentError(
                f"{self.name}: {parameter.name} must be a number, not a tensor; pass x.item()"
            )
        node = node_of(value, device)
        fits = node.dtype.opencl == parameter.type if parameter.pointer else node.dtype is dtype
        if not fits:
            raise DTypeError(
                f"{self.name}: {parameter.name} is declared as {parameter.type}, which is "
                f"{dtype.name}, but the tensor of shape {node.shape} is {node.dtype.name}; "
                f"convert it with x.astype({dtype.name!r})"
            )
        return node

    # Derivatives

    def _vjp(self, g: Node, y: Node, *inputs: Node) -> tuple[Node | None, ...]:
        return derivatives.gradients(self, g, y, inputs)

    # Showing itself

    @property
    def signature(self) -> str:
        """How the function is called."""
        return f"{self.name}({', '.join(self.arguments)})"

    def __repr__(self) -> str:
        kind = "maps elements" if self.form is None else "runs as a kernel of its own"
        known = "with" if self.derivative else "without"
        return f"<{self.signature} -> {self.dtype.name}: {kind}, {known} derivative>"

    def _repr_html_(self) -> str:
        from jairika_nb.tensors.inspect import page
        from jairika_nb.tensors.inspect.highlight import highlighted

        return page.block(
            f"<p>{escape(repr(self)[1:-1])}</p>",
            f"<pre style='{page.CODE}'>{highlighted(self.source.strip())}</pre>",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, np.number))


def _only_floats(function: CFunction) -> bool:
    return {p.type for p in function.parameters} | {function.result} == {"float"}


def _chosen(source: str, found: list[CFunction], name: str | None) -> CFunction:
    """The function that a source is about: its only kernel, or the one that no other calls."""
    if name is not None:
        for function in found:
            if function.name == name:
                return function
        known = ", ".join(f.name for f in found) or "none"
        raise KernelError(f"kernel {name}: the source defines no function {name!r} but {known}")
    names = {f.name for f in found}
    partials = [f.name for f in found if any(f.name.startswith(f"{n}_d") for n in names)]
    called = csource.called(csource.without(source, partials))
    rows = [f for f in found if f.is_kernel] or [
        f for f in found if f.name not in partials and f.name not in called
    ]
    if len(rows) != 1:
        shown = ", ".join(f.name for f in rows) or "none"
        raise KernelError(
            f"kernel: the source must define one function, not {shown}; write `float f(float x) "
            "{...}` or `kernel void f(...) {...}`, and pass name= where there are several"
        )
    return rows[0]
