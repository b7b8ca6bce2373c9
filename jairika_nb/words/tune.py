"""The word ``tune``: look for the parameters of products that are quickest on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from jairika_nb.errors import WordError
from jairika_nb.words.results import Done, Result, Sheet
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument

if TYPE_CHECKING:
    from jairika_nb.bench.tuner import Candidate, Search
    from jairika_nb.engine.device import Device

COLUMNS = ("stage", "parameters", "least times", "by shipped", "error", "")
REPEATS = (
    "results repeat bit for bit as before, but sums may be rounded elsewhere than with the "
    "shipped parameters"
)


def tune(
    session: Session,
    *,
    rounds: Annotated[int, Argument("rounds in which all candidates are timed")] = 5,
    dry_run: Annotated[bool, Argument("measure, but keep what is in force")] = False,
    show: Annotated[bool, Argument("only tell which parameters are in force")] = False,
    reset: Annotated[bool, Argument("go back to the shipped parameters")] = False,
) -> Result:
    """Measure how matrix products are best cut on the device in use, and keep the winner.

    Each candidate has to give right numbers before it is timed. The winner is used from then on,
    in later sessions too, on this device with this driver and number of cores.
    """
    from jairika_nb.bench import tuner
    from jairika_nb.engine import tuned
    from jairika_nb.engine.device import default

    device = default()
    if device.kind != "cpu":
        raise WordError(f"tune: only products on CPUs have parameters, and {device.id} is none")
    if rounds < 1:
        raise WordError(f"tune: {rounds=} must be 1 or more")
    if reset:
        tuned.keep(device, None)
        return Done(f"the shipped parameters are in force on {device.name}", _in_force(device))
    if show:
        return _shown(device)
    session.say(f"tuning products on {tuned.key(device)}; Ctrl-C keeps what was in force")
    found = tuner.search(device, rounds=rounds, say=session.say)
    if not dry_run:
        tuned.keep(device, found.winner.sizes if found.winner.changes else None)
    return _sheet(device, found)


def _shown(device: Device) -> Sheet:
    from jairika_nb.engine import tuned
    from jairika_nb.engine.pieces import SIZES

    now = asdict(tuned.in_force(device))
    rows = tuple((name, _text(now[name]), _text(value)) for name, value in asdict(SIZES).items())
    title = f"products on {tuned.key(device)}"
    return Sheet(title, ("parameter", "in force", "shipped"), rows, _in_force(device))


def _sheet(device: Device, found: Search) -> Sheet:
    from jairika_nb.engine import tuned

    candidates = [each for stage in found.stages for each in stage]
    by = {id(each): stage[0] for stage in found.stages for each in stage}
    rows = tuple(_cells(each, by[id(each)], each is found.winner) for each in candidates)
    data = {
        **_in_force(device),
        "winner": asdict(found.winner.sizes),
        "winner_by_shipped": found.winner.ratio(found.shipped),
        "candidates": [_facts(each, by[id(each)]) for each in candidates],
    }
    notes = (_verdict(found), f"in force: {_changes(tuned.in_force(device))}", REPEATS)
    return Sheet(f"products on {tuned.key(device)}", COLUMNS, rows, data, notes)


def _verdict(found: Search) -> str:
    if not found.winner.changes:
        return "nothing is quicker than the shipped parameters by 3 %"
    gain = 1 - found.winner.ratio(found.shipped)
    return f"the winner takes {gain:.0%} less time than the shipped parameters"


def _cells(candidate: Candidate, shipped: Candidate, wins: bool) -> tuple[str, ...]:
    ratio = candidate.ratio(shipped)
    return (
        candidate.stage, _changes(candidate.sizes),
        ", ".join(f"{x * 1e3:.3g}" for x in candidate.seconds) + " ms" if candidate.seconds else "",
        candidate.failed or f"{ratio:.3f}", "" if candidate.failed else f"{candidate.error:.1e}",
        "winner" if wins else "",
    )  # fmt: skip


def _facts(candidate: Candidate, shipped: Candidate) -> dict[str, Any]:
    failed = bool(candidate.failed)
    return {
        "stage": candidate.stage,
        "parameters": asdict(candidate.sizes),
        "least_seconds": candidate.seconds,
        "by_shipped": None if failed else candidate.ratio(shipped),
        "error": None if failed else candidate.error,
        "failed": candidate.failed or None,
    }


def _in_force(device: Device) -> dict[str, Any]:
    from jairika_nb.engine import tuned

    return {"device": tuned.key(device), "in_force": asdict(tuned.in_force(device))}


def _changes(sizes: Any) -> str:
    from jairika_nb.engine.pieces import SIZES

    shipped = asdict(SIZES)
    changed = {k: v for k, v in asdict(sizes).items() if v != shipped[k]}
    return ", ".join(f"{k} {_text(v)}" for k, v in changed.items()) or "shipped"


def _text(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)
