"""Looks for the parameters of products that are quickest on a device.

Two stages: first the tile in registers, then, with the best one, each other parameter by itself;
at the end the best values together, beside the shipped ones. A candidate is timed only after its
products were right, all candidates of a stage in turns; what counts is the geometric mean over
shapes of its times by the shipped ones'.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import product
from typing import Any

import numpy as np

import jairika_nb as jrk
from jairika_nb.engine import tuned
from jairika_nb.engine.device import Device
from jairika_nb.engine.pieces import CHOICES, SIZES, Sizes
from jairika_nb.errors import JairikaError

TILE = ("rows", "columns")
# m, n, k and how the operands lie: as networks have them, and squares.
SHAPES = (
    (512, 512, 512, "nn"), (1024, 1024, 1024, "nn"), (1024, 768, 256, "nt"),
    (768, 256, 1024, "tn"), (128, 256, 784, "nt"),
)  # fmt: skip
# From the largest result: rounding of sums over k in float32, whatever their order.
RIGHT = 1e-5
# What a winner must gain: less may be chance.
GAIN = 0.03


@dataclass
class Candidate:
    """Parameters, and what came of them: for each shape the least seconds."""

    sizes: Sizes
    stage: str
    seconds: list[float] = field(default_factory=list)
    error: float = math.nan
    failed: str = ""

    @property
    def changes(self) -> dict[str, Any]:
        """What differs from the shipped parameters."""
        return {k: v for k, v in asdict(self.sizes).items() if v != getattr(SIZES, k)}

    def ratio(self, other: Candidate) -> float:
        """Its times by those of ``other``, the geometric mean over the shapes; NaN if it failed."""
        if self.failed or other.failed:
            return math.nan
        return statistics.geometric_mean(
            a / b for a, b in zip(self.seconds, other.seconds, strict=True)
        )


@dataclass(frozen=True)
class Problem:
    """A product with its operands on the device, and its result in float64."""

    a: Any
    b: Any
    layout: str
    expected: np.ndarray

    def product(self) -> Callable[[Any, Any], Any]:
        """A new function of operands that lie as the layout says."""
        left, right = (side == "t" for side in self.layout)
        return lambda a, b: (a.mT if left else a) @ (b.mT if right else b)


@dataclass(frozen=True)
class Search:
    """What was tried, stage by stage; the first candidate of each has the shipped parameters.

    ``winner`` is one of the last stage, the shipped parameters where nothing gains 3 %.
    """

    stages: tuple[list[Candidate], ...]
    winner: Candidate

    @property
    def shipped(self) -> Candidate:
        """The shipped parameters, timed beside the winner."""
        return self.stages[-1][0]


def search(
    device: Device,
    *,
    rounds: int = 7,
    shapes: tuple[tuple[int, int, int, str], ...] = SHAPES,
    say: Callable[[str], None] = lambda text: None,
) -> Search:
    """Try the tiles, then each other parameter with the best tile, then the best of all again."""
    with jrk.device(device.id):
        problems = [_problem(*shape) for shape in shapes]
    first = _stage("tile", tiles(), device, problems, rounds, say)
    base = _best(first).sizes
    second = _stage("cut", [base, *cuts(base)], device, problems, rounds, say)
    finalists = [_best(second).sizes, _together(second, base)]
    final = _stage("final", finalists, device, problems, 3 * rounds, say)
    winner, shipped = _best(final), final[0]
    gains = winner.ratio(shipped) < 1 - GAIN
    return Search((first, second, final), winner if gains else shipped)


def tiles() -> list[Sizes]:
    """The shipped parameters with each tile in registers."""
    values = (CHOICES[name] for name in TILE)
    return [replace(SIZES, **dict(zip(TILE, each, strict=True))) for each in product(*values)]


def cuts(base: Sizes) -> list[Sizes]:
    """``base`` with another value of one of the other parameters."""
    return [
        replace(base, **{name: value})
        for name, values in CHOICES.items()
        if name not in TILE
        for value in values
        if value != getattr(base, name)
    ]


def _stage(
    name: str, choices: list[Sizes], device: Device, problems: list[Problem], rounds: int,
    say: Callable[[str], None],
) -> list[Candidate]:  # fmt: skip
    """The shipped parameters and others, each made, checked and timed in turns."""
    distinct = list(dict.fromkeys([SIZES, *choices]))
    candidates = [Candidate(each, name) for each in distinct]
    say(f"{name}: building and checking {len(candidates)} candidates")
    ready = [(candidate, _made(candidate, device, problems)) for candidate in candidates]
    able = [(candidate, steps) for candidate, steps in ready if not candidate.failed]
    for candidate, _ in able:
        candidate.seconds = [math.inf] * len(problems)
    for turn in range(rounds):
        say(f"{name}: round {turn + 1} of {rounds}")
        for candidate, steps in able:
            for i, step in enumerate(steps):
                candidate.seconds[i] = min(candidate.seconds[i], _timed(step))
    return candidates


def _made(candidate: Candidate, device: Device, problems: list[Problem]) -> list[Callable]:
    """A compiled product for each problem; the candidate fails where one does, or is wrong."""
    steps, worst = [], 0.0
    try:
        with tuned.trying(device, candidate.sizes):
            for problem in problems:
                compiled = jrk.compile(problem.product())
                for _ in range(2):  # the second call is the first that is replayed
                    found = compiled(problem.a, problem.b).numpy()
                most = np.abs(problem.expected).max()
                worst = max(worst, float(np.abs(found - problem.expected).max() / most))
                steps.append(lambda c=compiled, p=problem: c(p.a, p.b))
    except JairikaError as problem:
        candidate.failed = str(problem).splitlines()[0]
        return []
    candidate.error = worst
    if not worst < RIGHT:  # NaN is wrong too
        candidate.failed = f"wrong by {worst:.1e}"
    return steps


def _timed(step: Callable[[], Any], least: float = 0.004) -> float:
    """The least seconds of a step, of as many as fit into ``least`` seconds."""
    end, found = time.perf_counter() + least, math.inf
    while True:
        start = time.perf_counter()
        result = step()
        jrk.synchronize()
        now = time.perf_counter()
        del result
        found = min(found, now - start)
        if now > end:
            return found


def _best(candidates: list[Candidate]) -> Candidate:
    shipped = candidates[0]
    able = [each for each in candidates if not each.failed]
    return min(able, key=lambda each: each.ratio(shipped), default=shipped)


def _together(candidates: list[Candidate], base: Sizes) -> Sizes:
    """``base`` with the best value of each parameter that is quicker than its own."""
    beside = next(each for each in candidates if each.sizes == base)
    best: dict[str, tuple[float, Any]] = {}
    for each in candidates:
        changed = {f.name for f in fields(Sizes)} - _same(each.sizes, base)
        ratio = each.ratio(beside)
        if len(changed) == 1 and ratio < 1:
            name = changed.pop()
            best[name] = min(best.get(name, (1.0, None)), (ratio, getattr(each.sizes, name)))
    return replace(base, **{name: value for name, (_, value) in best.items()})


def _same(one: Sizes, other: Sizes) -> set[str]:
    return {f.name for f in fields(Sizes) if getattr(one, f.name) == getattr(other, f.name)}


def _problem(m: int, n: int, k: int, layout: str) -> Problem:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((k, m) if layout[0] == "t" else (m, k), np.float32)
    b = rng.standard_normal((n, k) if layout[1] == "t" else (k, n), np.float32)
    wide = [each.astype(np.float64) for each in (a, b)]
    expected = (wide[0].T if layout[0] == "t" else wide[0]) @ (
        wide[1].T if layout[1] == "t" else wide[1]
    )
    return Problem(jrk.tensor(a), jrk.tensor(b), layout, expected)
