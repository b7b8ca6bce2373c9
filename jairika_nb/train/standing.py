"""Where a run stands: counters, measures, time; what every display is given."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from jairika_nb.data.bars import duration
from jairika_nb.train.history import format_measure

MOST_LOSSES = 1024


@dataclass
class Standing:
    """Where a run stands: counters from 0, the measures so far, and the time."""

    epochs: int
    steps: int
    epoch: int = 0
    step: int = 0
    measures: dict[str, float] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    rows: list[dict[str, float]] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    ended: float = 0.0
    state: str = "training"
    error: str = ""
    share_at_start: float = 0.0  # of a run that goes on with another

    def add_loss(self, value: float) -> None:
        """Note a step's loss; a long run keeps means of neighbours, which a small chart shows."""
        self.losses.append(value)
        if len(self.losses) >= MOST_LOSSES:
            pairs = zip(self.losses[::2], self.losses[1::2], strict=True)
            self.losses = [(a + b) / 2 for a, b in pairs]

    @property
    def share(self) -> float:
        """How much of the run is done, 0 to 1."""
        total = self.epochs * self.steps
        return min(1.0, (self.epoch * self.steps + self.step) / total) if total else 1.0

    @property
    def done(self) -> float:
        """Epochs done, with the share of the running one."""
        running = self.step / self.steps if self.steps else 0.0
        return min(float(self.epochs), self.epoch + running)

    @property
    def elapsed(self) -> float:
        """Seconds since the start, or from there to the end."""
        return (self.ended or time.perf_counter()) - self.started

    @property
    def remaining(self) -> float:
        """Seconds to go at the speed so far; infinite before the first step."""
        now = self.share - self.share_at_start
        return self.elapsed / now * (1 - self.share) if now > 0 else math.inf

    def counters(self) -> str:
        """Epoch and step as people count them."""
        epoch = min(self.epoch + 1, self.epochs)
        step = self.step if self.epoch < self.epochs else self.steps
        return f"epoch {epoch}/{self.epochs} step {step}/{self.steps}"

    def clock(self) -> str:
        """Time left while it runs, time taken afterwards."""
        if self.state != "training":
            return f"{self.state} after {duration(self.elapsed)}"
        return f"ETA {duration(self.remaining)}"

    def measured(self) -> str:
        """The measures in one line."""
        return " ".join(f"{k} {format_measure(v)}" for k, v in self.measures.items())
