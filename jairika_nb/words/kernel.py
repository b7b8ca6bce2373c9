"""The word ``kernel``: a cell of OpenCL C becomes a function of tensors."""

from __future__ import annotations

import keyword
from typing import Annotated, Any

from jairika_nb.errors import WordError
from jairika_nb.words.results import Done
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument


def kernel(
    session: Session,
    name: Annotated[str, Argument("what the function is called, in the cell and afterwards")],
    *,
    shape: Annotated[
        str | None,
        Argument("the result's, as in '(x.shape[0]-2, n)'; default: the first input's"),
    ] = None,
    dtype: Annotated[str | None, Argument("the result's, where its C type leaves it open")] = None,
    grid: Annotated[
        str | None, Argument("work-items, like SHAPE; default: one for each element")
    ] = None,
    group: Annotated[str | None, Argument("work-items of a group, as in 16,16")] = None,
    derivative: Annotated[
        str | None,
        Argument("a function (g, y, inputs...) of tensors, or a kernel", complete="function"),
    ] = None,
    reference: Annotated[
        str | None, Argument("a function of NumPy arrays for the reference", complete="function")
    ] = None,
) -> Done:
    """Make a function of the cell's OpenCL C and keep it in the variable NAME."""
    from jairika_nb.tensors.kernel import Kernel

    if not name.isidentifier() or keyword.iskeyword(name):
        raise WordError(f"kernel: {name!r} cannot be the name of a variable")
    # The first line of the cell is the magic's own; with it, lines have the cell's numbers.
    source = "\n" + (session.body or "")
    made = Kernel(
        source, name, shape, dtype, grid, _group(group),
        _function(session, derivative), _function(session, reference),
    )  # fmt: skip
    assert session.variables is not None
    session.variables[name] = made
    return Done(repr(made)[1:-1], {"name": name, "arguments": list(made.arguments)}, made.signature)


def _group(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.strip("() ").split(",") if part.strip())
    except ValueError:
        raise WordError(f"kernel: --group {text!r} is not whole numbers, as in 16,16") from None


def _function(session: Session, name: str | None) -> Any:
    if name is None:
        return None
    found = session.variable(name)
    if not callable(found):
        raise WordError(f"kernel: {name} is {type(found).__name__}, not a function")
    return found
