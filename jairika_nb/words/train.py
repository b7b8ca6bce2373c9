"""The word ``train``: the cell below it holds the arguments of ``jrk.fit``."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from typing import Annotated, Any

from jairika_nb.errors import WordError
from jairika_nb.words.results import Result
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import did_you_mean
from jairika_nb.words.word import Argument


def train(
    session: Session,
    net: Annotated[str, Argument("the network: a variable", "net", "NET")],
    *,
    checkpoint: Annotated[
        bool, Argument("keep the run in the model in use, after each epoch and when it stops")
    ] = False,
    resume: Annotated[
        bool, Argument("go on with the run that the model in use holds; keeps it there too")
    ] = False,
) -> Result:
    """Train a network with what the cell says: lines NAME = EXPRESSION, as for jrk.fit."""
    from jairika_nb.train import Checkpoint, fit

    given = arguments(session, _known(fit))
    if "data" not in given:
        raise WordError("train: the cell needs a line `data = ...`; see `help(jrk.fit)`")
    given.setdefault("epochs", 1)
    if (checkpoint or resume) and session.address is None:
        raise WordError("train: no model is in use here; `%jrk open ADDRESS` or `%jrk init` first")
    if checkpoint or resume:
        given["callbacks"] = [*_callbacks(given), Checkpoint(session.address)]
    if resume and "resume" in given:
        raise WordError("train: --resume and a line `resume = ...` are two runs; give one of them")
    if resume:
        given["resume"] = session.address
    return fit(session.variable(net), **given)


def _callbacks(given: dict[str, Any]) -> Iterable[Any]:
    found = given.get("callbacks", ())
    if not isinstance(found, Iterable):
        raise WordError(f"train: callbacks takes a list, as in `callbacks = [x]`, not {found!r}")
    return found


def arguments(session: Session, known: list[str]) -> dict[str, Any]:
    """The values of the cell's lines by name; its expressions see the notebook's variables.

    Raises WordError for lines of another form and names that are not ``known``.
    """
    text = session.body or ""
    try:
        lines = ast.parse(text).body
    except SyntaxError as problem:
        raise WordError(f"train: line {problem.lineno} is not Python: {problem.msg}") from None
    found: dict[str, Any] = {}
    for line in lines:
        name = _name(line)
        if name not in known:
            raise WordError(
                f"train: {name!r} is no argument of fit{did_you_mean(name, known)}; there are "
                f"{', '.join(known)}"
            )
        if session.python is None:
            raise WordError("this word needs a notebook that can run Python")
        found[name] = session.python.run(ast.get_source_segment(text, line.value) or "")  # type: ignore[attr-defined]
    return found


def _name(line: ast.stmt) -> str:
    if (
        isinstance(line, ast.Assign)
        and len(line.targets) == 1
        and isinstance(line.targets[0], ast.Name)
    ):
        return line.targets[0].id
    raise WordError(
        f"train: line {line.lineno} is no NAME = EXPRESSION, as in `epochs = 5`; do other things "
        "in a cell before"
    )


def _known(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "model"]
