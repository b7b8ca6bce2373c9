"""The word ``bench``: how fast this is here, beside the libraries that are installed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from jairika_nb.errors import WordError
from jairika_nb.words.bench_report import Overhead, Report
from jairika_nb.words.results import Result
from jairika_nb.words.session import Session
from jairika_nb.words.word import Argument


def bench(
    session: Session,
    what: Annotated[
        str,
        Argument("all (the default), store for model files, or workloads as mlp,gpt", show="WHAT"),
    ] = "all",
    *,
    libraries: Annotated[str, Argument("beside these only, as pytorch,jax; default: all")] = "",
    rounds: Annotated[int, Argument("rounds that count, each of a few steps")] = 7,
    plot: Annotated[str, Argument("also draw it into this file (.png, .svg, .pdf)")] = "",
) -> Result:
    """Measure ten workloads beside what is installed, and what comes on top of them."""
    from jairika_nb.words import bench_store

    if what == "store":
        return bench_store.measured(session)
    if rounds < 1:
        raise WordError(f"bench: {rounds=} must be 1 or more")
    if plot and not Path(plot).absolute().parent.is_dir():
        raise WordError(f"bench: the folder of {plot!r} does not exist; make it first")
    names = None if what == "all" else what.split(",")
    chosen = ["jairika_nb", *libraries.split(",")] if libraries else None
    report = measured(session, names, chosen, rounds)
    if plot:
        report.plot().figure.savefig(plot)
    return report


def measured(
    session: Session, names: list[str] | None, libraries: list[str] | None, rounds: int
) -> Report:
    """All that is asked for; without ``names`` also the import and a launch."""
    from jairika_nb import bench
    from jairika_nb.bench import overhead, roofline
    from jairika_nb.engine.device import default

    device = default()
    bench.check(names or [], libraries or [])
    session.say(f"measuring on {device.name} ({device.driver})")
    limits = roofline.measured()
    rows = []
    if names is None:
        rows.append(Overhead("import jairika_nb", "ms", overhead.imported(), 0.3))
        if not device.is_reference:
            rows.append(Overhead("replayed launch, host", "us", overhead.launched(), 3e-6))
    outcomes = [
        bench.measure(name, libraries, rounds=rounds, device=device.id, say=session.say)
        for name in names or bench.WORKLOADS
    ]
    return Report(device.id, f"{device.name} ({device.driver})", limits, rows, outcomes)
