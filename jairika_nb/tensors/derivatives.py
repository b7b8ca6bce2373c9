"""Derivatives of kernels that users write, from what they give beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jairika_nb.engine import dtypes
from jairika_nb.engine.csource import CFunction
from jairika_nb.engine.graph import Node
from jairika_nb.engine.ops.elementwise import scalar_value
from jairika_nb.errors import GradientError
from jairika_nb.tensors.tensor import Tensor

if TYPE_CHECKING:
    from jairika_nb.tensors.kernel import Kernel


def gradients(
    kernel: Kernel, g: Node, y: Node, inputs: tuple[Node, ...]
) -> tuple[Node | None, ...]:
    """The gradient of each input, by the kernel's own derivative."""
    if kernel.derivative is None:
        raise GradientError(
            f"kernel {kernel.name} of {_shown(inputs)} has no derivative; give derivative=a "
            f"function (g, y, {', '.join(kernel.arguments)}) of tensors"
            + ("" if kernel.form else f", or write {kernel.name}_d{kernel.arguments[0]} beside it")
        )
    numbers = y.attrs[0] if kernel.form is None else tuple(n.op == "const" for n in inputs)
    values = [
        scalar_value(node) if is_number else Tensor(node)
        for node, is_number in zip(inputs, numbers, strict=True)
    ]
    found = _called(kernel, Tensor(g), Tensor(y), values)
    rows = iter(_checked(kernel, found, [v for v in values if isinstance(v, Tensor)]))
    return tuple(None if is_number else next(rows) for is_number in numbers)


def _called(kernel: Kernel, g: Tensor, y: Tensor, values: list[Any]) -> Any:
    wanted = getattr(kernel.derivative, "arguments", None)
    if wanted is None:
        return kernel.derivative(g, y, *values)  # type: ignore[misc]
    # Another kernel takes what its parameters are called after.
    known = {"g": g, "y": y} | dict(zip(kernel.arguments, values, strict=True))
    missing = [n for n in wanted if n not in known]
    if missing:
        raise GradientError(
            f"kernel {kernel.name}: its derivative {kernel.derivative.name} wants "  # type: ignore
            f"{', '.join(missing)}, but there are only {', '.join(known)}; call its parameters so"
        )
    return kernel.derivative(**{n: known[n] for n in wanted})  # type: ignore[misc]


def _checked(kernel: Kernel, found: Any, inputs: list[Tensor]) -> list[Node | None]:
    rows = [found] if found is None or isinstance(found, Tensor) else list(found)
    if len(rows) != len(inputs):
        raise GradientError(
            f"kernel {kernel.name}: its derivative gave {len(rows)} gradients for {len(inputs)} "
            "tensors; it must give one for each, None for zero"
        )
    for row, x in zip(rows, inputs, strict=True):
        if row is not None and (not isinstance(row, Tensor) or row.shape != x.shape):
            shown = row.shape if isinstance(row, Tensor) else type(row).__name__
            raise GradientError(
                f"kernel {kernel.name}: its derivative gave {shown} as the gradient of a tensor "
                f"of shape {x.shape}; both must have one shape"
            )
    pairs = zip(rows, inputs, strict=True)
    return [None if row is None else row.astype(x.dtype).node for row, x in pairs]


def of_cell(kernel: Kernel, found: list[CFunction]) -> Callable[..., Any] | None:
    """The derivative that functions ``NAME_dX`` in the kernel's own source make up."""
    names = {f.name for f in found}
    partials = {n: f"{kernel.name}_d{n}" for n in (p.name for p in kernel.function.parameters)}
    if not names & set(partials.values()):
        return None
    # Made now, not when first used: a function that is traced for replay must not change state.
    made = {p: type(kernel)(kernel.source, p) for p in partials.values() if p in names}

    def derivative(g: Tensor, y: Tensor, *values: Any) -> list[Tensor | None]:
        rows = zip(kernel.arguments, values, strict=True)
        return [_partial(n, v, g, values) for n, v in rows if isinstance(v, Tensor)]

    def _partial(name: str, value: Tensor, g: Tensor, values: Any) -> Tensor | None:
        if not dtypes.is_float(value.dtype):
            return None
        function = partials[name]
        if function not in made:
            raise GradientError(
                f"kernel {kernel.name} has no derivative with respect to {name}; write "
                f"{function} beside it, or pass {name} as a number or detached"
            )
        return g * made[function](*values)

    return derivative


def _shown(inputs: tuple[Node, ...]) -> str:
    return ", ".join(f"{n.dtype.name}{list(n.shape)}" for n in inputs)
