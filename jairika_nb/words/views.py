"""The words ``graph``, ``kernels`` and ``profile``: what an expression does, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from jairika_nb.errors import WordError
from jairika_nb.words.results import Result
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import did_you_mean
from jairika_nb.words.word import Argument

if TYPE_CHECKING:
    from jairika_nb.tensors.tensor import Tensor

Expression = Annotated[
    str,
    Argument("a tensor, or several, as an expression in Python", "tensor", "EXPRESSION"),
]


def graph(session: Session, expression: Expression) -> Result:
    """The lazy graph behind the tensors that an expression gives."""
    from jairika_nb.tensors.inspect import Graph

    return Graph(*_tensors_of("graph", expression, session))


def kernels(session: Session, expression: Expression) -> Result:
    """The kernels that computing the tensors of an expression would run."""
    from jairika_nb.tensors.inspect import Kernels

    return Kernels(*_tensors_of("kernels", expression, session))


def profile(
    session: Session,
    statement: Annotated[
        str,
        Argument("a statement; tensors that it gives are computed", "tensor", "STATEMENT"),
    ] = "",
) -> Result:
    """Run a statement, or the cell, and record its kernels."""
    from jairika_nb.tensors.autograd import eval as compute
    from jairika_nb.tensors.inspect import profile as recorded

    if bool(statement.strip()) == (session.body is not None):
        raise WordError(
            "profile: give a statement on the line, as in `%jrk profile step()`, or a cell below "
            "a bare `%%jrk profile`"
        )
    text = statement if session.body is None else session.body
    with recorded() as found:
        value = _run("profile", text, session)
        tensors = list(_tensors(value))
        compute(*tensors)
    if value is not None and not tensors:
        _python(session).show(value)
    return found


def _python(session: Session) -> Any:
    if session.python is None:
        raise WordError("this word needs a notebook that can run Python")
    return session.python


def _run(word: str, text: str, session: Session) -> Any:
    try:
        return _python(session).run(text)
    except SyntaxError as problem:
        raise WordError(f"{word}: {text.strip()!r} is not Python: {problem.msg}") from None
    except NameError as problem:
        if session.body is not None or problem.name is None:
            raise
        known = [name for name in session.variables or () if not name.startswith("_")]
        raise WordError(
            f"{word}: no variable {problem.name!r} in this notebook"
            f"{did_you_mean(problem.name, known)}; run the cell that makes it first"
        ) from None


def _tensors_of(word: str, expression: str, session: Session) -> list[Tensor]:
    value = _run(word, expression, session)
    found = list(_tensors(value))
    if not found:
        raise WordError(
            f"{word}: {expression.strip()!r} gives {type(value).__name__}, not a tensor; give an "
            "expression of tensors, such as `net(x)`, or a list or dict of them"
        )
    devices = {t.device.id for t in found}
    if len(devices) > 1:
        raise WordError(f"{word}: the tensors live on {', '.join(sorted(devices))}; look at one")
    return found


def _tensors(value: Any) -> Iterator[Tensor]:
    from jairika_nb.tensors.tensor import Tensor

    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _tensors(each)
