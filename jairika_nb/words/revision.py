"""Words that look back over a history or change it: ``diff merge revert tag rm`` and so on."""

from __future__ import annotations

from typing import Annotated

from jairika_nb.errors import WordError
from jairika_nb.words.addresses import CurrentModel
from jairika_nb.words.history import iteration_facts
from jairika_nb.words.progress import told
from jairika_nb.words.results import Done, Result, Sheet
from jairika_nb.words.session import Session
from jairika_nb.words.spelling import spelled
from jairika_nb.words.word import Argument

REF = "an iteration, VARIANT/ITERATION, a variant, a tag or an id"


def diff(
    session: Session,
    model: CurrentModel,
    left: Annotated[
        str | None, Argument(f"{REF}; default: the one before RIGHT", "ref", "LEFT")
    ] = None,
    right: Annotated[
        str | None, Argument("the same; default: the newest in use", "ref", "RIGHT")
    ] = None,
) -> Result:
    """What changed from one iteration to another: layers, norms, metrics, settings."""
    from jairika_nb import store

    with store.open(model) as opened:
        return opened.diff(left, right)


def merge(
    session: Session,
    model: CurrentModel,
    source: Annotated[str, Argument(f"what comes in: {REF}", "ref", "SOURCE")],
    *,
    into: Annotated[
        str | None, Argument("the variant it goes to; default: in use", "variant", "VARIANT")
    ] = None,
    strategy: Annotated[
        str | None,
        Argument(
            "for layers that both changed: ours, theirs or mean, or for each as in 0=ours,2=mean",
            show="STRATEGY",
        ),
    ] = None,
    weight: Annotated[float, Argument("the share of theirs in a mean; default: 0.5")] = 0.5,
    name: Annotated[
        str | None, Argument("the new iteration's name; default: chosen for you", show="NAME")
    ] = None,
    message: Annotated[str, Argument("a note kept with it", show="TEXT")] = "",
) -> Done | Sheet:
    """Bring what a variant or an iteration changed into another variant."""
    from jairika_nb import store

    with store.open(model, mode="a") as opened:
        how = _strategies(strategy)
        done = opened.merge(source, into, how, weight, name=name, message=message)
        facts = {"address": opened.address, "kind": done.kind, "layers": dict(done.choices)}
        facts |= iteration_facts(done.iteration)
    made = f'"{done.iteration.variant}/{done.iteration.name}"'
    if done.kind == "nothing":
        return Done(f"nothing to merge: {made} has all of {source!r} already", facts)
    if done.kind == "fast-forward" or not done.choices:
        how = "merged" if done.kind == "merged" else "fast-forward to"
        return Done(". ".join((f'{how} "{source}" as {made}', *done.notes)), facts)
    rows = tuple(done.choices.items())
    return Sheet(f"merged as {made}", ("layer", "values"), rows, facts, tuple(done.notes))


def _strategies(text: str | None) -> str | dict[str, str] | None:
    """One strategy, or one for each layer.

    >>> _strategies("0=ours, encoder.1=mean")
    {'0': 'ours', 'encoder.1': 'mean'}
    """
    if text is None or "=" not in text:
        return text
    pairs = (part.rpartition("=") for part in text.split(","))
    return {layer.strip(): strategy.strip() for layer, _, strategy in pairs}


def revert(
    session: Session,
    model: CurrentModel,
    iteration: Annotated[str, Argument(REF, "ref", "ITERATION")],
    *,
    variant: Annotated[
        str | None, Argument("the variant that goes back; default: in use", "variant", "VARIANT")
    ] = None,
    name: Annotated[
        str | None, Argument("the new iteration's name; default: chosen for you", show="NAME")
    ] = None,
    message: Annotated[str, Argument("a note kept with it", show="TEXT")] = "",
) -> Done:
    """Make an earlier state the newest again, as a new iteration; nothing is lost."""
    from jairika_nb import store

    with store.open(model, mode="a") as opened:
        made = opened.revert(iteration, variant, name, message)
        facts = {"address": opened.address, **iteration_facts(made)}
    sentence = f'variant "{made.variant}" is back at "{iteration}", as iteration "{made.name}"'
    return Done(sentence, facts)


def tag(
    session: Session,
    model: CurrentModel,
    name: Annotated[
        str | None, Argument("the tag; without it the tags are listed", show="NAME")
    ] = None,
    iteration: Annotated[
        str | None, Argument(f"{REF}; default: the newest in use", "ref", "ITERATION")
    ] = None,
    *,
    message: Annotated[str, Argument("a note kept with it", show="TEXT")] = "",
) -> Done | Sheet:
    """Give an iteration a name that stays with it, or list the tags."""
    from jairika_nb import store

    if name is None:
        with store.open(model) as opened:
            found = {each: iteration_facts(row) for each, row in opened.tags.items()}
            title = f"tags of {opened.address}"
        rows = tuple(
            (n, f"{f['variant']}/{f['iteration']}", f["id"][:10]) for n, f in found.items()
        )
        return Sheet(
            title, ("tag", "iteration", "id"), rows, found, () if rows else ("no tags yet",)
        )
    with store.open(model, mode="a") as opened:
        row = opened.tag(name, iteration, message)
        facts = {"address": opened.address, "tag": name, **iteration_facts(row)}
    return Done(f'tagged "{row.variant}/{row.name}" as "{name}"', facts)


