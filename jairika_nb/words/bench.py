"""The word ``bench``: how fast this is here, beside the libraries that are installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from jairika_nb.errors import WordError
from jairika_nb.words.bench_report import Overhead, Report
from jairika_nb.words.results import Result
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument

if TYPE_CHECKING:
    from jairika_nb.bench.rounds import Outcome


def bench(
    session: Session,
    what: Annotated[
        str,
        Argument(
            "all (ten workloads, the default), ops (single operations), store (model files), "
            "or some of them by name, as mlp,gpt or matmul-512,exp",
            show="WHAT",
        ),
    ] = "all",
    *,
    libraries: Annotated[str, Argument("beside these only, as pytorch,jax; default: all")] = "",
    rounds: Annotated[int, Argument("rounds that count, each of a few steps")] = 7,
    plot: Annotated[str, Argument("also draw it into this file (.png, .svg, .pdf)")] = "",
) -> Result:
    """Measure workloads or single operations beside what is installed."""
    from jairika_nb.words import bench_store

    if what == "store":
        return bench_store.measured(session)
    if rounds < 1:
        raise WordError(f"bench: {rounds=} must be 1 or more")
    if plot and not Path(plot).absolute().parent.is_dir():
        raise WordError(f"bench: the folder of {plot!r} does not exist; make it first")
    names = _named(what)
    chosen = ["jairika_nb", *libraries.split(",")] if libraries else None
    report = measured(session, names, chosen, rounds)
    if plot:
        report.plot().figure.savefig(plot)
    return report


def _named(what: str) -> list[str] | None:
    from jairika_nb.bench import OPERATIONS

    if what == "all":
        return None
    return list(OPERATIONS) if what == "ops" else what.split(",")


def measured(
    session: Session, names: list[str] | None, libraries: list[str] | None, rounds: int
) -> Report:
    """All that is asked for; without ``names`` also the import and a launch.

    Ctrl-C ends it with what was measured until then.
    """
    from jairika_nb import bench
    from jairika_nb.bench import overhead, roofline
    from jairika_nb.engine import tuned
    from jairika_nb.engine.device import default

    device = default()
    bench.check(names or [], libraries or [])
    session.say(f"measuring on {device.name} ({device.driver})")
    session.say("limits of the machine")
    limits = roofline.measured(device=device.id, say=session.say)
    rows = []
    if names is None:
        rows.append(Overhead("import jairika_nb", "ms", overhead.imported(), 0.3))
        if not device.is_reference:
            rows.append(Overhead("replayed launch, host", "us", overhead.launched(), 3e-6))
    name = f"{device.name} ({device.driver}{', tuned' if tuned.kept(device) else ''})"
    report = Report(device.id, name, limits, rows, [])
    chosen = names or list(bench.WORKLOADS)
    options: Any = {"rounds": rounds, "device": device.id, "say": session.say}
    try:
        for outcomes in _outcomes(chosen, libraries, options):
            report.outcomes.append(outcomes)
    except KeyboardInterrupt:
        if not report.outcomes:
            raise
        done = f"{len(report.outcomes)} of {len(chosen)} workloads"
        return replace(report, stopped=f"stopped after {done}")
    return report


def _outcomes(
    names: list[str], libraries: list[str] | None, options: dict[str, Any]
) -> Iterator[list[Outcome]]:
    """Workloads each in processes of their own; a list with single operations shares them."""
    from jairika_nb import bench

    if any(name not in bench.WORKLOADS for name in names):
        yield from bench.measure_together(names, libraries, **options)
        return
    for name in names:
        yield bench.measure(name, libraries, **options)
