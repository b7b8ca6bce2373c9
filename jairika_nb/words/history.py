"""Words about the history inside a model: ``commit derive switch log``."""

from __future__ import annotations

from typing import Annotated, Any

from jairika_nb.words.addresses import CurrentModel, Net
from jairika_nb.words.results import Done, Graph, Sheet
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import spelled
from jairika_nb.words.word import Argument


def commit(
    session: Session,
    model: CurrentModel,
    net: Net,
    *,
    variant: Annotated[
        str | None, Argument("where it goes; default: the variant in use", "variant", "NAME")
    ] = None,
    name: Annotated[
        str | None, Argument("the iteration's name; default: chosen for you", show="NAME")
    ] = None,
    message: Annotated[str, Argument("a note kept with it", show="TEXT")] = "",
    metric: Annotated[
        dict[str, float] | None, Argument("a measure; may be repeated", show="NAME=NUMBER")
    ] = None,
    optimizer: Annotated[
        str | None,
        Argument("the optimiser whose state is kept too: a variable", "net", "VARIABLE"),
    ] = None,
    author: Annotated[
        str | None, Argument("who made it; default: your login name", show="NAME")
    ] = None,
    key: Annotated[
        str | None, Argument("your key, which signs it; default: what JRK_KEY names", "key", "KEY")
    ] = None,
) -> Done:
    """Keep the state of a network as a new iteration; it is on disk when this returns."""
    from jairika_nb import store

    arrays = session.arrays(net)
    state = session.arrays(optimizer) if optimizer else None
    with store.open(model, mode="a", key=key) as opened:
        made = opened.commit(
            arrays,
            variant=variant,
            name=name,
            message=message,
            metrics=metric,
            optimizer=state,
            author=author,
        )
        facts = iteration_facts(made)
        address = opened.address
    session.nets[address] = net
    return Done(
        f'committed "{made.name}" to variant "{made.variant}" of {address}'
        f"{_measures(facts['metrics'])}",
        {"address": address, **facts},
    )


def derive(
    session: Session,
    model: CurrentModel,
    name: Annotated[str, Argument("the new variant", show="NAME")],
    *,
    source: Annotated[
        str | None, Argument("the variant to start from; default: in use", "variant", "VARIANT")
    ] = None,
    iteration: Annotated[
        str | None, Argument("the iteration; default: its newest", "iteration", "NAME")
    ] = None,
    switch: Annotated[bool, Argument("use the new variant from now on")] = False,
) -> Done:
    """Start a new variant from an iteration; no tensor is copied."""
    from jairika_nb import store

    with store.open(model, mode="a") as opened:
        origin = source or opened.current
        start = iteration or opened[origin].head.name
        made = opened.derive(name, origin, start, switch=switch)
        # An iteration may be named with a variant of its own, or by an id.
        origin, start = made.parent or (origin, start)
        address = opened.address
    in_use = ", now in use" if switch else ""
    where = () if session.notebook else (model,)
    return Done(
        f'derived variant "{name}" from "{origin}" at iteration "{start}"{in_use}',
        {"address": address, "variant": name, "source": origin, "iteration": start},
        "" if switch else f"{session.sign} switch {spelled(*where, name)}",
    )


def switch(
    session: Session,
    model: CurrentModel,
    variant: Annotated[str, Argument("the variant to use", "variant", "VARIANT")],
) -> Done:
    """Choose the variant that commits go to and that derive starts from."""
    from jairika_nb import store

    with store.open(model, mode="a") as opened:
        address, left = opened.address, opened.current
        net, layers = _uncommitted(session, opened)
        opened.switch(variant)
    facts = {"address": address, "variant": variant, "uncommitted": list(layers)}
    if not layers:
        return Done(f'switched to variant "{variant}"', facts)
    listed = ", ".join(layers[:5]) + (", ..." if len(layers) > 5 else "")
    return Done(
        f'switched to variant "{variant}"; {net} is kept as it is, with changes that are not '
        f'committed to "{left}" ({listed})',
        facts,
        f"{session.sign} commit {net} --variant {spelled(left)}",
    )


def _uncommitted(session: Session, opened: Any) -> tuple[str, tuple[str, ...]]:
    """The variable last committed to this model, and its layers that have changed since."""
    net = session.nets.get(opened.address, "")
    value = (session.variables or {}).get(net)
    if value is None:
        return net, ()
    return net, opened[opened.current].head.changes(value)


def log(
    session: Session,
    model: CurrentModel,
    *,
    variant: Annotated[
        str | None, Argument("the variant; default: the one in use", "variant", "NAME")
    ] = None,
    graph: Annotated[bool, Argument("all variants, with the lines of descent drawn")] = False,
) -> Sheet | Graph:
    """The iterations of a variant, newest first."""
    from jairika_nb import store

    with store.open(model) as opened:
        if graph:
            return Graph(opened.address, tuple(opened.graph()))
        name = variant or opened.current
        facts = _with_signatures(opened.log(name))
        address = opened.address
    return Sheet(
        f'variant: "{name}" of {address}',
        ("iteration", "time", "metrics", "id", "signature", "message"),
        tuple(_row(fact) for fact in facts),
        {"address": address, "variant": name, "iterations": facts},
        () if facts else ("no iterations yet",),
    )


def iteration_facts(iteration: Any) -> dict[str, Any]:
    """An iteration as JSON data; the time is UTC, to the second."""
    from jairika_nb.store.arrays import scalar

    return {
        "iteration": iteration.name,
        "variant": iteration.variant,
        "id": iteration.id,
        "time": iteration.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "message": iteration.message,
        "metrics": {name: scalar(value) for name, value in iteration.metrics.items()},
        "parents": list(iteration.parents),
    }


def _row(fact: dict[str, Any]) -> tuple[str, ...]:
    measures = _measures(fact["metrics"]).strip(" ()")
    signed = fact["signature"]["text"] if "signature" in fact else ""
    start = fact["iteration"], fact["time"], measures, fact["id"][:10]
    return *start, signed, _first(fact["message"])


def _with_signatures(iterations: list[Any]) -> list[dict[str, Any]]:
    """The iterations as JSON data, each with a verdict on its signatures where any is signed."""
    verdicts = [each.signature for each in iterations]
    facts = [iteration_facts(each) for each in iterations]
    if all(each.state == "unsigned" for each in verdicts):
        return facts
    return [{**f, "signature": v.to_json()} for f, v in zip(facts, verdicts, strict=True)]


def _first(message: str) -> str:
    """The first line of a message, with a sign where there is more."""
    lines = [line for line in message.splitlines() if line.strip()]
    return " …".join([lines[0].strip(), ""][: len(lines)]) if lines else ""


def _measures(metrics: dict[str, Any]) -> str:
    from jairika_nb.store.show import measure

    listed = ", ".join(f"{name}={measure(value)}" for name, value in metrics.items())
    return f" ({listed})" if listed else ""