def rm(
    session: Session,
    model: CurrentModel,
    iteration: Annotated[
        str | None, Argument("the iteration; without it the whole variant", "iteration", "NAME")
    ] = None,
    *,
    variant: Annotated[
        str | None, Argument("its variant; default: the one in use", "variant", "VARIANT")
    ] = None,
    tag: Annotated[str | None, Argument("a tag to remove instead", "tag", "TAG")] = None,
    force: Annotated[bool, Argument("also what is tagged, or the variant in use")] = False,
) -> Done:
    """Take an iteration, a variant or a tag off the lists; the reflog keeps it until gc."""
    from jairika_nb import store
    from jairika_nb.store.show import counted

    if iteration is None and variant is None and tag is None:
        raise WordError("rm: name an iteration, or give --variant or --tag; see log and tag")
    with store.open(model, mode="a") as opened:
        ids = opened.remove(iteration, variant, tag=tag, force=force)
        address = opened.address
    facts = {"address": address, "iteration": iteration, "variant": variant, "tag": tag}
    if tag is not None:
        return Done(f'removed the tag "{tag}"', facts)
    how_many = counted(len(ids), "iteration")
    what = f'iteration "{iteration}"' if iteration else f'variant "{variant}" ({how_many})'
    where, id = () if session.notebook else (model,), ids[-1][:10]
    if iteration is None:  # another variant may have another architecture
        back = f"derive {spelled(*where, str(variant))} --iteration {id}"
    else:
        into = f" --variant {spelled(variant)}" if variant else ""
        back = f"revert {spelled(*where, id)}{into}"
    return Done(
        f"removed {what}; it can be had back by its id until gc drops it",
        {**facts, "ids": list(ids)},
        f"{session.sign} {back}",
    )


def reflog(
    session: Session,
    model: CurrentModel,
    *,
    count: Annotated[int, Argument("how many lines; default: 40")] = 40,
) -> Sheet:
    """What was done to the file, newest first, and the ids of what was removed."""
    if count < 1:
        raise WordError(f"reflog: cannot show {count} lines; give --count 1 or more")
    from jairika_nb import store
    from jairika_nb.store.times import printed

    with store.open(model) as opened:
        events = opened.reflog()
        address = opened.address
    rows = tuple(
        (
            printed(each.time),
            each.author,
            each.verb,
            "/".join(filter(None, (each.variant, each.name))),
            (each.after or each.before or "")[:10],
            each.row.id[:10] if each.row else "",
        )
        for each in events[:count]
    )
    columns = ("time", "who", "what", "where", "id", "can be had back")
    facts = {"address": address, "events": [_event(each) for each in events[:count]]}
    more = len(events) - len(rows)
    return Sheet(f"reflog of {address}", columns, rows, facts, (f"{more} more",) if more else ())


def _event(event: object) -> dict[str, object]:
    fields = {k: v for k, v in vars(event).items() if k != "row"}
    row = getattr(event, "row", None)
    return {**fields, "removed": row.id if row else None}


def gc(
    session: Session,
    model: CurrentModel,
    *,
    days: Annotated[float, Argument("keep what was removed in so many days; default: 30")] = 30.0,
    cold: Annotated[
        bool, Argument("keep older iterations as differences from newer ones: smaller, slower")
    ] = False,
    plain: Annotated[bool, Argument("undo --cold: keep all as plain values again")] = False,
    keep_last: Annotated[
        int | None, Argument("first remove all but so many newest of each variant", show="N")
    ] = None,
    keep_every: Annotated[
        int | None, Argument("the same, but for each so-manieth since its start", show="N")
    ] = None,
    keep_best: Annotated[
        str | None, Argument("the same, but for its best by a metric", show="METRIC")
    ] = None,
    dry_run: Annotated[bool, Argument("tell what would go and change nothing")] = False,
) -> Result:
    """Write the file anew without what nothing leads to; safe at any moment."""
    from jairika_nb import store

    if cold and plain:
        raise WordError("gc: --cold and --plain undo each other; give one of them")
    rules = {"last": keep_last, "every": keep_every, "best_by": keep_best}
    keep = rules if any(each is not None for each in rules.values()) else None
    if dry_run:
        with store.open(model) as opened:
            return opened.planned(days, keep=keep)
    with store.open(model, mode="a") as opened:
        how = True if cold else False if plain else None
        done = opened.gc(days, progress=told(session, "repacking"), cold=how, keep=keep)
        address = opened.address
    later = f"\nwhat was removed can be had back by its id for {days:g} days, see reflog"
    sentence = f"{done}{later if done.removed and days else ''}"
    return Done(sentence, {"address": address, **done.to_json()})


def space(session: Session, model: CurrentModel) -> Result:
    """Which iterations hold bytes that no other one holds."""
    from jairika_nb import store

    with store.open(model) as opened:
        return opened.space()
